"""The log pane: everything that happens, as lines; scrolls, filters, copies."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Log

from wizard.ui.tui.board import KEPT, Board


class LogPane(Vertical):
    """Hidden until it is wanted; only then lines are written, so that a flood of them costs nothing unseen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", tooltip="Show only the lines that hold a text"),
        Binding("c", "copy", "Copy", tooltip="Copy the shown lines to the clipboard"),
        Binding("escape", "app.log", "Close the log", tooltip="Hide the log"),
    ]

    def __init__(self, board: Board) -> None:
        super().__init__(id="log")
        self._board, self._seen, self._wanted = board, 0, ""
        self.display = False

    def compose(self) -> ComposeResult:
        yield Input(placeholder="/ shows only lines with this text", compact=True, id="filter")
        yield Log(max_lines=KEPT, id="lines")

    def on_mount(self) -> None:
        self.border_title = "Log"

    def toggle(self) -> None:
        """Shows the log and gives it the focus, or hides it."""
        self.display = not self.display
        if self.display:
            self._rewrite()
            self.query_one(Log).focus()

    def refresh_lines(self) -> None:
        """Adds what is new on the board."""
        new = min(self._board.written - self._seen, len(self._board.lines))
        if not self.display or not new:
            return
        start = len(self._board.lines) - new
        self.query_one(Log).write_lines(filter(self._fits, islice(self._board.lines, start, None)))
        self._seen = self._board.written

    def _fits(self, line: str) -> bool:
        return self._wanted in line.lower()

    def _rewrite(self) -> None:
        log = self.query_one(Log).clear()
        log.write_lines(filter(self._fits, self._board.lines))
        self._seen = self._board.written

    def action_filter(self) -> None:
        self.query_one("#filter", Input).focus()

    def action_copy(self) -> None:
        lines = [line for line in self._board.lines if self._fits(line)]
        self.app.copy_to_clipboard("\n".join(lines))
        self.notify(f"{len(lines)} lines copied.")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._wanted = event.value.strip().lower()
        self._rewrite()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one(Log).focus()
