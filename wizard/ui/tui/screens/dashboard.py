"""A cluster that runs: its nodes, Flux, what ends when, who reaches what; and what can be done with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget

from wizard.home import Standing, Wish, wish_of
from wizard.ui.tui.screens.frame import Press
from wizard.ui.tui.screens.looking import LookingScreen
from wizard.ui.tui.widgets.panes import text

EVERY = 60.0  # seconds between two looks
WIDE = ("proof",)  # parts that stand at the right when there is room


class DashboardScreen(LookingScreen):
    """Looks again every minute. An action ends it; it comes back when the action is done."""

    CSS_PATH = ["frame.tcss", "dashboard.tcss"]  # noqa: RUF012 — Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "leave", "Leave", show=False, tooltip="Leave")]

    def __init__(self, standing: Standing) -> None:
        super().__init__(standing)
        for one in standing.actions:
            about = f"{one.label}: {one.about}"
            binding = Binding(one.key, f"do('{one.key}')", one.label, show=False, tooltip=about)
            self._bindings.key_to_bindings[one.key] = [binding]

    def content(self) -> Iterable[Widget]:
        for sentence in self.standing.skipped():
            yield text(f"– {sentence}", "gap")
        views = list(self.parts())
        wide = [view for view in views if view.id in [f"part-{key}" for key in WIDE]]
        left = [view for view in views if view not in wide]
        yield Container(Vertical(*left, id="left"), Vertical(*wide, id="right"), id="columns")

    def buttons(self) -> Sequence[Press]:
        return [
            Press(_lettered("Look", "l"), id="look"),
            *(Press(_lettered(one.label, one.key), id=f"do-{one.key}") for one in self.standing.actions),
        ]

    def on_mount(self) -> None:
        self.set_interval(EVERY, self.action_look)

    def action_do(self, key: str) -> None:
        action = next(one for one in self.standing.actions if one.key == key)
        self.wish(wish_of(action))

    def action_leave(self) -> None:
        self.wish(Wish("leave"))

    def pressed(self, name: str) -> None:
        if name == "look":
            self.action_look()
        else:
            self.action_do(name.removeprefix("do-"))


def _lettered(label: str, key: str) -> Content:
    """The label with its key underlined."""
    at = label.lower().index(key)
    return Content.assemble(label[:at], (label[at], "underline bold"), label[at + 1 :])
