"""What happens to a simulated object after it was applied: its status, some seconds later."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Object = dict[str, Any]
Later = tuple[float, str, Object]  # seconds from now, path, status


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


def _conditions(*names: str, seconds: float) -> Callable[[str, Object, Mapping[str, Object]], list[Later]]:
    """A controller that sets the conditions `names` to True after a while."""

    def control(path: str, obj: Object, objects: Mapping[str, Object]) -> list[Later]:
        made = [
            {"type": name, "status": "True", "reason": "Succeeded", "message": "simulated",
             "observedGeneration": obj["metadata"]["generation"]}
            for name in names
        ]  # fmt: skip
        return [(seconds, path, _seen(obj, conditions=made))]

    return control


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


_CONTROLLERS: dict[str, Callable[[str, Object, Mapping[str, Object]], list[Later]]] = {
    "Node": _node,
    "DaemonSet": _daemon_set,
    "Deployment": _workload,
    "StatefulSet": _workload,
    "Kustomization": _conditions("Ready", seconds=6),
    "HelmRelease": _conditions("Ready", seconds=9),
    "GitRepository": _conditions("Ready", seconds=3),
    "OCIRepository": _conditions("Ready", seconds=3),
    "HelmRepository": _conditions("Ready", seconds=3),
    "ClusterIssuer": _conditions("Ready", seconds=5),
    "Certificate": _conditions("Ready", seconds=20),
    "Gateway": _conditions("Accepted", "Programmed", seconds=6),
}
