"""The one main screen: the steps at the left, one thing to do at the right, the log below when wanted."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Container, Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer, Static

from wizard import report
from wizard.session import Session
from wizard.ui.tui.board import Board
from wizard.ui.tui.widgets.log import LogPane
from wizard.ui.tui.widgets.rail import StepRail
from wizard.ui.tui.widgets.work import WorkPane


class JourneyScreen(Screen[None]):
    """Shows what the app tells it to; decides nothing."""

    CSS_PATH = "journey.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-normal"), (110, "-wide")]  # noqa: RUF012 — Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012 — Textual declares it so

    def __init__(self, session: Session, board: Board) -> None:
        super().__init__()
        self._session, self._board = session, board
        self._noted = 0  # notes that were shown already

    def compose(self) -> ComposeResult:
        with Horizontal(id="header"):
            yield Static(f"homelab · {self._session.state.cluster}", id="where", markup=False)
            yield Static("", id="progress", markup=False)
        with Horizontal(id="body"):
            yield StepRail(self._session.order, self._session.state.done)
            with Vertical(id="main"):
                yield Container(id="stage")
                yield LogPane(self._board)
        yield Footer(show_command_palette=False, compact=True)

    async def show(self, pane: Widget) -> None:
        """Puts `pane` in the place of the one before it."""
        stage = self.query_one("#stage")
        await stage.remove_children()
        await stage.mount(pane)

    async def show_work(self) -> None:
        if not self.query(WorkPane):
            await self.show(WorkPane())

    def tick(self, now: float, asked: str, elapsed: float, leaving: bool) -> None:
        """Draws what the board says."""
        board = self._board
        self.query_one(StepRail).show(board.status, asked)
        self.query_one(LogPane).refresh_lines()
        where = f"step {board.number} of {len(board.steps)} · " if board.number else ""
        words: Content | str = f"{where}{report.duration(elapsed)}"
        if leaving:
            words = Content.styled("stopping: what runs comes to its end; ^c leaves at once", "bold")
        self.query_one("#progress", Static).update(words)
        for pane in self.query(WorkPane):
            pane.show(board, self._session.title(board.current), self._session.intro(board.current), now)
            for note in board.notes[self._noted :]:
                pane.add_note(note)
            self._noted = len(board.notes)

    def take_notes(self) -> list[int]:
        """The numbers of the notes that were not shown yet; they count as shown from now on."""
        fresh = list(range(self._noted, len(self._board.notes)))
        self._noted = len(self._board.notes)
        return fresh

    def toggle_log(self) -> None:
        self.query_one(LogPane).toggle()
