"""Upgrading Kubernetes on the whole cluster: control planes first, one node at a time, resumable anywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from steps import (
    cluster_look,
    control_plane,
    emptying,
    kubernetes,
    nodes,
    ops,
    packages,
    snapshot_node,
    snapshots,
    upgrade_look,
)
from steps import facts as node_facts
from steps import prepare_software as software
from steps import upgrade_plan as planner
from steps.cluster_look import Look
from steps.facts import NodeFacts
from steps.kubernetes import Version
from steps.ranges import CONFIG_MAP
from steps.snapshots import Snapshots
from steps.upgrade_plan import Action, NodeState, State
from wizard import yamlfile
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import Answers, Question
from wizard.step import Change, Step
from wizard.wait import until

UNIT = "homelab-upgrade"
CONFIG = "/var/lib/homelab/upgrade.yaml"
READY_SECONDS = 900.0


@dataclass(frozen=True)
class UpgradeFacts:
    """The Pis, and what the upgrade has to know of them. Without a cluster there is no `state`."""

    machines: Mapping[str, NodeFacts] = field(default_factory=dict)
    state: State | None = None
    own_key: bytes = b""


class NodeUpgrade(Step[UpgradeFacts]):
    """`kubeadm upgrade`, then kubelet and kubectl, node by node."""

    name = "node-upgrade"
    title = "Upgrade"
    intro = "Kubernetes gets another version on every Pi, one Pi after the other; their pods move aside where they can."
    questions = (
        Question(
            "to", "To which version of Kubernetes?", kubernetes.VERSION, default=kubernetes.pinned, advanced=True,
            help="Left out: the one that this release of homelab sets up.",
        ),
    )  # fmt: skip
    one_by_one = True

    def check(self, ctx: Context) -> UpgradeFacts:
        if not ctx.state.recall("cluster", "uid"):
            raise Blocked("There is no cluster to upgrade.", "This state knows none.", "Make one first: homelab")
        machines = node_facts.gather(ctx)
        api = control_plane.cluster(ctx)
        target = Version.parse(str(ctx.answers["node-upgrade"]["to"]))
        key = upgrade_look.own_key(ctx.answers)
        state = upgrade_look.state(ctx, machines, Look.at(api), api.get(CONFIG_MAP) or {}, target, key)
        if problem := planner.refusal(state):
            raise problem
        return UpgradeFacts(machines, state, key)

    def plan(self, facts: UpgradeFacts, answers: Answers) -> list[Change]:
        if facts.state is None:
            return []
        changes: list[Change] = []
        for action in planner.actions(facts.state):
            changes += _changes(action, facts, answers)
        return changes


# -- changing ----------------------------------------------------------------------------------------------


def _changes(action: Action, facts: UpgradeFacts, answers: Answers) -> list[Change]:
    assert facts.state is not None  # noqa: S101  # plan has looked
    target, node = facts.state.target, action.node
    if node is None:
        return [_begin(target) if action.kind == "begin" else _end(target)]
    machine, name = facts.machines[node.address], node.name
    settings = software.settings(upgrade_look.at(answers, target), facts.own_key)
    if action.kind == "kubeadm":
        return [*_repository(machine, settings, facts.own_key), _kubeadm(machine, target)]
    sentences: dict[str, tuple[str, Callable[[Context], None]]] = {
        "snapshot": ("take a snapshot of etcd, the cluster's data", lambda ctx: _snapshot(ctx, node.address)),
        "apply": (
            f"upgrade the control plane to Kubernetes {target} (kubeadm upgrade apply); its API is away for a minute",
            lambda ctx: _kubeadm_upgrade(ctx, node, target, "apply"),
        ),
        "node": (
            f"upgrade {'its control plane' if node.head else 'kubelet settings'} to {target} (kubeadm upgrade node)",
            lambda ctx: _kubeadm_upgrade(ctx, node, target, "node"),
        ),
        "drain": ("move its pods to other Pis", lambda ctx: _drain(ctx, name)),
        "kubelet": (_kubelet_sentence(node, target), lambda ctx: _kubelet(ctx, machine, settings, target)),
        "back": (f"wait until it is Ready with {target}, and give it pods again", lambda ctx: _back(ctx, node, target)),
    }
    sentence, do = sentences[action.kind]
    return [Change(f"node-upgrade/{action.kind}", sentence, do, node.address)]


def _kubelet_sentence(node: NodeState, target: Version) -> str:
    stays = "" if node.movable else "; its pods have nowhere to go and stay"
    return f"install kubelet and kubectl {target} and restart kubelet{stays}"


def _begin(target: Version) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("upgrade", "target", value=str(target))
        ctx.keep("prepare", "kubernetes_version", str(target))

    return Change("node-upgrade/begin", f"remember Kubernetes {target} as this cluster's version", do)


def _end(target: Version) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.evidence.pop("upgrade", None)
        ctx.state.save()

    return Change("node-upgrade/end", f"note that the whole cluster runs Kubernetes {target}", do)


def _snapshot(ctx: Context, address: str) -> None:
    """As the step Snapshots takes them where that was run, in its second place too; else a file on the node."""
    if Snapshots.name in ctx.state.done:
        snapshots.take(ctx, address, snapshot_node.place(ctx.answers, address))
    else:
        ops.detached(ctx, address, "homelab-before-upgrade", "node-upgrade/snapshot", timeout=600)
    ctx.state.remember("upgrade", "snapshot", value=True)


def _repository(machine: NodeFacts, settings: software.Settings, own_key: bytes) -> list[Change]:
    repository = software.repositories(machine, settings)[0]
    return packages.repository_changes("node-upgrade", repository, machine, own_key)


def _kubeadm(machine: NodeFacts, target: Version) -> Change:
    def do(ctx: Context) -> None:
        packages.install(ctx, machine.address, [f"kubeadm={target.package}"])
        ops.run(ctx, machine.address, "prepare/hold", *software.HELD)

    return Change("node-upgrade/kubeadm", f"install kubeadm {target}", do, machine.address)


def config(answers: Answers, target: Version) -> str:
    """What ``kubeadm upgrade`` is told: the target, and which of its findings the person has accepted. Pure."""
    accepted = list(answers.get("control-plane", {}).get("ignore_preflight") or [])
    ignoring = {"ignorePreflightErrors": accepted} if accepted else {}
    return yamlfile.dump({
        "apiVersion": "kubeadm.k8s.io/v1beta4", "kind": "UpgradeConfiguration",
        "apply": {"kubernetesVersion": f"v{target}", **ignoring}, "node": ignoring,
    })  # fmt: skip


def _kubeadm_upgrade(ctx: Context, node: NodeState, target: Version, kind: str) -> None:
    ops.write_file(ctx, node.address, CONFIG, config(ctx.answers, target), "0600")
    ops.detached(ctx, node.address, UNIT, f"node-upgrade/{kind}", CONFIG)


def _drain(ctx: Context, name: str) -> None:
    emptying.cordon(ctx, name, "upgrade")
    emptying.drain(ctx, nodes.control_plane(ctx).address, name)


def _kubelet(ctx: Context, machine: NodeFacts, settings: software.Settings, target: Version) -> None:
    """The packages, the file in which the pause image is named, and kubelet anew."""
    address = machine.address
    packages.install(ctx, address, [f"kubelet={target.package}", f"kubectl={target.package}"])
    ops.run(ctx, address, "prepare/hold", *software.HELD)
    changed = {path: text for path, text in settings.files.items() if text != machine.files.get(path, "")}
    for path, text in changed.items():
        ops.write_file(ctx, address, path, text) if text else ops.remove(ctx, address, path)
    if changed:
        ops.follow(ctx, address, "prepare/containerd")
    ops.run(ctx, address, "node-upgrade/kubelet")


def _back(ctx: Context, node: NodeState, target: Version) -> None:
    """Ready means: the new kubelet has said so. Pods may come back only then."""
    api = control_plane.cluster(ctx)

    def arrived() -> bool:
        found = api.get(f"/api/v1/nodes/{node.name}") or {}
        return cluster_look.kubelet(found) == str(target) and cluster_look.node_ready(found)

    until(
        ctx, f"{node.name} to be Ready with {target}", arrived, deadline=READY_SECONDS, host=node.address,
        why=lambda: _why(ctx, node), fix="Run the same command again; it goes on here.",
    )  # fmt: skip

    def settled() -> bool:  # the API may go away at any moment: the new kubelet starts the control plane's pods anew
        if emptying.ours(api.get(f"/api/v1/nodes/{node.name}") or {}) == "upgrade":
            emptying.uncordon(ctx, node.name)
        look = Look.at(api)
        return look.network_everywhere and look.dns

    until(
        ctx, "the pod network and the cluster's DNS to be whole again", settled, deadline=READY_SECONDS,
        host=node.address, why=lambda: cluster_look.why(api, [node.name]),
        fix="Run the same command again; it goes on here.",
    )  # fmt: skip


def _why(ctx: Context, node: NodeState) -> str:
    try:
        return cluster_look.why(control_plane.cluster(ctx), [node.name])
    except WizardError as error:
        return str(error)
