"""There is to be no tailnet any more: the Pis that homelab joined leave it. One that was in it before is left alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from steps import nodes, split_dns, tailnet_facts, tailnet_identity, tailnet_leave, tailnet_reset
from steps.tailnet_reset import TailnetLeft
from wizard.context import Context
from wizard.step import Change


@dataclass(frozen=True)
class Ending:
    """What there still is of a tailnet that the answers have given up. Empty: nothing."""

    pis: tuple[str, ...] = ()  # that were joined by homelab, by their addresses at home
    joined: tuple[str, ...] = ()  # of these, those that still are in it
    left: TailnetLeft = field(default_factory=TailnetLeft)


def look(ctx: Context) -> Ending:
    """Which Pis are left in the tailnet by homelab's doing, as the state remembers and they say themselves."""
    pis = {address: tailnet_identity.recalled(ctx, address) for address in nodes.addresses(ctx.answers)}
    pis = {a: identity for a, identity in pis.items() if identity and tailnet_identity.joined_here(ctx, a)}
    if not pis:
        return Ending()
    members = tailnet_facts.settled(ctx, list(pis))
    joined = [a for a, m in members.items() if m.joined and tailnet_identity.is_same(tailnet_identity.of(m), pis[a])]
    former = tailnet_identity.former(ctx, next((members[address].login_server for address in joined), ""))
    return Ending(tuple(pis), tuple(joined), tailnet_reset.of(ctx, pis, former))


def changes(ending: Ending) -> list[Change]:
    """What takes the Pis out of the tailnet, and then off what is remembered. Pure."""
    if not ending.pis:
        return []
    found = [_leave(address) for address in ending.joined]
    found += split_dns.taken_back(ending.left.split, "tailnet", ending.left.former)
    if ending.left.machines:
        found.append(tailnet_leave.delete("tailnet/delete", ending.left.machines, ending.left.former))
    return [*found, Change("tailnet/forget", "forget that the Pis were in a tailnet", lambda ctx: _forget(ctx, ending))]


def _leave(address: str) -> Change:
    return Change(
        "tailnet/leave", "leave the tailnet", lambda ctx: tailnet_leave.leave(ctx, address), address,
        detail="Nothing at home is reached through it any more.",
    )  # fmt: skip


def _forget(ctx: Context, ending: Ending) -> None:
    """The last change: until then, everything can be taken up again."""
    tailnet_identity.forget(ctx, ending.pis)
    for what in ("keys", "joined", "asked_to_approve"):
        ctx.state.evidence.get("tailnet", {}).pop(what, None)
    ctx.state.save()
    if told := tailnet_reset.told(ctx.answers, ending.left):
        ctx.note("The Pis have left the tailnet", told)
