"""The full screen before and after the journey: the picker, where a cluster stands, the dashboard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from wizard.home import Known, Standing, Wish
from wizard.status import MARKS
from wizard.ui.tui.base import BaseApp
from wizard.ui.tui.screens.dashboard import DashboardScreen
from wizard.ui.tui.screens.frame import FrameScreen
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.screens.picker import PickerScreen
from wizard.ui.tui.screens.standing import StandingScreen
from wizard.ui.tui.signals import run, watch_terminal

MEANINGS = {
    "good": "good",
    "note": "for you to know",
    "warn": "wants you soon",
    "bad": "wants you",
    "unknown": "not known",
}


class HomeApp(BaseApp[Wish]):
    """One screen, which ends it with a wish."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+g,question_mark,f1", "keys", "Help", tooltip="Show the keys that work here"),
        Binding("ctrl+c", "leave", "Leave", priority=True, tooltip="Leave; nothing is changed by that"),
    ]

    def __init__(self, first: Callable[[], FrameScreen]) -> None:
        """`first` makes the screen, once the app is there that its widgets need."""
        super().__init__()
        self._first = first

    async def on_mount(self) -> None:
        watch_terminal(self)
        await self.push_screen(self._first())

    def action_keys(self) -> None:
        if isinstance(self.screen, FrameScreen):
            marks = [(MARKS[level], MEANINGS[level]) for level in MARKS]
            self.push_screen(HelpScreen(self.screen.active_bindings.values(), marks))

    def action_leave(self) -> None:
        self.exit(Wish("leave"))

    def wished(self) -> Wish:
        """Shows it until the person wishes something. Raises a mistake of the app itself."""
        run(self, self.action_leave)
        if self._exception is not None:
            raise self._exception
        return self.return_value or Wish("leave")


def pick(clusters: Sequence[Known]) -> Wish:
    return HomeApp(lambda: PickerScreen(clusters)).wished()


def stand(standing: Standing) -> Wish:
    kind = DashboardScreen if standing.finished else StandingScreen
    return HomeApp(lambda: kind(standing)).wished()
