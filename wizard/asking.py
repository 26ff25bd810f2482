"""Asking: which questions are due, what is proposed for each, and which answers there are to go back to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from wizard.context import Context
from wizard.errors import BadInput, WizardError
from wizard.events import StepChanged
from wizard.question import BACK, Prompt, Question, Turn, plain
from wizard.secret import Secret, SecretRef
from wizard.step import AnyStep

Place = tuple[AnyStep, Question]


class Asking:
    """The interview over `order`. `turn` is called when the person wants to see an earlier answer, with the place from
    which: a step and the key of its question.
    """

    def __init__(self, order: Sequence[AnyStep], ctx: Context, turn: Callable[[Turn, AnyStep, str], None]) -> None:
        self.order, self.ctx, self._turn = order, ctx, turn
        self._again: set[tuple[str, str]] = set()  # questions whose answers an error has named
        self._earlier: dict[tuple[str, str], Any] = {}  # what was given before it was taken back, to be proposed again
        self._refused: dict[tuple[str, str], str] = {}  # why an answer has to be given again

    # -- what is due -----------------------------------------------------------------------------------

    def answered(self, step: AnyStep) -> bool:
        given = self.ctx.answers.get(step.name, {})
        return all(question.key in given for question in self.due(step) if question.required)

    def due(self, step: AnyStep) -> list[Question]:
        """What is to be asked: advanced questions only where an error has named them and the person tries again."""
        again, answers = self._again, self.ctx.answers
        return [q for q in step.questions if (not q.advanced or (step.name, q.key) in again) and q.when(answers)]

    def before(self, step: AnyStep, key: str = "") -> list[Place]:
        """The answered questions before `key` of `step`, in order; without a key, with all that the step asks."""
        found: list[Place] = []
        for each in self.order:
            given = self.ctx.answers.get(each.name, {})
            for question in self.due(each):
                if (each.name, question.key) == (step.name, key):
                    return found
                if question.key in given:
                    found.append((each, question))
            if each.name == step.name:
                break
        return found

    def take_back(self, step: AnyStep, paths: Iterable[str]) -> None:
        """The step's answers at `paths` were not right: they are asked for again, proposed as they were."""
        for name, _, key in (path.partition(".") for path in paths):
            if name == step.name and key in self.ctx.answers.get(name, {}):
                self._forget(name, key)
                self._again.add((name, key))

    def refuse(self, step: str, key: str, why: str) -> None:
        """That answer is a mistake by now: it is asked for again, proposed as it was, with the reason."""
        self._forget(step, key)
        self._again.add((step, key))
        self._refused[step, key] = why

    def _forget(self, step: str, key: str) -> None:
        self._earlier[step, key] = self.ctx.forget(step, key)

    # -- asking ------------------------------------------------------------------------------------------

    def ask(self, step: AnyStep) -> None:
        """Asks what is not answered yet, one question at a time; BACK returns to the one before it.

        Answers that do not go together are asked for again. Raises `BadInput` for those that this step does not ask.
        """
        self.take_settings(step)
        asked: list[str] = []
        told = False
        while question := self._next(step):
            if not told:
                self.ctx.bus.emit(StepChanged(step.name, "asking"))
            told = True
            back = bool(asked or self.before(step, question.key))
            problem = self._refused.pop((step.name, question.key), "")
            prompt = self.prompt(step, question, problem=problem, back=back)
            try:
                raw = self.ctx.front.ask(prompt)
            except WizardError:
                self._as_it_was(step.name, question.key, problem)
                raise
            if raw is BACK and asked:
                self._forget(step.name, asked.pop())
            elif isinstance(raw, Turn):
                self._turn(raw, step, question.key)
                told = False
            elif problem := self.take(step, prompt, raw):
                self._refused[step.name, question.key] = problem
            else:
                asked = [*(key for key in asked if key != question.key), question.key]

    def _as_it_was(self, step: str, key: str, problem: str) -> None:
        """Nobody has answered: what was refused stays refused at the next run, and no proposal takes its place."""
        earlier = self._earlier.get((step, key))
        if problem and earlier is not None:
            self.ctx.keep(step, key, earlier)

    def take_settings(self, step: AnyStep) -> None:
        """The defaults of advanced questions, which nobody is asked."""
        given = self.ctx.answers.get(step.name, {})
        left = [
            q for q in step.questions if q.advanced and q.key not in given and (step.name, q.key) not in self._again
        ]
        found = {q.key: plain(q.default_for(self.ctx)) for q in left}
        if found:
            self.ctx.state.take(step.name, found)
            if not self.ctx.dry_run:
                self.ctx.state.save()

    def _next(self, step: AnyStep) -> Question | None:
        """The first question without an answer; one with an answer that is a mistake loses it first."""
        given, due = self.ctx.answers.get(step.name, {}), self.due(step)
        if missing := next((question for question in due if question.key not in given), None):
            return missing
        problems = step.validate(self.ctx.answers)
        paths = {f"{step.name}.{question.key}": question for question in due}
        for problem in problems:
            if wrong := paths.get(problem.path):
                self._forget(step.name, wrong.key)
                self._refused[step.name, wrong.key] = problem.text
                return wrong
        if problems:
            raise BadInput(problems)
        return None

    def prompt(
        self, step: AnyStep, question: Question, *, problem: str = "", back: bool = False, review: bool = False
    ) -> Prompt:
        """`question`, ready to be shown. With `review`, the answer that there is stands where the proposal would."""
        due = self.due(step)
        earlier = self._earlier.get((step.name, question.key))
        if review:
            earlier = self.ctx.answers[step.name][question.key]
        default = question.default_for(self.ctx)  # also where it isn't used: it sees that the question is asked anew
        choices = () if self.ctx.dry_run else question.choices_for(self.ctx)  # they may come from a scan of the LAN
        proposed = default if earlier is None and not review else earlier
        explanation, judge = question.explanation_for(self.ctx), partial(self._judge, step, question)
        at = due.index(question) + 1 if question in due else 1
        prompt = (
            Prompt(step.name, step.title, question, proposed, choices, problem, explanation, judge, at, len(due),
                   turns=True, back=back, review=review, again=earlier is not None and not review)
        )  # fmt: skip
        return self.ctx.proposing(prompt) if earlier is None and not review else prompt

    def _judge(self, step: AnyStep, question: Question, value: Any) -> str:
        """What is wrong with `value` beside the other answers and with what was seen; empty when nothing is."""
        kept = SecretRef("prompt") if isinstance(value, Secret) else value
        answers = {**self.ctx.answers, step.name: {**self.ctx.answers.get(step.name, {}), question.key: kept}}
        found, mine = [*step.validate(answers), *step.objections(self.ctx, answers)], f"{step.name}.{question.key}"
        return next((problem.text for problem in found if problem.path in (mine, step.name)), "")

    def take(self, step: AnyStep, prompt: Prompt, raw: object) -> str:
        """Keeps the answer `raw`, or says what is wrong with it. A refused one is never saved."""
        try:
            value = prompt.parse(raw)
        except ValueError as error:
            return str(error)
        self.keep(step, prompt, raw, value)
        return ""

    def keep(self, step: AnyStep, prompt: Prompt, raw: object, value: Any) -> None:
        """Keeps `value`, which `raw` means; says so where it is not just what was given."""
        if said := prompt.question.kind.told(raw, value):
            self.ctx.note(prompt.title, said)
        self.ctx.keep(step.name, prompt.question.key, value)
        self._earlier.pop((step.name, prompt.question.key), None)
