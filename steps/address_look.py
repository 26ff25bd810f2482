"""Looking at the LAN: what its machines know of it, what DHCP offers, and frames that a Pi sends for the wizard."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from steps import lan, nodes, ops
from steps.lan import Lan, Place
from wizard import assets
from wizard.context import Context
from wizard.errors import CommandFailed, Interrupted, WizardError
from wizard.net import dhcp
from wizard.net.dhcp import Offer

HERE = "this computer"


@dataclass(frozen=True)
class Asking:
    """How frames are sent: what of, how often, for how long answers are listened to, and by what they are known."""

    script: str  # its name; what it does is always ``addresses/frames``
    ethertype: int
    rounds: int
    seconds: float
    until_answered: bool
    signs: Sequence[tuple[int, bytes]]


def look(ctx: Context) -> Lan:
    """The LAN, looked at once in a run; nothing is sent into it. Raises what a Pi that can't be asked raises."""
    pis = tuple(nodes.addresses(ctx.answers))
    known: dict[tuple[str, ...], Lan] = ctx.scratch.setdefault("lan", {})
    if pis not in known:
        ctx.progress(None, "looking at the LAN, as the Pis and this computer know it")
        places = ctx.each(
            pis, lambda pi: lan.read_place(ctx.name_of(pi), ops.run(ctx, pi, "addresses/look", pis[0]).out, pi)
        )
        known[pis] = Lan(places, here(ctx, pis[0]) if pis else None)
    return known[pis]


def seen(ctx: Context) -> Lan:
    """What this run has seen of the LAN already."""
    known: dict[tuple[str, ...], Lan] = ctx.scratch.get("lan", {})
    return known.get(tuple(nodes.addresses(ctx.answers)), Lan())


def forget(ctx: Context) -> None:
    """Lets the next look be a new one: what was seen may be mended by then."""
    for key in ("lan", "offers"):
        ctx.scratch.pop(key, None)


def here(ctx: Context, pi: str) -> Place | None:
    """This computer's place in the LAN that `pi` is in; None where it can't be told."""
    script = assets.text("node/addresses/look.sh").encode()
    try:
        told = ctx.world.run(["sh", "-s", "--", pi], stdin=script, timeout=30).out
    except Interrupted:
        raise
    except WizardError:
        return None
    found = lan.read_place(HERE, told)
    return found if found.card or found.others else None  # other systems have no such programs


def offers(ctx: Context) -> tuple[Offer, ...] | None:
    """What the LAN's DHCP servers offer: asked once in a run, with the person's yes only; None when nobody was asked.

    A Pi asks: it is in the LAN for certain and may send such frames, which this computer often is not and may not.
    """
    if not ctx.answers.get("addresses", {}).get("dhcp_look"):
        return None
    if "offers" not in ctx.scratch:
        ctx.scratch["offers"] = _ask_dhcp(ctx, look(ctx))
    return ctx.scratch["offers"]  # type: ignore[no-any-return]


def offered(ctx: Context) -> tuple[Offer, ...]:
    """What DHCP has offered already in this run."""
    return ctx.scratch.get("offers") or ()


def _ask_dhcp(ctx: Context, home: Lan) -> tuple[Offer, ...] | None:
    asker = next(iter(askers(home)), None)
    if asker is None:
        return None
    ctx.progress(asker, "asking the LAN's DHCP servers for an offer, which is not taken")
    transaction = secrets.token_bytes(4)
    # A server may try an address for 3 seconds before it offers it. Asked again only when nobody has answered.
    asking = Asking("addresses/dhcp", dhcp.ETHERTYPE, 2, 5, True, dhcp.answers(transaction))
    try:
        heard = frames(ctx, home, asker, asking, [dhcp.discover(home.pis[asker].mac, transaction)])
    except CommandFailed as error:
        ctx.note("DHCP was not asked", f"{ctx.name_of(asker)} could not do it. {error.why or error.what}")
        return None
    return tuple({offer.server: offer for frame in heard if (offer := dhcp.offer(frame))}.values())


def askers(home: Lan) -> list[str]:
    """The Pis that can send frames into the LAN."""
    return [address for address, place in home.pis.items() if place.card and place.mac]


def frames(ctx: Context, home: Lan, pi: str, asking: Asking, sent: Sequence[bytes]) -> list[bytes]:
    """Lets the Pi send frames into the LAN and returns those that answer. Raises `CommandFailed` where it can't."""
    card = home.pis[pi].card
    signs = [f"{at}:{text.hex()}" for at, text in asking.signs]
    again = "silent" if asking.until_answered else "all"
    args = [card.interface if card else "", f"{asking.ethertype:04x}", str(asking.rounds), f"{asking.seconds:g}", again]
    lines = "\n".join(frame.hex() for frame in sent).encode()
    done = ops.run(ctx, pi, asking.script, *args, *signs, stdin=lines, source="addresses/frames")
    return [bytes.fromhex(line) for line in done.out.split()]
