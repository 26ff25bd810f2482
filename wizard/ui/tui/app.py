"""The Textual app: one engine in one thread, one screen, and an end that never hangs."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import time
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Unmount

from wizard import report
from wizard.errors import ExitCode, Interrupted
from wizard.events import Note
from wizard.fieldhelp import sections
from wizard.given import given
from wizard.question import Revise, Turn
from wizard.secret import Secret
from wizard.session import Session
from wizard.ui.trail import Trail
from wizard.ui.tui.base import BaseApp
from wizard.ui.tui.board import Board
from wizard.ui.tui.bridge import Bridge
from wizard.ui.tui.messages import (
    ApprovalWanted,
    Decided,
    JourneyEnded,
    QuestionAsked,
    RevisionWanted,
    StepFailed,
    Wanted,
)
from wizard.ui.tui.screens.answers import AnswersScreen
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.screens.journey import JourneyScreen
from wizard.ui.tui.screens.leave import LeaveScreen
from wizard.ui.tui.signals import TerminalGone, signals
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane
from wizard.ui.tui.widgets.question import QuestionPane, asking_for_word
from wizard.ui.tui.widgets.revision import RevisionPane

DRAIN = 0.05  # seconds between two looks at what happened
CALM = 0.15  # seconds before the progress screen replaces an answered question: most answers bring the next at once
AWAY = 15.0  # seconds of work after which a question rings the bell
PATIENCE = 10.0  # seconds that the engine gets to end by itself after the screen is gone


class WizardApp(BaseApp[None]):
    """Shows one session. `error` is what ended the journey early, when something did."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f3,ctrl+r", "answers", "Answers", tooltip="Look at every answer that was given, and change one"),
        Binding("ctrl+l", "log", "Log", priority=True, tooltip="Show or hide the log"),
        Binding("ctrl+g,question_mark,f1", "keys", "Help", tooltip="Show help and keys (? where nothing is typed yet)"),
        Binding("ctrl+c", "leave", "Leave", priority=True, tooltip="Save and leave; asks first"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.board = Board([step.name for step in session.order])
        self.bridge = Bridge(self.post_message)
        session.bus.listen(self.bridge.listen)
        self.journey = JourneyScreen(session, self.board)
        self.error: BaseException | None = None
        self.finished = False
        self.ended = threading.Event()  # the engine's thread is at its end, or has not begun
        self.ended.set()
        self.leaving = False
        self._at_once = False
        self._wanted: Wanted | None = None
        self._began = self._decided_at = time.time()
        self._drafts: dict[tuple[str, str], object] = {}
        self._trail = Trail()
        self._notes: list[Note] = []  # the notes that go with the current question

    # -- beginning and ending ----------------------------------------------------------------------------

    async def on_mount(self) -> None:
        await self.push_screen(self.journey)
        await self.journey.show_work()
        # Timers run beside the app's messages; what they do has to take its turn among them.
        self.set_interval(DRAIN, lambda: self.call_later(self._drain))
        self.ended.clear()
        self.run_worker(self._engine, thread=True, exclusive=True, exit_on_error=False, name="engine")

    def _engine(self) -> None:
        try:
            self.session.engine(self.bridge).run()
            self.finished = True
        except BaseException as error:
            self.error = error
        self.ended.set()
        self.post_message(JourneyEnded(self.error))

    def on_unmount(self, event: Unmount) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """The engine stops at the next opportunity, and whatever it waits for from the person fails."""
        if not self.ended.is_set():
            self.session.world.stop.set()
        self.bridge.close()

    async def on_journey_ended(self, message: JourneyEnded) -> None:
        self._drain()
        if message.error is not None or self.leaving:
            self.exit()
            return
        table, notes = self.session.summary.table(), report.latest(self.board.notes)
        await self.journey.show(
            FinishedPane(table, notes, overview=self.session.overview, skipped=self.session.skipped())
        )

    def run_to_end(self, *, headless: bool = False) -> None:
        """Runs until the terminal is given back. Raises what stopped the journey, or a mistake of the app itself."""
        loop = asyncio.new_event_loop()  # our own: asyncio.run would wait for the engine's thread without an end
        with signals(lambda: loop.call_soon_threadsafe(self.leave)):
            try:
                self.run(loop=loop, headless=headless)
            except TerminalGone:
                if reading := getattr(self._driver, "exit_event", None):
                    reading.set()  # the thread that reads keys ends, which Textual could not tell it
            finally:
                self._let_go()
        if not self.ended.wait(0 if self._at_once else PATIENCE):
            print(f"Left at once. {self.session.farewell}", file=sys.stderr, flush=True)
            os._exit(ExitCode.INTERRUPTED)
        if self._exception is not None:
            raise self._exception
        if self.error is not None:
            raise self.error
        if not self.finished:  # left before the engine had begun
            raise Interrupted("Stopped.")

    # -- requests of the engine ----------------------------------------------------------------------------

    async def on_question_asked(self, message: QuestionAsked) -> None:
        prompt = message.prompt
        self._take(message)
        fresh = self.journey.fresh_notes()
        self._notes = report.latest([*self._notes, *fresh]) if self._trail.again(prompt) else fresh
        self._trail.arrive(prompt)
        asking = self.board.status.get(prompt.step) == "asking"  # otherwise a secret that is needed once more
        heading, intro = self.session.title(prompt.step), ""
        if prompt.review:
            heading += " · an answer from before"
        elif asking:
            heading += f" · question {self._trail.number} of {self._trail.total}"
            intro = "" if self._trail.back else self.session.intro(prompt.step)
        draft = self._drafts.get((prompt.step, prompt.question.key)) if prompt.problem else None
        await self.journey.show(QuestionPane(prompt, heading, intro, self._notes, draft=draft, back=prompt.back))

    async def on_approval_wanted(self, message: ApprovalWanted) -> None:
        self._take(message)
        self._trail.cut()
        approval = message.approval
        if approval.word:
            await self.journey.show(asking_for_word(approval, self.journey.fresh_notes()))
        else:
            await self.journey.show(ApprovalPane(approval, self.journey.fresh_notes()))

    async def on_revision_wanted(self, message: RevisionWanted) -> None:
        self._take(message)
        await self.journey.show(RevisionPane(message.revision))

    async def on_step_failed(self, message: StepFailed) -> None:
        if self.leaving:
            message.reply.set_result("stop")
            return
        self._take(message)
        self._trail.cut()
        session, error = self.session, message.error
        again, skip = session.asked_again(error), session.skip(message.step)
        await self.journey.show(
            FailurePane(session.title(message.step), error, session.log_path, again=again, skip=skip)
        )

    def _take(self, message: Wanted) -> None:
        message.stop()
        self._drain()
        self._wanted = message
        if time.time() - self._decided_at > AWAY:
            self.bell()

    def on_decided(self, message: Decided) -> None:
        message.stop()
        self._decided_at = time.time()
        if self._wanted is None or self.ended.is_set():
            self.session.stay = message.value == "stay"
            self.exit()
            return
        if isinstance(self._wanted, ApprovalWanted) and self._wanted.approval.danger and message.value is False:
            self.push_screen(LeaveScreen(False, self.session.farewell), self._refused)  # Enter alone means no
            return
        self._decide(message.value)

    def _refused(self, leave: bool | None) -> None:
        if leave:
            self._decide(False)
            return
        for pane in self.journey.query(ApprovalPane):
            pane.disabled = False
        self.journey.focus_pane()

    def _decide(self, value: object) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        self._keep_draft(value)
        self.journey.notes_were_read()
        self._trail.leave(value)
        if not wanted.reply.done():
            wanted.reply.set_result(value)
        self.set_timer(CALM, lambda: self.call_later(self._back_to_work))

    def _keep_draft(self, value: object) -> None:
        if isinstance(self._wanted, QuestionAsked) and not isinstance(value, Secret | Turn):
            prompt = self._wanted.prompt
            self._drafts[prompt.step, prompt.question.key] = value

    async def _back_to_work(self) -> None:
        if (self._wanted is None or self._wanted.reply.done()) and not self.ended.is_set():
            await self.journey.show_work()

    # -- what happens ----------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for event in self.bridge.take():
            self.board.take(event)
        if not self.journey.is_mounted:
            return
        now = time.time()
        asked = self.board.current if self._wanted is not None and not self._wanted.reply.done() else ""
        self.journey.tick(now, asked, now - self._began, self.leaving and not self.ended.is_set())

    # -- keys ------------------------------------------------------------------------------------------------

    def action_log(self) -> None:
        self.journey.toggle_log()

    def action_keys(self) -> None:
        if self.screen is self.journey:
            active = self.screen.active_bindings.values()
            about = next(iter(self.journey.query(QuestionPane)), None)
            title, told = (about.prompt.question.ask, sections(about.prompt)) if about is not None else ("", [])
            self.push_screen(HelpScreen(active, about=told, title=title))

    def action_answers(self) -> None:
        if self.screen is not self.journey:
            return
        wanted = self._wanted
        open_ = wanted is not None and not wanted.reply.done()
        takes = wanted.prompt.turns if isinstance(wanted, QuestionAsked) else not isinstance(wanted, RevisionWanted)
        why_not = "" if open_ and takes else "They can be changed when the wizard asks you something next."
        order, state = self.session.order, self.session.state
        listing = AnswersScreen(lambda settings: given(order, state, settings=settings), why_not)
        self.push_screen(listing, lambda chosen: self._revise(wanted, chosen))

    def _revise(self, wanted: Wanted | None, chosen: Revise | None) -> None:
        if chosen is not None and wanted is not None and wanted is self._wanted and not wanted.reply.done():
            self.post_message(Decided(chosen))

    def action_leave(self) -> None:
        if selected := self.screen.get_selected_text():  # Ctrl-C is what many press to copy
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
            self.notify("Copied, if your terminal allows it. Ctrl-C again leaves.")
            return
        if self.ended.is_set() or self.leaving or isinstance(self.screen, LeaveScreen):
            self.leave()
            return
        working = self._wanted is None or self._wanted.reply.done()
        self.push_screen(LeaveScreen(working, self.session.farewell), self._on_leave)

    def _on_leave(self, leave: bool | None) -> None:
        if leave:
            self.leave()

    def leave(self) -> None:
        """Stops the engine and leaves when it has stopped; called again, leaves at once."""
        if self.ended.is_set():
            self.exit()
        elif self.leaving:
            self._at_once = True
            self.exit()
        else:
            self.leaving = True
            self._let_go()
            if isinstance(self.screen, LeaveScreen | HelpScreen):
                self.pop_screen()
