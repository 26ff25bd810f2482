"""What the step Machines finds out about the LAN before a person has chosen: its network, and who is in it."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

from wizard.context import Context
from wizard.errors import WizardError
from wizard.question import Choice
from wizard.world import Found


def own_network(ctx: Context) -> str | None:
    """The network that this computer is in; None when it can't be told."""
    try:
        listed = ctx.world.run(["ip", "-j", "-4", "route", "show"], timeout=10)
        return network_of(listed.out) if listed.code == 0 else None
    except WizardError:
        return None


def network_of(routes: str) -> str | None:
    """The network of the interface with the default route, from ``ip -j -4 route show``. Pure."""
    try:
        table = json.loads(routes or "[]")
    except ValueError:
        return None
    outside = next((route.get("dev") for route in table if route.get("dst") == "default"), None)
    for route in table:
        if route.get("dev") == outside and route.get("scope") == "link" and "/" in route.get("dst", ""):
            network = IPv4Network(route["dst"], strict=False)
            return str(network) if network.prefixlen >= 20 else None
    return None


def hosts_found(ctx: Context) -> list[Choice]:
    """What answers on the confirmed network, Pis chosen already. Looked for once in a run."""
    network = ctx.answers.get("machines", {}).get("network")
    if not network:
        return []
    seen: dict[str, list[Found]] = ctx.scratch.setdefault("scans", {})
    if network not in seen:
        found = ctx.world.scan(network, lambda hit: ctx.progress(None, f"found {hit.address} {hit.hint}".strip()))
        seen[network] = found
    return [Choice(hit.address, hit.address, _about(hit), "Raspberry Pi" in hit.hint) for hit in seen[network]]


def _about(hit: Found) -> str:
    return ", ".join(part for part in (hit.hint, hit.banner.removeprefix("SSH-2.0-"), hit.mac) if part)
