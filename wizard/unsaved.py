"""A state that is read, never written."""

from __future__ import annotations

from wizard.question import Answers
from wizard.state import State


class Unsaved(State):
    """For `plan`, and for looking while another run holds the lock."""

    def save(self) -> None:
        return


def supposing(state: State, answers: Answers) -> Unsaved:
    """`state` with other `answers`, to see what they would lead to."""
    other = Unsaved(state.path, state.cluster)
    other.answers, other.evidence, other.journal = answers, state.evidence, state.journal
    other.done, other.skipped = state.done, state.skipped
    return other
