"""What the Kubernetes API says about nodes and pods, in a person's words. Pure, except for `Look.at`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steps.kubeadm import DIGEST
from wizard.world import Cluster

Object = Mapping[str, Any]

NODES = "/api/v1/nodes"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
COREDNS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
FLANNEL = "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds"
CONTROL_PLANE = "node-role.kubernetes.io/control-plane"  # label, and taint where pods are kept away
NAMESPACES = ("kube-flannel", "kube-system")


@dataclass(frozen=True)
class Look:
    """A cluster at one moment."""

    uid: str = ""  # of the namespace kube-system: it names the cluster
    nodes: Mapping[str, Object] = field(default_factory=dict)  # by name
    flannel: str = ""  # the digest of the manifest that runs; empty when there is none
    network: bool = False  # the pod network runs on some node
    network_everywhere: bool = False
    dns: bool = False  # the cluster's own DNS answers

    @classmethod
    def at(cls, cluster: Cluster) -> Look:
        """Asks the API. Raises `WizardError` when it can't be reached."""
        system, flannel, dns = cluster.get(KUBE_SYSTEM) or {}, cluster.get(FLANNEL) or {}, cluster.get(COREDNS) or {}
        nodes = _items(cluster, NODES)
        return cls(
            str(system.get("metadata", {}).get("uid", "")), {node["metadata"]["name"]: node for node in nodes},
            str(flannel.get("metadata", {}).get("annotations", {}).get(DIGEST, "")), daemonset_pods(flannel) > 0,
            daemonset_pods(flannel) >= flannel.get("status", {}).get("desiredNumberScheduled", 1),
            dns.get("status", {}).get("readyReplicas", 0) > 0,
        )  # fmt: skip

    def ready(self, name: str) -> bool:
        """Whether the node `name` is there and Ready."""
        return name in self.nodes and node_ready(self.nodes[name])


def version(look: Look) -> str:
    """The Kubernetes that the oldest control plane's kubelet runs, such as 1.30.2; empty when none has said."""
    heads = [node for node in look.nodes.values() if is_control_plane(node)]
    said = [kubelet(node) for node in heads if kubelet(node)]
    return min(said, key=lambda text: [int(part) for part in text.split(".")], default="")


def kubelet(node: Object) -> str:
    """The version of the kubelet that reports for `node`; empty when it has not."""
    return str(node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")).removeprefix("v")


def is_control_plane(node: Object) -> bool:
    return CONTROL_PLANE in (node.get("metadata", {}).get("labels") or {})


def node_ready(node: Object) -> bool:
    return condition(node, "Ready").get("status") == "True"


def internal_ip(node: Object) -> str:
    """The address with which kubelet registered."""
    addresses = node.get("status", {}).get("addresses", [])
    return next((str(a["address"]) for a in addresses if a.get("type") == "InternalIP"), "")


def sign_of_life(cluster: Cluster, name: str) -> str:
    """When the node's kubelet last said that it is there; it does so every 10 seconds. Empty when it never has."""
    lease = cluster.get(f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{name}") or {}
    return str(lease.get("spec", {}).get("renewTime", ""))


def condition(found: Object, kind: str) -> Object:
    """The condition `kind` of an object, or an empty one."""
    conditions = found.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})


def daemonset_pods(found: Object) -> int:
    """How many of its pods are ready and of the newest kind."""
    status = found.get("status", {})
    if status.get("observedGeneration", 0) < found.get("metadata", {}).get("generation", 0):
        return 0
    return int(min(status.get("numberReady", 0), status.get("updatedNumberScheduled", 0)))


def why_node(node: Object | None, name: str) -> str:
    """Why a node is not Ready."""
    if node is None:
        return f"{name} has not registered with the cluster yet."
    said = condition(node, "Ready").get("message") or "kubelet has not reported yet"
    return "" if node_ready(node) else f"{name} says: {said}."


def why_pod(pod: Object, event: str = "") -> str:
    """Why a pod is not ready; empty when it is. `event` is the newest warning about it."""
    if condition(pod, "Ready").get("status") == "True" or pod.get("status", {}).get("phase") == "Succeeded":
        return ""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state, last = container.get("state", {}), container.get("lastState", {}).get("terminated", {})
        stuck = state.get("waiting") or state.get("terminated") or {}
        if stuck.get("reason") not in (None, "Completed", "PodInitializing", "ContainerCreating"):
            said = _last_line(last.get("message") or stuck.get("message") or event)
            return f"The pod {name} is held up by {stuck['reason']}{': ' if said else ''}{said}."
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("message"):
        return f"The pod {name} has no node: {scheduled['message']}"
    doing = "being started" if scheduled.get("status") == "True" else str(status.get("phase", "unknown")).lower()
    return f"The pod {name} is {doing}{': ' if event else ''}{_last_line(event)}."


def _last_line(text: str) -> str:
    line = (text.strip().splitlines() or [""])[-1].strip().rstrip(".")
    return line if len(line) <= 240 else f"{line[:100]} … {line[-130:]}"


def warnings(events: Iterable[Object]) -> dict[str, str]:
    """The newest warning about each object, by the object's name."""
    seen = sorted((event for event in events if event.get("type") == "Warning"), key=_when)
    return {event["involvedObject"]["name"]: str(event.get("message", "")) for event in seen}


def _when(event: Object) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp") or "")


def why(cluster: Cluster, names: Sequence[str]) -> str:
    """Why the nodes `names` or the cluster's own pods are not ready: the first reasons that are known."""
    nodes = {node["metadata"]["name"]: node for node in _items(cluster, NODES)}
    reasons = [why_node(nodes.get(name), name) for name in names]
    for namespace in NAMESPACES:
        said = warnings(_items(cluster, f"/api/v1/namespaces/{namespace}/events"))
        pods = _items(cluster, f"/api/v1/namespaces/{namespace}/pods")
        reasons += [why_pod(pod, said.get(pod["metadata"]["name"], "")) for pod in pods]
    told = [reason for reason in reasons if reason][:2]
    return " ".join([*told, *_meaning(cluster, [nodes[name] for name in names if name in nodes])] if told else [])


def _meaning(cluster: Cluster, nodes: Iterable[Object]) -> list[str]:
    """What the library of causes makes of it: the first that is known."""
    from steps.why import walk
    from steps.why.finding import SYMPTOMS
    from steps.why.sight import place, read

    sight = read(cluster, ("nodes", "pods", "events"))
    ailing = [{"kind": "Node", **node} for node in nodes if not node_ready(node)]
    pods = [pod for pod in sight.all("pods") if place(pod)[0] in NAMESPACES]
    found = (one for each in (*ailing, *pods) for one in walk.why(sight, each))
    return [one.sentence for one in found if one.code not in SYMPTOMS][:1]


def _items(cluster: Cluster, path: str) -> list[Object]:
    return list((cluster.get(path) or {}).get("items", []))
