"""Why a Pi is not reached over the VPN: its own state, its key, its routes and who approved them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from steps.why.finding import Finding, find
from steps.why.sight import Sight, TailnetView

SOON = 30 * 86400.0  # seconds before its end from which a key is worth a warning


def why(sight: Sight) -> Iterator[Finding]:
    """Everything that is wrong with the tailnet. Routes that nobody serves are told after what takes their Pi away."""
    views = sight.tailnet or {}
    for short, view in views.items():
        yield from _member(sight, short, view)
    yield from _routes(views)


def _member(sight: Sight, short: str, view: TailnetView) -> Iterator[Finding]:
    about, health = f"Node {short}", list(view.health)
    if view.silent:
        yield find("tailnet-silent", about, ["tailscale status does not come back"], node=short)
    elif not view.state:
        yield find("tailnet-daemon", about, ["tailscale status says nothing"], node=short)
    elif view.expired:
        yield find("tailnet-key-ended", about, [f"the key ended {view.ends or 'at an unknown time'}"], node=short)
    elif any("locked out" in line for line in health):
        yield find("tailnet-locked-out", about, health[:1], node=short)
    elif view.state == "NeedsMachineAuth":
        yield find("tailnet-not-approved", about, [f"its state is {view.state}"], node=short)
    elif view.state in ("NeedsLogin", "NoState"):
        yield find("tailnet-logged-out", about, [f"its state is {view.state}", *health[:1]], node=short)
    elif view.state == "Stopped":
        yield find("tailnet-off", about, [f"its state is {view.state}"], node=short)
    else:
        yield from _running(sight, short, view)


def _running(sight: Sight, short: str, view: TailnetView) -> Iterator[Finding]:
    about = f"Node {short}"
    if view.online is False:
        yield find("tailnet-offline", about, ["the control server does not see it", *view.health[:1]], node=short)
    if -SOON < sight.age(view.ends) < 0:
        yield find("tailnet-key-ends", about, [f"the key ends {view.ends}"], node=short, end=view.ends[:10])
    if view.takes_dns:
        yield find("tailnet-takes-dns", about, ["it takes the tailnet's DNS (accept-dns)"], node=short)
    if view.takes_routes:
        yield find("tailnet-takes-routes", about, ["it takes routes (accept-routes)"], node=short)
    if missing := sorted(view.wanted - view.offered):
        yield find("route-not-offered", about, [f"it offers {', '.join(sorted(view.offered)) or 'no route'}"],
                   node=short, routes=", ".join(missing))  # fmt: skip


def _routes(views: Mapping[str, TailnetView]) -> Iterator[Finding]:
    """Routes that are wanted and offered, and that nobody approved or nobody serves."""
    all_of = list(views.values())
    offering = [view for view in all_of if view.state == "Running" and view.wanted & view.offered]
    if not offering:
        return
    approved = [view.approved for view in all_of if view.approved is not None]
    served = [view.served for view in all_of if view.served is not None]
    wanted = frozenset[str]().union(*(view.wanted & view.offered for view in offering))
    if approved and (missing := sorted(wanted - frozenset[str]().union(*approved))):
        yield find("route-not-approved", "tailnet", [f"not approved: {', '.join(missing)}"], routes=", ".join(missing))
        wanted -= frozenset(missing)
    if served and (lost := sorted(wanted - frozenset[str]().union(*served))):
        yield find("route-not-served", "tailnet", [f"served by nobody: {', '.join(lost)}"], routes=", ".join(lost))
