"""The health gate: what was found out about the Pis against what a cluster needs, before anything is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from steps import health, nodes, ops
from steps.facts import NodeFacts
from steps.health_finding import Finding, Patient
from wizard.context import Context
from wizard.errors import Blocked


def hold(ctx: Context, machines: Mapping[str, NodeFacts], now: float) -> list[Finding]:
    """Raises `Blocked` with everything that stands in the way; warns of the rest, once in a run.

    Returns what the step Machines can mend.
    """
    found = look(ctx, machines, now)
    names = {address: _name(machines, address) for address in machines}
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
    return [finding for finding in found if finding.severity == "mend"]


def look(ctx: Context, machines: Mapping[str, NodeFacts], now: float) -> list[Finding]:
    """Everything that is found about `machines`, whose facts were read at the Unix time `now`. Writes nothing that
    stays: a control plane's disk is measured with a small file."""  # fmt: skip
    ignore: Sequence[str] = ctx.answers["machines"].get("ignore_health") or []
    heads = [address for address in nodes.control_planes(ctx.answers) if address in machines]
    paces = {} if "fsync" in ignore or ctx.dry_run else ctx.each(heads, lambda address: _fsync(ctx, address))
    patients = [
        Patient(facts, address in heads, now, paces.get(address), pinned(ctx, address))
        for address, facts in machines.items()
    ]
    return health.findings(patients, ignore)


def _name(machines: Mapping[str, NodeFacts], address: str) -> str:
    """What to call a Pi: its hostname, with the address where another one has the same."""
    name = machines[address].hostname
    alone = sum(facts.hostname == name for facts in machines.values()) < 2
    return (name if alone else f"{name} ({address})") if name else address


def pinned(ctx: Context, address: str) -> tuple[str, ...]:
    """The host keys approved for `address`, written as in the facts."""
    return tuple(f"{key.kind} {key.base64}" for key in nodes.pinned_keys(ctx, address))


def _fsync(ctx: Context, address: str) -> float | None:
    """Seconds for one safe write on a control plane's disk, measured once in a run; None when it did not say."""
    paces: dict[str, float | None] = ctx.scratch.setdefault("fsync", {})
    if address not in paces:
        said = ops.run(ctx, address, "machines/fsync", check=False).out.strip()
        paces[address] = float(said) if re.fullmatch(r"\d+\.\d+", said) else None
    return paces[address]
