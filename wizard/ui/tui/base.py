"""What the apps share: no animation, light or dark colours, and no traceback with the values of variables."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import ClassVar, TypeVar

from textual.app import App
from textual.binding import Binding, BindingType

R = TypeVar("R")
DARK, LIGHT = "textual-dark", "textual-light"


class BaseApp(App[R]):
    """Colours follow the terminal's background where it tells of it, and a key."""

    ENABLE_COMMAND_PALETTE = False
    TITLE = "homelab"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "colours", "Colours", show=False, tooltip="Light or dark colours"),
        Binding("ctrl+c", "leave", "Leave", priority=True, tooltip="Leave"),
        Binding("ctrl+q", "leave", show=False, priority=True),  # Textual's own would end without a word
    ]

    def __init__(self) -> None:
        super().__init__()
        self.animation_level = "none"
        self.theme = theme(os.environ)

    def action_colours(self) -> None:
        self.theme = DARK if self.theme == LIGHT else LIGHT

    def action_leave(self) -> None:
        self.exit()

    def _fatal_error(self) -> None:
        """Textual would print a traceback with the values of variables; the command reports mistakes its own way."""
        self._close_messages_no_wait()


def theme(environment: Mapping[str, str]) -> str:
    """`COLORFGBG` is how rxvt, Konsole and others tell their colours: ``0;15`` is black on white."""
    background = environment.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK
