"""The questions answered so far in a step: which number the next one has, and whether there is one to go back to."""

from __future__ import annotations

from wizard.question import BACK, Prompt


class Trail:
    """Follows what the engine asks, as the engine follows it.

    The engine's own number is the place in the list of all questions of the step, which jumps when an answer
    makes others come or go; a person counts what he was asked.
    """

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._last: Prompt | None = None
        self._went_back = False

    def arrive(self, prompt: Prompt) -> None:
        """The engine asks `prompt`. A look at an earlier answer is none of the step's questions."""
        if prompt.review:
            return
        last = self._last
        if last is None or last.step != prompt.step:
            self._keys = []
        elif self._went_back and not self.again(prompt):
            self._keys = self._keys[:-1]
        elif last.question.key != prompt.question.key:
            self._keys.append(last.question.key)
        self._last, self._went_back = prompt, False

    def leave(self, raw: object) -> None:
        """The person answered it with `raw`, or with BACK."""
        self._went_back = raw is BACK

    def cut(self) -> None:
        """Something else than a question came: there is no way back before it."""
        self._last = None

    def again(self, prompt: Prompt) -> bool:
        """Whether `prompt` is the question that was asked last."""
        last = self._last
        return last is not None and (last.step, last.question.key) == (prompt.step, prompt.question.key)

    @property
    def back(self) -> bool:
        """Whether there is a question before this one."""
        return bool(self._keys)

    @property
    def number(self) -> int:
        return len(self._keys) + 1

    @property
    def total(self) -> int:
        """How many there will be, as far as is known now."""
        left = self._last.total - self._last.number if self._last is not None else 0
        return self.number + left
