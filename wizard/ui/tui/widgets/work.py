"""While the engine works: what each host does now, how far it is, and what was finished last."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len, set_cell_size
from textual.app import ComposeResult
from textual.content import Content
from textual.events import Resize

from wizard import events, report
from wizard.expected import overdue, usually
from wizard.ui.tui.board import Board, Host
from wizard.ui.tui.widgets.fresh import Fresh
from wizard.ui.tui.widgets.panes import NoteBox, Pane, Scroll

SHOWN = 8  # finished changes below the table


class HostTable(Fresh):
    """A row for each host: its name, what it does now, how many changes are done, how long it has been at it."""

    def __init__(self) -> None:
        super().__init__("hosts")
        self._rows: list[tuple[str, str, str, str]] = []
        self._height = 0

    def show(self, hosts: Iterable[Host], now: float) -> None:
        rows = [self._row(host, now) for host in hosts]
        if rows != self._rows:
            self._rows = rows
            self._draw()

    @staticmethod
    def _row(host: Host, now: float) -> tuple[str, str, str, str]:
        ended = "done" if host.total and host.done >= host.total else "to come" if host.total else "nothing to do"
        doing = host.doing or ended
        count = f"{host.done}/{host.total}" if host.total else ""
        taken = report.duration(host.elapsed(now)) if host.began else ""
        return (host.name, f"! {host.doing}" if host.failed else doing, count, taken)

    def on_resize(self, event: Resize) -> None:
        self._draw()

    def _draw(self) -> None:
        if not self._rows:
            self._steady, self._height = False, 0
            self.say("")
            return
        table = [("Host", "Now", "Done", "Time"), *self._rows]
        first, _, third, fourth = (max(map(cell_len, column)) for column in zip(*table, strict=True))
        first = min(first, 20)
        rest = max(8, self.size.width - first - third - fourth - 6)
        lines = [
            f"{_fit(name, first)}  {_fit(doing, rest)}  {count.rjust(third)}  {taken.rjust(fourth)}"
            for name, doing, count, taken in table
        ]
        self._steady, self._height = len(lines) == self._height, len(lines)  # only another row moves what is below
        self.say(Content("\n").join([Content.styled(lines[0], "dim"), *map(Content, lines[1:])]))


def _fit(cell: str, width: int) -> str:
    return set_cell_size(cell, width) if cell_len(cell) <= width else set_cell_size(cell, width - 1) + "…"


class WorkPane(Pane):
    """The engine is at work; there is nothing to do but watch."""

    can_focus = True

    def __init__(self) -> None:
        super().__init__(id="work")
        self._title, self._intro = Fresh("work-title", "heading"), Fresh("work-intro", "muted gap")
        self._status, self._recent = Fresh("work-status", "gap", steady=True), Fresh("recent")
        self._waits, self._hint = Fresh("waits"), Fresh("hint", "muted")
        self._hosts = HostTable()
        self._shown: list[events.Note] = []

    def compose(self) -> ComposeResult:
        with Scroll():
            yield from (self._title, self._intro, self._status, self._hosts, self._waits, self._recent, self._hint)

    def show(self, board: Board, title: str, intro: str, now: float, *, demo: bool, hint: str = "") -> None:
        """Draws what the board says. Called many times a second. In a `demo` time is not that of real Pis.

        `hint` is what the person can do meanwhile.
        """
        self._title.say(title)
        self._intro.say(intro)
        self._status.say(_status(board, now, demo))
        self._hosts.show(board.hosts.values(), now)
        self._hint.say(hint)
        self._waits.say("\n".join(_waits(board.hosts.values())))
        self._waits.display = any(host.waits for host in board.hosts.values())
        finished = [_finished(event) for event in list(board.finished)[-SHOWN:]]
        self._recent.say(Content("\n").join(finished))

    def show_notes(self, notes: Sequence[events.Note]) -> None:
        """Keeps `notes`, and only these, below the table."""
        if notes == self._shown or not self._recent.is_attached:
            return
        self._shown = list(notes)
        self.query(NoteBox).remove()
        self.query_one(Scroll).mount_all(map(NoteBox, notes), before=self._recent)
        self._intro.display = not notes  # the room is needed


def _waits(hosts: Iterable[Host]) -> list[str]:
    """What is waited for and why, a sentence each; hosts that wait for the same share one."""
    found: dict[str, list[str]] = {}
    for host in hosts:
        if host.waits:
            found.setdefault(host.waits, []).append(host.name)
    return [f"{report.listed(names)}: {waits}" for waits, names in found.items()]


def _status(board: Board, now: float, demo: bool) -> Content:
    """What the step does, for how long, and how long that usually takes."""
    status = board.status.get(board.current, "waiting")
    words: list[Any] = [(f"{report.SYMBOLS[status]} ", "$text-accent bold"), report.DOING[status]]
    usual = usually(board.current) if status == "applying" else ""
    if board.detail and status == "applying" and not usual:
        words.append(f": {report.clean(board.detail)}")
    if board.began:
        words.append((f" · {report.duration(now - board.began)}", "$text-muted"))
    if usual and overdue(board.current, now - board.began):
        words.append((f", longer than usual ({usual.removeprefix('usually ')})", "$text-warning"))
    elif usual:
        words.append((f", {usual.replace('usually', 'on real Pis') if demo else usual}", "$text-muted"))
    return Content.assemble(*words)


def _finished(event: events.ChangeEnded) -> Content:
    broke = event.outcome in ("failed", "lost", "stopped")
    mark, style = ("!", "$text-error") if broke else ("✓", "$text-success")
    took = f" ({report.duration(event.seconds)})" if event.seconds >= 1 else ""
    return Content.assemble((mark, style), f" {event.host}: {report.clean(event.sentence)}", (took, "$text-muted"))
