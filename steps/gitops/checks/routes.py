"""Routes: from a Gateway that takes them, under a name of its own, to a Service that is there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import sight
from steps.gitops.checks.gateways import GROUP, listeners
from steps.gitops.tree import Finding, Name, Object, Tree, get, items, texts

Way = tuple[str | int, ...]
KINDS = ("HTTPRoute", "GRPCRoute", "TLSRoute")


def routes(tree: Tree) -> list[Object]:
    return [one for kind in KINDS for one in tree.of(kind, GROUP)]


def _parents(route: Object, tree: Tree) -> Iterator[tuple[Way, Mapping[str, Any], Object | None]]:
    """Each parent of a route with its Gateway; None when there is none of that name."""
    gateways = {one.key: one for one in tree.of("Gateway", GROUP)}
    for number, parent in items(route.spec.get("parentRefs")):
        if parent.get("kind") in (None, "Gateway"):
            key = str(parent.get("namespace") or route.namespace), str(parent.get("name"))
            yield ("spec", "parentRefs", number), parent, gateways.get(key)


def taken(tree: Tree) -> Iterator[Finding]:
    known = ", ".join("/".join(one.key) for one in tree.of("Gateway", GROUP)) or "none"
    for route in routes(tree):
        for way, parent, gateway in _parents(route, tree):
            space, name = str(parent.get("namespace") or route.namespace), str(parent.get("name"))
            if gateway is not None:
                yield from _accepted(route, way, gateway, parent.get("sectionName"), tree)
            elif not sight.may_hold_more(tree, space) and "${" not in f"{space}{name}":
                what = f"there is no Gateway {space}/{name}"
                yield route.finding("gateway-missing", way, what, f"Known: {known}.")


def _accepted(route: Object, way: Way, gateway: Object, section: Any, tree: Tree) -> Iterator[Finding]:
    every = [one for _, one in listeners(gateway)]
    open_to = [one for one in every if section in (None, one.get("name"))]
    if not open_to:
        names = ", ".join(str(one.get("name")) for one in every)
        what = f"the Gateway {gateway.name} has no listener {section}"
        yield route.finding("section-missing", (*way, "sectionName"), what, f"Its listeners: {names}.")
        return
    froms = {str(get(one, "allowedRoutes", "namespaces", "from") or "Same") for one in open_to}
    if froms == {"Same"} and route.namespace != gateway.namespace:
        what = f"the Gateway {gateway.name} takes routes from its own namespace only"
        fix = f"Write allowedRoutes: {{namespaces: {{from: All}}}} there, in {gateway.file}."
        yield route.finding("route-refused", way, what, fix)
    yield from _names(route, gateway, [one.get("hostname") for one in open_to], tree)


def _names(route: Object, gateway: Object, names: list[Any], tree: Tree) -> Iterator[Finding]:
    for number, host in enumerate(_hosts(route)):
        if "${" in host or any("${" in str(name) for name in names) or any(covers(name, host) for name in names):
            continue
        other = next((one for one in tree.of("Gateway", GROUP) if one is not gateway and _listens_to(one, host)), None)
        fix = f"The Gateway {other.name} does." if other else f"It listens to {', '.join(map(str, names))}."
        what = f"the Gateway {gateway.name} does not listen to {host}"
        yield route.finding("host-unheard", ("spec", "hostnames", number), what, fix)


def _hosts(route: Object) -> list[str]:
    return texts(route.spec.get("hostnames"))


def _listens_to(gateway: Object, host: str) -> bool:
    return any(one.get("hostname") and covers(one["hostname"], host) for _, one in listeners(gateway))


def covers(listener: Any, host: str) -> bool:
    """Whether a listener with this hostname takes a route with that one. Wildcards on both sides meet."""
    if not listener or str(listener) == host:
        return True
    pattern = str(listener)
    if pattern.startswith("*."):
        return host.endswith(pattern[1:]) and host != pattern[1:]
    return host.startswith("*.") and pattern.endswith(host[1:])


def names_apart(tree: Tree) -> Iterator[Finding]:
    """Two routes with the same name, path and conditions on one Gateway: which of them answers is chance."""
    seen: dict[tuple[Any, ...], Object] = {}
    for route in tree.of("HTTPRoute", GROUP):
        matches = str([get(rule, "matches") for _, rule in items(route.spec.get("rules"))])
        for _, parent, gateway in _parents(route, tree):
            where = (
                gateway.key if gateway else (str(parent.get("namespace") or route.namespace), str(parent.get("name")))
            )
            for number, host in enumerate(_hosts(route)):
                key = (where, str(parent.get("sectionName")), str(parent.get("port")), host, matches)
                other = seen.setdefault(key, route)
                if other is not route and "${" not in host:
                    what = f"{host} on {where[1]} is also the name of {other.name} in {other.file}"
                    yield route.finding("host-twice", ("spec", "hostnames", number), what, "Give each its own name.")


def names_said(tree: Tree) -> Iterator[Finding]:
    """A route without a name answers under every name of its Gateway, those of the internet too."""
    for route in tree.of("HTTPRoute", GROUP):
        rules = items(route.spec.get("rules"))
        turns_away = rules and all(
            any(f.get("type") == "RequestRedirect" for _, f in items(rule.get("filters"))) for _, rule in rules
        )
        if _hosts(route) or turns_away or not rules:
            continue
        for way, _, gateway in _parents(route, tree):
            wide = [one for _, one in listeners(gateway)] if gateway else []
            if any(str(one.get("hostname") or "*.").startswith("*.") for one in wide):
                what = f"it has no hostnames, so it answers under every name of {gateway.name if gateway else ''}"
                yield route.finding("host-everything", way, what, "Add hostnames.")
                break


def backends(tree: Tree) -> Iterator[Finding]:
    """Every backend is a Service that is there, with that port."""
    known = sight.services(tree)
    granted = _grants(tree)
    for route in routes(tree):
        for number, rule in items(route.spec.get("rules")):
            for place, ref in items(rule.get("backendRefs")):
                if ref.get("kind") in (None, "Service"):
                    way = ("spec", "rules", number, "backendRefs", place)
                    yield from _backend(route, way, ref, known, granted, tree)


def _backend(
    route: Object, way: Way, ref: Mapping[str, Any], known: Mapping[Name, list[int]], granted: Any, tree: Tree
) -> Iterator[Finding]:
    space, name, port = str(ref.get("namespace") or route.namespace), str(ref.get("name")), ref.get("port")
    if "${" in f"{space}{name}":
        return
    if space != route.namespace and not _granted(granted, route, space, name):
        what = f"it leads into the namespace {space}, and no ReferenceGrant there allows that"
        yield route.finding("grant-missing", (*way, "namespace"), what, f"Add a ReferenceGrant in {space}.")
        return
    if (space, name) not in known:
        if not sight.may_hold_services(tree, space):
            near = ", ".join(sorted(other for where, other in known if where == space))
            fix = f"Known in {space}: {near}." if near else f"No Service is known in {space}."
            yield route.finding("backend-missing", (*way, "name"), f"there is no Service {space}/{name}", fix)
        return
    ports = known[space, name]
    if isinstance(port, int) and ports and port not in ports:
        what = f"the Service {name} has no port {port}"
        yield route.finding("backend-port", (*way, "port"), what, f"Its ports: {', '.join(map(str, ports))}.")


def _grants(tree: Tree) -> list[Object]:
    return [*tree.of("ReferenceGrant", GROUP)]


def _granted(grants: list[Object], one: Object, space: str, name: str, kind: str = "Service") -> bool:
    for grant in grants:
        froms = [(f.get("kind"), f.get("namespace")) for _, f in items(grant.spec.get("from"))]
        tos = [(t.get("kind"), t.get("name")) for _, t in items(grant.spec.get("to"))]
        if (
            grant.namespace == space
            and (one.kind, one.namespace) in froms
            and any(t in tos for t in ((kind, None), (kind, name)))
        ):
            return True
    return False


def certificates_granted(tree: Tree) -> Iterator[Finding]:
    """A Gateway may use a Secret of another namespace only when a ReferenceGrant there says so."""
    for gateway in tree.of("Gateway", GROUP):
        for number, listener in listeners(gateway):
            for place, ref in items(get(listener, "tls", "certificateRefs")):
                space = str(ref.get("namespace") or gateway.namespace)
                if space != gateway.namespace and not _granted(
                    _grants(tree), gateway, space, str(ref.get("name")), "Secret"
                ):
                    what = f"its certificate is in the namespace {space}, and no ReferenceGrant there allows that"
                    way = ("spec", "listeners", number, "tls", "certificateRefs", place, "namespace")
                    yield gateway.finding("grant-missing", way, what, f"Add a ReferenceGrant in {space}.")


RULES: tuple[Any, ...] = (taken, names_apart, names_said, backends, certificates_granted)
