"""The matrix as text, as data, and as it is remembered. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from steps.reach.causes import Cause, told
from steps.reach.judge import Cell, summary

__all__ = ["as_data", "table", "told", "verdicts"]

_WIDTHS = (7, 33, 13, 17, 5)
_MARKS = {"ok": "ok", "wrong": "WRONG", "not measured": "-"}


def table(cells: Sequence[Cell]) -> str:
    """The matrix, at most 80 columns."""
    rows = [("from", "what", "expected", "seen", "")]
    for cell in cells:
        seen = cell.verdict if cell.verdict == "not measured" else cell.seen
        if cell.certificate and cell.verdict == "ok":
            seen = seen.partition(",")[0]  # until when stands below
        rows.append((cell.probe.vantage, cell.probe.what, cell.probe.expected, seen, _MARKS[cell.verdict]))
    lines = [line for row in rows for line in _folded(row)]
    return "\n".join([*lines, *_certificates(cells), *_unmeasured(cells)])


def _folded(row: Sequence[str]) -> Iterator[str]:
    """The lines of a row: what is too long for its column goes on below."""
    cells = [textwrap.wrap(text, width) for text, width in zip(row, _WIDTHS, strict=True)]
    for parts in zip_longest(*cells, fillvalue=""):
        yield " ".join(f"{part:<{width}}" for part, width in zip(parts, _WIDTHS, strict=True)).rstrip()


def _certificates(cells: Sequence[Cell]) -> list[str]:
    """Whose the certificates are, for which names, until when: each once, with the places that saw it."""
    seen: dict[str, list[str]] = {}
    for cell in cells:
        if made := cell.certificate:
            names = ", ".join(made.names) or made.subject
            what = f"{cell.probe.what.capitalize()}: for {names}, by {made.issuer}, until {made.end:%Y-%m-%d}"
            seen.setdefault(what, []).append(cell.probe.vantage)
    return [
        line
        for what, places in seen.items()
        for line in textwrap.wrap(f"{what} ({', '.join(places)}).", 80, subsequent_indent="  ")
    ]


def _unmeasured(cells: Sequence[Cell]) -> list[str]:
    """Why cells were not measured, a line or two for each place and reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.verdict == "not measured":
            reasons.setdefault((cell.probe.vantage, cell.seen), []).append(cell.probe.what)
    return [
        line
        for (vantage, reason), what in reasons.items()
        for line in textwrap.wrap(
            f"Not measured, {vantage} ({', '.join(what)}): {reason.rstrip('.')}.", 80, subsequent_indent="  "
        )
    ]


def as_data(cells: Sequence[Cell], causes: Sequence[Cause], when: str) -> dict[str, Any]:
    """The proof as ``homelab verify --json`` prints it."""
    return {
        "measured": when, "summary": summary(cells), "rows": [cell.record() for cell in cells],
        "causes": [
            {"code": one.code, "text": one.text, "rows": [cell.probe.key for cell in one.cells]} for one in causes
        ],
    }  # fmt: skip


def verdicts(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a recorded table says, row by row."""
    return {f"{row['from']}: {row['what']}": str(row["verdict"]) for row in rows}
