"""What a homelab cluster is, one file a step. `ORDER` is the table of contents: what is not in it does not happen."""

from __future__ import annotations

from steps.addresses import Addresses
from steps.control_plane import ControlPlane
from steps.domains import Domains
from steps.flux import Flux
from steps.machines import Machines
from steps.prepare import Prepare
from steps.proof import Proof
from steps.repository import Repository
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
