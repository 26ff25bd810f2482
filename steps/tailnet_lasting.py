"""Keys that last, and what is remembered of the tailnet so that `status` can tell and a dead Pi's machine is found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from steps import nodes, tailnet_facts, tailnet_identity, tailnet_keys
from steps.tailnet_facts import Member
from steps.tailnet_identity import Identity
from wizard.context import Context
from wizard.step import Change
from wizard.wait import until
from wizard.web.tailnet import Machine

RUNNING = 60.0  # seconds in which a Pi is back whose key counts again; 3 were seen


def keeping(found: Mapping[str, Machine], members: Mapping[str, Member]) -> list[Change]:
    """The change after which the keys of these Pis, by address, do not end. Pure."""
    if not found:
        return []
    ended = [address for address in found if members[address].expired]

    def do(ctx: Context) -> None:
        if server := tailnet_keys.control(ctx):
            for machine in found.values():
                server.keep_key(machine.id)
        if ended:
            _until_running(ctx, ended)

    names = " and ".join(machine.name for machine in found.values())
    sentence = f"let {names} stay in the tailnet for good: the key does not end"
    if ended:
        sentence += f", and counts again for {' and '.join(found[address].name for address in ended)}"
    return [Change("tailnet/keep-keys", sentence, do)]


def _until_running(ctx: Context, addresses: Sequence[str]) -> None:
    def back() -> bool:
        return all(member.state == "Running" for member in tailnet_facts.look(ctx, addresses).values())

    until(
        ctx, "the Pis whose key had ended to be back in the tailnet", back, deadline=RUNNING,
        fix="Restart Tailscale on them (sudo systemctl restart tailscaled), and run the same command again.",
    )  # fmt: skip


@dataclass(frozen=True)
class Remembered:
    """Who the Pis are in the tailnet, by address, and when the key to its API ends."""

    pis: Mapping[str, Identity] = field(default_factory=dict)
    api_key_ends: str = ""


def recalled(ctx: Context) -> Remembered:
    """As the state has it."""
    pis = {address: tailnet_identity.recalled(ctx, address) for address in nodes.addresses(ctx.answers)}
    keys = ctx.state.recall("tailnet", "keys") or {}
    return Remembered({address: found for address, found in pis.items() if found}, str(keys.get("api_key_ends") or ""))


def seen(members: Mapping[str, Member], api_key_ends: str) -> Remembered:
    """As it is. Pure."""
    pis = {address: tailnet_identity.of(member) for address, member in members.items()}
    return Remembered({address: found for address, found in pis.items() if found}, api_key_ends)


def remembering(before: Remembered, now: Remembered, *, changed: bool) -> list[Change]:
    """The change that notes it, where something is new or about to change. A Pi that is off is not forgotten. Pure."""
    if not changed and before == Remembered({**before.pis, **now.pis}, now.api_key_ends):
        return []
    return [Change("tailnet/remember", "remember which machines of the tailnet the Pis are, and when keys end", _note)]


def _note(ctx: Context) -> None:
    for address, member in tailnet_facts.settled(ctx, nodes.addresses(ctx.answers)).items():
        if found := tailnet_identity.of(member):
            tailnet_identity.remember(ctx, address, found)
    server = tailnet_keys.control(ctx)
    ends = tailnet_keys.end_of_api_key(ctx, server) if server else ""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    ctx.state.remember("tailnet", "keys", value={"api_key_ends": ends, "seen": now})
    given = ctx.answers["tailnet"]  # for when these answers are gone: whose tailnet it was
    where = {"service": given["service"], "login_server": tailnet_facts.login_server(ctx.answers)}
    ctx.state.remember("tailnet", "joined", value=where)
