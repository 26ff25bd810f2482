"""A journey that is not at its end: what was done when, what the world says now, and one key to go on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget

from wizard import report
from wizard.home import Wish
from wizard.ui.tui.screens.frame import Press
from wizard.ui.tui.screens.looking import LookingScreen
from wizard.ui.tui.widgets.panes import text


class StandingScreen(LookingScreen):
    """Enter goes on where it stopped."""

    CSS_PATH = ["frame.tcss", "standing.tcss"]  # noqa: RUF012 — Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "go_on", "Go on", show=False, tooltip="Go on where it stopped"),
    ]
    brief = True

    def content(self) -> Iterable[Widget]:
        standing = self.standing
        yield text(standing.sentence(), "heading")
        for sentence, host, at in standing.unfinished()[-2:]:
            where = f" on {host}" if host else ""
            yield text(f"! Begun{where} at {at} and not finished: {report.clean(sentence)}", "gap")
        yield from self.parts()
        yield text(self._steps(), "muted", "steps")

    def _steps(self) -> Content:
        done, skipped, left = self.standing.state.done, self.standing.state.skipped, self.standing.left
        rows = []
        for step in self.standing.order:
            if step.name in done:
                rows.append(("✓", step.title, f"done {report.moment(done[step.name])}"))
            elif step.name in skipped:
                rows.append(("–", step.title, f"skipped by you {report.moment(skipped[step.name])}"))
            else:
                here = step is left[0]
                rows.append(("▶" if here else "·", step.title, "goes on here" if here else ""))
        return Content("\n".join(report.columns(rows)))

    def buttons(self) -> Sequence[Press]:
        go_on = Press(f"Go on with {self.standing.left[0].title}", "success", id="go-on")
        return (go_on, Press("Look again", id="look"), Press("Leave", id="leave"))

    def action_go_on(self) -> None:
        self.wish(Wish("go on"))

    def pressed(self, name: str) -> None:
        if name == "look":
            self.action_look()
        else:
            self.wish(Wish("leave" if name == "leave" else "go on"))
