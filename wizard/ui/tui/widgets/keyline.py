"""The line of keys at the bottom: what works right now, by key or by a click.

One line of text: Textual's Footer mounts a widget for each key, which took most of the time between two questions.
"""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import ActiveBinding, Binding
from textual.content import Content
from textual.screen import Screen
from textual.style import Style

from wizard.ui.tui.widgets.fresh import Fresh

FIRST = ("accept", "submit", "press")  # what goes on comes first
LAST = ("ahead", "answers", "log", "keys", "leave")  # what works everywhere comes last
SPARED = ("answers", "log")  # what goes first where there is no room: help, which lists every key, stays
GAP, LEAST = "  ", 30  # between two keys; columns below which nothing more is left out


class KeyLine(Fresh):
    """Made from the active bindings themselves, so that it is true."""

    def __init__(self) -> None:
        super().__init__("keyline", steady=True)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)
        self._changed(self.screen)

    def on_resize(self) -> None:
        self._changed(self.screen)

    def _changed(self, screen: Screen[object]) -> None:
        if self.is_attached and screen is self.screen:
            self.say(Content(GAP).join(self._keys(screen.active_bindings.values())))

    def _keys(self, active: Iterable[ActiveBinding]) -> list[Content]:
        shown = {each.binding.action: each.binding for each in reversed(list(active)) if self._counts(each)}
        order = sorted(
            shown.values(),
            key=lambda b: (b.action not in FIRST, ("", *LAST).index(b.action if b.action in LAST else "")),
        )
        keys = {binding.action: self._key(binding) for binding in order}
        for spared in (*SPARED, *reversed([action for action in keys if action not in (*FIRST, *LAST)])):
            if sum(len(key) + len(GAP) for key in keys.values()) - len(GAP) <= max(self.size.width, LEAST):
                break
            keys.pop(spared, None)
        return list(keys.values())

    def _key(self, binding: Binding) -> Content:
        """A click on it is that key."""
        words = Content.assemble((self.app.get_key_display(binding), "bold"), f" {binding.description}")
        return words.stylize(Style.from_meta({"@click": f"app.simulate_key({binding.key!r})"}))

    @staticmethod
    def _counts(active: ActiveBinding) -> bool:
        return active.enabled and active.binding.show and bool(active.binding.description)
