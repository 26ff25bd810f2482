"""The Pis as they turn out to be once one is logged in: shown once in a run."""

from __future__ import annotations

from collections.abc import Mapping

from steps.facts import NodeFacts
from wizard.context import Context

HEAD = ("name", "address", "model", "system", "memory", "cluster")


def tell(ctx: Context, machines: Mapping[str, NodeFacts]) -> None:
    """Shows the table, the first time in a run."""
    if not ctx.scratch.get("introduced"):
        ctx.scratch["introduced"] = True
        ctx.note("The hosts, seen from inside", table(machines))


def table(machines: Mapping[str, NodeFacts]) -> str:
    """A line for each host: name, address, model, operating system, memory, in a cluster or not. Pure."""
    rows = [HEAD, *(_row(facts) for facts in machines.values())]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _row(facts: NodeFacts) -> tuple[str, ...]:
    model = facts.model.removeprefix("Raspberry ").partition(" Rev ")[0]  # Pi 4 Model B: 80 columns are to hold it
    model = model.replace("Compute Module ", "CM")
    system = f"{facts.os_id.capitalize()} {facts.os_version} {facts.os_codename}".split()
    return (
        facts.hostname or "?", facts.address, model or f"no Pi, {facts.arch or '?'}", " ".join(system) or "?",
        f"{facts.memory_bytes / 1024**3:.1f} GiB", "yes" if facts.in_a_cluster else "no",
    )  # fmt: skip
