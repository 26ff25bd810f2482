"""Why a workload has not the pods that it should have, and the parts of a homelab that others rely on. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from steps.why import nodes, pods
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, condition, meta, name, place, said, spec, status

REFUSED = (  # why a controller can't make a pod
    ("pod-quota", r"exceeded quota"),
    ("pod-security", r"violates PodSecurity"),
    ("webhook-silent", r"failed calling webhook"),
    ("service-account-missing", r"serviceaccounts? \"[^\"]+\" not found|error looking up service account"),
    ("pod-refused", r""),
)


@dataclass(frozen=True)
class Part:
    """A workload that others rely on, and the code for it when it has no pods at all. `names`: it may be called so."""

    code: str
    plural: str
    namespace: str
    names: tuple[str, ...]
    whole: bool = False  # the code is said whatever its pods say: others show only that this is down


PARTS = (
    Part("dns-down", "deployments", "kube-system", ("coredns",), whole=True),
    Part("proxy-down", "daemonsets", "kube-system", ("kube-proxy",)),
    Part("network-down", "daemonsets", "kube-flannel", ("kube-flannel-ds",)),
    Part("flux-controller-down", "deployments", "flux-system", ("source-controller",)),
    Part("flux-controller-down", "deployments", "flux-system", ("kustomize-controller",)),
    Part("flux-controller-down", "deployments", "flux-system", ("helm-controller",)),
    Part("address-controller-down", "deployments", "metallb-system", ("metallb-controller", "controller")),
    Part("speaker-down", "daemonsets", "metallb-system", ("metallb-speaker", "speaker")),
    Part("cert-manager-down", "deployments", "cert-manager", ("cert-manager",)),
    Part("cert-manager-down", "deployments", "cert-manager", ("cert-manager-webhook",)),
    Part("solver-down", "deployments", "cert-manager", ("cert-manager-webhook-duckdns",)),
    Part("gateway-down", "deployments", "traefik", ("traefik-internal",)),
    Part("gateway-down", "deployments", "traefik", ("traefik-external",)),
    Part("pihole-down", "deployments", "pihole", ("pihole",)),
)


def part_of(one: Object) -> Part | None:
    """The part that this workload is, if others rely on it."""
    space, short = place(one)
    return next((part for part in PARTS if part.namespace == space and short in part.names), None)


def ails(one: Object) -> bool:
    """Whether it has fewer ready pods than it should have."""
    kind, told, wanted = one.get("kind"), status(one), spec(one).get("replicas", 1)
    if kind == "DaemonSet":
        return int(told.get("numberReady", 0)) < int(told.get("desiredNumberScheduled", 0))
    if kind == "Job":
        return condition(one, "Failed").get("status") == "True"
    ready = told.get("availableReplicas" if kind == "Deployment" else "readyReplicas", 0)
    return int(ready or 0) < int(wanted)


def why(sight: Sight, one: Object) -> Iterator[Finding]:
    """The causes at its pods; where there are none, why none can be made."""
    if not ails(one) or (one.get("kind") == "Job" and pods.is_past(sight, one)):
        return
    mine = of(sight, one)
    found = [each.below(name(one)) for pod in mine for each in pods.why(sight, pod)]
    yield from found
    if found:
        return
    if refused := _refused(sight, one):
        yield refused
    elif one.get("kind") == "Job":
        yield find("job-failed", name(one), [said(condition(one, "Failed"))])
    elif not mine and sight.age(str(meta(one).get("creationTimestamp"))) > pods.STARTING:
        told = [said(each) for each in status(one).get("conditions") or () if each.get("status") != "True"]
        yield find("unknown", name(one), ["it has no pods", *told])


def of(sight: Sight, one: Object) -> list[Object]:
    """The pods of a workload; of a Deployment those of its newest ReplicaSet, when that has any."""
    if one.get("kind") != "Deployment":
        return sight.owned("pods", one)
    sets = sight.owned("replicasets", one)
    return [pod for each in sets for pod in sight.owned("pods", each)]


def _refused(sight: Sight, one: Object) -> Finding | None:
    makers = [one, *(sight.owned("replicasets", one) if one.get("kind") == "Deployment" else [])]
    for maker in makers:
        for event in sight.warnings(str(maker.get("kind")), *place(maker)):
            if event.get("reason") == "FailedCreate":
                code = next(code for code, pattern in REFUSED if re.search(pattern, said(event)))
                return find(code, name(one), [said(event)])
    failure = condition(one, "ReplicaFailure")
    if failure.get("status") == "True":
        code = next(code for code, pattern in REFUSED if re.search(pattern, said(failure)))
        return find(code, name(one), [said(failure)])
    return None


# -- what others rely on -----------------------------------------------------------------------------------------------


def parts(sight: Sight) -> Iterator[Finding]:
    """Every part that others rely on and that is not there."""
    spaces = {str(meta(one).get("name")) for one in sight.all("namespaces")}
    for part in PARTS:
        if part.namespace in spaces and part.plural not in sight.unread:
            yield from down(sight, part)


def down(sight: Sight, part: Part) -> Iterator[Finding]:
    """Why `part` has no ready pods; what its pods say comes first, unless everybody only sees that it is down."""
    one = next((got for each in part.names if (got := sight.one(part.plural, part.namespace, each))), None)
    if one is None:
        yield from _not_there(sight, part)
        return
    told, about = status(one), name(one)
    ready = int(told.get("numberReady", 0) if part.plural == "daemonsets" else told.get("readyReplicas", 0) or 0)
    if ready and not (part.plural == "daemonsets" and ails(one)):
        return
    found = list(why(sight, one))
    of_nodes = [each for each in found if each.about.startswith("Node ")]
    if of_nodes or (found and not part.whole):
        yield from of_nodes or found
        return
    young = sight.age(str(meta(one).get("creationTimestamp"))) < pods.STARTING
    if not ready and not young:
        wanted = told.get("desiredNumberScheduled", 0) if part.plural == "daemonsets" else spec(one).get("replicas", 1)
        yield find(part.code, about, [f"{ready} of {wanted} pods are ready", *(e.sentence for e in found)])


def _not_there(sight: Sight, part: Part) -> Iterator[Finding]:
    """A part of Kubernetes itself that is missing; what Flux brings is missed by Flux."""
    if part.namespace == "kube-system" and sight.all("nodes"):
        kind = "DaemonSet" if part.plural == "daemonsets" else "Deployment"
        yield find(part.code, f"{kind} {part.namespace}/{part.names[0]}", ["it is not there"])


def dns(sight: Sight) -> list[Finding]:
    """Why the cluster's own DNS does not answer; empty when it does."""
    return list(down(sight, PARTS[0]))


def control_plane(sight: Sight) -> Iterator[Finding]:
    """etcd, the API and the controllers, whose pods kubelet starts by itself."""
    for pod in sight.all("pods"):
        space, short = place(pod)
        mirror = "kubernetes.io/config.mirror" in (meta(pod).get("annotations") or {})
        node = sight.one("nodes", "", str(spec(pod).get("nodeName")))
        if space == "kube-system" and mirror and pods.ails(sight, pod) and not (node and nodes.is_down(node)):
            seen = [text for one in pods.why(sight, pod) for text in (one.sentence, *one.evidence)]
            if seen:
                part = short.removesuffix(f"-{spec(pod).get('nodeName')}")
                yield find("control-plane-part", name(pod), seen, part=part, node=str(spec(pod).get("nodeName")))
