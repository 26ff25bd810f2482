"""A lost control plane: a fresh Pi of the same name and address gets the cluster's data and keys out of a backup."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from steps import control_plane, lineage, nodes, ops
from steps import facts as node_facts
from steps.backup import contents, passphrase, read
from steps.backup.make import PIECE
from steps.facts import NodeFacts
from wizard.backupfile import Backup
from wizard.context import Context
from wizard.errors import Blocked, TrustError
from wizard.question import Answers, Question
from wizard.step import Change, Step

NAME = "restore-control-plane"
UNIT = "homelab-restore"


@dataclass(frozen=True)
class HeadFacts:
    """`fresh`: nothing of a cluster is on the first control plane. `strangers`: Pis that the cluster knows and that do
    not know it any more, by name."""

    address: str
    name: str
    fresh: bool = False
    made: str = ""
    strangers: tuple[str, ...] = ()
    alone: bool = False  # the cluster had more control planes
    workers: tuple[str, ...] = field(default=())


class ControlPlaneBack(Step[HeadFacts]):
    """Brings etcd's data and the authorities to a fresh Pi, and starts the control plane with them."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Restore the control plane"
    intro: ClassVar[str] = (
        "The first control plane is a fresh Pi with the old one's name and address. It gets the cluster's data and keys"
        " out of the backup; Pis that still belong to the cluster find it by themselves, fresh ones join again."
    )
    questions: ClassVar[tuple[Question, ...]] = (read.FILE, passphrase.OPENS)

    def check(self, ctx: Context) -> HeadFacts:
        machines = node_facts.gather(ctx)
        heads = nodes.control_planes(ctx.answers)
        first = machines[heads[0]]
        if first.in_a_cluster and not lineage.at_work(first):
            evidence = control_plane.evidence_of(ctx, first)
            if error := lineage.refusal(machines, heads, evidence):
                error.host = ctx.name_of(error.host)
                raise error
            if first.api_answers:
                return HeadFacts(first.address, first.hostname, strangers=_strangers(ctx, machines))
        backup = read.opened(ctx, NAME)
        refuse(ctx.state.recall("cluster", "ca_hash"), backup, first)
        refuse_alive([machines[other] for other in heads[1:]])
        return HeadFacts(
            first.address, first.hostname, True, str(backup.about["made"]), (), len(heads) > 1,
            tuple(one.hostname for one in machines.values() if one is not first and not one.in_a_cluster),
        )  # fmt: skip

    def plan(self, facts: HeadFacts, answers: Answers) -> list[Change]:
        if not facts.fresh:
            return [_forgetting(facts.strangers)] if facts.strangers else []
        put = f"bring the cluster's data to {facts.name}: everything that it knew when the backup was made"
        start = f"make {facts.name} the cluster's control plane again, and wait for its API"
        address, alone = facts.address, facts.alone
        found = [
            Change(f"{NAME}/put", put, lambda ctx: _put(ctx, address), address),
            Change(f"{NAME}/start", start, lambda ctx: _start(ctx, address, alone), address, danger=True,
                   detail=f"The backup was made {facts.made}. What the cluster has learned since is lost to it."),
        ]  # fmt: skip
        return [*found, _forgetting(facts.workers)] if facts.workers else found


def refuse(ca_hash: Any, backup: Backup, first: NodeFacts) -> None:
    """Raises `WizardError` when this backup can't make this Pi the cluster's control plane. Pure."""
    identity, etcd = backup.about["identity"], backup.about.get("etcd") or {}
    if not etcd:
        raise Blocked(
            "This backup holds no data of the cluster.", "It was made without them (--no-etcd).",
            "Name another backup, or make the cluster anew: homelab restore FILE --new-cluster.",
        )  # fmt: skip
    if ca_hash and identity["ca_hash"] != ca_hash:
        raise TrustError(
            "This backup is of another cluster.", f"Its CA is {identity['ca_hash']}, pinned is {ca_hash}.",
            "Name a backup of this cluster, or that cluster's state with --state FILE.",
        )  # fmt: skip
    if (first.address, first.hostname) != (etcd["address"], etcd["host"]):
        raise Blocked(
            f"The backup is of {etcd['host']} at {etcd['address']}; this Pi is {first.hostname} at {first.address}.",
            "Certificates, etcd and the other Pis know the control plane by that name and address.",
            "Give the fresh Pi that name and address (Raspberry Pi Imager; a DHCP reservation), or make the cluster"
            " anew from the same repository: homelab restore FILE --new-cluster.",
            host=first.address,
        )  # fmt: skip


def refuse_alive(others: Sequence[NodeFacts]) -> None:
    """Raises `Blocked` while another control plane holds the cluster's data: two would go two ways. Pure."""
    if alive := [one.hostname for one in others if one.etcd_data]:
        names = " and ".join(alive)
        raise Blocked(
            f"{names} {'holds' if len(alive) == 1 else 'hold'} the cluster's data as well.",
            "A restore begins a cluster of one control plane; none that has the old data may come back to it.",
            "If it still answers, no backup is needed: homelab node remove, then homelab node add --control-plane."
            " If it does not, on each of them: sudo kubeadm reset --force. Then run the same command again.",
        )  # fmt: skip


def _strangers(ctx: Context, machines: Mapping[str, NodeFacts]) -> tuple[str, ...]:
    """Fresh Pis that the restored cluster takes for members: it must forget them before they can join."""
    if not control_plane.kubeconfig_path(ctx).exists():
        return ()
    api = control_plane.cluster(ctx)
    fresh = [one.hostname for one in machines.values() if not one.in_a_cluster]
    return tuple(name for name in fresh if api.get(f"/api/v1/nodes/{name}"))


# -- changing ----------------------------------------------------------------------------------------------------


def _put(ctx: Context, address: str) -> None:
    data = read.opened(ctx, NAME).files[contents.SNAPSHOT]
    for number in range(max(1, -(-len(data) // PIECE))):
        ctx.progress(address, f"sending the snapshot, {number * PIECE >> 20} of {len(data) >> 20} MB so far")
        piece = data[number * PIECE : (number + 1) * PIECE]
        ops.run(ctx, address, "backup/put", str(number), stdin=base64.encodebytes(piece), timeout=300)


def _start(ctx: Context, address: str, alone: bool) -> None:
    digest = str(read.opened(ctx, NAME).about["etcd"]["sha256"])
    ops.detached(ctx, address, UNIT, "backup/restore", digest, *(["--alone"] if alone else []))
    control_plane.fetch_kubeconfig(ctx, address)


def _forgetting(names: Sequence[str]) -> Change:
    what = " and ".join(names)

    def do(ctx: Context) -> None:
        api = control_plane.cluster(ctx)
        for name in names:
            api.delete(f"/api/v1/nodes/{name}")

    return Change(f"{NAME}/forget", f"let the cluster forget {what}: freshly flashed, they join again", do)
