"""Which machine of the tailnet a Pi is: by its number and addresses there, never by its name alone.

It is remembered, so that the machine of a Pi that is dead, or has a new card, is found too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from steps.tailnet_facts import CONTROL, Member
from wizard.context import Context
from wizard.question import Answers
from wizard.web.tailnet import Machine

WHERE = "tailnet"  # in the evidence of a machine


@dataclass(frozen=True)
class Identity:
    """A machine of the tailnet, as the Pi itself says. Empty: it is none, or not known."""

    id: str = ""
    name: str = ""
    addresses: tuple[str, ...] = ()
    key_ends: str = ""  # RFC 3339; empty: never

    def __bool__(self) -> bool:
        return bool(self.id and self.addresses)


def of(member: Member) -> Identity:
    """Who the Pi is in the tailnet, as long as it holds a registration there. Pure."""
    if not (member.joined or member.expired):
        return Identity()
    return Identity(str(member.me.get("ID") or ""), member.name, member.ips, str(member.me.get("KeyExpiry") or ""))


def recalled(ctx: Context, address: str) -> Identity:
    """Who the Pi at `address` was when it was last seen."""
    seen = ctx.state.recall("machines", address, WHERE)
    if not isinstance(seen, Mapping):
        return Identity()
    addresses = seen.get("addresses") or ()
    return Identity(
        str(seen.get("id") or ""), str(seen.get("name") or ""), tuple(map(str, addresses)),
        str(seen.get("key_ends") or ""),
    )  # fmt: skip


def remember(ctx: Context, address: str, found: Identity, *, left: bool = False) -> None:
    """Notes who the Pi at `address` is, or was, when it `left` by homelab's own doing."""
    value = {"id": found.id, "name": found.name, "addresses": list(found.addresses), "key_ends": found.key_ends}
    ctx.state.remember("machines", address, WHERE, value=value | ({"left": True} if left else {}))


def has_left(ctx: Context, address: str) -> bool:
    """Whether homelab has logged the Pi out, or has begun to."""
    seen = ctx.state.recall("machines", address, WHERE)
    return isinstance(seen, Mapping) and bool(seen.get("left"))


def forget(ctx: Context, addresses: Iterable[str]) -> None:
    """The Pis at `addresses` are machines of no tailnet any more."""
    for address in addresses:
        ctx.state.evidence.get("machines", {}).get(address, {}).pop(WHERE, None)
    ctx.state.save()


def joined_here(ctx: Context, address: str) -> bool:
    """Whether the Pi became a part of the tailnet by homelab's doing, on this computer; not by its owner's before."""
    return any(
        (entry["change"], entry.get("host")) == ("tailnet/join", address) and "finished" in entry
        for entry in ctx.state.journal
    )


def former(ctx: Context, login_server: str = "") -> Answers:
    """The answers with the tailnet that the Pis were joined to, where there is to be none any more.

    As it was remembered; a release before did not, then one of the Pis tells its `login_server`.
    """
    where = ctx.state.recall("tailnet", "joined")
    if not isinstance(where, Mapping):
        server = login_server or CONTROL
        where = {"service": "tailscale" if server == CONTROL else "headscale", "login_server": server}
    return {**ctx.answers, "tailnet": {**ctx.answers.get("tailnet", {}), **where}}


def find(known: Iterable[Machine], wanted: Identity) -> Machine | None:
    """The machine that is `wanted`: its number and one of its addresses must be the same. Pure."""
    return next((machine for machine in known if is_same(machine, wanted)), None)


def is_same(found: Machine | Identity, wanted: Identity) -> bool:
    """Whether both are one machine of the tailnet. Pure."""
    return bool(wanted and found.id == wanted.id and set(found.addresses) & set(wanted.addresses))
