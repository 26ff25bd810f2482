"""Which of several clusters, or a new one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Input

from wizard.home import Known, Wish, new_name
from wizard.opening import DEFAULT
from wizard.question import Choice
from wizard.ui.tui.screens.frame import FrameScreen
from wizard.ui.tui.widgets.choices import ChoiceList
from wizard.ui.tui.widgets.field import LineInput
from wizard.ui.tui.widgets.fresh import Fresh

NEW = ""  # the value of the line that begins a new one


class PickerScreen(FrameScreen):
    """The list; for a new cluster a line for its name in the list's place."""

    CSS_PATH = ["frame.tcss", "picker.tcss"]  # noqa: RUF012 — Textual declares it so
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "new", "New cluster", tooltip="Begin a new cluster"),
        Binding("escape", "back", "Back", tooltip="Back to the list, or leave"),
    ]

    def __init__(self, clusters: Sequence[Known]) -> None:
        super().__init__("clusters")
        self._taken = [known.name for known in clusters]
        new = Choice(NEW, "A new cluster", "with a name, a state and a repository of its own")
        choices = [*(Choice(known.name, known.name, known.about) for known in clusters), new]
        self._ask = Fresh("ask", "heading")
        self._choices, self._about = ChoiceList(choices, [choices[0].value]), Fresh("about")
        free = DEFAULT if DEFAULT not in self._taken else ""
        self._naming, self._problem = LineInput(free, id="name"), Fresh("problem", "problem")

    def content(self) -> Iterable[Widget]:
        yield self._ask
        yield self._choices
        yield self._about
        yield self._naming
        yield self._problem

    def on_mount(self) -> None:
        self._show(naming=False)

    def _show(self, *, naming: bool) -> None:
        self._ask.say("How shall the new cluster be called?" if naming else "Which cluster?")
        self._choices.display = self._about.display = not naming
        self._naming.display = self._problem.display = naming
        self.set_focus(self._naming if naming else self._choices)
        self.refresh_bindings()

    @property
    def naming(self) -> bool:
        return self._naming.display

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "new":
            return not self.naming
        return super().check_action(action, parameters)

    def action_new(self) -> None:
        self._show(naming=True)

    def action_back(self) -> None:
        if self.naming:
            self._show(naming=False)
        else:
            self.wish(Wish("leave"))

    def on_choice_list_changed(self, event: ChoiceList.Changed) -> None:
        event.stop()
        self._about.say(self._choices.pointed_help)

    def on_choice_list_accepted(self, event: ChoiceList.Accepted) -> None:
        event.stop()
        chosen = self._choices.raw()
        if chosen == NEW:
            self.action_new()
        else:
            self.wish(Wish("cluster", chosen))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        problem = new_name(event.value.strip(), self._taken) if event.value else ""
        self._problem.say(f"… {problem}" if problem else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        name = event.value.strip()
        if problem := new_name(name, self._taken):
            self._problem.say(f"! {problem}")
        else:
            self.wish(Wish("new", name))
