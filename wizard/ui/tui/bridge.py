"""Between the engine's threads and the app: requests that wait for a person, and events that wait for a moment.

The engine calls `ask`, `confirm` and `failed` on its own threads and blocks until the person has decided. Once the
bridge is closed every request fails with `Interrupted`, those that wait already too: quitting can never hang.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from wizard.errors import Interrupted, WizardError
from wizard.events import Event, Line
from wizard.question import Prompt, Turn
from wizard.ui.tui.board import KEPT
from wizard.ui.tui.messages import ApprovalWanted, QuestionAsked, RevisionWanted, StepFailed, Wanted

if TYPE_CHECKING:
    from wizard.context import Approval, Revision, Verdict


MANY = 3 * KEPT


class Bridge:
    """The front end that the engine sees. `deliver` hands a request to the app and is false when the app is gone."""

    def __init__(self, deliver: Callable[[Wanted], bool]) -> None:
        self._deliver = deliver
        self._events: list[Event] = []
        self._many = MANY  # events from which on it is looked for lines to forget
        self._waiting: set[Wanted] = set()
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, prompt: Prompt) -> object:
        return self._wait(QuestionAsked(prompt))

    def confirm(self, approval: Approval) -> bool | Turn:
        agreed = self._wait(ApprovalWanted(approval))
        if isinstance(agreed, Turn):
            return agreed
        return agreed == approval.word if approval.word else agreed is True

    def revise(self, revision: Revision) -> bool:
        return self._wait(RevisionWanted(revision)) is True

    def failed(self, step: str, error: WizardError) -> Verdict | Turn:
        decided = self._wait(StepFailed(step, error))
        if isinstance(decided, Turn):
            return decided
        return "retry" if decided == "retry" else "skip" if decided == "skip" else "stop"

    def _wait(self, request: Wanted) -> object:
        with self._lock:
            if self._closed:
                raise Interrupted("Stopped.")
            self._waiting.add(request)
        try:
            if not self._deliver(request):
                raise Interrupted("Stopped.")
            return request.reply.result()
        finally:
            with self._lock:
                self._waiting.discard(request)

    def close(self) -> None:
        """No more answers will come. Safe to call from any thread, more than once."""
        with self._lock:
            self._closed = True
            waiting = list(self._waiting)
        for request in waiting:
            if not request.reply.done():
                request.reply.set_exception(Interrupted("Stopped."))

    # -- events: appended by any thread at any rate, taken by the app a few times a second ------------------

    def listen(self, event: Event) -> None:
        with self._lock:
            self._events.append(event)
            if len(self._events) >= self._many:  # the app is held up, as by a terminal that takes nothing
                self._events = _newest(self._events)
                self._many = len(self._events) + MANY

    def take(self) -> Sequence[Event]:
        """The events since the last call, oldest first; of the lines only as many as the log pane can hold."""
        with self._lock:
            events, self._events, self._many = self._events, [], MANY
        return _newest(events)


def _newest(found: list[Event]) -> list[Event]:
    """`found` without the lines that later ones would push out of the log pane. The log file has them all."""
    spare = sum(isinstance(event, Line) for event in found) - KEPT if len(found) > KEPT else 0
    if spare <= 0:
        return found
    kept: list[Event] = []
    for event in found:
        if spare and isinstance(event, Line):
            spare -= 1
        else:
            kept.append(event)
    return kept
