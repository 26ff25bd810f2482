"""What follows from another answer: which others have to be given again, and which are no longer wanted. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from wizard.context import Affected
from wizard.question import Answers, Question
from wizard.step import AnyStep

Found = dict[tuple[str, str], Affected]  # by step and key


@dataclass(frozen=True)
class Following:
    """The other answers that are touched when one is changed."""

    fresh: Found = field(default_factory=dict)  # were not asked so far
    made: Found = field(default_factory=dict)  # were proposed from one that changes
    wrong: Found = field(default_factory=dict)  # are a mistake now
    dropped: Found = field(default_factory=dict)  # are no longer asked

    @property
    def again(self) -> Found:
        """Everything that is going to be asked."""
        return {**self.fresh, **self.made, **self.wrong}


def following(order: Sequence[AnyStep], before: Answers, after: Answers, changed: str) -> Following:
    """What is touched when the answer at `changed` (``step.key``) is the only difference between the answers."""
    found, moved = Following(), {changed}
    for step, question in _asked(order):
        path, given = (step.name, question.key), question.key in before.get(step.name, {})
        if not question.when(after):
            if given and question.when(before):
                found.dropped[path] = Affected(step.title, question.ask, "")
        elif not given and not question.when(before):
            found.fresh[path] = Affected(step.title, question.ask, "")
        elif given and not moved.isdisjoint(question.follows):
            moved.add(".".join(path))
            found.made[path] = Affected(step.title, question.ask, "Its proposal came from the answer that changes.")
    for step in order:
        for problem in step.validate(after):
            name, _, key = problem.path.partition(".")
            mine = next((q for q in step.questions if (step.name, q.key) == (name, key)), None)
            if mine is not None and problem.path != changed and (name, key) not in found.made:
                found.wrong[name, key] = Affected(step.title, mine.ask, problem.text)
    return found


def _asked(order: Sequence[AnyStep]) -> Iterator[tuple[AnyStep, Question]]:
    return ((step, question) for step in order for question in step.questions if not question.advanced)
