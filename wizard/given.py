"""Everything that was answered so far, as a list to look through. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wizard.question import Question, Revise
from wizard.secret import Secret, SecretRef
from wizard.state import State
from wizard.step import AnyStep


@dataclass(frozen=True)
class Given:
    """One answer. `shown` is what a person may see of it."""

    step: str
    title: str
    question: Question
    shown: str

    @property
    def revise(self) -> Revise:
        """What a front end returns to have it changed."""
        return Revise(self.step, self.question.key)


def shown(question: Question, value: Any) -> str:
    """An answer in words; of a secret, only that there is one."""
    if value is None:
        return "nothing"
    if isinstance(value, Secret | SecretRef):
        return "known, not shown"
    fixed = () if callable(question.choices) else question.choices
    return next((choice.label for choice in fixed if choice.value == value), question.kind.show(value))


def given(order: Sequence[AnyStep], state: State, *, settings: bool = False) -> list[Given]:
    """The answers in the order of the questions, each once; with `settings` those that nobody was asked for, too.

    What can only be given in a file is left out.
    """
    found: dict[tuple[str, str], Given] = {}
    for step in order:
        answers = state.answers.get(step.name, {})
        for question in step.questions:
            asked = settings or not question.advanced
            if asked and question.key in answers and question.kind.widget != "none" and question.when(state.answers):
                said = shown(question, answers[question.key])
                found[step.name, question.key] = Given(step.name, step.title, question, said)
    return list(found.values())
