"""What is in a namespace, and whether there may be more in it than these files show.

A person's repository may get things from charts, operators and other repositories that nobody can look into here. What
is missing is only called a mistake where nothing of that kind could bring it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import charts
from steps.gitops.tree import Name, Object, Tree, get, items, mapping

PODS_AT = {  # kind -> the way to the pod's spec
    "Pod": ("spec",), "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "Job"), ("spec", "template", "spec")),
}  # fmt: skip
# Groups and kinds whose objects make no pods, Secrets, ConfigMaps or Services that somebody else would name.
QUIET = (
    "toolkit.fluxcd.io", "source.extensions.fluxcd.io", "metallb.io", ".k8s.io", "bitnami.com",
)  # fmt: skip
QUIET_KINDS = frozenset((
    "Certificate", "ClusterIssuer", "Issuer", "ServiceMonitor", "PodMonitor", "PrometheusRule", "Probe",
    "ScrapeConfig", "ExternalSecret",
))  # fmt: skip

BOOTSTRAPPED = ("flux-system", "kube-system")  # what is in there comes from `flux bootstrap` and kubeadm


def pod_spec(one: Object) -> tuple[tuple[str, ...], Mapping[str, Any]] | None:
    """The way to the spec of the pods that an object makes, and the spec; None when it makes none."""
    if (way := PODS_AT.get(one.kind)) is None or one.group not in ("", "apps", "batch"):
        return None
    return way, mapping(get(one.body, *way))


def containers(one: Object) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Every container of the pods that an object makes, with the way to it."""
    if found := pod_spec(one):
        way, spec = found
        for field in ("initContainers", "containers"):
            for number, container in items(spec.get(field)):
                yield (*way, field, number), container


def may_hold_more(tree: Tree, namespace: str, *, charts_too: bool = True) -> bool:
    """Whether Secrets, ConfigMaps or Services may be in a namespace that these files do not show."""
    if tree.unseen or tree.own:
        return bool(tree.unseen)
    by_charts = charts_too and _made_by_charts(tree, namespace)
    return namespace in BOOTSTRAPPED or by_charts or _made_by_others(tree, namespace)


def _made_by_charts(tree: Tree, namespace: str) -> bool:
    return any(charts.installs_into(one) == namespace for one in tree.of("HelmRelease"))


def _made_by_others(tree: Tree, namespace: str) -> bool:
    """Operators make Secrets and Services out of their own kinds."""
    for one in tree.objects:
        quiet = "." not in one.group or one.group.endswith(QUIET) or one.kind in QUIET_KINDS
        if not quiet and one.namespace in (namespace, ""):
            return True
    return False


# -- Secrets and ConfigMaps ----------------------------------------------------------------------------------


def secrets(tree: Tree) -> dict[Name, list[str] | None]:
    """Every Secret that these files lead to, and its keys; None when those are not known."""
    found: dict[Name, list[str] | None] = {}
    for one in tree.of("Secret"):
        found[one.key] = [*mapping(one.body.get("data")), *mapping(one.body.get("stringData"))]
    for one in tree.of("SealedSecret"):
        meta = mapping(get(one.spec, "template", "metadata"))
        found[one.namespace, str(meta.get("name") or one.name)] = list(mapping(one.spec.get("encryptedData"))) or None
    for one in tree.of("ExternalSecret"):
        found[one.namespace, str(get(one.spec, "target", "name") or one.name)] = None
    for one in tree.of("Certificate"):
        found[one.namespace, str(one.spec.get("secretName"))] = ["tls.crt", "tls.key", "ca.crt"]
    return found


def config_maps(tree: Tree) -> dict[Name, list[str]]:
    found = {}
    for one in tree.of("ConfigMap"):
        found[one.key] = [*mapping(one.body.get("data")), *mapping(one.body.get("binaryData"))]
    return found


# -- Services --------------------------------------------------------------------------------------------------


def services(tree: Tree) -> dict[Name, list[int]]:
    """Every Service that these files lead to, those of known charts too, and its ports."""
    found: dict[Name, list[int]] = {}
    for release in tree.of("HelmRelease"):
        made = charts.services(release, charts.chart_of(release, tree))
        found |= {(charts.installs_into(release), name): ports for name, ports in (made or {}).items()}
    for one in tree.of("Service"):
        found[one.key] = [port["port"] for _, port in items(one.spec.get("ports")) if isinstance(port.get("port"), int)]
    return found


def may_hold_services(tree: Tree, namespace: str) -> bool:
    """Whether a namespace may have Services that are not known: by a chart that is not known, or from elsewhere."""
    for release in tree.of("HelmRelease"):
        inside = charts.installs_into(release) == namespace
        if inside and charts.services(release, charts.chart_of(release, tree)) is None:
            return True
    return may_hold_more(tree, namespace, charts_too=False)
