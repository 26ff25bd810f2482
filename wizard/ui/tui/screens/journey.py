"""The one main screen: the steps at the left, one thing to do at the right, the log below when wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from wizard import events, report
from wizard.session import Session
from wizard.ui.tui.board import Board
from wizard.ui.tui.widgets.fresh import Fresh
from wizard.ui.tui.widgets.keyline import KeyLine
from wizard.ui.tui.widgets.log import LogPane
from wizard.ui.tui.widgets.panes import Pane
from wizard.ui.tui.widgets.rail import StepRail
from wizard.ui.tui.widgets.work import WorkPane

BESIDE = 54  # columns that a note has beside the list of steps on a screen of 80


class JourneyScreen(Screen[None]):
    """Shows what the app tells it to; decides nothing."""

    # Its CSS, journey.tcss, is read with the app's.
    AUTO_FOCUS = ""  # the pane that is shown says what takes the keys
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-normal"), (110, "-wide")]  # noqa: RUF012 — Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012 — Textual declares it so

    def __init__(self, session: Session, board: Board) -> None:
        super().__init__()
        self._session, self._board = session, board
        self.waiting = False  # the engine waits for the person, who answers ahead
        self.hint = ""  # what can be done while the engine works
        self._noted = 0  # notes that were on the screen when the person decided something last
        self._rail, self._log = (
            StepRail(session.order, session.been()),
            LogPane(board, None if session.fleeting else session.log_path),
        )
        self._pane: Pane | None = None
        self._progress, self._stage = Fresh("progress", steady=True), Container(id="stage")

    def compose(self) -> ComposeResult:
        with Horizontal(id="header"):
            yield Static(f"homelab · {self._session.about or self._session.state.cluster}", id="where", markup=False)
            yield self._progress
        with Horizontal(id="body"):
            yield self._rail
            with Vertical(id="main"):
                yield self._stage
                yield self._log
        yield KeyLine()

    def when_painted(self, then: Callable[[], Awaitable[None]], tries: int = 20) -> None:
        """Calls `then` once the frame is on the screen: a refresh before that has drawn nothing of it."""
        there = self._progress.size or not tries
        self.call_after_refresh(then if there else partial(self.when_painted, then, tries - 1))

    async def show(self, pane: Pane) -> None:
        """Puts `pane` in the place of the one before it."""
        if self._stage.is_attached:
            await self._stage.remove_children()
        if not self._stage.is_attached:  # the app is ending, and what was still to be shown comes too late
            return
        await self._stage.mount(pane)
        self._pane = pane
        self._make_room(pane)
        self.focus_pane()

    def focus_pane(self) -> None:
        """Gives the keys to the part of the pane that wants them first."""
        if self._pane is not None and self._pane.is_attached:
            self.set_focus(self._pane.wants_focus())

    async def show_work(self) -> None:
        if not self.query(WorkPane):
            await self.show(WorkPane())

    def tick(self, now: float, asked: str, elapsed: float, leaving: bool) -> None:
        """Draws what the board says."""
        board = self._board
        if self.focused is None or not (self.focused.is_attached and self.focused.focusable):
            self.focus_pane()  # Textual moves the focus late when a widget goes; no key may fall beside
        self._rail.show(board.status, asked)
        self._log.refresh_lines()
        where = f"step {board.number} of {len(board.steps)} · " if board.number else ""
        words: Content | str = f"{where}{report.duration(elapsed)}"
        if self.waiting:
            words = Content.styled("the wizard waits for you: F2 goes there", "bold")
        if leaving:
            words = Content.styled("stopping: what runs comes to its end; ^c leaves at once", "bold")
        self._progress.say(words)
        for pane in self.query(WorkPane):
            title, intro = self._session.title(board.current), self._session.intro(board.current)
            pane.show(board, title, intro, now, demo=self._session.fleeting, hint=self.hint)
            pane.show_notes(self.fresh_notes())
            self._make_room(pane)

    def fresh_notes(self) -> list[events.Note]:
        """The notes that came since the person decided something last."""
        return report.latest(self._board.notes[self._noted :])

    def notes_were_read(self) -> None:
        """The person decided something with the fresh notes before the eyes."""
        self._noted = len(self._board.notes)

    def _make_room(self, pane: Pane) -> None:
        """Hides the steps where a note is too wide to stand beside them, as tables and keys are."""
        self.set_class(pane.widest_note > BESIDE, "-roomy")

    def on_log_pane_closed(self, event: LogPane.Closed) -> None:
        event.stop()
        self.toggle_log()

    def toggle_log(self) -> None:
        self._log.toggle()
        if not self._log.display:
            self.focus_pane()
