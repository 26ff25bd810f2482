"""The list of steps at the left: where the journey stands, readable without colour."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from textual.content import Content

from wizard.report import SYMBOLS
from wizard.step import AnyStep
from wizard.ui.tui.widgets.fresh import Fresh

STYLES = {
    "✓": "$text-success",
    "▶": "$text-accent bold",
    "?": "$text-warning bold",
    "!": "$text-error bold",
    "–": "$text-warning",
    "·": "dim",
}
WORDS = {"▶": "now", "?": "for you", "!": "blocked", "–": "skipped"}  # beside the title, where there is room
ROOM = 24  # columns from which there is


class StepRail(Fresh):
    """One line a step: its symbol and its title, and with room what the symbol means."""

    def __init__(self, steps: Sequence[AnyStep], remembered: Collection[str]) -> None:
        super().__init__("rail", steady=True)
        self._steps, self._remembered = steps, set(remembered)

    def on_mount(self) -> None:
        self.show({}, "")

    def show(self, status: Mapping[str, str], asked: str) -> None:
        """`status` as the board knows it; `asked` is the step that waits for the person, if any."""
        lines = [self._line(step, self._symbol(step.name, status, asked)) for step in self._steps]
        self.say(Content("\n").join(lines))

    def _symbol(self, step: str, status: Mapping[str, str], asked: str) -> str:
        if step == asked and status.get(step) != "failed":
            return SYMBOLS["asking"]
        if step not in status and step in self._remembered:
            return SYMBOLS["done"]
        return SYMBOLS[status.get(step, "waiting")]

    def _line(self, step: AnyStep, symbol: str) -> Content:
        style, width = STYLES[symbol], self.size.width
        word = WORDS.get(symbol, "") if width >= ROOM else ""
        gap = " " * (width - 2 - len(step.title) - len(word)) if word else ""
        return Content.assemble((symbol, style), " ", (step.title, style if symbol != "✓" else ""), gap, (word, style))
