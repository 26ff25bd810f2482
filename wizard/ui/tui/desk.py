"""Answering ahead on the full screen: the questions of later steps, while the engine works at another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wizard.question import BACK, Prompt, Turn

if TYPE_CHECKING:
    from wizard.ahead import Ahead
    from wizard.asking import Place


class Desk:
    """Which question is before the person. `ahead` is set once there is an engine."""

    def __init__(self) -> None:
        self.ahead: Ahead | None = None
        self.prompt: Prompt | None = None  # what is asked now; None while nothing is
        self.late: tuple[Prompt, object] | None = None  # an answer that the engine asked for before it was given
        self._place: Place | None = None
        self._before: list[Place] = []

    @property
    def active(self) -> bool:
        """Whether the person is answering ahead."""
        return self.prompt is not None

    def count(self) -> int:
        """How many questions could be answered now."""
        return self.ahead.count() if self.ahead is not None else 0

    def next(self) -> Prompt | None:
        """The next question, which is before the person from now on; None when there is none."""
        return self._show(self.ahead.place() if self.ahead is not None else None)

    def decided(self, value: object) -> Prompt | None:
        """The person gave `value`: what comes next. None when it ends here."""
        from wizard.ahead import TooLate  # slow to import: not before the first frame

        ahead, place, prompt = self.ahead, self._place, self.prompt
        if ahead is None or place is None or prompt is None:
            return None
        if value is BACK and self._before:
            return self._show(self._before.pop())
        if isinstance(value, Turn):
            return prompt
        try:
            problem = ahead.give(place, prompt, value)
        except TooLate:
            self.late = (prompt, value)
            self.end()
            return None
        if problem:
            return self._show(place, problem)
        self._before = [*(each for each in self._before if each != place), place]
        return self.next()

    def _show(self, place: Place | None, problem: str = "") -> Prompt | None:
        self._place = place
        if self.ahead is None or place is None:
            self.end()
            return None
        self.prompt = self.ahead.prompt(place, problem=problem, back=bool(self._before))
        return self.prompt

    def end(self) -> None:
        """The person does something else."""
        self.prompt = self._place = None
        self._before = []

    def answer_to(self, prompt: Prompt) -> object:
        """What was given to `prompt` when it was too late to be taken ahead; None when nothing was."""
        late, self.late = self.late, None
        same = late is not None and (late[0].step, late[0].question.key) == (prompt.step, prompt.question.key)
        return late[1] if late is not None and same and not prompt.problem else None
