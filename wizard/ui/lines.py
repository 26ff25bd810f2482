"""Lines that a person types: where they come from, what they may be, and what they mean."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any, Protocol

from wizard.errors import WizardError
from wizard.fieldhelp import sections
from wizard.given import Given
from wizard.question import CHOICE, Choice, Prompt
from wizard.report import clean, wrapped
from wizard.secret import Secret
from wizard.session import Session
from wizard.ui import terminals

LONGEST = 1 << 16  # characters of a line that is read from a pipe


class Keyboard(Protocol):
    """Where the person's lines come from. `EOFError` when there are no more."""

    def line(self, label: str) -> str: ...

    def secret(self, label: str) -> str: ...


class Terminal:
    """A terminal: lines can be edited, secrets show as stars."""

    def line(self, label: str) -> str:
        return self._ask("text", label)

    def secret(self, label: str) -> str:
        return self._ask("password", label)

    def _ask(self, kind: str, label: str) -> str:
        import questionary  # half a second: only where something is asked

        os.environ.setdefault("PROMPT_TOOLKIT_NO_CPR", "1")  # not every terminal tells where its cursor is
        bare = questionary.Style([])
        question = getattr(questionary, kind)(label, qmark="", style=bare)
        return str(question.application.run(handle_sigint=False))  # its own way loses one that comes at the end


class Bare:
    """A terminal that only knows lines, such as vt100 on a serial line: not one escape sequence is sent to it."""

    def line(self, label: str) -> str:
        return input(f"{self._shown(label)} ")

    def secret(self, label: str) -> str:
        import getpass

        return getpass.getpass(f"{self._shown(label)} ")

    def _shown(self, label: str) -> str:
        return terminals.in_ascii(label) if terminals.only_ascii(os.environ) else label


def ended(name: str, session: Session) -> WizardError:
    """The input came to its end where `name` was asked for."""
    return WizardError(f"The input ended before {name} was answered.", "", session.unasked)


def keyboard() -> Keyboard:
    """The one that is there."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Pipe()
    return Terminal() if terminals.draws(os.environ) else Bare()


class Pipe:
    """No terminal: lines as they come. What was read is shown, so that the transcript is complete."""

    def line(self, label: str) -> str:
        text = self._read(label)
        print(text, flush=True)
        return text

    def secret(self, label: str) -> str:
        text = self._read(label)
        print(flush=True)
        return text

    def _read(self, label: str) -> str:
        """As `input`, which would read a line that never ends until the memory is full."""
        print(f"{label} ", end="", flush=True)
        text = sys.stdin.readline(LONGEST)
        if len(text) == LONGEST:
            raise WizardError("What comes as input is not made of lines.", "", "Give one answer a line.")
        if not text:
            raise EOFError
        return text.removesuffix("\n")


def listed(found: Sequence[Given], width: int) -> list[str]:
    """Every answer under its number, and the title of its step before the first of them."""
    said = ["What was answered so far:" if found else "Nothing was answered so far."]
    for number, one in enumerate(found, 1):
        if number == 1 or found[number - 2].title != one.title:
            said.append(f"{one.title}:")
        said.append(wrapped(f"{number}. {one.question.ask} {clean(one.shown)}", width, "  "))
    return said


def choice_line(number: int, choice: Choice) -> str:
    """One of the choices, with the number that stands for it."""
    return f"{number}. {choice.label}{' - ' + choice.help if choice.help else ''}"


def expected(prompt: Prompt) -> str:
    """What may be typed, in a few words."""
    widget = prompt.question.kind.widget
    if widget == "yes-no":
        return "yes or no"
    if widget == "choice" and prompt.choices:
        return f"Number, 1 to {len(prompt.choices)}" if len(prompt.choices) > 1 else "Number"
    if widget == "many" and prompt.choices:
        others = prompt.question.kind.name.removeprefix("list of ")
        more = f", or the {others} of others" if others != CHOICE.name else ""
        return f"Numbers{more}, divided by commas"
    name = prompt.question.kind.name
    if name.startswith("list of "):
        return f"{name.removeprefix('list of ').capitalize()}, several divided by commas"
    return name.capitalize()


def default_of(prompt: Prompt) -> Any:
    """What an empty line means: the default, or the choices that are offered as already chosen; None for nothing."""
    chosen = [choice.value for choice in prompt.choices if choice.chosen]
    if prompt.default is None and prompt.question.kind.widget == "many" and chosen:
        return chosen
    return prompt.default


def default_hint(prompt: Prompt) -> str:
    """What an empty line means, in brackets."""
    default = default_of(prompt)
    if prompt.question.kind.widget == "secret":
        return " [the known one]" if default is not None else ("" if prompt.question.required else " [none]")
    if default is None:
        return "" if prompt.question.required else " [none]"
    listed = any(choice.value == "none" for choice in prompt.choices)
    none = "" if prompt.question.required or listed else ", - for none"
    if prompt.choices:
        return f" [{', '.join(_number_of(value, prompt.choices) for value in _listed(default))}{none}]"
    return f" [{prompt.question.kind.show(default)}{none}]"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _number_of(value: Any, choices: Sequence[Choice]) -> str:
    return next((str(number) for number, choice in enumerate(choices, 1) if choice.value == value), str(value))


def explained(prompt: Prompt) -> str:
    """What `?` says about a question: what it is, why it is asked, where the answer is found, and what can be typed."""
    parts = [f"{heading}: {text}" for heading, text in sections(prompt)]
    parts.append("Enter alone takes what stands in [brackets]. < goes back to the question before.")
    parts.append("= shows every answer, to change one. Ctrl-C stops, and says how to go on.")
    return "\n".join(parts)


def meaning(prompt: Prompt, text: str) -> object:
    """What the typed line means: a number stands for a choice, an empty line for the default."""
    text = text.strip()
    if prompt.question.kind.widget == "secret":
        if not text and prompt.default is None and prompt.question.required:
            raise ValueError("this must not be empty")
        return Secret(text) if text else prompt.default
    if not text:
        return default_of(prompt)
    if text == "-" and not prompt.question.required:
        return None
    if prompt.choices and prompt.question.kind.widget == "many":
        return [_chosen(part, prompt.choices) for part in text.replace(",", " ").split()]
    return _chosen(text, prompt.choices) if prompt.choices else text


def _chosen(text: str, choices: Sequence[Choice]) -> Any:
    if text.isdigit() and 1 <= int(text) <= len(choices):
        return choices[int(text) - 1].value
    named = [choice.value for choice in choices if text.lower() in (str(choice.value).lower(), choice.label.lower())]
    return named[0] if named else text
