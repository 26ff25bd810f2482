"""Tags: what a Pi is in the tailnet's policy. One that lacks a tag is given it by the API, or named with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from steps import tailnet_facts, tailnet_identity, tailnet_keys, tailnet_leave
from steps.tailnet_advice import Told
from steps.tailnet_changes import Listed
from steps.tailnet_facts import Member
from steps.tailnet_policy import how_to_tag
from wizard.context import Context
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import ControlServer
from wizard.web.tailscale import Tailscale

TRIED = "tailnet tags"  # in the run's scratch: the ids of the machines that were given tags, or not


@dataclass(frozen=True)
class Lacking:
    """A Pi that has not all of `tailnet.tags`, by the control server's account, or else by its own."""

    name: str  # in the tailnet
    id: str  # its number there; empty: not known
    has: tuple[str, ...]
    lacks: tuple[str, ...]
    by_api: bool  # homelab joined it, and the API can give the tags

    @property
    def wanted(self) -> tuple[str, ...]:
        return (*self.has, *self.lacks)


def look(
    ctx: Context, server: ControlServer | None, members: Mapping[str, Member], listed: Mapping[str, Listed]
) -> tuple[Lacking, ...]:
    """The Pis that lack a tag. With headscale a tag can't be taken back, and only its policy makes one: by hand."""
    wanted, tried = tailnet_facts.tags(ctx.answers), ctx.scratch.get(TRIED, ())
    found = []
    for address, member in members.items():
        machine = listed[address].machine
        if not machine and (listed[address].known or member.state != "Running"):
            continue  # it is about to join, or nobody can tell
        has = machine.tags if machine else tuple(member.me.get("Tags") or ())
        name, number = (machine.name, machine.id) if machine else (member.name, "")
        ours = isinstance(server, Tailscale) and tailnet_identity.joined_here(ctx, address) and number not in tried
        if lacks := tuple(tag for tag in wanted if tag not in has):
            found.append(Lacking(name or ctx.name_of(address), number, has, lacks, bool(machine) and ours))
    return tuple(found)


def advice(answers: Answers, found: Sequence[Lacking]) -> list[Told]:
    """What a person should know of those that the API can't help. Pure."""
    return [_told(answers, one) for one in found if not one.by_api]


def _told(answers: Answers, one: Lacking) -> Told:
    lacks, how = " and ".join(one.lacks), how_to_tag(answers, one.name, one.id, one.wanted)
    silent = f"What the tailnet's policy says of {lacks} does not hold for it"
    if not one.has:
        ends = "and its key ends, unless that is switched off for it"
        return f"{one.name} has no tag in the tailnet", f"{silent}, {ends}. {how} Or leave tailnet.tags empty."
    has = " and ".join(one.has)
    return f"{one.name} lacks {lacks} in the tailnet", f"{silent}: it has {has}. {how} Or set tailnet.tags to {has}."


def changes(found: Sequence[Lacking]) -> list[Change]:
    """The change that gives the tags where the API can. What it refuses is told, and stops nothing. Pure."""
    pis = [one for one in found if one.by_api]
    if not pis:
        return []

    def do(ctx: Context) -> None:
        ctx.scratch[TRIED] = {one.id for one in pis}
        server = tailnet_keys.control(ctx)
        if isinstance(server, Tailscale):
            for one in pis:
                server.set_tags(one.id, one.wanted)

    def by_hand(ctx: Context) -> str:
        return "\n".join(how_to_tag(ctx.answers, one.name, one.id, one.wanted) for one in pis)

    names, lacks = " and ".join(one.name for one in pis), sorted({tag for one in pis for tag in one.lacks})
    sentence = f"give {names} the tag{'' if len(lacks) == 1 else 's'} {' and '.join(lacks)} in the tailnet"
    kept = sorted({tag for one in pis for tag in one.has})
    detail = (
        f"Tags that are there stay: {' and '.join(kept)}." if kept else "From then on it is the tag's, not a user's."
    )
    return [tailnet_leave.going_on(Change("tailnet/tags", sentence, do, detail=detail), by_hand)]
