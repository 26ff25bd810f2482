"""What the repository's runbook tells of the proof: who reaches what, and on which day that was measured. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wizard.context import Context

FILE = "docs/runbook.md"
PLACES = ("LAN", "VPN", "outside")
NOTHING = "–"

Row = tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """The rows of the table (what, and one word for each of `PLACES`), and the day."""

    rows: tuple[Row, ...] = ()
    on: str = ""

    @classmethod
    def recalled(cls, ctx: Context) -> Told:
        """What was written there last; nothing before the first time."""
        known = ctx.state.recall("proof", "runbook") or {}
        return cls(tuple(tuple(row) for row in known.get("rows") or ()), str(known.get("on") or ""))

    def remember(self, ctx: Context) -> None:
        ctx.state.remember("proof", "runbook", value={"rows": [list(row) for row in self.rows], "on": self.on})


def rows(recorded: Iterable[Mapping[str, Any]]) -> tuple[Row, ...]:
    """The recorded rows of the proof as a table, a line for each thing. Nothing in it changes by itself from day to
    day, and no address of the home is in it: the repository may be public."""
    found: dict[str, dict[str, str]] = {}
    for row in recorded:
        found.setdefault(row["what"], {})[row["from"]] = _word(row)
    return tuple((what, *(places.get(place, NOTHING) for place in PLACES)) for what, places in found.items())


def _word(row: Mapping[str, Any]) -> str:
    if row["verdict"] == "not measured":
        return "not measured"
    good, expected = row["verdict"] == "ok", str(row["expected"])
    said = "the right address" if expected[:1].isdigit() else expected
    if good and expected == "valid":
        said = str(row["seen"]).partition(",")[0]  # from the test service, or trusted; until when changes
    told = said if good else f"WRONG, must be: {said}"
    return f"{told} (a phone, {row['phone'][:10]})" if row.get("phone") else told
