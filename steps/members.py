"""etcd's members: who they are, who answers, and whether the rest can go on without one. Pure, except for `look`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from steps import ops
from wizard.context import Context
from wizard.host.facts import sections


@dataclass(frozen=True)
class Member:
    """One copy of the cluster's data."""

    id: str  # hexadecimal, as etcdctl wants it
    name: str  # the node's; empty while it joins
    address: str
    healthy: bool


def read(output: str) -> tuple[Member, ...]:
    """The members out of the output of the script `cluster/etcd`. Raises ValueError for anything else."""
    raw = sections(output)
    answering = {_host(each["endpoint"]) for each in _json(raw.get("health", "")) if each.get("health")}
    found = []
    for each in json.loads(raw.get("members", "")).get("members", []):
        address = _host((each.get("clientURLs") or each["peerURLs"])[0])
        found.append(Member(f"{int(each['ID']):x}", str(each.get("name", "")), address, address in answering))
    return tuple(found)


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _json(text: str) -> list[dict[str, Any]]:
    try:
        found = json.loads(text)
    except ValueError:
        return []
    return found if isinstance(found, list) else []


def look(ctx: Context, address: str) -> tuple[Member, ...]:
    """Asks the etcd on the control plane `address`. Raises `WizardError` when it does not answer."""
    return read(ops.run(ctx, address, "cluster/etcd", timeout=60).out)


def unhealthy(members: Sequence[Member]) -> list[str]:
    """The names of those that do not answer."""
    return [member.name or member.address for member in members if not member.healthy]


def loses_quorum(members: Sequence[Member], leaving: str) -> str:
    """Why the member at the address `leaving` can't go: what would be left could not decide anything. Else empty.

    Taking it out needs a majority of all now, and what is left needs a majority of itself.
    """
    rest = [member for member in members if member.address != leaving]
    if len(rest) == len(members):
        return ""
    healthy, left = sum(m.healthy for m in members), sum(m.healthy for m in rest)
    down = " and ".join(unhealthy(members)) or "none"
    if healthy < len(members) // 2 + 1:
        return f"Only {healthy} of etcd's {len(members)} members answer (down: {down}); it can't decide anything now."
    if left < len(rest) // 2 + 1:
        return f"Without it only {left} of etcd's {len(rest)} members would answer (down: {down})."
    return ""
