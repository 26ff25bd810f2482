"""The cluster's addresses on the LAN: chosen from what is free, checked by asking the LAN who has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from steps import address_plan, facts, nodes, routes
from wizard.context import Context
from wizard.errors import Blocked, Interrupted, Problem, WizardError
from wizard.question import ADDRESS, NETWORK, RANGE, YES_NO, Answers, Question
from wizard.step import Change, Step

KEYS = ("lan", "pool", *address_plan.FIXED)


def _lan(ctx: Context) -> str | None:
    return ctx.answers.get("machines", {}).get("network")


def _pool(ctx: Context) -> str | None:
    """The planner's proposal, moved on while somebody on the LAN already has one of its addresses."""
    given = ctx.answers.get("addresses", {})
    lan = given.get("lan") or _lan(ctx)
    if not lan:
        return None
    avoid = set(nodes.addresses(ctx.answers))
    for _ in range(5):
        pool = address_plan.propose(lan, given.get("dhcp_range"), avoid)
        taken = _taken(ctx, pool)
        if not taken:
            return pool
        avoid |= taken
    return None


def _taken(ctx: Context, pool: str | None) -> set[str]:
    """Which addresses of a proposal somebody answers for; none where that can't be found out: `check` says so."""
    try:
        return set(ctx.world.arp(address_plan.members(pool))) if pool else set()
    except Interrupted:
        raise
    except WizardError:
        return set()


def _nth(number: int) -> Callable[[Context], str | None]:
    def default(ctx: Context) -> str | None:
        given = ctx.answers.get("addresses", {})
        return address_plan.nth_of_pool(given.get("pool"), number, [given[k] for k in address_plan.FIXED if k in given])

    return default


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "lan", "Which range of addresses does your home network use?", NETWORK, default=_lan,
            source="the range that was looked at for the Pis",
        ),
        Question(
            "dhcp_range", "Which addresses does your router give out by DHCP?", RANGE, required=False,
            help="The router's page on LAN or DHCP shows it, for example 192.168.1.100-192.168.1.199. With it, no guest"
            " is ever given an address of the cluster. Leave it empty if you can't find out.",
        ),
        Question(
            "pool", "Which addresses may the cluster take for its services?", RANGE, default=_pool,
            help="They must lie outside the DHCP range; no machine may have one of them.",
            source="the highest free block: outside DHCP, away from the Pis and from where routers sit (first and last"
            " address), and nobody answered there",
        ),
        Question(
            "internal_address", "Which address do the private apps get?", ADDRESS, default=_nth(0),
            help="Reached from home and over the VPN only.", source="the first free address of the pool",
        ),
        Question(
            "external_address", "Which address do the public apps get?", ADDRESS, default=_nth(0),
            help="The router forwards ports 80 and 443 to it, if you want that.",
            source="the next free address of the pool",
        ),
        Question(
            "dns_address", "Which address does the DNS server get?", ADDRESS, default=_nth(0),
            help="Pi-hole's, if you choose it. It is kept free in any case.",
            source="the next free address of the pool",
        ),
        Question(
            "arp", "Ask the LAN who has these addresses?", YES_NO, default=True, advanced=True,
            help="Say no only when this computer is not on the same network as the Pis; then nothing is checked.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class AddressFacts:
    """What was settled earlier, and the routes that lead to these addresses over the VPN."""

    settled: Mapping[str, Any]
    routes: routes.RouteFacts


def values(answers: Answers) -> dict[str, str]:
    """The answers that were checked against the LAN."""
    given = answers["addresses"]
    return {key: given[key] for key in KEYS}


def conflicts(
    answered: Mapping[str, Sequence[str]], names: Mapping[str, str], owned: Mapping[str, str]
) -> dict[str, str]:
    """Why an address can't be used, for each one that can't. Pure.

    `answered` are the MAC addresses that answer for each address, `names` the Pis by MAC, `owned` the Pis by the
    addresses that they have themselves. A Pi that answers for an address that it does not have is MetalLB's doing.
    """
    found = {}
    for address, macs in answered.items():
        who = dict.fromkeys(names.get(mac, f"the machine with the MAC address {mac}") for mac in macs)
        strangers = [mac for mac in macs if mac not in names]
        if address in owned:
            found[address] = f"{address} is {owned[address]}'s own address."
        elif len(who) > 1:
            found[address] = f"{address} is answered by two machines at once: {' and '.join(who)}."
        elif strangers:
            found[address] = f"{address} is in use by {next(iter(who))}."
    return found


class Addresses(Step[AddressFacts]):
    """Settles the addresses. What the cluster itself announces is recognised by the Pis' own MAC addresses."""

    name: ClassVar[str] = "addresses"
    title: ClassVar[str] = "Addresses"
    intro: ClassVar[str] = (
        "Private apps, public apps and the DNS server get one fixed address each on your home network. Nobody else may"
        " have them, so the network is asked first."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        return address_plan.mistakes(answers)

    def check(self, ctx: Context) -> AddressFacts:
        if ctx.answers["addresses"].get("arp", True):
            self._ask_the_lan(ctx)
        else:
            ctx.note("Addresses", "Nobody was asked who has these addresses: addresses.arp is no.")
        return AddressFacts(ctx.state.recall("addresses", "checked") or {}, routes.look(ctx))

    def _ask_the_lan(self, ctx: Context) -> None:
        given, pis = ctx.answers["addresses"], nodes.addresses(ctx.answers)
        wanted = dict.fromkeys([*address_plan.members(given["pool"]), *(given[key] for key in address_plan.FIXED)])
        ctx.progress(None, "asking the LAN who has the cluster's addresses")
        answered = _ask(ctx, [*wanted, *pis])
        if not any(pi in answered for pi in pis):
            raise Blocked(
                "Nobody answers on the LAN, not even the Pis, so a conflict could not be seen.",
                "This computer is on another network than the Pis, or it may not send ARP requests.",
                "Connect it to the same network as the Pis, or set addresses.arp to no.",
            )
        taken = {address: macs for address, macs in answered.items() if address in wanted}
        if not taken:
            return
        names = {mac: ctx.name_of(pi) for pi in pis for mac in answered.get(pi, ())}
        known = facts.gather(ctx)
        owned = {ip: ctx.name_of(pi) for pi in pis for ip in known[pi].ips if ip in wanted}
        if wrong := conflicts(taken, names, owned):
            raise Blocked(
                f"{len(wrong)} of the cluster's addresses can't be used.", " ".join(wrong.values()),
                "Give that machine another address, or choose other addresses for the cluster.",
            )  # fmt: skip

    def plan(self, facts: AddressFacts, answers: Answers) -> list[Change]:
        wanted = values(answers)
        found = [] if facts.settled == wanted else [_settle(wanted)]
        return found + routes.changes(facts.routes)


def _ask(ctx: Context, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
    try:
        return ctx.world.arp(addresses)
    except Interrupted:
        raise
    except WizardError as error:
        raise Blocked(error.what, error.why, f"{error.fix} Or set addresses.arp to no.".strip()) from None


def _settle(wanted: Mapping[str, str]) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("addresses", "checked", value=dict(wanted))

    return Change(
        "addresses/settle",
        f"settle on {wanted['internal_address']} for private apps, {wanted['external_address']} for public apps and"
        f" {wanted['dns_address']} for DNS",
        do,
    )
