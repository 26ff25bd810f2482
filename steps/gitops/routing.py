"""Does every name lead somewhere? Traefik, Gateways and routes, checked against each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from steps.gitops.shapes import chart_of
from steps.gitops.tree import Finding, Object, Tree, get

ENTRY_POINTS = {"web": 8000, "websecure": 8443, "traefik": 8080, "metrics": 9100}  # the chart's own defaults


def traefik_of(gateway: Object, tree: Tree) -> Object | None:
    """The release whose label selector finds the class of `gateway`."""
    for one in tree.of("GatewayClass"):
        if one.name == gateway.spec.get("gatewayClassName"):
            labels = {f"{key}={value}" for key, value in (one.meta.get("labels") or {}).items()}
            for release in tree.of("HelmRelease"):
                selector = get(release.spec, "values", "providers", "kubernetesGateway", "labelSelector")
                if chart_of(release, tree) == "traefik" and selector in labels:
                    return release
    return None


def entry_points(release: Object) -> dict[str, int]:
    """The ports that a Traefik listens on, by name."""
    ports: dict[str, Any] = get(release.spec, "values", "ports") or {}
    given = {name: port["port"] for name, port in ports.items() if isinstance(port, dict) and "port" in port}
    return {**ENTRY_POINTS, **given}


def listeners_heard(tree: Tree) -> Iterator[Finding]:
    """Traefik serves a listener only when it has an entry point with the very same port."""
    for gateway in tree.of("Gateway"):
        release = traefik_of(gateway, tree)
        if release is None:
            what = f"no Traefik serves the class {gateway.spec.get('gatewayClassName')}"
            yield gateway.finding(("spec", "gatewayClassName"), what, "The class needs the label that one selects by.")
            continue
        ports = entry_points(release)
        for number, listener in enumerate(gateway.spec.get("listeners") or []):
            if get(listener, "port") not in ports.values():
                known = ", ".join(f"{port} ({name})" for name, port in ports.items() if name in ("web", "websecure"))
                yield gateway.finding(
                    ("spec", "listeners", number, "port"),
                    f"{release.name} has no entry point with the port {get(listener, 'port')}",
                    f"Use the port that Traefik itself listens on: {known}.",
                )


def classes_apart(tree: Tree) -> Iterator[Finding]:
    """Two releases that both make the chart's own Gateway fight over the class `traefik`."""
    for one in tree.of("HelmRelease"):
        if chart_of(one, tree) != "traefik":
            continue
        for key in ("gateway", "gatewayClass"):
            if get(one.spec, "values", key, "enabled") is not False:
                fix = "The chart would make a Gateway of its own, and two releases would collide."
                yield one.finding(("spec", "values", key), f"{key}.enabled must be false", fix)


def routes_lead_somewhere(tree: Tree) -> Iterator[Finding]:
    gateways = {(one.namespace, one.name): one for one in tree.of("Gateway")}
    for route in tree.of("HTTPRoute"):
        for number, parent in enumerate(route.spec.get("parentRefs") or []):
            way = ("spec", "parentRefs", number)
            space = str(parent.get("namespace") or route.namespace)
            gateway = gateways.get((space, str(parent.get("name"))))
            if gateway is None:
                known = ", ".join(f"{s}/{n}" for s, n in gateways)
                yield route.finding(way, f"there is no Gateway {space}/{parent.get('name')}", f"Known: {known}.")
                continue
            yield from _accepted(route, way, gateway, parent.get("sectionName"))


def _accepted(route: Object, way: tuple[str | int, ...], gateway: Object, section: Any) -> Iterator[Finding]:
    listeners = [one for one in gateway.spec.get("listeners") or [] if section in (None, one.get("name"))]
    if not listeners:
        names = ", ".join(str(one.get("name")) for one in gateway.spec.get("listeners") or [])
        what = f"the Gateway {gateway.name} has no listener {section}"
        yield route.finding((*way, "sectionName"), what, f"Its listeners: {names}.")
        return
    for number, host in enumerate(route.spec.get("hostnames") or []):
        if not any(_covers(one.get("hostname"), host) for one in listeners):
            what = f"{host} is not a name that the Gateway {gateway.name} listens to"
            yield route.finding(("spec", "hostnames", number), what, f"It listens to {listeners[0].get('hostname')}.")


def _covers(listener: Any, host: str) -> bool:
    if not listener:
        return True
    pattern = str(listener)
    return host.endswith(pattern[1:]) and host != pattern[1:] if pattern.startswith("*.") else host == pattern


def backends_there(tree: Tree) -> Iterator[Finding]:
    """A route to a Service of this repository names a port that the Service has. Services of charts are not known."""
    services = {(one.namespace, one.name): one for one in tree.of("Service")}
    releases = {one.namespace for one in tree.of("HelmRelease")}
    for route in tree.of("HTTPRoute"):
        for number, rule in enumerate(route.spec.get("rules") or []):
            for place, backend in enumerate(rule.get("backendRefs") or []):
                space = str(backend.get("namespace") or route.namespace)
                way = ("spec", "rules", number, "backendRefs", place)
                service = services.get((space, str(backend.get("name"))))
                if service is None and space not in releases:
                    yield route.finding((*way, "name"), f"there is no Service {space}/{backend.get('name')}", "")
                ports = [port.get("port") for port in (service.spec.get("ports") or [])] if service else []
                if service and backend.get("port") not in ports:
                    what = f"the Service {service.name} has no port {backend.get('port')}"
                    yield route.finding((*way, "port"), what, f"Its ports: {', '.join(map(str, ports))}.")
