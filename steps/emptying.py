"""Emptying a node: no new pods for it, the others moved away; and giving it back to the pods afterwards."""

from __future__ import annotations

from steps import control_plane, ops, pods
from wizard.context import Context
from wizard.errors import CommandFailed

UNIT = "homelab-drain"
MARK = "homelab-wizard/cordoned"  # annotation: that we, and not a person, keep pods away from a node
DRAIN_SECONDS = 600


def cordon(ctx: Context, node: str, why: str) -> None:
    """Keeps new pods away from `node`, and remembers on it that this was us. One that a person cordoned stays his."""
    api = control_plane.cluster(ctx)
    found = api.get(f"/api/v1/nodes/{node}") or {}
    if not found.get("spec", {}).get("unschedulable"):
        _set(ctx, node, why, cordoned=True)


def uncordon(ctx: Context, node: str) -> None:
    """Lets pods onto `node` again."""
    _set(ctx, node, "", cordoned=False)


def _set(ctx: Context, node: str, mark: str, *, cordoned: bool) -> None:
    control_plane.cluster(ctx).apply(
        f"/api/v1/nodes/{node}",
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "annotations": {MARK: mark}},
         "spec": {"unschedulable": cordoned}},
    )  # fmt: skip


def ours(node: pods.Object) -> str:
    """Why we keep pods away from `node`; empty when we don't."""
    return str((node.get("metadata", {}).get("annotations") or {}).get(MARK, ""))


def drain(ctx: Context, through: str, node: str, *, dead: bool = False) -> None:
    """Moves the pods away from `node`, asked for on the control plane `through`.

    A node that is `dead` ends no pod: what it does not give up soon is given up with the node. Raises `CommandFailed`
    that names the pods which refuse.
    """
    grace, seconds = ("5", 45) if dead else ("-1", DRAIN_SECONDS)
    try:
        ops.detached(
            ctx, through, UNIT, "cluster/drain", node, grace, str(seconds), timeout=seconds + 120, check=not dead
        )
    except CommandFailed as error:
        error.what = f"Not every pod left {node} within {DRAIN_SECONDS // 60} minutes."
        error.why = pods.held_up(error.output) or error.why
        error.fix = (
            "Give these pods more replicas, or delete them or their disruption budget; then run the same command "
            f"again. To keep the node instead: kubectl uncordon {node}."
        )
        raise
