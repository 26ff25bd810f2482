"""What a person can do with answers at any time: look at all of them, have one changed, give those that come later."""

from __future__ import annotations

import threading
from typing import ClassVar

from textual.binding import Binding, BindingType

from wizard.given import given
from wizard.question import Revise
from wizard.session import Session
from wizard.ui.tui.base import BaseApp
from wizard.ui.tui.board import Board
from wizard.ui.tui.desk import Desk
from wizard.ui.tui.messages import Decided, QuestionAsked, RevisionWanted, Wanted
from wizard.ui.tui.screens.answers import AnswersScreen
from wizard.ui.tui.screens.journey import JourneyScreen
from wizard.ui.tui.stage import Stage
from wizard.ui.tui.widgets.field import Field


class AnsweringApp(BaseApp[None]):
    """The part of the app that holds what is asked now."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f2,ctrl+n", "ahead", "Answer ahead", tooltip="Answer questions of later steps while this runs, or end it"
        ),
        Binding("f3,ctrl+r", "answers", "Answers", tooltip="Look at every answer that was given, and change one"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.board = Board([step.name for step in session.order])
        self.journey = JourneyScreen(session, self.board)
        self.stage, self.desk = Stage(session, self.board, self.journey), Desk()
        self.ended = threading.Event()  # the engine's thread is at its end, or has not begun
        self.ended.set()
        self._wanted: Wanted | None = None

    @property
    def _waits(self) -> bool:
        """Whether the engine waits for the person."""
        return self._wanted is not None and not self._wanted.reply.done()

    async def _answered_ahead(self, value: object) -> None:
        before = self.desk.prompt
        if before is not None:
            self.stage.keep(before, value)
        prompt = self.desk.decided(value)
        if prompt is not None and (prompt.problem or not self._waits):
            await self.journey.show(self.stage.ahead(prompt))
        else:
            await self._leave_desk()

    async def _leave_desk(self) -> None:
        """Back to what the engine wants, or to its work."""
        self.desk.end()
        wanted = self._wanted if self._waits else None
        late = self.desk.answer_to(wanted.prompt) if isinstance(wanted, QuestionAsked) else None
        if late is not None:
            self.post_message(Decided(late))
        elif wanted is not None:
            await self.journey.show(self.stage.pane(wanted))
        else:
            await self.journey.show_work()
        self.refresh_bindings()

    async def action_ahead(self) -> None:
        if self.desk.active:
            for field in self.journey.query(Field):
                self.stage.typed(field.prompt, field.raw())
            await self._leave_desk()
        elif prompt := self.desk.next():
            await self.journey.show(self.stage.ahead(prompt))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "ahead":
            return self.desk.active or (not self._waits and not self.ended.is_set() and self.desk.count() > 0)
        return super().check_action(action, parameters)

    def action_answers(self) -> None:
        if self.screen is not self.journey:
            return
        wanted = self._wanted
        open_ = self._waits and not self.desk.active
        takes = wanted.prompt.turns if isinstance(wanted, QuestionAsked) else not isinstance(wanted, RevisionWanted)
        why_not = "" if open_ and takes else "They can be changed when the wizard asks you something next."
        order, state = self.session.order, self.session.state
        listing = AnswersScreen(lambda settings: given(order, state, settings=settings), why_not)
        self.push_screen(listing, lambda chosen: self._revise(wanted, chosen))

    def _revise(self, wanted: Wanted | None, chosen: Revise | None) -> None:
        if chosen is not None and wanted is not None and wanted is self._wanted and not wanted.reply.done():
            self.post_message(Decided(chosen))
