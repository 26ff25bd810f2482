"""The log pane: everything that happens, as lines; can be searched, filtered and copied."""

from __future__ import annotations

import time
from itertools import islice
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input

from wizard.report import counted
from wizard.ui.tui.board import KEPT, Board
from wizard.ui.tui.widgets.loglines import LogLines

FRAME = 0.1  # seconds that new lines wait for others, to be drawn with them


class SearchInput(Input):
    """What is searched for."""

    class Next(Message):
        """To another match, upwards (-1) or downwards (1)."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Go to the lines", tooltip="Back to the lines, to go from one to the next"),
        Binding("up", "next(-1)", "Above", show=False, tooltip="The match above"),
        Binding("down", "next(1)", "Below", show=False, tooltip="The match below"),
    ]

    def action_next(self, step: int) -> None:
        self.post_message(self.Next(step))


class LogPane(Vertical):
    """Hidden until it is wanted; only then lines are written, so that a flood of them costs nothing unseen."""

    class Closed(Message):
        """It is wanted no more."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "find", "Search", tooltip="Search for a text in the lines"),
        Binding("n", "next(-1)", "Next", tooltip="The next line with that text, upwards"),
        Binding("p,N", "next(1)", "Previous", show=False, tooltip="The line with that text before, downwards"),
        Binding("f", "filter", "Only those", tooltip="Show only the lines with that text, or all again"),
        Binding("space", "mark", "Mark", show=False, tooltip="Begin or end marking lines to copy"),
        Binding("c", "copy", "Copy", tooltip="Copy the marked lines, the one pointed at, or all that are shown"),
        Binding("b", "bigger", "Bigger", show=False, tooltip="Give the log the whole screen, or less again"),
        Binding("escape", "close", "Close", tooltip="Take the search back, then hide the log"),
    ]

    def __init__(self, board: Board, path: Path | None = None) -> None:
        """`path` is the file that holds the whole log."""
        super().__init__(id="log")
        self.lines = LogLines(KEPT)
        self._board, self._seen, self._path = board, 0, path
        self._only = False  # show only what matches
        self._drawn = 0.0
        self.display = False

    def compose(self) -> ComposeResult:
        yield SearchInput(placeholder="/ searches in these lines", compact=True, id="search")
        yield self.lines

    def on_mount(self) -> None:
        self._title()

    def _title(self) -> None:
        lines, words = self.lines, ["Log"]
        if lines.needle:
            found = lines.matches()
            at = found.index(lines.pointed) + 1 if lines.pointed in found else 0
            words.append(f"{at} of {counted(len(found), 'line')}" if at else counted(len(found), "line"))
        elif self._path is not None:
            words.append(_short(self._path))
        self.border_title = Content(" · ".join(words))

    def toggle(self) -> None:
        """Shows the log and gives it the focus, or hides it."""
        if not self.is_attached:  # the app is ending
            return
        self.display = not self.display
        if self.display:
            self._rewrite()
            self.screen.set_focus(self.lines)

    def refresh_lines(self) -> None:
        """Adds what is new on the board."""
        new = min(self._board.written - self._seen, len(self._board.lines))
        if not self.display or not new or time.monotonic() - self._drawn < FRAME:
            return
        self._drawn = time.monotonic()
        start = len(self._board.lines) - new
        self.lines.add(filter(self._fits, islice(self._board.lines, start, None)))
        self._seen = self._board.written

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("next", "filter"):
            return bool(self.lines.needle)
        return super().check_action(action, parameters)

    def _fits(self, line: str) -> bool:
        return not self._only or self.lines.needle in line.lower()

    def _rewrite(self) -> None:
        self.lines.clear()
        self.lines.add(filter(self._fits, self._board.lines))
        self._seen = self._board.written

    # -- keys ----------------------------------------------------------------------------------------------

    def action_find(self) -> None:
        self.screen.set_focus(self.query_one(SearchInput))

    def action_next(self, step: int) -> None:
        self.lines.go(step)

    def action_filter(self) -> None:
        self._only = not self._only
        self._rewrite()
        self.lines.search(self.lines.needle)
        self.notify("Only lines with that text." if self._only and self.lines.needle else "All lines.")

    def action_mark(self) -> None:
        lines = self.lines
        if lines.pointed is None:
            lines.action_point(0)
        lines.began = lines.pointed if lines.began is None else None
        lines.refresh()

    def action_copy(self) -> None:
        marked = self.lines.marked()
        self.app.copy_to_clipboard("\n".join(marked))
        file = f" All of it is in {_short(self._path)}" if self._path is not None else ""
        self.notify(f"{counted(len(marked), 'line')} copied, if your terminal allows it.{file}")

    def action_bigger(self) -> None:
        self.toggle_class("-big")

    def action_close(self) -> None:
        """First what was searched for goes, then the log."""
        search = self.query_one(SearchInput)
        if search.value or self.lines.pointed is not None:
            search.value = ""
            self._only = False
            self._rewrite()
            self.lines.search("")
            self.screen.set_focus(self.lines)
        else:
            self.post_message(self.Closed())

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.lines.needle = event.value.strip().lower()
        if self._only:
            self._rewrite()
        self.lines.search(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.screen.set_focus(self.lines)

    def on_search_input_next(self, event: SearchInput.Next) -> None:
        event.stop()
        self.lines.go(event.step)

    def on_log_lines_pointed(self, event: LogLines.Pointed) -> None:
        event.stop()
        self._title()
        self.refresh_bindings()


def _short(path: Path) -> str:
    """The path with the person's home as ~."""
    home = str(Path.home())
    return f"~{str(path)[len(home) :]}" if str(path).startswith(f"{home}/") else str(path)
