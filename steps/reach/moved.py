"""Rows that were measured at a public address which is another home's by now prove nothing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from steps import public_now
from steps.reach.judge import Cell
from wizard.context import Context


def unmeasured(ctx: Context, cells: Sequence[Cell]) -> tuple[list[Cell], str]:
    """The cells, those at an address of before not measured, and a sentence on that; empty when it has not changed.

    It is looked up only where nothing there shows the cluster's word, or where public names lead elsewhere.
    """
    old = public_now.seen(ctx).answer
    doubtful = [c for c in cells if c.verdict != "not measured" and c.probe.address == old]
    astray = [c for c in cells if c.verdict == "wrong" and (c.probe.kind, c.probe.side) == ("name", "external")]
    if not old or shown(cells, old) or not (doubtful or astray):
        return list(cells), ""
    now = public_now.look(ctx)
    if not now.moved:
        return list(cells), ""
    doubtful += [c for c in cells if c.verdict == "ok" and leads_to(c, old)]
    why = f"{old} is not this home's address any more, as it seems"
    found = [replace(c, verdict="not measured", seen=why) if c in doubtful else c for c in cells]
    return found, now.sentence if doubtful or any(leads_to(c, now.told.address) for c in astray) else ""


def shown(cells: Iterable[Cell], address: str) -> bool:
    """Whether the cluster's word was seen at `address`; a phone goes by the name."""
    return any(c.raw.nonce and c.probe.address == address and not c.phone for c in cells)


def leads_to(cell: Cell, address: str) -> bool:
    """Whether it is a public name that leads to `address`."""
    return (cell.probe.kind, cell.probe.side) == ("name", "external") and address in cell.raw.text.split()
