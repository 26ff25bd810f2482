"""Answers ahead: while the engine works at one step, questions of later steps can be answered.

Only questions that need no facts of an unfinished step are asked; which those are is data (`Question.needs`). The
engine calls `reached` on its thread, a front end everything else, on another one or while the engine waits for it.
"""

from __future__ import annotations

import threading

from wizard.asking import Asking, Place
from wizard.follow import following
from wizard.question import Prompt, Question
from wizard.secret import Secret, SecretRef
from wizard.step import AnyStep


class TooLate(Exception):
    """The engine has come to that step by now, and asks by itself."""


class Ahead:
    """What can be answered before its turn."""

    def __init__(self, asking: Asking) -> None:
        self._asking, self._order, self._ctx = asking, asking.order, asking.ctx
        self._at = -1  # the place in the order of the step that the engine is at
        self._lock = threading.Lock()

    def reached(self, step: AnyStep) -> None:
        """The engine is at `step`: those before it are finished, and its own questions are the engine's."""
        with self._lock:
            self._at = self._index(step)

    def _index(self, step: AnyStep) -> int:
        return next(number for number, each in enumerate(self._order) if each.name == step.name)

    def place(self) -> Place | None:
        """The next question that can be answered now; None when there is none."""
        return next(iter(self._places()), None)

    def count(self) -> int:
        """How many can be answered now, as far as it is known: answers may make questions come and go."""
        return len(self._places())

    def _places(self) -> list[Place]:
        """In each later step, up to the first question that needs to know more: what follows may depend on it."""
        at, found = self._at, []
        finished = {step.name for step in self._order[:at]}
        for number, step in enumerate(self._order[at + 1 :] if at >= 0 else (), at + 1):
            given = self._ctx.answers.get(step.name, {})
            before = [each.name for each in self._order[:number]]
            for question in self._asking.due(step):
                if question.key in given:
                    continue
                if not finished.issuperset(needs(question, before)):
                    break
                found.append((step, question))
        return found

    def prompt(self, place: Place, *, problem: str = "", back: bool = False) -> Prompt:
        """The question, ready to be shown; with its answer where it has one."""
        step, question = place
        known = question.key in self._ctx.answers.get(step.name, {})
        return self._asking.prompt(step, question, problem=problem, back=back, review=known)

    def give(self, place: Place, prompt: Prompt, raw: object) -> str:
        """Keeps the answer `raw`, or says what is wrong with it. Raises `TooLate` when the engine was faster."""
        step, question = place
        with self._lock:
            if self._index(step) <= self._at:
                raise TooLate
            if not prompt.review:
                return self._asking.take(step, prompt, raw)
            try:
                value = prompt.parse(raw)
            except ValueError as error:
                return str(error)
            if value != prompt.default:
                self._change(step, question, prompt, raw, value)
            return ""

    def _change(self, step: AnyStep, question: Question, prompt: Prompt, raw: object, value: object) -> None:
        """Another answer than the one given before. Nothing was done with that one, so what follows is only asked."""
        before = self._ctx.answers
        kept = SecretRef("prompt") if isinstance(value, Secret) else value
        after = {**before, step.name: {**before[step.name], question.key: kept}}
        touched = following(self._order, before, after, f"{step.name}.{question.key}")
        self._asking.keep(step, prompt, raw, value)
        for name, key in (*touched.made, *touched.dropped):
            self._ctx.forget(name, key)


def needs(question: Question, before: list[str]) -> list[str]:
    """The steps that have to be finished before `question` can be asked; `before` are all those before its own."""
    if question.needs is not None:
        return list(question.needs)
    looks = question.explain is not None or callable(question.default) or callable(question.choices)
    return before if looks else []
