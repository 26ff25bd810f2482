"""What a homelab cluster is, one file a step. `ORDER` is the table of contents: what is not in it does not happen."""

from __future__ import annotations

from steps.addresses import Addresses
from steps.control_plane import ControlPlane
from steps.domains import Domains
from steps.flux import Flux
from steps.machines import Machines
from steps.node_add import NodeAdd
from steps.node_remove import NodeRemove
from steps.node_upgrade import NodeUpgrade
from steps.prepare import Prepare
from steps.proof import Proof
from steps.repository import Repository
from steps.reset import Reset
from steps.router import Router
from steps.snapshots import Snapshots
from steps.tailnet import Tailnet
from steps.workers import Workers
from wizard.step import AnyStep

ORDER: tuple[AnyStep, ...] = (
    Machines(),
    Prepare(),
    ControlPlane(),
    Workers(),
    Snapshots(),
    Tailnet(),
    Addresses(),
    Domains(),
    Repository(),
    Flux(),
    Router(),
    Proof(),
)

# What happens to single Pis of a cluster that runs: other lists over the same engine.
NODE_ADD: tuple[AnyStep, ...] = (NodeAdd(), Machines(), Prepare(), ControlPlane(), Workers(), Snapshots(), Tailnet())
NODE_REMOVE: tuple[AnyStep, ...] = (NodeRemove(),)
NODE_UPGRADE: tuple[AnyStep, ...] = (NodeUpgrade(),)
RESET: tuple[AnyStep, ...] = (Reset(),)
