"""From what ails to its causes: one object, or the whole cluster, what others rely on first. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from steps.why import addresses, flux, gateways, nodes, pods, tailnet, tls, volumes, workloads
from steps.why.finding import Finding, together
from steps.why.sight import Object, Sight, meta

Layer = Callable[[Sight], Iterator[Finding]]


def why(sight: Sight, one: Object) -> Iterator[Finding]:
    """The causes at one object of any kind that is known; nothing for one that does not ail."""
    ways: dict[str, Callable[[Sight, Object], Iterator[Finding]]] = {
        "Pod": pods.why, "Node": nodes.why, "PersistentVolumeClaim": volumes.why, "Deployment": workloads.why,
        "StatefulSet": workloads.why, "DaemonSet": workloads.why, "Job": workloads.why, "Service": addresses.service,
        "Gateway": gateways.gateway, "HTTPRoute": gateways.route, "Certificate": tls.certificate, "Order": tls.of_order,
        "Challenge": tls.challenge, "ClusterIssuer": tls.issuer, "Issuer": tls.issuer,
        **dict.fromkeys(flux.PLURALS, flux.why),
    }  # fmt: skip
    way = ways.get(str(one.get("kind")))
    if way is not None:
        yield from way(sight, one)


def _each(*plurals: str) -> Layer:
    def layer(sight: Sight) -> Iterator[Finding]:
        for plural in plurals:
            for one in sight.all(plural):
                yield from why(sight, one)

    return layer


def _claims(sight: Sight) -> Iterator[Finding]:
    """Claims that wait for a pod are no fault; those that no pod uses are told here."""
    for one in sight.all("persistentvolumeclaims"):
        if sight.age(str(meta(one).get("creationTimestamp"))) > pods.STARTING:
            yield from volumes.why(sight, one)


def _all_pods(sight: Sight) -> Iterator[Finding]:
    """Pods of parts that are told of as a whole are left to those."""
    whole = [part for part in workloads.PARTS if part.whole]
    claimed = {
        id(pod) for part in whole for short in part.names
        if (one := sight.one(part.plural, part.namespace, short)) for pod in workloads.of(sight, one)
    }  # fmt: skip
    for pod in sight.all("pods"):
        mirror = "kubernetes.io/config.mirror" in (meta(pod).get("annotations") or {})
        if id(pod) not in claimed and not mirror:
            yield from pods.why(sight, pod)


def _all_workloads(sight: Sight) -> Iterator[Finding]:
    """Their pods were told of already: here are those that have none."""
    whole = {(part.namespace, short) for part in workloads.PARTS if part.whole for short in part.names}
    for plural in ("deployments", "statefulsets", "daemonsets", "jobs"):
        for one in sight.all(plural):
            if (str(meta(one).get("namespace")), str(meta(one).get("name"))) not in whole:
                yield from workloads.why(sight, one)


LAYERS: dict[str, tuple[Layer, ...]] = {  # in the order in which things rely on each other
    "nodes": (_each("nodes"), nodes.others),
    "system": (workloads.control_plane, workloads.parts),
    "storage": (_claims,),
    "apps": (_all_pods, _all_workloads),
    "flux": (_each("gitrepositories", "ocirepositories", "helmrepositories", "kustomizations", "helmreleases"),),
    "certificates": (_each("clusterissuers", "issuers", "certificates"),),
    "gateways": (gateways.kinds, _each("gateways", "httproutes")),
    "addresses": (_each("services"),),
    "tailnet": (tailnet.why,),
}


def layer(sight: Sight, which: str) -> list[Finding]:
    """What is found in one layer, each cause once."""
    return together(found for each in LAYERS[which] for found in each(sight))


def everything(sight: Sight) -> list[Finding]:
    """Every cause in the cluster, the deepest layer first, each once."""
    return together(found for which in LAYERS for found in layer(sight, which))
