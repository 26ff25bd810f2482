"""The wizard as lines of text: numbered choices, no boxes, no colour.

Made for screen readers, serial lines, pipes and terminals that can do nothing else. On a terminal the line is
edited with questionary; in a pipe it is read as it comes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any, Literal, Protocol

from wizard import events, report
from wizard.context import Approval
from wizard.errors import Interrupted, WizardError
from wizard.leaving import Leaving
from wizard.question import BACK, CHOICE, Choice, Prompt
from wizard.secret import Secret
from wizard.session import Session
from wizard.ui.out import Out
from wizard.ui.trail import Trail

YES, NO = ("y", "yes"), ("n", "no")


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

        bare = questionary.Style([])
        return str(getattr(questionary, kind)(label, qmark="", style=bare).unsafe_ask())


class Pipe:
    """No terminal: lines as they come. What was read is shown, so that the transcript is complete."""

    def line(self, label: str) -> str:
        text = input(f"{label} ")
        print(text, flush=True)
        return text

    def secret(self, label: str) -> str:
        text = input(f"{label} ")
        print(flush=True)
        return text


class Plain:
    """Asks in numbered lines. `<` goes back, `?` explains."""

    def __init__(self, session: Session, out: Out, keyboard: Keyboard, leaving: Leaving) -> None:
        self._session, self._out, self._keyboard, self._leaving = session, out, keyboard, leaving
        self._step = ""
        self._trail = Trail()
        self._quiet = report.Quiet()

    # -- questions -------------------------------------------------------------------------------------

    def ask(self, prompt: Prompt) -> object:
        self._heading(prompt.step)
        self._trail.arrive(prompt)
        out, question = self._out, prompt.question
        out.say()
        out.say(report.wrapped(f"({self._trail.number} of {self._trail.total}) {question.ask}", out.width))
        if prompt.explanation:
            out.say(report.wrapped(report.clean(prompt.explanation), out.width, "  "))
        for number, choice in enumerate(prompt.choices, 1):
            out.say(report.wrapped(_choice_line(number, choice), out.width, "   ").lstrip("\n"))
        if prompt.problem:
            out.say(report.wrapped(f"Please correct: {prompt.problem}", out.width))
        raw = self._until_it_fits(prompt)
        self._trail.leave(raw)
        return raw

    def _until_it_fits(self, prompt: Prompt) -> object:
        out = self._out
        while True:
            text = self._read(prompt)
            if text.strip() == "?":
                out.say(report.wrapped(_help(prompt), out.width, "  "))
                continue
            if text.strip() == "<":
                if self._trail.back:
                    return BACK
                out.say("There is no question before this one in this step.")
                continue
            try:
                raw = meaning(prompt, text)
                prompt.parse(raw)
            except ValueError as error:
                out.say(report.wrapped(f"Please correct: {error}", out.width))
                continue
            return raw

    def _read(self, prompt: Prompt) -> str:
        label = f"{_expected(prompt)}{_default_hint(prompt)}:"
        return self._line(label, f"{prompt.step}.{prompt.question.key}", prompt.question.kind.widget == "secret")

    def _line(self, label: str, name: str, secret: bool = False) -> str:
        if self._session.world.stop.is_set():
            raise Interrupted("Stopped before the next question.")
        try:
            with self._leaving.asking():
                return self._keyboard.secret(label) if secret else self._keyboard.line(label)
        except KeyboardInterrupt:
            self._session.world.stop.set()
            raise Interrupted("Stopped.") from None
        except EOFError:
            raise WizardError(
                f"The input ended before {name} was answered.", "",
                "Give the answers in a file: homelab run --answers FILE --yes.",
            ) from None  # fmt: skip

    # -- approval and failure ----------------------------------------------------------------------------

    def confirm(self, approval: Approval) -> bool:
        self._trail.cut()
        out = self._out
        out.say()
        if approval.danger:
            out.say("This can't be taken back easily:")
        else:
            out.say(f"{approval.title}: {report.counted(len(approval.changes), 'change')} to approve.")
        for host, changes in report.by_host(approval):
            out.say(f"  {host}:")
            for change in changes:
                out.say(report.wrapped(f"- {report.change_line(change)}", out.width, "    "))
                if approval.danger and change.detail:
                    out.say("\n".join(f"    {line}" for line in report.clean(change.detail).splitlines()))
        if approval.word:
            return self._typed(approval)
        label = "Do it? yes or no [no]:" if approval.danger else "Make these changes? yes or no [yes]:"
        while True:
            word = self._line(label, f"the approval of {approval.step}").strip().lower()
            if word in YES or (not word and not approval.danger):
                return True
            if word in NO or not word:
                return False
            out.say("Please answer yes or no.")

    def _typed(self, approval: Approval) -> bool:
        """Whether the word that stands for this change was typed; an empty line is a no."""
        while True:
            label = f"Type {approval.word} to do it, or nothing to leave it [no]:"
            word = self._line(label, f"the approval of {approval.step}").strip()
            if word == approval.word or not word or word.lower() in NO:
                return word == approval.word
            self._out.say(f"That is not {approval.word}.")

    def failed(self, step: str, error: WizardError) -> Literal["retry", "stop"]:
        if self._session.world.stop.is_set():
            return "stop"
        self._out.say()
        self._out.say(f"{self._session.title(step)} could not be completed.")
        self._out.say(report.error_text(error, self._out.width))
        while True:
            try:
                word = (
                    self._line("Try again, or stop? What was done is saved. retry or stop [stop]:", "").strip().lower()
                )
            except WizardError:  # nobody is there to be asked
                return "stop"
            if word in ("r", "retry"):
                return "retry"
            if word in ("s", "stop", ""):
                self._session.shown = error
                return "stop"
            self._out.say("Please answer retry or stop.")

    # -- events ------------------------------------------------------------------------------------------

    def listen(self, event: events.Event) -> None:
        if not self._quiet.worth(event):
            return
        if isinstance(event, events.StepChanged):
            self._heading(event.step)
            if event.status in ("done", "verifying"):
                self._out.say(f"  {report.SYMBOLS[event.status]} {report.DOING[event.status]}")
        elif isinstance(event, events.Note):
            self._out.say()
            self._out.say(f"  {report.clean(event.title)}")
            self._out.say(report.wrapped(report.clean(event.text), self._out.width, "    "))
        elif not isinstance(event, events.Planned):
            self._out.say(report.wrapped(report.event_line(event), self._out.width, "  "))

    def _heading(self, step: str) -> None:
        if step == self._step:
            return
        self._step = step
        names = [each.name for each in self._session.order]
        where = f"Step {names.index(step) + 1} of {len(names)}: " if step in names else ""
        self._out.say()
        self._out.say(f"{where}{self._session.title(step)}")
        self._out.say(report.wrapped(self._session.intro(step), self._out.width))


def _choice_line(number: int, choice: Choice) -> str:
    return f"{number}. {choice.label}{' - ' + choice.help if choice.help else ''}"


def _expected(prompt: Prompt) -> str:
    widget = prompt.question.kind.widget
    if widget == "yes-no":
        return "yes or no"
    if widget == "choice" and prompt.choices:
        return f"Number, 1 to {len(prompt.choices)}"
    if widget == "many" and prompt.choices:
        others = prompt.question.kind.name.removeprefix("list of ")
        more = f", or the {others} of others" if others != CHOICE.name else ""
        return f"Numbers{more}, divided by commas"
    return prompt.question.kind.name.capitalize()


def default_of(prompt: Prompt) -> Any:
    """What an empty line means: the default, or the choices that are offered as already chosen; None for nothing."""
    chosen = [choice.value for choice in prompt.choices if choice.chosen]
    if prompt.default is None and prompt.question.kind.widget == "many" and chosen:
        return chosen
    return prompt.default


def _default_hint(prompt: Prompt) -> str:
    default = default_of(prompt)
    if prompt.question.kind.widget == "secret":
        return " [the known one]" if default is not None else ("" if prompt.question.required else " [none]")
    if default is None:
        return "" if prompt.question.required else " [none]"
    if prompt.choices and not isinstance(default, bool):
        return f" [{', '.join(_number_of(value, prompt.choices) for value in _listed(default))}]"
    return f" [{prompt.question.kind.show(default)}]"


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, list | tuple) else [value]


def _number_of(value: Any, choices: Sequence[Choice]) -> str:
    return next((str(number) for number, choice in enumerate(choices, 1) if choice.value == value), str(value))


def _help(prompt: Prompt) -> str:
    question = prompt.question
    parts = [question.help or "There is nothing more to say about this question."]
    if prompt.default is not None and question.source:
        parts.append(f"The default comes from: {question.source}.")
    parts.append("Enter alone takes what stands in [brackets]. < goes back to the question before. Ctrl-C stops.")
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
    if prompt.choices and prompt.question.kind.widget == "many":
        return [_chosen(part, prompt.choices) for part in text.replace(",", " ").split()]
    return _chosen(text, prompt.choices) if prompt.choices else text


def _chosen(text: str, choices: Sequence[Choice]) -> Any:
    if text.isdigit() and 1 <= int(text) <= len(choices):
        return choices[int(text) - 1].value
    named = [choice.value for choice in choices if text.lower() in (str(choice.value).lower(), choice.label.lower())]
    return named[0] if named else text


def run(session: Session, out: Out | None = None, keyboard: Keyboard | None = None) -> None:
    """The whole journey in lines of text. Raises what stopped it."""
    out = out or Out()
    keyboard = keyboard or (Terminal() if sys.stdin.isatty() and sys.stdout.isatty() else Pipe())
    with Leaving(session.world.stop) as leaving:
        front = Plain(session, out, keyboard, leaving)
        session.bus.listen(front.listen)
        out.say(f"homelab, cluster {session.state.cluster}. Enter takes the default, < goes back, ? explains.")
        session.engine(front).run()
    out.say()
    out.say("Everything is done.")
    out.say(session.summary.table())
