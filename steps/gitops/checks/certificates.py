"""cert-manager: issuers that are there, whose secrets it finds, and that can prove the names they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import charts, sight
from steps.gitops.checks.gateways import GROUP, ISSUERS, listeners
from steps.gitops.tree import Finding, Object, Tree, get, items, mapping, texts

WEBHOOKS = ("cert-manager-webhook-duckdns",)


def _releases(tree: Tree, *names: str) -> list[Object]:
    return [one for one in tree.of("HelmRelease") if charts.chart_of(one, tree).name in names]


def _asked(tree: Tree) -> Iterator[tuple[Object, tuple[str | int, ...], str, str]]:
    """Who asks which issuer: the object, the way to the name, the issuer's kind and name."""
    for one in (*tree.of("Gateway", GROUP), *tree.of("Ingress", "networking.k8s.io")):
        for key, kind in zip(ISSUERS, ("ClusterIssuer", "Issuer"), strict=True):
            if name := mapping(one.meta.get("annotations")).get(key):
                yield one, ("metadata", "annotations", key), kind, str(name)
    for one in tree.of("Certificate", "cert-manager.io"):
        ref = mapping(one.spec.get("issuerRef"))
        if ref.get("group") in (None, "cert-manager.io"):
            yield one, ("spec", "issuerRef", "name"), str(ref.get("kind") or "Issuer"), str(ref.get("name"))


def _issuer(tree: Tree, kind: str, name: str, namespace: str) -> Object | None:
    for one in tree.of(kind, "cert-manager.io"):
        if one.name == name and (kind == "ClusterIssuer" or one.namespace == namespace):
            return one
    return None


def issuers_there(tree: Tree) -> Iterator[Finding]:
    """Without its issuer, a certificate is asked for and never comes."""
    known = ", ".join(sorted(one.name for kind in ("ClusterIssuer", "Issuer") for one in tree.of(kind)))
    for one, way, kind, name in _asked(tree):
        by_chart = any(_makes_issuers(release, tree) for release in tree.of("HelmRelease"))
        hidden = tree.unseen or by_chart or "${" in name
        if _issuer(tree, kind, name, one.namespace) is None and not hidden:
            fix = f"Known: {known or 'none'}."
            yield one.finding("issuer-missing", way, f"there is no {kind} {name}", fix)


def _makes_issuers(release: Object, tree: Tree) -> bool:
    """Whether a chart may make issuers of its own."""
    chart = charts.chart_of(release, tree)
    values = mapping(get(release.spec, "values", "clusterIssuer"))
    own = any(mapping(values.get(which)).get("create") is not False for which in ("staging", "production"))
    return (chart.name in WEBHOOKS and own) or not chart.known


def _solvers(tree: Tree) -> Iterator[tuple[Object, int, Mapping[str, Any]]]:
    for kind in ("ClusterIssuer", "Issuer"):
        for one in tree.of(kind, "cert-manager.io"):
            for number, solver in items(get(one.spec, "acme", "solvers")):
                yield one, number, solver


def solvers_secrets(tree: Tree) -> Iterator[Finding]:
    """The secrets of a ClusterIssuer are looked for in cert-manager's own namespace, whatever the issuer's is."""
    homes = [charts.installs_into(one) for one in _releases(tree, "cert-manager")]
    known = sight.secrets(tree)
    for one, number, solver in _solvers(tree):
        space = one.namespace or (homes[0] if homes else "cert-manager")
        for way, ref in _secret_refs(solver, ("spec", "acme", "solvers", number)):
            name = str(ref.get("name"))
            if (space, name) in known or sight.may_hold_more(tree, space, charts_too=False) or not known:
                continue
            elsewhere = next((other for other, same in known if same == name), "")
            what = f"there is no Secret {space}/{name}" + (f", but one in {elsewhere}" if elsewhere else "")
            fix = "cert-manager looks for it in its own namespace." if not one.namespace else "It must be beside it."
            yield one.finding("issuer-secret", (*way, "name"), what, fix)


def _secret_refs(body: Any, way: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    for key, value in mapping(body).items():
        if key.endswith("SecretRef") and isinstance(value, Mapping):
            yield (*way, key), value
        else:
            yield from _secret_refs(value, (*way, key))


def webhooks_meant(tree: Tree) -> Iterator[Finding]:
    """An issuer and its webhook meet by the name of a group, which both spell out."""
    releases = _releases(tree, *WEBHOOKS)
    groups = {str(get(one.spec, "values", "groupName")) for one in releases if not one.spec.get("valuesFrom")}
    for one, number, solver in _solvers(tree):
        hook = mapping(get(solver, "dns01", "webhook"))
        group = str(hook.get("groupName"))
        if hook.get("solverName") == "duckdns" and groups and group not in groups:
            way = ("spec", "acme", "solvers", number, "dns01", "webhook", "groupName")
            what = f"the webhook's group is {', '.join(sorted(groups))}, not {group}"
            yield one.finding("webhook-group", way, what, f"Write the same in {releases[0].file} and here.")


def zones_covered(tree: Tree) -> Iterator[Finding]:
    """A name that no solver of its issuer is for gets no certificate."""
    for gateway in tree.of("Gateway", GROUP):
        for key, kind in zip(ISSUERS, ("ClusterIssuer", "Issuer"), strict=True):
            name = mapping(gateway.meta.get("annotations")).get(key)
            issuer = _issuer(tree, kind, str(name), gateway.namespace) if name else None
            solvers = [one for _, one in items(get(issuer.spec, "acme", "solvers"))] if issuer else []
            for number, listener in listeners(gateway) if solvers else ():
                host = str(listener.get("hostname") or "").removeprefix("*.")
                secured = listener.get("protocol") == "HTTPS" and host and "${" not in host
                if secured and not any(_solves(one, host) for one in solvers):
                    what = f"no solver of {name} is for {host}"
                    fix = f"Add its zone to dnsZones in {issuer.file if issuer else name}."
                    yield gateway.finding("zone-unsolved", ("spec", "listeners", number, "hostname"), what, fix)


def _solves(solver: Mapping[str, Any], host: str) -> bool:
    chosen = mapping(solver.get("selector"))
    zones, names = texts(chosen.get("dnsZones")), texts(chosen.get("dnsNames"))
    if not zones and not names:
        return True
    undecided = any("${" in one for one in (*zones, *names))
    in_zone = any(host == zone or host.endswith(f".{zone}") for zone in zones)
    return undecided or in_zone or any(host == name.removeprefix("*.") for name in names)


def gateways_watched(tree: Tree) -> Iterator[Finding]:
    """cert-manager looks at Gateways only when it is told to."""
    if not any(key in mapping(one.meta.get("annotations")) for one in tree.of("Gateway", GROUP) for key in ISSUERS):
        return
    for release in _releases(tree, "cert-manager"):
        config = mapping(get(release.spec, "values", "config"))
        args = str(get(release.spec, "values", "extraArgs") or "")
        told = get(config, "gatewayAPI", "enabled") or config.get("enableGatewayAPI") or "--enable-gateway-api" in args
        if not told and not release.spec.get("valuesFrom"):
            what = "Gateways ask it for certificates, and it does not look at Gateways"
            fix = "Write config: {gatewayAPI: {enabled: true}} in its values."
            yield release.finding("gateways-unwatched", ("spec", "values", "config"), what, fix)


RULES: tuple[Any, ...] = (issuers_there, solvers_secrets, webhooks_meant, zones_covered, gateways_watched)
