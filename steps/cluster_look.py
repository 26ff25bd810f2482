"""What the Kubernetes API says about nodes and pods, in a person's words. Pure, except for `Look.at`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from steps.kubeadm import DIGEST
from wizard.world import Cluster

Object = Mapping[str, Any]

NODES = "/api/v1/nodes"
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"
COREDNS = "/apis/apps/v1/namespaces/kube-system/deployments/coredns"
FLANNEL = "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds"
NAMESPACES = ("kube-flannel", "kube-system")


@dataclass(frozen=True)
class Look:
    """A cluster at one moment."""

    uid: str = ""  # of the namespace kube-system: it names the cluster
    nodes: Mapping[str, Object] = field(default_factory=dict)  # by name
    flannel: str = ""  # the digest of the manifest that runs; empty when there is none
    flannel_ready: bool = False
    dns_ready: bool = False

    @classmethod
    def at(cls, cluster: Cluster) -> Look:
        """Asks the API. Raises `WizardError` when it can't be reached."""
        system, flannel, dns = cluster.get(KUBE_SYSTEM) or {}, cluster.get(FLANNEL) or {}, cluster.get(COREDNS) or {}
        nodes = (cluster.get(NODES) or {}).get("items", [])
        return cls(
            str(system.get("metadata", {}).get("uid", "")), {node["metadata"]["name"]: node for node in nodes},
            str(flannel.get("metadata", {}).get("annotations", {}).get(DIGEST, "")), daemonset_ready(flannel),
            deployment_ready(dns),
        )  # fmt: skip

    def ready(self, name: str) -> bool:
        """Whether the node `name` is there and Ready."""
        return name in self.nodes and node_ready(self.nodes[name])


def node_ready(node: Object) -> bool:
    return condition(node, "Ready").get("status") == "True"


def internal_ip(node: Object) -> str:
    """The address with which kubelet registered."""
    addresses = node.get("status", {}).get("addresses", [])
    return next((str(a["address"]) for a in addresses if a.get("type") == "InternalIP"), "")


def condition(found: Object, kind: str) -> Object:
    """The condition `kind` of an object, or an empty one."""
    conditions = found.get("status", {}).get("conditions") or []
    return next((c for c in conditions if c.get("type") == kind), {})


def daemonset_ready(found: Object) -> bool:
    status = found.get("status", {})
    wanted = status.get("desiredNumberScheduled", 0)
    seen = status.get("observedGeneration", 0) >= found.get("metadata", {}).get("generation", 0)
    return bool(wanted) and seen and status.get("numberReady", 0) >= wanted


def deployment_ready(found: Object) -> bool:
    wanted = found.get("spec", {}).get("replicas", 1)
    return bool(found) and found.get("status", {}).get("readyReplicas", 0) >= wanted


def why_node(node: Object | None, name: str) -> str:
    """Why a node is not Ready."""
    if node is None:
        return f"{name} has not registered with the cluster yet."
    said = condition(node, "Ready").get("message") or "kubelet has not reported yet"
    return "" if node_ready(node) else f"{name} says: {said}."


def why_pod(pod: Object) -> str:
    """Why a pod is not ready; empty when it is."""
    if condition(pod, "Ready").get("status") == "True" or pod.get("status", {}).get("phase") == "Succeeded":
        return ""
    name, status = pod["metadata"]["name"], pod.get("status", {})
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state", {})
        for words in (state.get("waiting"), state.get("terminated")):
            if words and words.get("reason") not in (None, "Completed", "PodInitializing"):
                message = f": {words['message']}" if words.get("message") else ""
                return f"The pod {name} is held up by {words['reason']}{message}."
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("message"):
        return f"The pod {name} has no node: {scheduled['message']}"
    return f"The pod {name} is {str(status.get('phase', 'not there yet')).lower()}."


def why(cluster: Cluster, names: Iterable[str]) -> str:
    """Why the nodes `names` or the cluster's own pods are not ready: the first reason that is known."""
    nodes = {node["metadata"]["name"]: node for node in (cluster.get(NODES) or {}).get("items", [])}
    reasons = [why_node(nodes.get(name), name) for name in names]
    for namespace in NAMESPACES:
        pods = (cluster.get(f"/api/v1/namespaces/{namespace}/pods") or {}).get("items", [])
        reasons += [why_pod(pod) for pod in pods]
    return " ".join([reason for reason in reasons if reason][:2])
