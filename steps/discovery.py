"""What the step Machines finds out about the LAN before a person has chosen: its network, and who is in it."""

from __future__ import annotations

import json
from ipaddress import IPv4Network

from wizard import ipv4
from wizard.context import Context
from wizard.errors import WizardError
from wizard.net import hints
from wizard.question import TEXT, Choice, Kind
from wizard.world import Found

SSH_ON = "SSH is switched on in Raspberry Pi Imager, or on the Pi's own screen with: sudo systemctl enable --now ssh."


def _network_or_none(raw: object) -> str | None:
    if raw is None or str(raw).strip().lower() in ("", "none"):
        return None
    return ipv4.looked_through(str(TEXT.parse(raw)))


NETWORK_OR_NONE = Kind("network, or none", _network_or_none)
WHAT_IS_SENT = (
    "Before you confirm it nothing is sent. Then each of its addresses is asked for SSH (port 22), where SSH answers "
    "also for Kubernetes (ports 6443 and 10250), and all together for their names (mDNS). Nothing else is. With the "
    "word none nothing is looked at, and you name the Pis."
)


def own_network(ctx: Context) -> str | None:
    """The network that this computer is in; None when it can't be told."""
    ctx.scratch.pop("scans", None)  # the question is asked (again), so there will be a new look
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
            try:
                return ipv4.looked_through(str(IPv4Network(route["dst"], strict=False)))
            except ValueError:
                return None
    return None


def hosts_found(ctx: Context) -> list[Choice]:
    """Who is on the network that was confirmed for the step Machines; see `hosts_on`."""
    return hosts_on(ctx, ctx.answers.get("machines", {}).get("network"))


def hosts_on(ctx: Context, network: str | None) -> list[Choice]:
    """Who is on a confirmed network, Pis that can be used chosen already. Looked for once for each confirmation."""
    if not network:
        return []
    seen: dict[str, list[Found]] = ctx.scratch.setdefault("scans", {})
    if network not in seen:
        seen[network] = ctx.world.scan(network, lambda hit: ctx.progress(None, f"found {hit.address}, {_what(hit)}"))
        if not any(hit.banner for hit in seen[network]):
            ctx.note(f"Nobody takes SSH on {network}", NOBODY)
    return [Choice(hit.address, hit.address, about(hit), _usable(hit)) for hit in seen[network]]


NOBODY = f"Are the Pis switched on, and in this network? {SSH_ON} Go back and confirm the network to look again."


def _usable(hit: Found) -> bool:
    """Whether `hit` is offered as chosen: a Pi that can be logged in at, and that is not in a cluster already."""
    return bool(hit.banner and hints.pi(hit.mac, hit.name)) and not hit.kubernetes


def known(ctx: Context, address: str) -> str:
    """What the look at the network told about `address`; empty when there was none."""
    seen: dict[str, list[Found]] = ctx.scratch.get("scans", {})
    return next((_what(hit) for found in seen.values() for hit in found if hit.address == address), "")


def about(hit: Found) -> str:
    """What is known of a host before a log-in: first what it is, then what says so. Pure."""
    signs = [f"MAC address {hit.mac}" if hit.mac else "", f"banner {hints.program(hit.banner)}" if hit.banner else ""]
    how = [f"by its {' and its '.join(filter(None, signs))}"] if any(signs) else []
    how.append(f"found by {' and '.join(hit.by)}")
    return f"{_what(hit)}: {', '.join(how)}{'.' if hit.banner else f'. {SSH_ON}'}"


def _what(hit: Found) -> str:
    sign = hints.pi(hit.mac, hit.name)
    raspberry = "Raspberry Pi" if sign == hints.BY_MAC else f"Raspberry Pi {sign}" if sign else ""
    parts = [hit.name, raspberry, hints.system(hit.banner), "runs Kubernetes already" if hit.kubernetes else ""]
    if not hit.banner:
        parts.append("SSH is off" if hit.refuses else "does not answer to SSH")
    return ", ".join(filter(None, parts)) or "a host that does not say what it is"
