"""Parts of a cluster: as they are remembered, and, once the look has come back, as they are."""

from __future__ import annotations

import textwrap

from rich.cells import cell_len, set_cell_size
from textual.content import Content
from textual.events import Resize

from wizard import report
from wizard.sections import Part, Seen
from wizard.state import State
from wizard.status import MARKS, Row
from wizard.ui.tui.widgets.fresh import Fresh

STYLES = {"✓": "$text-success", "!": "$text-warning bold", "✗": "$text-error bold", "?": "$text-warning", "·": "dim"}
LOOKING = "…"
MARGIN = 6  # columns of a row beside its name and its text
LEAST = 26  # columns that a row's text gets, whatever its name takes


class PartView(Fresh):
    """One part: a line that sums it up, and below it its rows, or with `brief` only those that want the person."""

    def __init__(self, part: Part, state: State, *, brief: bool = False) -> None:
        super().__init__(f"part-{part.key}", "brief" if brief else "")
        self.part, self._brief = part, brief
        self._seen = part.remembered(state)
        self.looking = part.look is not None

    def found(self, seen: Seen | None) -> None:
        """The look has come back; None: there is nothing of it yet, and what is remembered stays."""
        self._seen, self.looking = seen or self._seen, False
        self.draw()

    def look_again(self) -> None:
        self.looking = self.part.look is not None
        self.draw()

    def on_resize(self, event: Resize) -> None:
        self.draw()

    def draw(self) -> None:
        lines = [self._head(), *self._rows()]
        self.display = self._seen is not None or self.looking
        self.say(Content("\n").join(lines))

    def _head(self) -> Content:
        seen = self._seen
        mark = LOOKING if self.looking else seen.mark if seen else "·"
        said = report.clean(seen.summary) if seen else ""
        at = f" (as of {report.moment(seen.at)})" if seen and seen.at else ""
        now = ", looking …" if self.looking and said else "looking …" if self.looking else ""
        title = seen.section.title if seen else self.part.title
        return Content.assemble(
            (mark, STYLES.get(mark, "$text-muted")), " ", (title, "bold"), f"  {said}", (f"{at}{now}", "$text-muted")
        )

    def _rows(self) -> list[Content]:
        if self._seen is None:
            return []
        rows = list(self._seen.section.rows)
        if self._brief or (len(rows) == 1 and self._seen.summary.endswith(rows[0].text)):
            rows = self._seen.urgent if len(self._seen.urgent) > 1 else []
        widest = max((cell_len(row.what) for row in rows), default=0)
        longest = max((cell_len(row.text) for row in rows), default=0)
        first = max(8, min(widest, self.size.width - MARGIN - min(longest, LEAST)))
        return [self._row(row, first) for row in rows]

    def _row(self, row: Row, first: int) -> Content:
        """The row's name in `first` columns, its text folded into the rest."""
        mark, what = MARKS[row.level], report.clean(row.what)
        name = set_cell_size(what, first) if cell_len(what) <= first else set_cell_size(what, first - 1) + "…"
        text = report.clean(row.text)
        room = max(LEAST, self.size.width - MARGIN - first)
        if cell_len(text) > room:
            text = textwrap.fill(text, room).replace("\n", "\n" + " " * (first + MARGIN))
        return Content.assemble("  ", (mark, STYLES[mark]), f" {name}  {text}")
