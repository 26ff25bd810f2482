"""Runs steps in order: ask what is missing, check, plan, approve, apply, verify.

The engine holds no knowledge of any step and no knowledge of any front end. Every front end drives this one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, TypeVar

from wizard.absence import TIMES
from wizard.context import Approval, Context
from wizard.errors import BadInput, ConnectionLost, Declined, Interrupted, StillToDo, Unavailable, WizardError
from wizard.events import Planned, StepChanged, StepStatus
from wizard.question import BACK, Prompt, Question, plain
from wizard.secret import Secret, SecretRef
from wizard.step import AnyStep, Change
from wizard.wait import look

T = TypeVar("T")


@dataclass(frozen=True)
class Consent:
    """What may be done without asking: everything that is not dangerous (`yes`), and the changes named in `allow`.

    A change that wants a word typed also needs that word, in `confirm`.
    """

    yes: bool = False
    allow: frozenset[str] = frozenset()
    confirm: str = ""

    def covers(self, change: Change) -> bool:
        """Whether the dangerous `change` needs no question."""
        return change.id in self.allow and change.word in ("", self.confirm)


@dataclass(frozen=True)
class Outlook:
    """What `plan` found for one step: the changes left, or why it can't be planned yet."""

    step: str
    changes: tuple[Change, ...] = ()
    blocked: WizardError | None = None
    answered: bool = True


class Engine:
    """One run over `order`."""

    def __init__(self, order: Sequence[AnyStep], ctx: Context, consent: Consent | None = None) -> None:
        self.order, self.ctx, self.consent = tuple(order), ctx, consent or Consent()
        self._again: set[tuple[str, str]] = set()  # questions whose answers an error has named
        self._earlier: dict[str, Any] = {}  # what was given before it was taken back or refused, to be proposed again

    # -- the whole journey -----------------------------------------------------------------------------

    def run(self) -> None:
        """Every step, in order. Raises the error that stopped it; what was done is saved."""
        for step in self.order:
            self._with_retry(step)

    def _with_retry(self, step: AnyStep) -> None:
        while True:
            try:
                return self.run_step(step)
            except Interrupted:
                raise
            except WizardError as error:
                self._status(step, "failed", error.what)
                if self.ctx.front.failed(step.name, error) != "retry":
                    raise
                self._take_back(step, error.answers)

    def _take_back(self, step: AnyStep, paths: Iterable[str]) -> None:
        """The step's answers at `paths` were not right: they are asked for again, proposed as they were."""
        for name, _, key in (path.partition(".") for path in paths):
            if name == step.name and key in self.ctx.answers.get(name, {}):
                self._earlier[key] = self.ctx.forget(name, key)
                self._again.add((name, key))

    def run_step(self, step: AnyStep) -> None:
        """One step, until planning it again finds nothing to do."""
        self.ctx.step = step.name
        self.ask(step)
        approved: set[tuple[str, str | None]] = set()
        self._surviving(partial(self._rounds, step, approved))

    def _surviving(self, work: Callable[[], T]) -> T:
        """`work`, which looks before it does anything; begun again each time that a host was lost and has come back.

        The same when the cluster's API went away in the middle of a change.

        How long and how often that is waited for is bounded: see `wizard.absence` and `wizard.wait.look`.
        """
        self.ctx.absences.begin()
        tries = TIMES
        while True:
            try:
                return work()
            except ConnectionLost as lost:
                self.ctx.wait_for(lost)
            except Unavailable:
                tries -= 1
                if not tries:
                    raise

    def _rounds(self, step: AnyStep, approved: set[tuple[str, str | None]]) -> None:
        """Check, plan, approve, apply, as often as the step may need it. What is agreed to is added to `approved`."""
        for _ in range(step.rounds):
            changes = self._plan(step)
            if not changes:
                return self._done(step)
            if self.ctx.dry_run:
                return self._apply(step, changes)
            self.ctx.state.reopened(step.name)
            self._approve(step, changes, approved)
            approved |= {(change.id, change.host) for change in changes}
            self._status(step, "applying", f"{len(changes)} {'change' if len(changes) == 1 else 'changes'}")
            self._apply(step, changes)
        self._status(step, "verifying")
        if left := step.plan(look(self.ctx, partial(step.check, self.ctx)), self.ctx.answers):
            names = "; ".join(f"{self.ctx.name_of(change.host)}: {change.sentence}" for change in left[:5])
            raise StillToDo(
                f"{step.title} was carried out, but {len(left)} of its changes did not hold.",
                f"Looking again, this is still to do: {names}.",
                "Run it again; when it stays so, the log shows what each change printed.",
            )
        return self._done(step)

    def outlook(self) -> list[Outlook]:
        """What every step would do, nothing written. Steps after the first that has work may not be plannable yet."""
        found = []
        for step in self.order:
            self.ctx.step = step.name
            self._take_settings(step)
            if not self.answered(step):
                found.append(Outlook(step.name, answered=False))
                continue
            try:
                found.append(Outlook(step.name, tuple(self._surviving(partial(self._plan, step)))))
            except Interrupted:
                raise
            except WizardError as error:
                found.append(Outlook(step.name, blocked=error))
        return found

    # -- asking ----------------------------------------------------------------------------------------

    def answered(self, step: AnyStep) -> bool:
        given = self.ctx.answers.get(step.name, {})
        return all(question.key in given for question in self._due(step) if question.required)

    def _due(self, step: AnyStep) -> list[Question]:
        """What is to be asked: advanced questions only where an error has named them and the person tries again."""
        again = {key for name, key in self._again if name == step.name}
        return [q for q in step.questions if (not q.advanced or q.key in again) and q.when(self.ctx.answers)]

    def ask(self, step: AnyStep) -> None:
        """Asks what is not answered yet, one question at a time; BACK returns to the one before it.

        Answers that do not go together are asked for again. Raises `BadInput` for those that this step does not ask.
        """
        self._take_settings(step)
        asked: list[str] = []
        earlier, self._earlier = self._earlier, {}
        refused: dict[str, str] = {}
        while question := self._next(step, earlier, refused):
            if not asked:
                self._status(step, "asking")
            prompt = self._prompt(step, question, earlier.get(question.key), refused.pop(question.key, ""))
            raw = self.ctx.front.ask(prompt)
            if raw is not BACK:
                if problem := self._take(step, prompt, raw):
                    refused[question.key] = problem
                else:
                    asked = [*(key for key in asked if key != question.key), question.key]
            elif asked:
                key = asked.pop()
                earlier[key] = self.ctx.forget(step.name, key)

    def _take_settings(self, step: AnyStep) -> None:
        """The defaults of advanced questions, which nobody is asked."""
        given = self.ctx.answers.get(step.name, {})
        left = [
            q for q in step.questions if q.advanced and q.key not in given and (step.name, q.key) not in self._again
        ]
        found = {q.key: plain(q.default_for(self.ctx)) for q in left}
        if found:
            self.ctx.answers.setdefault(step.name, {}).update(found)
            if not self.ctx.dry_run:
                self.ctx.state.save()

    def _next(self, step: AnyStep, earlier: dict[str, Any], refused: dict[str, str]) -> Question | None:
        """The first question without an answer; one with an answer that is a mistake loses it first."""
        given, due = self.ctx.answers.get(step.name, {}), self._due(step)
        if missing := next((question for question in due if question.key not in given), None):
            return missing
        problems = step.validate(self.ctx.answers)
        paths = {f"{step.name}.{question.key}": question for question in due}
        for problem in problems:
            if wrong := paths.get(problem.path):
                earlier[wrong.key] = self.ctx.forget(step.name, wrong.key)
                refused[wrong.key] = problem.text
                return wrong
        if problems:
            raise BadInput(problems)
        return None

    def _prompt(self, step: AnyStep, question: Question, earlier: Any, problem: str) -> Prompt:
        due = self._due(step)
        default = question.default_for(self.ctx)  # also where it isn't used: it sees that the question is asked anew
        choices = () if self.ctx.dry_run else question.choices_for(self.ctx)  # they may come from a scan of the LAN
        proposed = default if earlier is None else earlier
        explanation, judge = question.explanation_for(self.ctx), partial(self._judge, step, question)
        at = due.index(question) + 1
        return Prompt(step.name, step.title, question, proposed, choices, problem, explanation, judge, at, len(due))

    def _judge(self, step: AnyStep, question: Question, value: Any) -> str:
        """What is wrong with `value` beside the other answers and with what was seen; empty when nothing is."""
        kept = SecretRef("prompt") if isinstance(value, Secret) else value
        answers = {**self.ctx.answers, step.name: {**self.ctx.answers.get(step.name, {}), question.key: kept}}
        found, mine = [*step.validate(answers), *step.objections(self.ctx, answers)], f"{step.name}.{question.key}"
        return next((problem.text for problem in found if problem.path in (mine, step.name)), "")

    def _take(self, step: AnyStep, prompt: Prompt, raw: object) -> str:
        """Keeps the answer `raw`, or says what is wrong with it. A refused one is never saved."""
        try:
            value = prompt.parse(raw)
        except ValueError as error:
            return str(error)
        if said := prompt.question.kind.told(raw, value):
            self.ctx.note(prompt.title, said)
        self.ctx.keep(step.name, prompt.question.key, value)
        return ""

    # -- planning and applying ---------------------------------------------------------------------------

    def _plan(self, step: AnyStep) -> list[Change]:
        self._status(step, "checking")
        facts = look(self.ctx, partial(step.check, self.ctx))
        self._status(step, "planning")
        changes = step.plan(facts, self.ctx.answers)
        self.ctx.bus.emit(Planned(step.name, tuple((self.ctx.name_of(c.host), c.sentence) for c in changes)))
        return changes

    def _approve(self, step: AnyStep, planned: list[Change], approved: Set[tuple[str, str | None]]) -> None:
        """Asks for a yes to what is planned, except for what was agreed to earlier in this step.

        A dangerous change is asked for by itself; where all are, the question for all of them would be one too many.
        """
        changes = [change for change in planned if (change.id, change.host) not in approved]
        names = {c.host: self.ctx.name_of(c.host) for c in changes if c.host}
        usual = not self.consent.yes and not all(change.danger for change in changes)
        if usual and not self.ctx.front.confirm(Approval(step.name, step.title, tuple(changes), names)):
            raise Declined("Nothing was changed.", fix="Run the same command again when you are ready.")
        for change in changes:
            if not change.danger or self.consent.covers(change):
                continue
            if not self.ctx.front.confirm(Approval(step.name, step.title, (change,), names, danger=True)):
                raise Declined(
                    f"Not done: {change.sentence}.", "It can't be taken back easily, so it needs a yes of its own.",
                    f"Say yes when asked, or allow it with --allow {change.id}{_confirming(change)}.",
                )  # fmt: skip

    def _apply(self, step: AnyStep, changes: list[Change]) -> None:
        """Neighbours that belong to hosts run in lanes; a change of this computer runs alone."""
        for on_hosts, group in groupby(changes, key=lambda change: change.host is not None and not step.one_by_one):
            if not on_hosts:
                for change in group:
                    self.ctx.do(change)
                continue
            lanes: dict[str | None, list[Change]] = {}
            for change in group:
                lanes.setdefault(change.host, []).append(change)
            self.ctx.each(lanes, self._lane(lanes))

    def _lane(self, lanes: dict[str | None, list[Change]]) -> Callable[[str | None], None]:
        def work(host: str | None) -> None:
            for change in lanes[host]:
                self.ctx.do(change)

        return work

    def _done(self, step: AnyStep) -> None:
        if not self.ctx.dry_run:
            self.ctx.state.verified(step.name)
        self._status(step, "done")

    def _status(self, step: AnyStep, status: StepStatus, detail: str = "") -> None:
        self.ctx.bus.emit(StepChanged(step.name, status, detail))


def _confirming(change: Change) -> str:
    return f" --confirm {change.word}" if change.word else ""
