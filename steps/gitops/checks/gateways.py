"""Gateways: does a Traefik serve them, on a port that it listens on, under a name, with a certificate?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import charts, sight
from steps.gitops.tree import Finding, Object, Tree, get, items, mapping

GROUP = "gateway.networking.k8s.io"
CONTROLLER = "traefik.io/gateway-controller"
ENTRY_POINTS = {"web": 8000, "websecure": 8443, "traefik": 8080, "metrics": 9100}  # the chart's own defaults
ISSUERS = ("cert-manager.io/cluster-issuer", "cert-manager.io/issuer")


def traefiks(tree: Tree) -> list[Object]:
    """The releases of Traefik whose values are all here."""
    return [one for one in tree.of("HelmRelease") if charts.chart_of(one, tree).name == "traefik"]


def listens(release: Object) -> bool:
    """Whether a Traefik looks at Gateways at all."""
    return get(release.spec, "values", "providers", "kubernetesGateway", "enabled") is True


def selector(release: Object) -> str:
    return str(get(release.spec, "values", "providers", "kubernetesGateway", "labelSelector") or "")


def served_by(gateway: Object, tree: Tree) -> Object | bool | None:
    """The Traefik that serves the class of a Gateway; None when there is none, False when that can't be told."""
    releases = traefiks(tree)
    if not releases or any(one.spec.get("valuesFrom") for one in releases):
        return False
    classes = {one.name: one for one in tree.of("GatewayClass", GROUP)}
    name = str(gateway.spec.get("gatewayClassName"))
    if name not in classes:
        made_by_chart = any(get(one.spec, "values", "gatewayClass", "enabled") is not False for one in releases)
        return False if made_by_chart or "${" in name or tree.unseen else None
    one = classes[name]
    if get(one.spec, "controllerName") != CONTROLLER:
        return False
    labels = {f"{key}={value}" for key, value in mapping(one.meta.get("labels")).items()}
    for release in releases:
        if listens(release) and (not selector(release) or selector(release) in labels):
            return release
    return None


def entry_points(release: Object) -> dict[str, int]:
    """The ports that a Traefik listens on, by name."""
    ports = mapping(get(release.spec, "values", "ports"))
    given = {name: port["port"] for name, port in ports.items() if isinstance(port, Mapping) and "port" in port}
    return {**ENTRY_POINTS, **given}


def listeners(gateway: Object) -> list[tuple[int, Mapping[str, Any]]]:
    return items(gateway.spec.get("listeners"))


def listeners_heard(tree: Tree) -> Iterator[Finding]:
    """Traefik serves a listener only when it has an entry point with the very same port."""
    for gateway in tree.of("Gateway", GROUP):
        release = served_by(gateway, tree)
        if release is None:
            name = gateway.spec.get("gatewayClassName")
            known = ", ".join(sorted(one.name for one in tree.of("GatewayClass", GROUP))) or "none"
            what = f"no Traefik serves the class {name}"
            fix = f"Its GatewayClass (known: {known}) needs the label that a Traefik selects by."
            yield gateway.finding("class-unserved", ("spec", "gatewayClassName"), what, fix)
        elif isinstance(release, Object):
            ports = entry_points(release)
            for number, listener in listeners(gateway):
                port = listener.get("port")
                if isinstance(port, int) and port not in ports.values():
                    known = ", ".join(
                        f"{port} ({name})" for name, port in ports.items() if name not in ("traefik", "metrics")
                    )
                    what = f"{release.name} has no entry point with the port {port}"
                    fix = f"Use the port that Traefik itself listens on, not its Service's: {known}."
                    yield gateway.finding("listener-port", ("spec", "listeners", number, "port"), what, fix)


def classes_apart(tree: Tree) -> Iterator[Finding]:
    """Two releases that both serve the same class fight over it."""
    found = [one for one in traefiks(tree) if listens(one) and not one.spec.get("valuesFrom")]
    seen: dict[str, Object] = {}
    for one in found:
        other = seen.setdefault(selector(one), one)
        if other is not one:
            what = f"it selects the same classes as {other.name}: {selector(one) or 'all of them'}"
            way = ("spec", "values", "providers", "kubernetesGateway", "labelSelector")
            yield one.finding("selector-shared", way, what, "Give each Traefik a label of its own.")


def charts_own(tree: Tree) -> Iterator[Finding]:
    """The chart makes a Gateway and a class of its own unless it is told not to: two releases, the same names."""
    found = [one for one in traefiks(tree) if listens(one) and not one.spec.get("valuesFrom")]
    for key, name in (("gateway", "traefik-gateway"), ("gatewayClass", "traefik")):
        makers: dict[str, Object] = {}
        for one in found if len(found) > 1 else ():
            values = mapping(get(one.spec, "values", key))
            if values.get("enabled") is False:
                continue
            other = makers.setdefault(str(values.get("name") or name), one)
            if other is not one or tree.own:
                what = f"the chart would make a {key} of its own" + (
                    f", as {other.name} does" if other is not one else ""
                )
                fix = f"Write {key}: {{enabled: false}}, or give it another name."
                yield one.finding("gateway-of-chart", ("spec", "values", key), what, fix)


def labels_apart(tree: Tree) -> Iterator[Finding]:
    """Two releases of one chart in one namespace, whose Services would select each other's pods."""
    seen: dict[tuple[str, str], Object] = {}
    for one in traefiks(tree) if len(traefiks(tree)) > 1 else ():
        name = str(get(one.spec, "values", "instanceLabelOverride") or "")
        key = charts.installs_into(one), name
        if name and key in seen:
            what = f"its instanceLabelOverride is also {seen[key].name}'s: each Service would select both's pods"
            yield one.finding(
                "selector-shared", ("spec", "values", "instanceLabelOverride"), what, "Give each its own."
            )
        seen.setdefault(key, one)


def tls(tree: Tree) -> Iterator[Finding]:
    """An HTTPS listener needs a certificate, and cert-manager a name to ask one for."""
    made = _certificates(tree)
    for gateway in tree.of("Gateway", GROUP):
        annotated = any(mapping(gateway.meta.get("annotations")).get(key) for key in ISSUERS)
        for number, listener in listeners(gateway):
            way = ("spec", "listeners", number)
            if listener.get("protocol") not in ("HTTPS", "TLS") or get(listener, "tls", "mode") == "Passthrough":
                continue
            refs = items(get(listener, "tls", "certificateRefs"))
            if not refs:
                what = f"the listener {listener.get('name')} has no certificate"
                yield gateway.finding("listener-tls", way, what, "Add tls: {certificateRefs: [{name: …}]}.")
            elif annotated and not listener.get("hostname"):
                what = f"the listener {listener.get('name')} has no hostname, so cert-manager asks for no certificate"
                yield gateway.finding("listener-tls", way, what, "Add hostname.")
            for place, ref in refs:
                space = str(ref.get("namespace") or gateway.namespace)
                here = (*way, "tls", "certificateRefs", place)
                if (space, str(ref.get("name"))) in made or (annotated and space == gateway.namespace):
                    continue
                if not sight.may_hold_more(tree, space) and "${" not in str(ref.get("name")):
                    what = f"nothing makes the Secret {space}/{ref.get('name')}"
                    fix = "Add the annotation cert-manager.io/cluster-issuer, or a Certificate."
                    yield gateway.finding("certificate-missing", here, what, fix)


def _certificates(tree: Tree) -> set[tuple[str, str]]:
    return {(space, name) for space, name in sight.secrets(tree)}


RULES: tuple[Any, ...] = (listeners_heard, classes_apart, charts_own, labels_apart, tls)
