"""Where a cluster may be upgraded to, and in which order: tables over the pure planner."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import upgrade_plan
from steps.kubernetes import Version
from steps.upgrade_plan import NodeState, State

OLD, NEW, NEXT = Version(1, 36, 3), Version(1, 36, 4), Version(1, 37, 2)


def node(name: str, version: Version = OLD, **more: object) -> NodeState:
    head = name.startswith("head")
    versions = {key: version for key in ("kubeadm", "kubelet", "kubectl", "running")}
    made = NodeState(name, name, head, api=version if head else None, movable=True, **versions)
    return replace(made, **more)


def cluster(*nodes: NodeState, target: Version = NEW, version: Version = OLD, **more: object) -> State:
    return State(target, version, nodes, **more)


def kinds(state: State) -> list[str]:
    return [f"{a.node.name} {a.kind}" if a.node else a.kind for a in upgrade_plan.actions(state)]


def todo(name: str, how: str, *, drain: bool = True) -> list[str]:
    return [f"{name} {kind}" for kind in ("kubeadm", how, *(["drain"] if drain else []), "kubelet", "back")]


def test_the_whole_way_control_planes_first_one_after_the_other() -> None:
    state = cluster(node("head1"), node("head2"), node("worker1"), node("worker2"))
    assert kinds(state) == [
        "head1 snapshot", "begin", *todo("head1", "apply"), *todo("head2", "node"), *todo("worker1", "node"),
        *todo("worker2", "node"), "end",
    ]  # fmt: skip


def test_a_single_node_is_not_emptied() -> None:
    assert kinds(cluster(node("head1", movable=False)))[2:-1] == todo("head1", "apply", drain=False)


def test_arrived_there_is_nothing_to_do() -> None:
    state = cluster(node("head1", NEW), node("worker1", NEW), version=NEW)
    assert kinds(state) == []
    assert kinds(replace(state, begun=True, snapshot=True)) == ["end"]


HEAD_PACKAGE = node("head1", kubeadm=NEW)
HEAD_APPLIED = node("head1", kubeadm=NEW, api=NEW)
HEAD_DONE = node("head1", NEW)
REST = [*todo("worker1", "node"), "end"]


@pytest.mark.parametrize(
    ("nodes", "version", "left"),
    [
        ([HEAD_PACKAGE, node("worker1")], OLD, [*todo("head1", "apply")[1:], *REST]),
        ([HEAD_APPLIED, node("worker1")], OLD, [*todo("head1", "apply")[1:], *REST]),  # not written down
        ([HEAD_APPLIED, node("worker1")], NEW, [*todo("head1", "node")[1:], *REST]),  # its add-ons may not be there
        (
            [replace(HEAD_APPLIED, cordoned=True, ours=True), node("worker1")],
            NEW, [*todo("head1", "node")[1:], *REST],
        ),
        (
            [replace(HEAD_APPLIED, kubelet=NEW, cordoned=True, ours=True), node("worker1")],
            NEW, ["head1 drain", "head1 kubelet", "head1 back", *REST],
        ),
        (
            [replace(HEAD_DONE, running=OLD, ready=False, ours=True), node("worker1")],
            NEW, ["head1 drain", "head1 kubelet", "head1 back", *REST],
        ),
        ([replace(HEAD_DONE, cordoned=True, ours=True), node("worker1")], NEW, ["head1 back", *REST]),
        ([replace(HEAD_DONE, held=False), node("worker1", NEW)], NEW, [*todo("head1", "")[2:], "end"]),
        ([replace(HEAD_DONE, cordoned=True), node("worker1")], NEW, REST),  # a person cordoned it: it stays so
        ([HEAD_DONE, node("worker1", kubeadm=NEW)], NEW, [*todo("worker1", "node")[1:], "end"]),
    ],
)  # fmt: skip
def test_interrupted_anywhere_what_the_nodes_say_decides(
    nodes: list[NodeState], version: Version, left: list[str]
) -> None:
    state = cluster(*nodes, version=version, begun=True, snapshot=True)
    assert upgrade_plan.refusal(state) is None
    assert kinds(state) == left


@pytest.mark.parametrize(
    ("version", "target", "said"),
    [
        (OLD, NEW, ""),
        (OLD, NEXT, ""),
        (NEW, NEXT, ""),
        (NEW, NEW, ""),
        (NEW, OLD, "is older than what this cluster runs"),
        (NEXT, NEW, "is older than what this cluster runs"),
        (Version(1, 35, 0), NEXT, "more than one minor version"),
        (OLD, Version(1, 38, 0), "more than one minor version"),
        (OLD, Version(2, 0, 0), "more than one minor version"),
    ],
)
def test_no_way_back_and_no_minor_left_out(version: Version, target: Version, said: str) -> None:
    state = cluster(node("head1", version), node("worker1", version), target=target, version=version)
    error = upgrade_plan.refusal(state)
    assert said in error.what if error else not said


@pytest.mark.parametrize(
    ("nodes", "target", "said"),
    [
        ([node("head1"), node("worker1", NEW)], NEW, "1.36.4 is newer than the cluster's API server 1.36.3"),
        ([node("head1"), node("worker1", Version(1, 34, 1))], NEXT, ""),
        ([node("head1"), node("worker1", Version(1, 33, 1))], NEXT, "more than 3 minor versions behind 1.37.2"),
        ([node("head1", NEXT), node("head2"), node("worker1")], NEW, "is older than what this cluster runs: 1.37.2"),
        ([node("head1", NEXT), node("head2"), node("worker1")], NEXT, ""),
        ([node("head1"), node("worker1", ready=False)], NEW, "worker1 is not Ready"),
        ([node("head1"), node("worker1", ready=False), node("worker2", ready=False)], NEW, "and worker2 are not"),
        ([node("head1", NEW), node("worker1", kubelet=NEW, ready=False)], NEW, ""),  # this very upgrade is at it
        ([node("head1", NEW), node("worker1", ours=True, ready=False)], NEW, ""),
    ],
)  # fmt: skip
def test_versions_and_health_of_the_nodes(nodes: list[NodeState], target: Version, said: str) -> None:
    version = nodes[0].api or OLD
    error = upgrade_plan.refusal(cluster(*nodes, target=target, version=version))
    assert said in str(error) if error else not said
    assert bool(error) == bool(said)


def test_etcd_that_does_not_answer_stops_it_before_it_begins() -> None:
    error = upgrade_plan.refusal(cluster(node("head1"), down=["head1"]))
    assert error and "etcd does not answer on head1" in error.what
    assert upgrade_plan.refusal(cluster(node("head1", NEW), version=NEW, down=["head1"])) is None
