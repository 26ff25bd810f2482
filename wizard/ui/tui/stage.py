"""What the engine wants of the person, as the pane that asks for it."""

from __future__ import annotations

from wizard import report
from wizard.events import Note
from wizard.question import Prompt, Turn
from wizard.secret import Secret
from wizard.session import Session
from wizard.ui.trail import Trail
from wizard.ui.tui.board import Board
from wizard.ui.tui.messages import ApprovalWanted, QuestionAsked, RevisionWanted, StepFailed, Wanted
from wizard.ui.tui.screens.journey import JourneyScreen
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, Pane
from wizard.ui.tui.widgets.question import QuestionPane, asking_for_word
from wizard.ui.tui.widgets.revision import RevisionPane


class Stage:
    """Remembers what was asked before, for the number of a question, its notes and what was typed into it."""

    def __init__(self, session: Session, board: Board, journey: JourneyScreen) -> None:
        self._session, self._board, self._journey = session, board, journey
        self._drafts: dict[tuple[str, str], object] = {}
        self._typed: dict[tuple[str, str], object] = {}
        self._trail = Trail()
        self._notes: list[Note] = []  # the notes that go with the current question

    def pane(self, wanted: Wanted) -> Pane:
        """The pane for `wanted`, which the person has to decide now."""
        if isinstance(wanted, QuestionAsked):
            return self._question(wanted.prompt)
        if isinstance(wanted, RevisionWanted):
            return RevisionPane(wanted.revision)
        self._trail.cut()
        if isinstance(wanted, ApprovalWanted):
            notes = self._journey.fresh_notes()
            return (
                asking_for_word(wanted.approval, notes)
                if wanted.approval.word
                else ApprovalPane(wanted.approval, notes)
            )
        if isinstance(wanted, StepFailed):
            session, error = self._session, wanted.error
            again, skip = session.asked_again(error), session.skip(wanted.step)
            title, log = session.title(wanted.step), None if session.fleeting else session.log_path
            return FailurePane(title, error, session.farewell, again=again, skip=skip, log=log)
        raise TypeError(f"nothing asks for a {type(wanted).__name__}")

    def _question(self, prompt: Prompt) -> QuestionPane:
        fresh = self._journey.fresh_notes()
        self._notes = report.latest([*self._notes, *fresh]) if self._trail.again(prompt) else fresh
        self._trail.arrive(prompt)
        asking = self._board.status.get(prompt.step) == "asking"  # otherwise a secret that is needed once more
        heading, intro = self._session.title(prompt.step), ""
        if prompt.review:
            heading += " · an answer from before"
        elif asking:
            heading += f" · question {self._trail.number} of {self._trail.total}"
            intro = "" if self._trail.back else self._session.intro(prompt.step)
        return QuestionPane(prompt, heading, intro, self._notes, draft=self._draft(prompt), back=prompt.back)

    def ahead(self, prompt: Prompt) -> QuestionPane:
        """The pane for a question that is asked before its turn."""
        heading = f"Answered ahead · {self._session.title(prompt.step)} · question {prompt.number} of {prompt.total}"
        intro = self._session.intro(prompt.step) if prompt.number == 1 else ""
        return QuestionPane(prompt, heading, intro, (), draft=self._draft(prompt), back=prompt.back)

    def _draft(self, prompt: Prompt) -> object:
        """What stood in the field before: it was refused, or the person went elsewhere in the middle of it."""
        place = (prompt.step, prompt.question.key)
        typed = self._typed.pop(place, None)
        return self._drafts.get(place) if prompt.problem else typed

    def keep(self, prompt: Prompt, value: object) -> None:
        """What was given as an answer: shown again when it is refused."""
        if not isinstance(value, Secret | Turn):
            self._drafts[prompt.step, prompt.question.key] = value

    def typed(self, prompt: Prompt, value: object) -> None:
        """What stands in the field of a question that the person leaves for now."""
        if not isinstance(value, Secret):
            self._typed[prompt.step, prompt.question.key] = value

    def decided(self, wanted: Wanted, value: object) -> None:
        """The person decided `value`."""
        if isinstance(wanted, QuestionAsked):
            self.keep(wanted.prompt, value)
        self._journey.notes_were_read()
        self._trail.leave(value)
