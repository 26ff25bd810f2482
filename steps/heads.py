"""More control planes: they join the first one, one after the other, since etcd takes in one member at a time.

Pure, except for what the changes do and for `membership`, which asks etcd about a join that was cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from steps import facts as node_facts
from steps import kubeadm, lineage, ops
from steps.cluster_look import CONTROL_PLANE, Look, is_control_plane
from steps.facts import NodeFacts
from steps.kubeadm import Settings
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.secret import Secret
from wizard.step import Change
from wizard.wait import until

IMAGES = "/var/lib/homelab/images.yaml"
Stage = Literal["bare", "running", "unfinished", "unmarked", "starting", "up"]


# -- how far each has come ---------------------------------------------------------------------------------


def in_doubt(machine: NodeFacts) -> bool:
    """Whether only etcd can say if this Pi has a vote in it: something is there, and its own API is silent."""
    return machine.in_a_cluster and not machine.api_answers and not lineage.at_work(machine)


def membership(ctx: Context, first: str, machine: NodeFacts) -> str:
    """What the Pi is to etcd: absent, unstarted, learner or voter; empty where it need not be asked or can't answer."""
    if not in_doubt(machine):
        return ""
    return ops.run(ctx, first, "control-plane/member", "show", machine.address, check=False).out.strip()


def stage(machine: NodeFacts, member: str = "") -> Stage:
    """How far a joining control plane has come; `member` as `membership` says. In doubt nothing is cleared away."""
    if lineage.at_work(machine):
        return "running"
    if not machine.in_a_cluster:
        return "bare"
    if machine.api_answers:
        return "up" if f"node/{machine.hostname}" in machine.addons else "unmarked"
    return "unfinished" if member in ("absent", "unstarted", "learner") else "starting"


def obstacle(machine: NodeFacts, stage: Stage, look: Look | None) -> Blocked | None:
    """Why this Pi can't become a control plane as it is; None when it can. Pure."""
    node = look.nodes.get(machine.hostname) if look else None
    if stage == "bare" and node is not None and is_control_plane(node):
        return Blocked(
            "This Pi was a control plane of the cluster, and nothing of that is left on it.",
            "Its card may have been written anew, or kubeadm reset was run. etcd still counts on its vote.",
            f"Take it out (homelab node remove {machine.hostname}), then run the same command again: it joins anew.",
            host=machine.address,
        )  # fmt: skip
    if stage in ("unfinished", "starting") and not (machine.api_server or machine.etcd_data or machine.admin_conf):
        return Blocked(
            "This Pi is a worker of the cluster; a control plane begins on a Pi that is in no cluster.",
            "kubeadm can't turn the one into the other.",
            f"Take it out (homelab node remove {machine.hostname}) and run the same command again, or leave it out of "
            "machines.more_control_planes.", host=machine.address,
        )  # fmt: skip
    return None


# -- changes -----------------------------------------------------------------------------------------------


def images(machines: Sequence[NodeFacts], stages: Mapping[str, Stage]) -> Iterator[Change]:
    """Downloads beside each other, so that joining one after the other is quick."""
    for machine in machines:
        if stages[machine.address] == "bare":
            yield Change(
                "control-plane/images", "fetch the images of Kubernetes' control plane", _images(machine),
                machine.address,
            )  # fmt: skip


def joining(
    machines: Sequence[NodeFacts], stages: Mapping[str, Stage], ready: _Wait, look: Look | None
) -> list[Change]:
    """What makes each Pi a control plane. `ready(address, name)` gives the function that waits for a node."""
    changes: list[Change] = []
    for number, machine in enumerate(machines, 2):
        found = list(_one(machine, stages[machine.address]))
        changes += found
        if found or not (look and look.ready(machine.hostname)):
            sentence = f"wait until {machine.hostname} is Ready"
            # a change without a host ends the lanes: the next one joins when this one is whole
            changes.append(Change(f"control-plane/ready-{number}", sentence, ready(machine.address, machine.hostname)))
    return changes


_Wait = Callable[[str, str], Callable[[Context], None]]


def _one(machine: NodeFacts, stage: Stage) -> Iterator[Change]:
    name, address = machine.hostname, machine.address
    if stage == "running":
        sentence = f"wait for the kubeadm join that is at work on {name}"
        yield Change("control-plane/attach", sentence, lambda ctx: _attach(ctx, machine), address)
    elif stage == "starting":
        sentence = f"wait until the API on {name} answers again"
        yield Change("control-plane/api", sentence, lambda ctx: _wait_for_api(ctx, machine), address)
    elif stage == "unmarked":
        sentence = f"finish the interrupted joining of {name} as a control plane; its data stays"
        yield Change("control-plane/join", sentence, lambda ctx: _join(ctx, machine, "finish"), address)
    elif stage == "unfinished":
        sentence = (
            f"clear away an interrupted join, which had no vote in etcd yet, and let {name} join as a control plane"
        )
        yield Change("control-plane/join", sentence, lambda ctx: _join(ctx, machine, "anew"), address)
    elif stage == "bare":
        sentence = f"let {name} join as a control plane (kubeadm join)"
        yield Change("control-plane/join", sentence, lambda ctx: _join(ctx, machine, "anew"), address)


def _images(machine: NodeFacts) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        config = kubeadm.cluster_config(Settings.read(ctx.answers), ctx.state.cluster, machine.hostname)
        ops.write_file(ctx, machine.address, IMAGES, config, "0600")
        ops.detached(ctx, machine.address, "homelab-images", "control-plane/images", IMAGES)

    return do


def _join(ctx: Context, machine: NodeFacts, how: Literal["anew", "finish"]) -> None:
    """Both secrets are made when they are needed, and go to the Pi's memory on standard input."""
    first = str(ctx.answers["machines"]["control_plane"])
    settings = Settings.read(ctx.answers)
    if how == "anew":  # a member without a vote that was left behind; a voter stops everything
        ops.run(ctx, first, "control-plane/member", "remove", machine.address)
    config = kubeadm.init_config(settings, ctx.state.cluster, ctx.name_of(first)).encode()
    key = Secret(ops.run(ctx, first, "control-plane/certificates", stdin=config).out.strip())
    token = Secret(ops.run(ctx, first, "workers/token").out.strip())
    ca_hash = str(ctx.state.recall("cluster", "ca_hash"))
    join = kubeadm.join_config(settings, machine.hostname, machine.address, token.reveal(), ca_hash, key.reveal())
    ops.run(ctx, machine.address, "workers/config", stdin=join.encode())
    ops.detached(ctx, machine.address, lineage.UNIT, "control-plane/join", how)


def _attach(ctx: Context, machine: NodeFacts) -> None:
    """Follows the kubeadm that an earlier run has started. Raises `WizardError` when it left the join unfinished."""
    ops.attach(ctx, machine.address, lineage.UNIT)
    if stage(node_facts.gather_one(ctx, machine.address)) != "up":
        raise WizardError(
            f"The kubeadm join that was at work on {machine.hostname} did not succeed.", _why(ctx, machine),
            "Run the same command again: it goes on from what is there.", host=machine.hostname,
        )  # fmt: skip


def _wait_for_api(ctx: Context, machine: NodeFacts) -> None:
    until(
        ctx, f"the API on {machine.hostname} to answer",
        lambda: node_facts.gather_one(ctx, machine.address).api_answers,
        deadline=600, every=3, host=machine.address, why=lambda: _why(ctx, machine),
        fix="Look at the Pi: sudo crictl ps -a; sudo journalctl -u kubelet",
    )  # fmt: skip


def _why(ctx: Context, machine: NodeFacts) -> str:
    return " ".join(ops.run(ctx, machine.address, "control-plane/why").out.split("\n")).strip()


# -- the taint ---------------------------------------------------------------------------------------------


def taint(look: Look, names: Sequence[str], first: str, *, wanted: bool) -> list[Change]:
    """Pods stay off the control planes `names` exactly when there are workers for them. `first` sees to it."""
    differing = [name for name in names if name in look.nodes and is_tainted(look, name) != wanted]
    if not differing:
        return []
    places = " and ".join(differing)
    sentence = (
        f"keep pods off {places}: there are workers" if wanted else f"let pods run on {places}: there is no worker"
    )
    word = "on" if wanted else "off"
    return [Change("workers/taint", sentence, lambda ctx: _taint(ctx, first, word, differing))]


def is_tainted(look: Look, name: str) -> bool:
    taints = look.nodes[name].get("spec", {}).get("taints") or []
    return (CONTROL_PLANE, "NoSchedule") in [(t.get("key"), t.get("effect")) for t in taints]


def _taint(ctx: Context, first: str, word: str, names: Sequence[str]) -> None:
    ops.run(ctx, first, "control-plane/taint", word, *names)
