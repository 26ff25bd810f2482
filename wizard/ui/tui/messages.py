"""Every message between the engine's thread, the app and its parts."""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING

from textual.message import Message

from wizard.errors import WizardError
from wizard.question import Prompt

if TYPE_CHECKING:
    from wizard.context import Approval, Revision
    from wizard.sections import Lookout, Seen


class Wanted(Message):
    """The engine waits for the person; `reply` takes what was decided and lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.reply: Future[object] = Future()


class QuestionAsked(Wanted):
    """`reply` takes the raw answer, or a `Turn`."""

    def __init__(self, prompt: Prompt) -> None:
        super().__init__()
        self.prompt = prompt


class ApprovalWanted(Wanted):
    """`reply` takes True or False, the word that was typed, or a `Turn`."""

    def __init__(self, approval: Approval) -> None:
        super().__init__()
        self.approval = approval


class RevisionWanted(Wanted):
    """`reply` takes whether the answer is to be changed: True or False."""

    def __init__(self, revision: Revision) -> None:
        super().__init__()
        self.revision = revision


class StepFailed(Wanted):
    """`reply` takes a `Verdict`, or a `Turn`."""

    def __init__(self, step: str, error: WizardError) -> None:
        super().__init__()
        self.step, self.error = step, error


class JourneyEnded(Message):
    """The engine's thread is at its end: everything is done, or `error` stopped it."""

    def __init__(self, error: BaseException | None) -> None:
        super().__init__()
        self.error = error


class Decided(Message):
    """The person decided what a pane asked: a raw answer, a `Turn`, yes or no, a verdict."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


class PartSeen(Message):
    """A look at the part `key` has come back, in the round of `lookout`; None where there is nothing of it yet."""

    def __init__(self, lookout: Lookout, key: str, seen: Seen | None) -> None:
        super().__init__()
        self.lookout, self.key, self.seen = lookout, key, seen
