"""What is exposed: every name that a route of the cluster or of the repository gives to an app. Pure.

Which side a name belongs to follows from its domain and not from the route: a private name that hangs on the public
Gateway is then a red row instead of a public app. Only names of other domains belong where their route hangs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from wizard.question import Answers

Side = Literal["internal", "external"]

SAMPLE = "hello"  # the app that serves the word by which the cluster is recognised
WELL_KNOWN = "/.well-known/homelab"  # where every exposed name leads to that app
ROUTES = "/apis/gateway.networking.k8s.io/v1/httproutes"


@dataclass(frozen=True, order=True)
class Exposed:
    """One name of one app: ``grafana.myhome-internal.duckdns.org`` is `app` ``grafana`` on the side ``internal``."""

    side: Side
    app: str
    host: str


def exposed(routes: Iterable[Mapping[str, Any]], answers: Answers) -> list[Exposed]:
    """The names that `routes` (HTTPRoute objects) serve, each once, the sample app first."""
    domains = answers["domains"]
    found = set()
    for route in routes:
        for host in (route.get("spec") or {}).get("hostnames") or ():
            if host.startswith("*."):
                continue  # no app of its own; what it opens shows at a name that nobody chose
            named = _named(str(host), domains["internal_domain"], domains["external_domain"])
            if one := named or _elsewhere(str(host), route):
                found.add(one)
    return sorted(found, key=lambda one: (one.app != SAMPLE, one.side != "external", one.host))


def _named(host: str, internal: str, external: str) -> Exposed | None:
    """`internal` may lie below `external`, so it is looked at first."""
    if host.endswith(f".{internal}"):
        return Exposed("internal", host.removesuffix(f".{internal}"), host)
    if host.endswith(f".{external}"):
        return Exposed("external", host.removesuffix(f".{external}"), host)
    return None


def _elsewhere(host: str, route: Mapping[str, Any]) -> Exposed | None:
    """A name of another domain, or a domain itself: it is exposed where one of the two Gateways has accepted it."""
    parents = (route.get("status") or {}).get("parents") or ()
    accepted = {
        parent["parentRef"]["name"]
        for parent in parents
        for one in parent.get("conditions") or ()
        if (one["type"], one["status"]) == ("Accepted", "True")
    }
    sides: tuple[Side, ...] = ("external", "internal")  # what is public, too, is public
    return next((Exposed(side, host, host) for side in sides if f"traefik-{side}" in accepted), None)
