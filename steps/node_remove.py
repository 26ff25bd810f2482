"""Removing a Pi, dead or alive: its pods move, the cluster forgets it, the Pi forgets the cluster."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steps import control_plane, emptying, members, node_forget, nodes, ops, pods, prepare_system, tailnet_leave
from steps import facts as node_facts
from steps.cluster_look import Look
from steps.facts import NodeFacts
from steps.members import Member
from steps.pods import Object
from wizard.context import Context
from wizard.errors import Blocked, ConnectionLost, Unreachable, WizardError
from wizard.question import ADDRESS, Answers, Choice, Kind, Question
from wizard.step import Change, Step

UNIT = "homelab-reset"
EVIDENCE = node_forget.EVIDENCE
ONE = Kind("address", ADDRESS.parse, widget="choice")


def _members(ctx: Context) -> list[Choice]:
    return [
        Choice(node.address, node.name or node.address, f"{node.address}, {node.role}") for node in nodes.nodes(ctx)
    ]


@dataclass(frozen=True)
class Leaving:
    """The Pi that goes, and what stays."""

    address: str = ""  # empty: nobody goes
    name: str = ""
    machine: NodeFacts | None = None  # None: it can't be reached
    head: bool = False  # it runs the control plane
    through: str = ""  # the control plane that stays, and is asked
    others: Mapping[str, NodeFacts] = field(default_factory=dict)  # those that stay and can be reached
    look: Look | None = None  # None: the API can't be asked from here yet
    etcd: Sequence[Member] = ()
    pods: Sequence[Object] = ()  # those that have to move
    risks: Sequence[str] = ()
    tailnet: tailnet_leave.Leaving = field(default_factory=tailnet_leave.Leaving)

    @property
    def node(self) -> Object | None:
        return self.look.nodes.get(self.name) if self.look else None


class NodeRemove(Step[Leaving]):
    """Drain, `kubeadm reset`, etcd's member out, the node's object gone, answers and evidence last."""

    name = "node-remove"
    title = "A Pi leaves"
    intro = (
        "One Pi leaves the cluster for good: its pods move to the others, and what Kubernetes keeps on it is deleted."
    )
    questions = (
        Question(
            "node", "Which Pi shall leave the cluster?", ONE, choices=_members,
            help="The last control plane can't; homelab does not take a cluster apart by accident.",
        ),
    )  # fmt: skip
    rounds = 2  # a dead first control plane: another one takes its place before the cluster can be asked

    def check(self, ctx: Context) -> Leaving:
        address = ctx.answers.get("node-remove", {}).get("node")
        if not address or address not in nodes.addresses(ctx.answers):
            return Leaving()
        found = self._look(ctx, address)
        reachable = found.machine is not None
        tailnet = tailnet_leave.look(ctx, address, reachable=reachable, staying=list(found.others))
        return replace(found, tailnet=tailnet)

    def _look(self, ctx: Context, address: str) -> Leaving:
        heads = nodes.control_planes(ctx.answers)
        stay = [head for head in heads if head != address]
        if not stay:
            raise last_one(ctx.name_of(address))
        seen = ctx.each(nodes.addresses(ctx.answers), lambda one: _facts(ctx, one))
        through = next((head for head in stay if (facts := seen[head]) and facts.api_answers), "")
        others = {one: facts for one, facts in seen.items() if facts and one != address}
        if not ctx.state.recall("cluster", "uid"):
            return Leaving(address, ctx.name_of(address), seen[address], address in heads, others=others)
        if not through:
            raise no_head(ctx, stay)
        etcd = members.look(ctx, through)
        head = address in heads or any(member.address == address for member in etcd)
        name = str(ctx.state.recall(EVIDENCE, address, "hostname") or "")
        found = Leaving(address, name, seen[address], head, through, others, None, etcd)
        if problem := members.loses_quorum(etcd, address) if head else "":
            raise quorum(found, problem)
        if heads[0] == address and seen[address] is None:
            return found  # this computer's kubeconfig leads to the dead one
        return _asked(ctx, found)

    def plan(self, facts: Leaving, answers: Answers) -> list[Change]:
        if not facts.address:
            return []
        changes = [_take_out(facts)]
        if facts.through and facts.head:
            changes += _headless(facts, answers)
        if facts.through and facts.look is None:
            return changes
        name = facts.name or facts.address
        forgotten = node_forget.change(
            facts.address, name, facts.tailnet, dead=bool(not facts.machine and facts.through)
        )
        return [
            *changes, *_emptied(facts), *tailnet_leave.handing_over(facts.tailnet), *_gone(facts),
            *tailnet_leave.leaving(facts.tailnet), forgotten,
        ]  # fmt: skip


# -- looking -----------------------------------------------------------------------------------------------


def _facts(ctx: Context, address: str) -> NodeFacts | None:
    """The facts of `address`; None when it can't be reached or was never let in."""
    if not nodes.pinned_keys(ctx, address):
        return None
    try:
        return node_facts.gather_one(ctx, address)
    except ConnectionLost:  # it was there a moment ago: it is waited for, and not counted as dead
        raise
    except Unreachable:
        return None


def _asked(ctx: Context, found: Leaving) -> Leaving:
    api = control_plane.cluster(ctx)
    look = Look.at(api)
    moving = pods.to_move(_items(api.get(pods.PODS)), found.name)
    here = pods.bound(_items(api.get(pods.VOLUMES)), found.name)
    risks = pods.risks(moving, _items(api.get(pods.BUDGETS)), here)
    return replace(found, look=look, pods=moving, risks=risks)


def _items(listed: Mapping[str, Sequence[Object]] | None) -> list[Object]:
    return list((listed or {}).get("items", []))


def last_one(name: str) -> Blocked:
    return Blocked(
        "This is the cluster's only control plane.", "Without it there is no cluster: its data is on this Pi alone.",
        "To give the whole cluster up: homelab reset. To replace this Pi, add another control plane first: "
        "homelab node add ADDRESS --control-plane.", host=name,
    )  # fmt: skip


def no_head(ctx: Context, stay: Sequence[str]) -> Blocked:
    return Blocked(
        "No control plane answers that would stay.", f"Asked: {', '.join(ctx.name_of(head) for head in stay)}.",
        "Bring it up first (sudo systemctl status kubelet, on the Pi), then run the same command again.",
    )  # fmt: skip


def quorum(found: Leaving, problem: str) -> Blocked:
    return Blocked(
        "Taking this control plane out would stop the cluster.", problem,
        "Bring the others back first; homelab status names them.", host=found.name or found.address,
    )  # fmt: skip


# -- changing ----------------------------------------------------------------------------------------------


def _take_out(found: Leaving) -> Change:
    """Always the first: the one that is asked about by itself."""
    name = found.name or found.address
    if found.machine is None:
        sentence = f"take {name} out of the cluster though it can't be reached: what is on it stays on it"
    elif found.machine.in_a_cluster:
        sentence = f"take {name} out of the cluster for good and delete what Kubernetes keeps on it"
    else:
        sentence = f"take {name} off the list of the cluster's Pis"

    def do(ctx: Context) -> None:
        ctx.state.remember(EVIDENCE, found.address, "leaving", value=True)
        if found.node:
            emptying.cordon(ctx, found.name, "leaving")

    return Change("node-remove/take-out", sentence, do, danger=True, detail="\n".join(found.risks))


def _headless(found: Leaving, answers: Answers) -> list[Change]:
    """A control plane goes: nobody may look for the API there any longer, the Pis and this computer."""
    stay = [head for head in nodes.control_planes(answers) if head != found.address]
    stay.sort(key=lambda head: head != found.through)
    machines = [*found.others.values(), *([found.machine] if found.machine else [])]
    changes = [
        replace(change, id="node-remove/hosts", undo=None)
        for machine in machines
        for change in prepare_system.api_name(machine, stay)
    ]
    if answers["machines"]["control_plane"] == found.address:
        changes.append(_first(found, stay))
    return changes


def _first(found: Leaving, stay: Sequence[str]) -> Change:
    def do(ctx: Context) -> None:
        control_plane.fetch_kubeconfig(ctx, found.through)
        ctx.keep("machines", "more_control_planes", list(stay[1:]) or None)
        ctx.keep("machines", "control_plane", found.through)

    name = found.others[found.through].hostname
    return Change("node-remove/first", f"let this computer ask {name} from now on: save its kubeconfig", do)


def _emptied(found: Leaving) -> list[Change]:
    if not found.node or not found.look:
        return []
    changes = []
    if not pods.places(found.look, found.name):
        changes.append(_no_place(found))
    if found.pods:
        count = len(found.pods)
        sentence = f"move {count} {'pod' if count == 1 else 'pods'} away from {found.name}"
        dead = found.machine is None
        do: Callable[[Context], None] = lambda ctx: emptying.drain(ctx, found.through, found.name, dead=dead)  # noqa: E731
        changes.append(Change("node-remove/drain", sentence, do))
    return changes


def _no_place(found: Leaving) -> Change:
    """The last node for pods goes: the control planes have to take them."""
    heads = (
        [name for name, node in found.look.nodes.items() if name != found.name and pods.taints(node)]
        if found.look
        else []
    )

    def do(ctx: Context) -> None:
        for head in heads:
            ops.run(ctx, found.through, "cluster/untaint", head)

    where = f"let pods run on {' and '.join(heads)}" if heads else "leave the pods without a node to run on"
    return Change("node-remove/no-place", f"{where}, since no other Ready node is left for them", do, danger=True)


def _gone(found: Leaving) -> list[Change]:
    changes = []
    machine = found.machine
    if machine and machine.in_a_cluster:
        sentence = f"delete Kubernetes' configuration, certificates and data from {machine.hostname} (kubeadm reset)"
        changes.append(Change("node-remove/reset", sentence, _reset(found), found.address))
    if any(member.address == found.address for member in found.etcd):
        sentence = f"see that etcd no longer counts on {found.name}"
        changes.append(Change("node-remove/etcd", sentence, lambda ctx: _leave_etcd(ctx, found)))
    if found.node:
        path = f"/api/v1/nodes/{found.name}"
        sentence = f"delete the node {found.name} from the cluster"
        changes.append(Change("node-remove/delete", sentence, lambda ctx: control_plane.cluster(ctx).delete(path)))
    return changes


def _reset(found: Leaving) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        ops.detached(ctx, found.address, UNIT, "node-remove/reset")

    return do


def _leave_etcd(ctx: Context, found: Leaving) -> None:
    """kubeadm reset takes the member out where it runs and can; a dead Pi's, or one it left, is taken out here."""
    there = [m for m in members.look(ctx, found.through) if m.address == found.address]
    for member in there:
        ops.run(ctx, found.through, "cluster/etcd", "remove", member.id, timeout=60)
    if there and any(m.address == found.address for m in members.look(ctx, found.through)):
        raise WizardError(
            f"etcd still counts {found.name} among its members.", "It was told to take it out, and did not.",
            "Run the same command again.", host=ctx.name_of(found.through),
        )  # fmt: skip
