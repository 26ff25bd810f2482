"""Help: about the question on the screen, the keys that work right now, and what the marks mean.

The keys are made from the bindings themselves, so that they are true.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from wizard.report import columns

MARKS = (
    ("✓", "done"), ("▶", "at work"), ("?", "waiting for you"), ("!", "blocked"), ("–", "skipped"), ("·", "to come"),
)  # fmt: skip


class HelpScreen(ModalScreen[None]):
    """Any of its keys closes it."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,enter,question_mark,ctrl+g,f1", "dismiss", "Close", tooltip="Close this help"),
    ]

    def __init__(
        self,
        bindings: Iterable[ActiveBinding],
        marks: Sequence[tuple[str, str]] = MARKS,
        about: Sequence[tuple[str, str]] = (),
        title: str = "",
    ) -> None:
        """`about` are headings and texts about what is on the screen, under `title`."""
        super().__init__()
        self._active, self._marks, self._about, self._title = list(bindings), marks, about, title

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="dialog"):
            if self._about:
                yield Static(self._title, classes="title", markup=False)
            for heading, text in self._about:
                yield Static(Content.assemble((f"{heading}  ", "bold"), text), classes="about", markup=False)
            yield Static("Keys that work here", classes="title")
            yield Static("\n".join(columns(self._keys())), classes="keys", markup=False)
            yield Static("What the marks mean", classes="title")
            yield Static("   ".join(f"{mark}\N{NO-BREAK SPACE}{what}" for mark, what in self._marks), markup=False)
            yield Static("Escape closes this; the arrow keys scroll.", classes="last")

    def _keys(self) -> list[tuple[str, str]]:
        rows: dict[str, list[str]] = {}
        for active in self._active:
            if active.enabled and active.binding.tooltip:
                rows.setdefault(active.binding.tooltip, []).append(self.app.get_key_display(active.binding))
        return [(" ".join(keys), meaning) for meaning, keys in rows.items()]
