"""`homelab app list`: every name that leads to an app, who reaches it, which file says so, and whether it is ready."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steps import flux, flux_status
from steps.expose.look import Route, Seen, items_of, look
from steps.flux_status import Object, condition
from steps.gitops.catalogue import catalogue
from steps.gitops.components import COMPONENTS
from steps.gitops.overview import GATEWAYS
from steps.reach.exposed import ROUTES
from steps.repository_access import refuse_without
from wizard.context import Context

WHO = {"internal": "home, VPN", "external": "home, VPN, internet"}


@dataclass(frozen=True)
class Listed:
    """One name of one app. `by`: ``homelab app``, ``homelab`` for what the answers choose, or ``hand``."""

    app: str
    url: str
    reached_from: str
    file: str  # empty: only the cluster has it
    by: str
    why: str = ""  # why it is not ready; empty when it is

    @property
    def ready(self) -> bool:
        return not self.why


@dataclass(frozen=True)
class Listing:
    """All of them, and the apps of the catalogue that could be added."""

    apps: Sequence[Listed]

    @property
    def good(self) -> bool:
        return all(one.ready for one in self.apps)

    def text(self) -> str:
        if not self.apps:
            return "No app is reached yet. To add one: homelab app expose."
        lines = [line for one in self.apps for line in _lines(one)]
        more = ", ".join(name for name in catalogue() if name not in {one.app for one in self.apps})
        rest = textwrap.wrap(f"homelab app expose NAME knows: {more}.", 78, break_on_hyphens=False)
        return "\n".join([*lines, "", *rest])

    def data(self) -> Mapping[str, Any]:
        return {"apps": [
            {"name": one.app, "url": one.url, "reached_from": one.reached_from.split(", "), "file": one.file,
             "by": one.by, "ready": one.ready, "why": one.why} for one in self.apps
        ]}  # fmt: skip


def _lines(one: Listed) -> Iterator[str]:
    yield f"{one.app}  {one.url}"
    yield f"  reached from: {one.reached_from}"
    yield f"  from: {one.file or 'the cluster only, no file here'}{'' if one.by == 'hand' else f' ({one.by})'}"
    yield (
        "  ready"
        if one.ready
        else "\n".join(textwrap.wrap(f"not ready: {one.why}", 78, initial_indent="  ", subsequent_indent="    "))
    )


def listing(ctx: Context) -> Listing:
    """Looks at the repository and at the cluster."""
    refuse_without(ctx)
    seen, cluster = look(ctx), flux.reach(ctx)
    parts, routes = items_of(cluster, flux_status.LISTS["Kustomization"]), items_of(cluster, ROUTES)
    objects = {(one["metadata"].get("namespace", ""), one["metadata"]["name"]): one for one in routes}
    return Listing(listed(seen, parts, objects))


def listed(seen: Seen, parts: Sequence[Object], objects: Mapping[tuple[str, str], Object]) -> list[Listed]:
    """One for each name. `parts` are Flux' Kustomizations, `objects` the cluster's routes by namespace, name. Pure."""
    found = []
    for route in seen.routes:
        for gateway in route.gateways if route.whole else ():
            side = GATEWAYS.get(gateway, "")
            scheme = "https" if seen.settings.certificates else "http"
            why = _why(route, parts, objects.get((route.space, route.name)))
            who = WHO.get(side, f"the Gateway {gateway}")
            found += [
                Listed(route.app or route.name, f"{scheme}://{host}", who, route.file, _by(route, seen), why)
                for host in route.hosts
            ]
    return sorted(found, key=lambda one: (one.app, one.url))


def _by(route: Route, seen: Seen) -> str:
    if seen.app(route.app):
        return "homelab app"
    return "homelab" if any(part.folder == f"apps/{route.app}" for part in COMPONENTS) else "hand"


def _why(route: Route, parts: Sequence[Object], there: Object | None) -> str:
    """Why a name does not lead anywhere yet: the part of Flux that brings it, then the route itself."""
    for part in parts:
        folder = str((part.get("spec") or {}).get("path") or "").removeprefix("./").rstrip("/")
        if route.file and folder and route.file.startswith(f"{folder}/") and not folder.startswith("clusters/"):
            ready = condition(part, "Ready")
            if ready.get("status") != "True":
                return flux_status.message(ready) or "Flux has not looked at it yet"
    if there is None:
        return "the cluster does not have it yet"
    for parent in ((there.get("status") or {}).get("parents")) or []:
        for one in parent.get("conditions") or []:
            if one.get("type") in ("Accepted", "ResolvedRefs") and one.get("status") == "False":
                return f"{one.get('reason', '')}: {flux_status.message(one)}".strip(": ")
    return ""
