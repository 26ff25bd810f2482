"""Leaving, asked once: what is saved, and how to stay."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Button, Static


class LeaveScreen(ModalScreen[bool]):
    """True means leave."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(False)", "Stay", tooltip="Stay and go on"),
        Binding("left,right", "app.focus_next", "Other button", show=False, tooltip="The other button"),
    ]

    def __init__(self, working: bool, farewell: str) -> None:
        super().__init__()
        self._working, self._farewell = working, farewell
        self.asked = time.monotonic()

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static("Leave?", classes="title")
            if self._working:
                yield Static("What runs on the hosts right now comes to its end first.")
            yield Static(self._farewell, markup=False)
            yield Static("Ctrl-C once more leaves.", classes="last")
            with Horizontal(classes="buttons"):
                yield Button("Stay", "primary", id="stay")
                yield Button("Leave", id="leave")

    def on_mount(self) -> None:
        self.query_one("#stay", Button).focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.dismiss(event.button.id == "leave")
