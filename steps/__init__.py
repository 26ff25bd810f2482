"""What a homelab cluster is, one file a step. `ORDER` is the table of contents: what is not in it does not happen.

A step's module is read when more than its name and title is asked of it: most commands need few of them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from wizard.step import AnyStep


class Later:
    """A step that is not read yet. `place` is its module and its class."""

    def __init__(self, name: str, title: str, place: str) -> None:
        self.name, self.title, self.place = name, title, place

    def __getattr__(self, attribute: str) -> Any:
        """Everything else, from the step itself."""
        if attribute.startswith("__"):  # how Python asks an object what it can do
            raise AttributeError(attribute)
        if "_step" not in self.__dict__:
            module, _, kind = self.place.partition(":")
            self._step = getattr(import_module(f"steps.{module}"), kind)()
        return getattr(self._step, attribute)


def _step(name: str, title: str, place: str) -> AnyStep:
    return cast("AnyStep", Later(name, title, place))


MACHINES = _step("machines", "Machines", "machines:Machines")
PREPARE = _step("prepare", "Prepare", "prepare:Prepare")
CONTROL_PLANE = _step("control-plane", "Control plane", "control_plane:ControlPlane")
WORKERS = _step("workers", "Workers", "workers:Workers")
SNAPSHOTS = _step("snapshots", "Snapshots", "snapshots:Snapshots")
TAILNET = _step("tailnet", "Tailnet", "tailnet:Tailnet")

ORDER: tuple[AnyStep, ...] = (
    MACHINES,
    PREPARE,
    CONTROL_PLANE,
    WORKERS,
    SNAPSHOTS,
    TAILNET,
    _step("addresses", "Addresses", "addresses:Addresses"),
    _step("domains", "Domains", "domains:Domains"),
    _step("repository", "Repository", "repository:Repository"),
    _step("flux", "Flux", "flux:Flux"),
    _step("router", "Router", "router:Router"),
    _step("proof", "Proof", "proof:Proof"),
)

# What happens to single Pis of a cluster that runs: other lists over the same engine.
NODE_ADD: tuple[AnyStep, ...] = (
    _step("node-add", "New Pis", "node_add:NodeAdd"), MACHINES, PREPARE, CONTROL_PLANE, WORKERS, SNAPSHOTS, TAILNET,
)  # fmt: skip
NODE_REMOVE: tuple[AnyStep, ...] = (_step("node-remove", "A Pi leaves", "node_remove:NodeRemove"),)
NODE_UPGRADE: tuple[AnyStep, ...] = (_step("node-upgrade", "Upgrade", "node_upgrade:NodeUpgrade"),)
RESET: tuple[AnyStep, ...] = (_step("reset", "Reset", "reset:Reset"),)
