"""What a question is answered with, by the widget that its kind names."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.events import Key
from textual.message import Message
from textual.widgets import Input

from wizard.question import CHOICE, Choice, Prompt, list_of
from wizard.secret import Secret
from wizard.ui.tui.widgets.choices import ChoiceList
from wizard.ui.tui.widgets.fresh import Fresh

YES_OR_NO = (Choice(True, "Yes"), Choice(False, "No"))


class LineInput(Input):
    """One line of text. Enter goes on, as in every field; ? in one that is empty, or all marked, asks for help."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Continue", tooltip="Take this answer and go on")
    ]

    async def _on_key(self, event: Key) -> None:
        """A secret may begin with any character: there it is typed."""
        if event.character == "?" and not self.password and self.selected_text == self.value:
            event.stop()
            event.prevent_default()
            await self.run_action("app.keys")


class SecretInput(LineInput):
    """A line that is not shown unless the person asks for it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+t", "reveal", "Show", tooltip="Show or hide what is typed")]

    def action_reveal(self) -> None:
        self.password = not self.password


class Field(Vertical):
    """The input, the list, or both (a list of things found, and a line for others)."""

    class Changed(Message):
        """What is given now is another thing than before."""

    class Accepted(Message):
        """Enter: go on with it."""

    def __init__(self, prompt: Prompt, draft: object = None) -> None:
        """`draft` is what was given to the same question before; it wins over the default."""
        super().__init__(id="field")
        self.prompt = prompt
        self._start = prompt.default if draft is None else draft
        self._widget = prompt.question.kind.widget
        self._given: object = None
        self._about = Fresh("about")

    @property
    def _many(self) -> bool:
        return self._widget == "many" and bool(self.prompt.choices)

    @property
    def _open(self) -> bool:
        """Whether others than those in the list may be given."""
        return self.prompt.question.kind.name != list_of(CHOICE).name

    def compose(self) -> ComposeResult:
        prompt = self.prompt
        if self._widget == "yes-no":
            yield ChoiceList(YES_OR_NO, [self._start])
        elif self._widget == "choice" and prompt.choices:
            yield ChoiceList(prompt.choices, [self._start])
            yield self._about
        elif self._many:
            chosen = self._listed()
            known = [choice.value for choice in prompt.choices]
            yield ChoiceList(prompt.choices, chosen, many=True)
            yield self._about
            others = ", ".join(str(value) for value in chosen if value not in known)
            if self._open:
                yield LineInput(
                    others, placeholder="others, divided by commas: just type", id="others", compact=True,
                    select_on_focus=False,
                )  # fmt: skip
        elif self._widget == "secret":
            yield SecretInput(password=True, placeholder=self._placeholder(), id="line")
        else:
            yield LineInput(self._shown(), placeholder=self._placeholder(), id="line")

    def _listed(self) -> list[Any]:
        if self._start is None:
            return [choice.value for choice in self.prompt.choices if choice.chosen]
        return list(self._start) if isinstance(self._start, list | tuple) else [self._start]

    def _shown(self) -> str:
        if self._start is None or isinstance(self._start, str):
            return self._start or ""
        return self.prompt.question.kind.show(self._start)

    def _placeholder(self) -> str:
        if self._widget == "secret" and self.prompt.default is not None:
            return "empty: the one that is known already"
        return "" if self.prompt.question.required else "may stay empty"

    def raw(self) -> object:
        """What is given now, as `Prompt.parse` takes it."""
        if self._many:
            typed = " ".join(line.value for line in self.query("#others").results(Input))
            return [*self.query_one(ChoiceList).raw(), *(part for part in re.split(r"[,\s]+", typed) if part)]
        if self._widget == "secret":
            typed = self.query_one("#line", Input).value
            return Secret(typed) if typed else self.prompt.default
        lists = self.query(ChoiceList)
        return lists.first().raw() if lists else self.query_one("#line", Input).value

    def parse(self) -> Any:
        """The value of what is given now. Raises ValueError with a sentence."""
        raw = self.raw()
        if self._widget == "secret" and raw is None and self.prompt.question.required:
            raise ValueError("this must not be empty")
        return self.prompt.parse(raw)

    def on_mount(self) -> None:
        self._given = self.raw()

    def _compare(self) -> None:
        """Tells about a change that the person made, not about the widgets' own first ones."""
        given = self.raw()
        if given != self._given:
            self._given = given
            self.post_message(self.Changed())

    def on_key(self, event: Key) -> None:
        """What is typed while the list has the keys goes into the line below it: nothing typed is lost."""
        line = next(iter(self.query("#others").results(Input)), None)
        if line is None or line.has_focus or not (event.character and event.character.isalnum()):
            return
        event.stop()
        line.focus()
        line.value += event.character
        line.cursor_position = len(line.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._compare()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Accepted())

    def on_choice_list_changed(self, event: ChoiceList.Changed) -> None:
        event.stop()
        self._about.say(self.query_one(ChoiceList).pointed_help)
        self._compare()

    def on_choice_list_accepted(self, event: ChoiceList.Accepted) -> None:
        event.stop()
        self.post_message(self.Accepted())
