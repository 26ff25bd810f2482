"""Going back to earlier answers: looking at them once more, and changing one after being told what comes of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from wizard import events, given
from wizard.asking import Asking, Place
from wizard.context import Context, Outlook, Revision
from wizard.follow import Following, following
from wizard.question import BACK, Answers, Question, Revise, Turn
from wizard.secret import Secret, SecretRef
from wizard.step import AnyStep

Looking = Callable[[Context, Sequence[AnyStep]], list[Outlook]]


class Moved(Exception):
    """An earlier answer was changed: the journey goes on from `step`, which looks at the world again."""

    def __init__(self, step: AnyStep) -> None:
        super().__init__(step.name)
        self.step = step


class Revising:
    """`looking` finds what steps would do in a context, writing nothing."""

    def __init__(self, asking: Asking, looking: Looking) -> None:
        self._asking, self._looking = asking, looking
        self._ctx, self._order = asking.ctx, asking.order

    def turn(self, turn: Turn, step: AnyStep, key: str = "") -> None:
        """The person stands before question `key` of `step`, or at its end, and wants to see earlier answers.

        Returns when nothing is different, to where the person was. Raises `Moved` when an answer was changed.
        """
        places = self._asking.before(step, key)
        at = len(places) - 1
        if isinstance(turn, Revise):
            places, at = self._named(turn), 0
        while 0 <= at < len(places):
            got = self._review(places[at], back=at > 0 or isinstance(turn, Revise))
            if isinstance(got, Revise):
                return self.turn(got, step, key)
            if got is None:
                return None
            at += -1 if got is BACK else 1
        return None

    def _named(self, wanted: Revise) -> list[Place]:
        """The place that is meant; none where there is no answer to change."""
        return [
            (step, question)
            for step in self._order
            for question in step.questions
            if (step.name, question.key) == (wanted.step, wanted.key)
            and question.key in self._ctx.answers.get(step.name, {})
        ][:1]

    def _review(self, place: Place, *, back: bool) -> Turn | bool | None:
        """Shows an answer. True: it stays as it is. None: the person did not want what a change would bring."""
        step, question = place
        problem = ""
        while True:
            prompt = self._asking.prompt(step, question, problem=problem, back=back, review=True)
            raw = self._ctx.front.ask(prompt)
            if isinstance(raw, Turn):
                return raw
            try:
                value = prompt.parse(raw)
            except ValueError as error:
                problem = str(error)
                continue
            if value == prompt.default:
                return True
            touched, outlooks = self._trial(step, question, value)
            if problem := _refusal(step, question, outlooks):
                continue
            if not self._agreed(step, question, value, touched, outlooks):
                return None
            self._asking.keep(step, prompt, raw, value)
            for name, key in (*touched.made, *touched.dropped):
                self._ctx.forget(name, key)
            for (name, key), affected in touched.wrong.items():
                self._asking.refuse(name, key, affected.why)
            for each in self._done_from(step):
                self._ctx.state.reopened(each.name)
            asked = {step.name, *(name for name, _ in touched.again)}
            raise Moved(next(each for each in self._order if each.name in asked))

    def _done_from(self, step: AnyStep) -> list[AnyStep]:
        """`step` and those after it, as far as they were done: they have to look again."""
        return [each for each in self._order[self._order.index(step) :] if each.name in self._ctx.state.done]

    # -- what would come of it ---------------------------------------------------------------------------

    def _trial(self, step: AnyStep, question: Question, value: Any) -> tuple[Following, list[Outlook]]:
        """What the answer `value` would touch, found without keeping it."""
        path, secrets = f"{step.name}.{question.key}", {}
        if isinstance(value, Secret):
            secrets[step.name, question.key] = value
            value = SecretRef("prompt")
        before = self._ctx.answers
        after = {**before, step.name: {**before[step.name], question.key: value}}
        touched = following(self._order, before, after, path)
        trial = {
            name: {
                key: answer
                for key, answer in list(part.items())
                if (name, key) not in {**touched.again, **touched.dropped}
            }
            for name, part in after.items()
        }
        bus = events.Bus()
        bus.listen(self._overheard)
        return touched, self._outlooks(self._ctx.supposing(trial, secrets, bus), self._done_from(step), touched, trial)

    def _outlooks(self, ctx: Context, steps: Sequence[AnyStep], touched: Following, trial: Answers) -> list[Outlook]:
        """What `steps` would do. After the first whose answers are missing nothing can be told."""
        missing = {name for name, _ in touched.again}
        count = next((n for n, step in enumerate(steps) if step.name in missing), len(steps))
        found = self._looking(ctx, steps[:count]) if count else []
        return [*found, *(Outlook(step.name, answered=False) for step in steps[count:])]

    def _overheard(self, event: events.Event) -> None:
        """Of a look that changes nothing, what happens on the hosts is told, not that a step began or ended."""
        if isinstance(event, events.StepChanged):
            if event.status == "checking":
                title = next(each.title for each in self._order if each.name == event.step)
                self._ctx.progress(None, f"looking at what would change: {title}")
        elif not isinstance(event, events.Planned):
            self._ctx.bus.emit(event)

    def _agreed(
        self, step: AnyStep, question: Question, value: Any, touched: Following, outlooks: Sequence[Outlook]
    ) -> bool:
        current = self._ctx.answers[step.name][question.key]
        titles = {each.name: each.title for each in self._order}
        revision = Revision(
            step.title, question.ask, given.shown(question, current),
            "another one" if isinstance(value, Secret) else given.shown(question, value),
            tuple(touched.again.values()), tuple(touched.dropped.values()),
            tuple(titles[each.step] for each in outlooks), tuple(outlooks),
            {c.host: self._ctx.name_of(c.host) for each in outlooks for c in each.changes if c.host},
        )  # fmt: skip
        return not revision.matters or self._ctx.front.revise(revision)


def _refusal(step: AnyStep, question: Question, outlooks: Sequence[Outlook]) -> str:
    """Why the step itself does not take the new answer any more; empty when it does."""
    first = next(iter(outlooks), None)
    error = first.blocked if first is not None and first.step == step.name else None
    return " ".join(error.sentences()) if error and f"{step.name}.{question.key}" in error.answers else ""
