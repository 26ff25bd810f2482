"""Workers: every other Pi joins the cluster, and is Ready under the address that was chosen for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from steps import cluster_look, control_plane, heads, kubeadm, lineage, nodes, ops, tailnet_facts, tailnet_kubelet
from steps import facts as node_facts
from steps.cluster_look import Look
from steps.facts import NodeFacts
from steps.kubeadm import Settings
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import Answers
from wizard.secret import Secret
from wizard.step import Change, Step
from wizard.wait import until

TOKEN = "join-token"  # noqa: S105  # where this run keeps it
READY_SECONDS = 900.0  # flannel's image comes over a home's line


@dataclass(frozen=True)
class WorkerFacts:
    """The Pis, and what the cluster's API says about its nodes."""

    machines: Mapping[str, NodeFacts]
    look: Look
    ca_hash: str


class Workers(Step[WorkerFacts]):
    """`kubeadm join` on every Pi that is no control plane; pods stay off the control planes where there are workers."""

    name = "workers"
    title = "Workers"
    intro = "The other Pis join the cluster. With a single Pi there is nothing to do here."

    def check(self, ctx: Context) -> WorkerFacts:
        machines = node_facts.gather(ctx)
        first = machines[nodes.control_plane(ctx).address]
        evidence = control_plane.evidence_of(ctx, first)
        if error := lineage.refusal(machines, nodes.control_planes(ctx.answers), evidence):
            error.host = ctx.name_of(error.host)
            raise error
        if not control_plane.kubeconfig_path(ctx).exists():
            raise Blocked(
                "There is no cluster to join yet.", "The control plane comes first.", "Run the step Control plane."
            )
        look = Look.at(control_plane.cluster(ctx))
        for machine in machines.values():
            if problem := wrong_address(look, machine, tailnet=tailnet_facts.in_use(ctx.answers)):
                raise problem
        return WorkerFacts(machines, look, evidence.ca_hash)

    def plan(self, facts: WorkerFacts, answers: Answers) -> list[Change]:
        planes = nodes.control_planes(answers)
        first = planes[0]
        workers = [machine for address, machine in facts.machines.items() if address not in planes]
        outside = [machine for machine in workers if not has_joined(machine)]
        changes: list[Change] = []
        if any(not _at_work(machine) for machine in outside):
            sentence = f"make a token for joining on {facts.machines[first].hostname}, valid for 15 minutes"
            changes.append(Change("workers/token", sentence, lambda ctx: _make_token(ctx, first)))
        changes += [_joining(machine, facts.ca_hash) for machine in outside]
        waiting = [m for m in workers if m in outside or not facts.look.ready(m.hostname)]
        if waiting:
            names = " and ".join(machine.hostname for machine in waiting)
            sentence = f"wait until {names} {'is' if len(waiting) < 2 else 'are'} Ready"
            changes.append(Change("workers/ready", sentence, _waiting(waiting)))
        own = [facts.machines[address].hostname for address in planes]
        return changes + heads.taint(facts.look, own, first, wanted=bool(workers))


def has_joined(machine: NodeFacts) -> bool:
    """Whether kubeadm join has come to its end on this Pi."""
    return machine.kubelet_conf and not machine.bootstrap_conf and not _at_work(machine)


def _at_work(machine: NodeFacts) -> bool:
    return lineage.at_work(machine)


def wrong_address(look: Look, machine: NodeFacts, *, tailnet: bool = False) -> WizardError | None:
    """A node that registered under another address than the one it is reached by.

    With a `tailnet`, one that is reached over that is let pass: the step Tailnet puts it back.
    """
    registered = cluster_look.internal_ip(look.nodes.get(machine.hostname, {}))
    if registered in ("", machine.address) or (tailnet and tailnet_kubelet.of_a_tailnet(registered)):
        return None
    return Blocked(
        f"{machine.hostname} is part of the cluster under the address {registered}.",
        f"It is reached under {machine.address}; other nodes and the control plane would look for it elsewhere.",
        f"Give {machine.hostname} its old address back (a DHCP reservation in the router keeps it).",
        host=machine.hostname,
    )  # fmt: skip


def _make_token(ctx: Context, first: str) -> None:
    ctx.scratch[TOKEN] = Secret(ops.run(ctx, first, "workers/token").out.strip())


def _joining(machine: NodeFacts, ca_hash: str) -> Change:
    if _at_work(machine):
        sentence = f"wait for the kubeadm join that is at work on {machine.hostname}"
        return Change("workers/attach", sentence, lambda ctx: _attach(ctx, machine), machine.address)

    def join(ctx: Context) -> None:
        token: Secret = ctx.scratch[TOKEN]
        settings = Settings.read(ctx.answers)
        config = kubeadm.join_config(settings, machine.hostname, machine.address, token.reveal(), ca_hash)
        ops.run(ctx, machine.address, "workers/config", stdin=config.encode())
        ops.detached(ctx, machine.address, lineage.UNIT, "workers/join")

    return Change("workers/join", "join the cluster (kubeadm join)", join, machine.address)


def _attach(ctx: Context, machine: NodeFacts) -> None:
    ops.attach(ctx, machine.address, lineage.UNIT)
    if not has_joined(node_facts.gather_one(ctx, machine.address)):
        raise WizardError(
            f"The kubeadm join that was at work on {machine.hostname} did not succeed.",
            _journal(ctx, machine.address), "Run the same command again: it joins with a new token.",
            host=machine.hostname,
        )  # fmt: skip


def _waiting(machines: Sequence[NodeFacts]) -> Callable[[Context], None]:
    names = [machine.hostname for machine in machines]

    def wait(ctx: Context) -> None:
        api = control_plane.cluster(ctx)
        look = Look()

        def ready() -> bool:
            nonlocal look
            look = Look.at(api)
            return look.network_everywhere and all(look.ready(name) for name in names)

        def reason() -> str:
            late = [machine for machine in machines if not look.ready(machine.hostname)]
            said = cluster_look.why(api, [machine.hostname for machine in late])
            return f"{said} {_journal(ctx, late[0].address)}" if late else said

        until(
            ctx, f"{' and '.join(names)} to be Ready", ready, deadline=READY_SECONDS, why=reason,
            fix="Run the same command again; it goes on here.",
        )  # fmt: skip

    return wait


def _journal(ctx: Context, address: str) -> str:
    return " ".join(ops.run(ctx, address, "workers/why").out.split("\n")).strip()
