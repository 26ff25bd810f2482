"""The pods of a node that is to be emptied: which move, which are lost, which refuse, and where they could go. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from steps import cluster_look
from steps.cluster_look import Look

Object = Mapping[str, Any]
PODS = "/api/v1/pods"
BUDGETS = "/apis/policy/v1/poddisruptionbudgets"
VOLUMES = "/api/v1/persistentvolumes"
_MIRROR = "kubernetes.io/config.mirror"
_ENDED = ("Succeeded", "Failed")
_BLOCKED = re.compile(r'error when evicting pods/"([^"]+)" -n "([^"]+)".*?: (.+)')


def name(pod: Object) -> str:
    return f"{pod['metadata'].get('namespace', 'default')}/{pod['metadata']['name']}"


def to_move(pods: Iterable[Object], node: str) -> list[Object]:
    """What a drain of `node` moves: neither what belongs to every node, nor its own static pods, nor what has ended."""
    return [pod for pod in pods if pod.get("spec", {}).get("nodeName") == node and _moves(pod)]


def _moves(pod: Object) -> bool:
    meta = pod["metadata"]
    static = _MIRROR in (meta.get("annotations") or {})
    return not static and not _owned_by(pod, "DaemonSet") and pod.get("status", {}).get("phase") not in _ENDED


def _owned_by(pod: Object, *kinds: str) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(not kinds or owner.get("kind") in kinds for owner in owners)


def bound(volumes: Iterable[Object], node: str) -> set[tuple[str, str]]:
    """The claims (namespace, name) whose data lies on `node` and nowhere else, from the cluster's PersistentVolumes."""
    found = set()
    for one in volumes:
        spec = one.get("spec", {})
        terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms") or []
        wanted = [each.get("values") for term in terms for each in term.get("matchExpressions") or []]
        if [node] in wanted and (claim := spec.get("claimRef")):
            found.add((str(claim.get("namespace")), str(claim.get("name"))))
    return found


def risks(
    pods: Sequence[Object], budgets: Sequence[Object], here: Collection[tuple[str, str]] = frozenset()
) -> list[str]:
    """What a person should know before `pods` are moved, a line each. `here` are the claims that can't move along."""
    lines = [
        f"What {space} keeps ({claim}) lies on this Pi alone: back it up first, nothing brings it to another one."
        for space, claim in sorted(here)
    ]
    for pod in pods:
        volumes = pod.get("spec", {}).get("volumes") or []
        local = [str(volume["name"]) for volume in volumes if "emptyDir" in volume or "hostPath" in volume]
        if not _owned_by(pod):
            lines.append(f"{name(pod)} was started by hand: nothing starts it again elsewhere.")
        elif local:
            lines.append(f"{name(pod)} keeps data on this node only ({', '.join(local)}); it begins anew elsewhere.")
    for budget in budgets:
        held = [name(pod) for pod in pods if _covers(budget, pod)]
        if held and budget.get("status", {}).get("disruptionsAllowed") == 0:
            lines.append(f"The disruption budget {name(budget)} does not let go of {', '.join(held)} for now.")
    return lines


def _covers(budget: Object, pod: Object) -> bool:
    if budget["metadata"].get("namespace") != pod["metadata"].get("namespace"):
        return False
    wanted = budget.get("spec", {}).get("selector", {}).get("matchLabels") or {}
    labels = pod["metadata"].get("labels") or {}
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def places(look: Look, without: str, back: Collection[str] = ()) -> list[str]:
    """The Ready nodes that take pods, `without` left aside; those of `back` will be Ready and take pods by then."""
    return [
        name
        for name, node in look.nodes.items()
        if name != without
        and (name in back or (cluster_look.node_ready(node) and not node.get("spec", {}).get("unschedulable")))
        and not any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints(node) if not _passing(taint))
    ]


def _passing(taint: Object) -> bool:
    """A taint that comes and goes with the node's condition; that is looked at by itself."""
    return str(taint.get("key", "")).startswith("node.kubernetes.io/")


def taints(node: Object) -> list[Object]:
    return list(node.get("spec", {}).get("taints") or [])


def held_up(output: str) -> str:
    """Which pods kept a drain from ending, out of what it printed; empty when it names none."""
    found = {f"{namespace}/{pod}: {why.strip().rstrip('.')}" for pod, namespace, why in _BLOCKED.findall(output)}
    return "; ".join(sorted(found)[:5])
