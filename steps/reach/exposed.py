"""What is exposed: every name that a route of the cluster or of the repository gives to an app. Pure.

Which side a name belongs to follows from its domain and never from the route itself: a private name that hangs on the
public Gateway is then a red row instead of a public app.
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
    """The names below the two domains that `routes` (HTTPRoute objects) serve, each once, the sample app first."""
    domains = answers["domains"]
    found = set()
    for route in routes:
        for host in (route.get("spec") or {}).get("hostnames") or ():
            if one := _named(str(host), domains["internal_domain"], domains["external_domain"]):
                found.add(one)
    return sorted(found, key=lambda one: (one.app != SAMPLE, one.side != "external", one.host))


def _named(host: str, internal: str, external: str) -> Exposed | None:
    """`internal` may lie below `external`, so it is looked at first."""
    if host.startswith("*."):
        return None  # no app of its own; what it would open is asked of the private names
    if host.endswith(f".{internal}"):
        return Exposed("internal", host.removesuffix(f".{internal}"), host)
    if host.endswith(f".{external}"):
        return Exposed("external", host.removesuffix(f".{external}"), host)
    return None
