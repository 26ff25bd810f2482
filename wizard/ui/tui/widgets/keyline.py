"""The line of keys at the bottom: what works right now.

One line of text: Textual's Footer mounts a widget for each key, which took most of the time between two questions.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen

from wizard.ui.tui.widgets.fresh import Fresh

FIRST = ("accept", "submit", "press")  # what goes on comes first
LAST = ("answers", "log", "keys", "leave")  # what works everywhere comes last


class KeyLine(Fresh):
    """Made from the active bindings themselves, so that it is true."""

    def __init__(self) -> None:
        super().__init__("keyline", steady=True)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.say(Content("  ").join(self._keys(screen.active_bindings.values())))

    def _keys(self, active: Iterable[ActiveBinding]) -> list[Content]:
        shown = {each.binding.action: each.binding for each in reversed(list(active)) if self._counts(each)}
        order = sorted(
            shown.values(),
            key=lambda b: (b.action not in FIRST, ("", *LAST).index(b.action if b.action in LAST else "")),
        )
        return [
            Content.assemble((self.app.get_key_display(binding), "bold"), f" {binding.description}")
            for binding in order
        ]

    @staticmethod
    def _counts(active: ActiveBinding) -> bool:
        return active.enabled and active.binding.show and bool(active.binding.description)
