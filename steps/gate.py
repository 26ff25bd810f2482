"""The health gate: what was found out about the Pis against what a cluster needs, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from steps import health, ops
from steps.facts import NodeFacts
from wizard.context import Context
from wizard.errors import Blocked


def hold(ctx: Context, machines: Mapping[str, NodeFacts], now: float) -> None:
    """Raises `Blocked` with everything that stands in the way; warns of the rest, once in a run."""
    answers = ctx.answers["machines"]
    first = answers["control_plane"]
    ignore: Sequence[str] = answers.get("ignore_health") or []
    pace = None if "fsync" in ignore or ctx.dry_run else _fsync(ctx, first)
    found = health.findings([health.Patient(f, a == first, now, pace) for a, f in machines.items()], ignore)
    names = {address: facts.hostname or address for address, facts in machines.items()}
    warnings = [f"{names[f.address]}: {f.sentence} {f.fix}" for f in found if f.severity == "warn"]
    if warnings and not ctx.scratch.get("health told"):
        ctx.scratch["health told"] = True
        ctx.note("Worth knowing about the Pis", "\n".join(warnings))
    if blocking := [finding for finding in found if finding.severity == "block"]:
        one = len(blocking) == 1
        raise Blocked(
            f"{'One thing stands' if one else f'{len(blocking)} things stand'} in the way on the Pis.",
            "\n".join(f"{names[f.address]}: {f.sentence} {f.fix}" for f in blocking),
            f"Put {'it' if one else 'them'} right, or accept what you can under machines.ignore_health: "
            f"{', '.join(dict.fromkeys(f.name for f in blocking))}.",
        )


def _fsync(ctx: Context, address: str) -> float | None:
    """Seconds for one safe write on the control plane's disk, measured once in a run; None when it did not say."""
    if "fsync" not in ctx.scratch:
        said = ops.run(ctx, address, "machines/fsync", check=False).out.strip()
        ctx.scratch["fsync"] = float(said) if re.fullmatch(r"\d+\.\d+", said) else None
    measured: float | None = ctx.scratch["fsync"]
    return measured
