"""Whose cluster is on these Pis, and how far it has come. Pure. `kubeadm init` is run only where nothing is.

The world decides: what the files and the API of every Pi say. The state's evidence only tells a cluster of ours from
a stranger's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steps.facts import NodeFacts
from wizard.errors import Blocked, TrustError, WizardError

Stage = Literal["bare", "running", "unfinished", "starting", "up"]
UNIT = "homelab-kubeadm"  # kubeadm runs as this systemd unit
_ADDONS = ("daemonset.apps/kube-proxy", "deployment.apps/coredns")


@dataclass(frozen=True)
class Evidence:
    """What the state remembers."""

    uid: str = ""
    ca_hash: str = ""
    begun: bool = False  # a kubeadm init of ours was begun on this very control plane


def at_work(machine: NodeFacts) -> bool:
    """Whether a kubeadm that the wizard has started is at work on this Pi."""
    return machine.units.get(f"{UNIT}.service", {}).get("ActiveState") in ("active", "activating")


def stage(control_plane: NodeFacts, evidence: Evidence) -> Stage:
    """How far the cluster on `control_plane` has come: not begun, kubeadm at work, interrupted, booting, there."""
    if at_work(control_plane):
        return "running"
    complete = all(addon in control_plane.addons for addon in _ADDONS)
    if control_plane.api_answers and (complete or evidence.uid):
        return "up"
    if evidence.uid:
        return "starting"
    return "unfinished" if control_plane.etcd_data else "bare"


def refusal(machines: Mapping[str, NodeFacts], heads: Sequence[str], evidence: Evidence) -> WizardError | None:
    """Why nothing may be done here, or None. `heads` are the control planes' addresses, the first one first."""
    address = heads[0]
    for machine in machines.values():
        if not machine.in_a_cluster:
            continue
        if error := _stranger(machine, machines[address], evidence):
            return error
        if machine.address not in heads and (machine.etcd_data or machine.api_server):
            return _unnamed(machine, machines[address])
    if evidence.ca_hash and not machines[address].in_a_cluster:
        return Blocked(
            "The cluster that this state knows is no longer on its control plane.",
            "Nothing of Kubernetes is there: the card may have been written anew, or kubeadm reset was run.",
            "Restore the Pi from its backup. To make a new cluster instead, move the state's folder away first.",
            host=address,
        )  # fmt: skip
    return None


def stranger(machines: Mapping[str, NodeFacts], first: str, evidence: Evidence) -> WizardError | None:
    """Why one of `machines` must not be written to: it carries a cluster that is not ours. None when none does.

    `first` is the control plane's address. That ours is gone from there is no reason: it may be about to be restored.
    """
    for machine in machines.values():
        if machine.in_a_cluster and (error := _stranger(machine, machines[first], evidence)):
            error.answers = ("machines.hosts",)
            return error
    return None


def _unnamed(machine: NodeFacts, first: NodeFacts) -> Blocked:
    """A control plane that the answers call a worker."""
    if first.etcd_data or first.api_server:
        return Blocked(
            "This Pi is one of the cluster's control planes, but the answers do not name it as one.",
            "It holds a copy of the cluster's data.",
            f"Add {machine.address} to machines.more_control_planes.", host=machine.address,
        )  # fmt: skip
    return Blocked(
        "This Pi is the cluster's control plane, but another one is named in the answers.",
        f"It holds the cluster's data; {first.hostname or first.address} does not.",
        f"Set machines.control_plane to {machine.address}.", host=machine.address,
    )  # fmt: skip


def _stranger(machine: NodeFacts, control_plane: NodeFacts, evidence: Evidence) -> WizardError | None:
    """Why what is on `machine` is not a part of our cluster; None when it is."""
    ours = evidence.ca_hash or (control_plane.ca_hash if evidence.begun else "")
    if machine.ca_hash and ours and machine.ca_hash != ours:
        return TrustError(
            "This Pi belongs to another cluster.",
            f"Its cluster's CA is {machine.ca_hash}, ours is {ours}.",
            "Choose another Pi. If that cluster is no longer wanted: sudo kubeadm reset, on this Pi.",
            host=machine.address,
        )  # fmt: skip
    if machine.listens_6443 and not machine.ca_hash:
        return Blocked(
            "Another Kubernetes runs on this Pi.", "Something serves port 6443, and it was not set up by kubeadm.",
            "Remove it first (for k3s: sudo k3s-uninstall.sh), or choose another Pi.", host=machine.address,
        )  # fmt: skip
    nameless = machine is not control_plane and machine.etcd_data and not machine.ca_hash
    if (evidence.ca_hash and not nameless) or (
        evidence.begun and (machine is control_plane or machine.ca_hash == ours != "")
    ):
        return None
    return TrustError(
        "This Pi already carries a cluster that this state knows nothing about.",
        f"Its CA is {machine.ca_hash or 'unknown'}; nothing was touched.",
        "If it is yours, use the state that made it (--state FILE), or take it over: homelab node add --to, with the "
        "address of its control plane. If it is no longer wanted: sudo kubeadm reset, on this Pi.",
        host=machine.address,
    )  # fmt: skip
