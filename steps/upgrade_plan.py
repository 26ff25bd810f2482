"""The way of a cluster to another Kubernetes: whether it may go there, and what is left to do, node by node. Pure.

What the nodes say decides: the versions of their packages, of the API server that runs, of the kubelet that reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from steps.kubernetes import Version
from wizard.errors import Blocked, WizardError

Kind = Literal["snapshot", "begin", "kubeadm", "apply", "node", "drain", "kubelet", "back", "end"]
KUBELET_BEHIND = 3  # minors that a kubelet may be older than the API server


@dataclass(frozen=True)
class NodeState:
    """One node, as far as an upgrade is concerned."""

    address: str
    name: str
    head: bool  # it runs the control plane
    kubeadm: Version | None  # the packages
    kubelet: Version | None
    kubectl: Version | None
    running: Version | None  # the kubelet that reports to the API
    api: Version | None = None  # the API server that runs on it
    held: bool = True  # its packages are held
    current: bool = True  # containerd is configured as the target wants it
    ready: bool = True
    cordoned: bool = False
    ours: bool = False  # it was us who cordoned it, for this
    busy: bool = False  # pods run on it that would have to move
    movable: bool = False  # another node can take them

    def arrived(self, target: Version) -> bool:
        """Whether nothing is left to do on it."""
        packages = self.kubeadm == self.kubelet == self.kubectl == self.running == target
        return packages and self.api in (None, target) and self.held and self.current and not self.ours

    def at_work(self, target: Version) -> bool:
        """Whether an upgrade to `target` was interrupted on it."""
        return self.ours or (self.kubelet == target and self.running != target)


@dataclass(frozen=True)
class State:
    """The cluster before, in the middle of or after an upgrade; first the first control plane, workers last."""

    target: Version
    version: Version  # what kubeadm has written down as the cluster's
    nodes: Sequence[NodeState]
    begun: bool = False  # the answers name the target already
    snapshot: bool = False  # one was taken for this upgrade
    down: Sequence[str] = ()  # etcd's members that do not answer

    @property
    def apis(self) -> list[Version]:
        return [node.api for node in self.nodes if node.api]


@dataclass(frozen=True)
class Action:
    """One change: what kind, on which node (None: the whole cluster)."""

    kind: Kind
    node: NodeState | None = None


def refusal(state: State) -> WizardError | None:
    """Why the upgrade may not begin or go on; None when it may."""
    return _skew(state) or _health(state)


def _skew(state: State) -> WizardError | None:
    target, lowest = state.target, min([state.version, *state.apis])
    newest = max([state.version, *state.apis])
    if target < newest:
        begun = " An upgrade to it has begun." if newest > lowest else ""
        return Blocked(
            f"Kubernetes {target} is older than what this cluster runs: {newest}.{begun}",
            "Kubernetes can't go back: a newer API server may have written what an older one can't read.",
            f"Choose {newest} or newer with --to.",
        )  # fmt: skip
    if target.major != lowest.major or target.minor > lowest.minor + 1:
        step = f"{lowest.major}.{lowest.minor + 1}"
        return Blocked(
            f"From Kubernetes {lowest} to {target} is more than one minor version.",
            "Each minor version is tested as the step after the one before it; none may be left out.",
            f"Go to a {step} first: homelab node upgrade --to {step}.N",
        )  # fmt: skip
    for node in state.nodes:
        if node.running and node.running > newest:
            return _broken(node, f"Its kubelet {node.running} is newer than the cluster's API server {newest}.")
        if node.running and target.minor - node.running.minor > KUBELET_BEHIND:
            return _broken(
                node, f"Its kubelet {node.running} is more than {KUBELET_BEHIND} minor versions behind {target}."
            )
    return None


def _broken(node: NodeState, why: str) -> Blocked:
    return Blocked(
        "A node is outside of what Kubernetes supports.", why,
        f"Remove it and add it again: homelab node remove {node.name}.", host=node.name,
    )  # fmt: skip


def _health(state: State) -> WizardError | None:
    if all(node.arrived(state.target) for node in state.nodes) and state.version == state.target:
        return None
    late = [node.name for node in state.nodes if not node.ready and not node.at_work(state.target)]
    if late:
        return Blocked(
            f"{' and '.join(late)} {'is' if len(late) == 1 else 'are'} not Ready.",
            "An upgrade takes one node after the other away for a while; all the others have to work.",
            "Bring it back or take it out (homelab node remove), then run the same command again.",
        )  # fmt: skip
    if state.down and not any(node.at_work(state.target) for node in state.nodes):
        return Blocked(
            f"etcd does not answer on {' and '.join(state.down)}.", "Its data is what an upgrade must not lose.",
            "Look there: sudo crictl ps -a; then run the same command again.",
        )  # fmt: skip
    return None


def actions(state: State) -> list[Action]:
    """What is left to do, in order: control planes before workers, one node at a time."""
    first, *others = state.nodes
    applied = _applied(state, first)
    if applied and all(node.arrived(state.target) for node in state.nodes):
        return [Action("end")] if state.begun and state.snapshot else []
    found = [] if state.snapshot else [Action("snapshot", first)]
    if not state.begun:
        found.append(Action("begin"))
    for node in (first, *others):
        found += _node(node, state.target, again=node is first and not applied)
    return [*found, Action("end")]


def _applied(state: State, first: NodeState) -> bool:
    return state.version == state.target == first.api


def _node(node: NodeState, target: Version, *, again: bool) -> Iterator[Action]:
    if node.arrived(target) and not again:
        return
    if node.kubeadm != target:
        yield Action("kubeadm", node)
    if again:
        yield Action("apply", node)
    elif node.kubelet != target:  # the kubelet's package comes last, so until then this may not have come to its end
        yield Action("node", node)
    if node.kubelet != target or node.kubectl != target or node.running != target or not (node.held and node.current):
        if node.movable:
            yield Action("drain", node)
        yield Action("kubelet", node)
        yield Action("back", node)
    elif node.ours:
        yield Action("back", node)
