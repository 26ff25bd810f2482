"""What happens to a simulated object after it was applied: its status, and what it makes, some seconds later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
Later = tuple[float, str, Object]  # seconds from now, path, and the status, or an object with its kind


def settle(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    """The statuses that `obj` will get. Nothing for one that has its status for this generation already."""
    status = obj.get("status", {})
    if status.get("observedGeneration") == obj["metadata"]["generation"]:
        return []
    if make := _CONTROLLERS.get(str(obj.get("kind", ""))):
        return make(path, obj, objects)
    return []


def _seen(obj: Object, **status: Any) -> Object:
    return {"observedGeneration": obj["metadata"]["generation"], **status}


def _true(name: str, obj: Object) -> Object:
    """The condition `name`, as it is when all is well."""
    generation = obj["metadata"]["generation"]
    return {"type": name, "status": "True", "reason": "Succeeded", "observedGeneration": generation}


def _ready(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    return [(5, path, _seen(obj, conditions=[_true("Ready", obj)]))]


def _workload(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    count = int(obj.get("spec", {}).get("replicas", 1))
    ready = _seen(obj, replicas=count, readyReplicas=count, updatedReplicas=count, availableReplicas=count)
    ready["conditions"] = [{"type": "Available", "status": "True"}]
    return [(4, path, ready)]


def _daemon_set(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    nodes = [where for where in objects if where.startswith("/api/v1/nodes/")]
    count = len(nodes)
    ready = _seen(
        obj, desiredNumberScheduled=count, currentNumberScheduled=count, numberReady=count,
        updatedNumberScheduled=count, numberAvailable=count,
    )  # fmt: skip
    later: list[Later] = [(5, path, ready)]
    if "flannel" in path:  # the network is there: the nodes become Ready
        later += [(6, where, node_ready(objects[where])) for where in nodes]
    return later


def _node(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    if any("/daemonsets/" in where and "flannel" in where for where in objects):
        return [(6, path, node_ready(obj))]
    return []


def node_ready(node: Object) -> Object:
    """The status of a Ready node."""
    return _seen(node, conditions=[{"type": "Ready", "status": "True", "reason": "KubeletReady"}])


def _source(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    return [(3, path, _seen(obj, conditions=[_true("Ready", obj)]))] if _followed(path, obj) else []


def _followed(path: str, obj: Object) -> bool:
    """Whether there is anything to be ready for: the repository itself only once it was looked at."""
    return not path.endswith("/gitrepositories/flux-system") or bool(obj.get("status", {}).get("artifact"))


def _kustomization(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    """Ready at the revision of its source; after those that it depends on."""
    sources = (one for where, one in objects.items() if where.endswith("/gitrepositories/flux-system"))
    revision = next((one.get("status", {}).get("artifact", {}).get("revision") for one in sources), None)
    if revision is None:
        return []
    waits = 7.0 * _depth(path, obj, objects)
    at = {"lastAppliedRevision": revision, "lastAttemptedRevision": revision}
    return [(4 + waits, path, _seen(obj, conditions=[_true("Ready", obj)], **at))]


def _depth(path: str, obj: Object, objects: Mapping[str, Object]) -> int:
    folder = path.rpartition("/")[0]
    names = [each["name"] for each in obj.get("spec", {}).get("dependsOn", [])]
    others = [objects[f"{folder}/{name}"] for name in names if f"{folder}/{name}" in objects]
    return max((1 + _depth(path, other, objects) for other in others), default=0)


def _release(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    """Ready after a while, its Services there; a Traefik then gives its Gateway an address."""
    later: list[Later] = [(6, path, _seen(obj, conditions=[_true("Ready", obj)]))]
    routes = (one for one in objects.values() if one.get("kind") == "HTTPRoute")
    later += [service for route in routes for service in _services(route, obj, objects)]
    for where, gateway in objects.items():
        if gateway.get("kind") == "Gateway" and gateway["metadata"]["name"] == obj["metadata"]["name"]:
            later += _programmed(where, gateway, obj)
    return later


def _route(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    releases = (one for one in objects.values() if one.get("kind") == "HelmRelease")
    return [service for release in releases for service in _services(obj, release, objects)]


def _services(route: Object, release: Object, objects: Mapping[str, Object]) -> list[Later]:
    """The Services of a chart that its route leads to; which others it has nobody asks here."""
    space = release["metadata"].get("namespace", "")
    if route["metadata"].get("namespace") != space:
        return []
    backends = [each["name"] for rule in route["spec"].get("rules", ()) for each in rule.get("backendRefs", ())]
    places = {f"/api/v1/namespaces/{space}/services/{name}" for name in backends}
    return [(6, place, {"apiVersion": "v1", "kind": "Service", "spec": {}}) for place in places - objects.keys()]


def _gateway(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    name = obj["metadata"]["name"]
    releases = [o for o in objects.values() if o.get("kind") == "HelmRelease" and o["metadata"]["name"] == name]
    return [status for release in releases for status in _programmed(path, obj, release)]


def _programmed(path: str, gateway: Object, release: Object) -> list[Later]:
    """The Gateway's address is the one that the release's Service asks MetalLB for."""
    service = release.get("spec", {}).get("values", {}).get("service", {})
    address = service.get("annotations", {}).get("metallb.io/loadBalancerIPs")
    conditions = [_true(name, gateway) for name in ("Accepted", "Programmed")]
    addresses = [{"type": "IPAddress", "value": address}] if address else []
    return [(8, path, _seen(gateway, conditions=conditions, addresses=addresses))]


def _class(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
    return [(3, path, _seen(obj, conditions=[_true("Accepted", obj)]))]


_CONTROLLERS: dict[str, Callable[[str, Object, Mapping[str, Object]], list[Later]]] = {
    "Node": _node,
    "DaemonSet": _daemon_set,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "Kustomization": _kustomization,
    "HelmRelease": _release,
    "GitRepository": _source,
    "OCIRepository": _ready,
    "HelmRepository": _ready,
    "ClusterIssuer": _ready,
    "Certificate": _ready,
    "Gateway": _gateway,
    "HTTPRoute": _route,
    "GatewayClass": _class,
}
