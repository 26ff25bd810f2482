"""Asking the LAN, by ARP, who has the cluster's addresses: from this computer and from a Pi."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from steps import address_plan, nodes
from steps.address_look import HERE, Asking, askers, frames, look
from steps.lan import Lan
from wizard.context import Context
from wizard.errors import Blocked, CommandFailed, HostError, Interrupted, WizardError
from wizard.net import arp, hints

Answers = Mapping[str, tuple[str, ...]]  # address -> the MAC addresses that answer for it, seen from one place
ASKED = "addresses-asked"  # in ctx.scratch: who asked the LAN last, and what could not be seen
_ARP = Asking("addresses/arp", arp.ETHERTYPE, arp.ROUNDS, arp.ROUND_SECONDS, False, arp.ANSWER)


@dataclass(frozen=True)
class Heard:
    """Who answers, seen from each place that could ask, and why the others could not.

    A Pi hears every answer; this computer often may not, which takes root.
    """

    views: Mapping[str, Answers]
    failed: Mapping[str, WizardError]

    @property
    def by_pi(self) -> bool:
        return any(who != HERE for who in self.views)


def ask(ctx: Context, home: Lan, addresses: Iterable[str]) -> Heard:
    """Who answers for `addresses`, seen from this computer (`HERE`) and from the first Pi that can ask.

    Raises `WizardError` when nobody can.
    """
    wanted, pis = list(dict.fromkeys(addresses)), askers(home)

    def by_here() -> Heard:
        try:
            return Heard({HERE: ctx.world.arp(wanted)}, {})
        except Interrupted:
            raise
        except WizardError as error:
            return Heard({}, {HERE: error})

    def by_pi() -> Heard:
        failed: dict[str, WizardError] = {}
        for pi in pis:
            try:
                return Heard({pi: _from(ctx, home, pi, wanted)}, failed)
            except CommandFailed as error:
                failed[pi] = error
        return Heard({}, failed)

    told = ctx.each([HERE, *pis[:1]], lambda who: by_here() if who == HERE else by_pi()).values()
    heard = Heard(
        {who: each for part in told for who, each in part.views.items()},
        {who: error for part in told for who, error in part.failed.items()},
    )
    if not heard.views:
        raise next(iter(heard.failed.values()))
    return heard


def blind(ctx: Context, heard: Heard) -> str:
    """Why two machines with one address may not have been seen; empty where a Pi asked."""
    if heard.by_pi:
        return ""
    pis = [f"{ctx.name_of(pi)} can't ask: {error.why or error.what}".rstrip(".") for pi, error in heard.failed.items()]
    return (
        f"Two machines with the same address would not be seen. {'; '.join(pis) or 'No Pi can ask'}. This computer"
        " asked alone, and hears only one answer for an address, unless homelab runs as root."
    )


def _from(ctx: Context, home: Lan, pi: str, addresses: Sequence[str]) -> Answers:
    place = home.pis[pi]
    # For its own address it asks as somebody without one (RFC 5227): else who has it too would not answer.
    sent = [arp.request(place.mac, arp.NOBODY if address == pi else pi, address) for address in addresses]
    found: dict[str, set[str]] = {}
    for frame in frames(ctx, home, pi, _ARP, sent):
        if (answer := arp.reply(frame)) and answer[0] in addresses:
            found.setdefault(answer[0], set()).add(answer[1])
    return {address: tuple(sorted(macs)) for address, macs in found.items()}


# -- what the answers mean: pure -----------------------------------------------------------------------------------


def names(who: str, answered: Answers, home: Lan) -> dict[str, str]:
    """Whose the MAC addresses are that answer in the view of `who`.

    The Pis' own; and what alone answers for another Pi's address, which is a Wi-Fi repeater that stands between.
    """
    alone = {pi: macs[0] for pi, macs in answered.items() if pi in home.pis and pi != who and len(macs) == 1}
    return {**{mac: home.pis[pi].name for pi, mac in alone.items()}, **home.owners}


def conflicts(
    answered: Answers, names: Mapping[str, str], owned: Mapping[str, str], who: Callable[[str], str] = str
) -> dict[str, str]:
    """Why an address can't be used, for each one that can't.

    `names` are the Pis by MAC, `owned` the Pis by the addresses that they have themselves. A Pi that answers for an
    address that it does not have is MetalLB's doing. `who` says more about a MAC address.
    """
    found = {}
    for address, macs in answered.items():
        machines = list(dict.fromkeys(names.get(mac, f"the machine with the MAC address {who(mac)}") for mac in macs))
        strangers = [mac for mac in macs if mac not in names]
        others = [machine for machine in machines if machine != owned.get(address)]
        if address in owned:
            if others:
                found[address] = f"{address} is {owned[address]}'s own, and {' and '.join(others)} has it too."
        elif len(machines) > 1:
            found[address] = f"{address} is answered by two machines at once: {' and '.join(machines)}."
        elif strangers:
            found[address] = f"{address} is in use by {machines[0]}."
    return found


def proxy(answered: Answers, asked: Iterable[str], controls: Sequence[str], names: Mapping[str, str]) -> str:
    """The MAC address that answers for every address that was asked, those of `controls` too; empty when there is none.

    `controls` are addresses that nobody is known to have.
    """
    everybody = [set(answered.get(address, ())) for address in (*asked, *controls)]
    if len(controls) < 2:
        return ""
    return next(iter(sorted(mac for mac in set.intersection(*everybody) if mac not in names)), "")


def controls(lan: IPv4Network, known: Iterable[str]) -> list[str]:
    """Up to three addresses across the LAN that are not in `known`."""
    places = [str(lan.network_address + 1 + (lan.num_addresses - 2) * part // 16) for part in range(1, 15)]
    free = [address for address in dict.fromkeys(places) if address not in set(known)]
    return free[:: max(1, len(free) // 3)][:3]


# -- how it was asked ----------------------------------------------------------------------------------------------


def _told(ctx: Context, heard: Heard) -> dict[str, Any]:
    """Who asked, as evidence; the first time in a run, what could not be seen is told."""
    lacking = blind(ctx, heard)
    if lacking and ASKED not in ctx.scratch:
        ctx.note("Addresses", lacking)
    return {"by": [who if who == HERE else ctx.name_of(who) for who in heard.views], "lacking": lacking}


# -- refusing ------------------------------------------------------------------------------------------------------


def still_free(ctx: Context) -> None:
    """Asks once more, just before the addresses are used. Raises `Blocked` when somebody has one of them by now."""
    if ctx.answers["addresses"].get("arp", True):
        refuse_conflicts(ctx, look(ctx))


def refuse_conflicts(ctx: Context, home: Lan) -> None:
    """Asks the LAN who has the addresses. Raises `Blocked` when that can't be seen, or when somebody has one."""
    given, pis = ctx.answers["addresses"], nodes.addresses(ctx.answers)
    wanted = list(dict.fromkeys([*address_plan.members(given["pool"]), *(given[key] for key in address_plan.FIXED)]))
    spare = controls(IPv4Network(given["lan"]), [*wanted, *pis, *home.taken()]) if given.get("lan") else []
    ctx.progress(None, "asking the LAN who has the cluster's addresses")
    try:
        heard = ask(ctx, home, [*wanted, *pis, *home.gateways, *spare])
    except (Interrupted, HostError):  # a Pi that is lost is waited for
        raise
    except WizardError as error:
        raise Blocked(error.what, error.why, f"{error.fix} Or set addresses.arp to no.".strip()) from None
    views, ctx.scratch[ASKED] = heard.views, _told(ctx, heard)
    if not any(address in answered for answered in views.values() for address in (*pis, *home.gateways)):
        raise Blocked(
            "Nobody answers on the LAN, not even the Pis, so a conflict could not be seen.",
            "This computer is on another network than the Pis, or it may not send ARP requests.",
            "Connect it to the same network as the Pis, or set addresses.arp to no.",
        )
    for who, answered in views.items():
        if mac := proxy(answered, wanted, spare, names(who, answered, home)):
            raise _by_proxy(ctx, home, answered, mac)
    if wrong := _conflicts(ctx, home, views, [*wanted, *pis]):
        problem = Blocked(
            f"{len(wrong)} of the cluster's addresses can't be used.", " ".join(wrong.values()),
            "Give that machine another address, or choose other addresses for the cluster.",
        )  # fmt: skip
        if not set(wrong) <= set(pis):
            problem.answers = tuple(f"addresses.{key}" for key in ("pool", *address_plan.FIXED))
        raise problem


def _conflicts(ctx: Context, home: Lan, views: Mapping[str, Answers], asked: Sequence[str]) -> dict[str, str]:
    """Why addresses can't be used, in the words of the place that saw most."""
    owned = {card.ip: pi.name for pi in home.pis.values() for card in (pi.card, *pi.others) if card}
    found: dict[str, str] = {}
    for who, answered in views.items():
        part = {address: macs for address, macs in answered.items() if address in asked}
        for address, why in conflicts(part, names(who, part, home), owned, lambda mac: told(ctx, mac)).items():
            found[address] = max(why, found.get(address, ""), key=len)
    return found


def _by_proxy(ctx: Context, home: Lan, answered: Answers, mac: str) -> Blocked:
    router = next((address for address in home.gateways if mac in answered.get(address, ())), "")
    return Blocked(
        "One machine answers for every address of the LAN, also for those that nobody has (proxy ARP).",
        f"It is {f'the router {router}, ' if router else ''}the machine with the MAC address {told(ctx, mac)}. So"
        " nobody can see who has an address, and devices may reach that machine instead of the cluster.",
        "Switch proxy ARP off there: routers and Wi-Fi repeaters may have such a setting. Or set addresses.arp to no.",
    )


def told(ctx: Context, mac: str) -> str:
    """A MAC address, with what is known about such cards."""
    return f"{mac} ({hint})" if (hint := hints.card(mac) or _maker(ctx, mac)) else mac


def _maker(ctx: Context, mac: str) -> str:
    """Who made the card, by systemd's list on this computer; empty where there is none."""
    try:
        done = ctx.world.run(["systemd-hwdb", "query", f"OUI:{mac.replace(':', '').upper()}"], timeout=10)
    except Interrupted:
        raise
    except WizardError:
        return ""
    found = re.search(r"^ID_OUI_FROM_DATABASE=(.+)$", done.out, re.M)
    return f"made by {found[1].strip()}" if found else ""
