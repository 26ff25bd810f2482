"""Choosing from a list: one of several, or any of several. Marks are characters, so that no colour is needed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from wizard.question import Choice
from wizard.report import clean


class ChoiceList(OptionList):
    """The list. With `many`, Space marks and unmarks; otherwise what the arrow keys point at is chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "accept", "Continue", tooltip="Take this answer and go on"),
        Binding("space", "mark", "Mark", tooltip="Mark or unmark the line that is pointed at"),
        Binding("y", "point_at(True)", "Yes", show=False, tooltip="Point at Yes"),
        Binding("n", "point_at(False)", "No", show=False, tooltip="Point at No"),
    ]

    class Accepted(Message):
        """Enter was pressed."""

    class Changed(Message):
        """Another line is pointed at or marked."""

    def __init__(self, choices: Sequence[Choice], chosen: Collection[Any], *, many: bool = False) -> None:
        self.choices, self.many = tuple(choices), many
        self.marked = [choice.value in chosen for choice in choices]
        super().__init__(*(Option(self._prompt(index, False)) for index in range(len(choices))), id="choices")

    def on_mount(self) -> None:
        first = self.marked.index(True) if True in self.marked and not self.many else 0
        self.highlighted = first

    def raw(self) -> Any:
        """The chosen value, or the list of the chosen values."""
        if self.many:
            return [choice.value for choice, marked in zip(self.choices, self.marked, strict=True) if marked]
        return self.choices[self.highlighted or 0].value

    @property
    def pointed_help(self) -> str:
        """The whole of what there is to say about the line that is pointed at; the list itself may cut it off."""
        return _one_line(self.choices[self.highlighted or 0].help)

    def _prompt(self, index: int, pointed: bool) -> Content:
        choice = self.choices[index]
        mark = ("[x]" if self.marked[index] else "[ ]") if self.many else ("(•)" if pointed else "( )")
        parts = [Content.styled(f"{'>' if pointed else ' '}{mark} ", "bold"), Content(_one_line(choice.label))]
        if choice.help:
            parts.append(Content.styled(f"  {_one_line(choice.help)}", "$text-muted"))
        return Content("").join(parts)

    def watch_highlighted(self, highlighted: int | None) -> None:
        super().watch_highlighted(highlighted)
        self._redraw()
        self.post_message(self.Changed())

    def _redraw(self) -> None:
        for index in range(len(self.choices)):
            self.replace_option_prompt_at_index(index, self._prompt(index, index == self.highlighted))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "mark":
            return self.many
        if action == "point_at":
            return {choice.value for choice in self.choices} == {True, False}
        return super().check_action(action, parameters)

    def action_mark(self) -> None:
        if self.highlighted is not None:
            self.marked[self.highlighted] = not self.marked[self.highlighted]
            self._redraw()
            self.post_message(self.Changed())

    def action_point_at(self, value: bool) -> None:
        self.highlighted = next(index for index, choice in enumerate(self.choices) if choice.value is value)

    def action_accept(self) -> None:
        self.post_message(self.Accepted())

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """A click: it points, and with `many` it marks as well."""
        event.stop()
        if self.many:
            self.action_mark()


def _one_line(text: str) -> str:
    return " ".join(clean(text).split())
