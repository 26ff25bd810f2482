"""What the screens before and after the journey share: a header, a page that scrolls, buttons, the line of keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Button, Static

from wizard.home import Wish
from wizard.ui.tui.widgets.fresh import Fresh
from wizard.ui.tui.widgets.keyline import KeyLine


class Page(VerticalScroll, can_focus=False):
    """The part that scrolls; the buttons take the keys."""

    def watch_show_vertical_scrollbar(self) -> None:
        if self.is_attached:
            self.screen.refresh_bindings()


class Press(Button):
    """A button whose key is in the line of keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "press", "Do it", tooltip="Do what the button says")]


class FrameScreen(Screen[Wish]):
    """A page and buttons. It ends the app with what was wished."""

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (70, "-normal"), (110, "-wide")]  # noqa: RUF012 — Textual declares it so
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-high")]  # noqa: RUF012 — Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", "Previous", show=False, tooltip="The button before"),
        Binding("right", "app.focus_next", "Next button", tooltip="The next button"),
        Binding("up", "scroll_line(-1)", "Up", show=False, tooltip="Scroll a line up"),
        Binding("down", "scroll_line(1)", "Down", show=False, tooltip="Scroll a line down"),
        Binding("pagedown", "scroll(1)", "Scroll", tooltip="Scroll down; there is more than the screen shows"),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False, tooltip="Scroll up"),
    ]

    def __init__(self, where: str) -> None:
        super().__init__()
        self._where, self.aside = where, Fresh("aside", steady=True)

    def compose(self) -> ComposeResult:
        with Horizontal(id="header"):
            yield Static(f"homelab · {self._where}", id="where", markup=False)
            yield self.aside
        with Page(id="page"):
            yield from self.content()
        with Horizontal(classes="buttons"):
            yield from self.buttons()
        yield KeyLine()

    def content(self) -> Iterable[Widget]:
        """What there is to read."""
        return ()

    def buttons(self) -> Sequence[Press]:
        return ()

    def on_mount(self) -> None:
        if first := next(iter(self.query(Press)), None):
            first.focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("scroll", "scroll_line"):
            return self.query_one(Page).show_vertical_scrollbar
        return super().check_action(action, parameters)

    def action_scroll(self, direction: int) -> None:
        page = self.query_one(Page)
        (page.scroll_page_down if direction > 0 else page.scroll_page_up)(animate=False)

    def action_scroll_line(self, direction: int) -> None:
        page = self.query_one(Page)
        (page.scroll_down if direction > 0 else page.scroll_up)(animate=False)

    def wish(self, wish: Wish) -> None:
        self.app.exit(wish)
