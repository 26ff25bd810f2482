"""Every answer that was given, over the journey: to look at, and to have one changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from wizard.given import Given
from wizard.question import Revise
from wizard.report import clean

Listing = Callable[[bool], Sequence[Given]]  # with the settings that nobody was asked for, or without


class AnswersScreen(ModalScreen[Revise | None]):
    """Dismissed with the answer that is to be changed. `why_not`: why none can be changed now."""

    CSS_PATH = "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f3,ctrl+r", "dismiss", "Close", tooltip="Close this list"),
        Binding("s", "settings", "Settings", tooltip="Show or hide the settings that nobody was asked for"),
    ]

    def __init__(self, listing: Listing, why_not: str) -> None:
        super().__init__()
        self._listing, self._why_not = listing, why_not
        self._settings = False

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog", classes="broad"):
            yield Static("Your answers", classes="title")
            yield OptionList(id="answers")
            yield Static("", id="can", classes="last", markup=False)

    def on_mount(self) -> None:
        self._fill()
        self.query_one(OptionList).focus()

    def _fill(self) -> None:
        found = self._listing(self._settings)
        options: list[Option] = []
        for number, one in enumerate(found):
            if number == 0 or found[number - 1].title != one.title:
                options.append(Option(Content.styled(one.title, "$text-accent bold"), disabled=True))
            words = Content.assemble(f"{one.question.ask} ", (_one_line(one.shown), "bold"))
            options.append(Option(words, id=f"{one.step}.{one.question.key}"))
        listed = self.query_one(OptionList).clear_options().add_options(options)
        listed.highlighted = 1 if options else None
        can = self._why_not or "Enter changes the answer that is pointed at; you are told first what comes of it."
        more = "s hides the settings." if self._settings else "s shows the settings that nobody was asked for, too."
        said = f"{can} {more} Escape closes this." if found else "Nothing was answered so far. Escape closes this."
        self.query_one("#can", Static).update(said)

    def action_settings(self) -> None:
        self._settings = not self._settings
        self._fill()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if self._why_not:
            self.notify(self._why_not)
            return
        step, _, key = (event.option.id or "").partition(".")
        self.dismiss(Revise(step, key))


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())
