"""The Textual app: one engine in one thread, one screen, and an end that never hangs."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Key, Unmount

from wizard import report
from wizard.errors import ExitCode, Interrupted
from wizard.session import Session
from wizard.ui.tui.answering import AnsweringApp
from wizard.ui.tui.bridge import Bridge
from wizard.ui.tui.garbage import look_from_here
from wizard.ui.tui.messages import (
    ApprovalWanted,
    Decided,
    JourneyEnded,
    QuestionAsked,
    RevisionWanted,
    StepFailed,
    Wanted,
)
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.screens.journey import JourneyScreen
from wizard.ui.tui.screens.leave import LeaveScreen
from wizard.ui.tui.signals import TerminalGone, run, watch_terminal
from wizard.ui.tui.widgets.panes import ApprovalPane, FinishedPane, Pane

DRAIN = 0.05  # seconds between two looks at what happened
CALM = 0.15  # seconds before the progress screen replaces an answered question: most answers bring the next at once
AWAY = 15.0  # seconds of work after which a question rings the bell
PATIENCE = 10.0  # seconds that the engine gets to end by itself after the screen is gone


class WizardApp(AnsweringApp):
    """Shows one session. `error` is what ended the journey early, when something did."""

    CSS_PATH = Path(__file__).parent / "screens" / "journey.tcss"  # Textual does not read that of a first screen
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+l", "log", "Log", priority=True, tooltip="Show or hide the log"),
        Binding("ctrl+g,question_mark,f1", "keys", "Help", tooltip="Show help and keys (? where nothing is typed yet)"),
        Binding("ctrl+c", "leave", "Leave", priority=True, tooltip="Leave; asks first"),
    ]

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.bridge = Bridge(self.post_message)
        session.bus.listen(self.bridge.listen)
        self.error: BaseException | None = None
        self.finished = False
        self.leaving = False
        self._at_once = False
        self._began = self._decided_at = time.time()
        self._seen = ""  # the step that the board showed last

    # -- beginning and ending ----------------------------------------------------------------------------

    def get_default_screen(self) -> JourneyScreen:
        """The one screen: a screen of Textual's own below it would be made, laid out and never seen."""
        return self.journey

    def on_mount(self) -> None:
        # Timers run beside the app's messages; what they do has to take its turn among them.
        self.set_interval(DRAIN, lambda: self.call_later(self._drain))
        self.journey.when_painted(self._begin)

    async def _begin(self) -> None:
        """Once there is something to be seen: the first frame waits neither for this pane nor for the engine."""
        look_from_here()
        watch_terminal(self)
        await self.journey.show_work()
        if self.leaving:  # before there was anything to stop
            return
        self.ended.clear()
        self.run_worker(self._engine, thread=True, exclusive=True, exit_on_error=False, name="engine")

    def _engine(self) -> None:
        try:
            engine = self.session.engine(self.bridge)
            self.desk.ahead = engine.ahead
            engine.run()
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
        self.desk.end()
        if message.error is not None or self.leaving:
            self.exit()
            return
        table, notes = self.session.summary.table(), report.latest(self.board.notes)
        await self.journey.show(FinishedPane(table, notes, self._ways(), self.session.skipped()))

    def _ways(self) -> dict[str, str]:
        """Where one can go when everything is done: button and label, the usual one first."""
        if self.session.inside:
            return {"stay": "Back to the dashboard"}
        return {"stay": "To the dashboard", "leave": "Leave"} if self.session.overview else {"leave": "Leave"}

    def run_to_end(self, *, headless: bool = False) -> None:
        """Runs until the terminal is given back. Raises what stopped the journey, or a mistake of the app itself."""
        try:
            run(self, self.leave, headless=headless)
        except TerminalGone:
            self.leaving = True
        finally:
            self._let_go()
        if not self.ended.wait(0 if self._at_once else PATIENCE):
            with suppress(OSError):  # nobody may be there to read it
                print(f"Left at once. {self.session.farewell}", file=sys.stderr, flush=True)
            os._exit(ExitCode.INTERRUPTED)
        if self._exception is not None:
            if not self.leaving:
                raise self._exception
            if self.session.log is not None:  # the screen was going away, and its parts with it
                self.session.log.late(self._exception)
        if self.error is not None:
            raise self.error
        if not self.finished:  # left before the engine had begun
            raise Interrupted("Stopped.")

    # -- requests of the engine ----------------------------------------------------------------------------

    async def on_question_asked(self, message: QuestionAsked) -> None:
        if (given := self.desk.answer_to(message.prompt)) is not None:  # it came while it was typed
            message.stop()
            message.reply.set_result(given)
            return
        await self._want(message)

    async def on_approval_wanted(self, message: ApprovalWanted) -> None:
        await self._want(message)

    async def on_revision_wanted(self, message: RevisionWanted) -> None:
        await self._want(message)

    async def on_step_failed(self, message: StepFailed) -> None:
        if self.leaving:
            message.reply.set_result("stop")
            return
        await self._want(message)

    async def _want(self, message: Wanted) -> None:
        """Shows what the engine wants; to somebody who answers ahead, only that it does."""
        self._take(message)
        if self.desk.active:
            return
        await self.journey.show(self.stage.pane(message))

    def _take(self, message: Wanted) -> None:
        message.stop()
        self._drain()
        self._wanted = message
        if time.time() - self._decided_at > AWAY:
            self.bell()

    def on_decided(self, message: Decided) -> None:
        message.stop()
        self._decided_at = time.time()
        if self.desk.active and not self.ended.is_set():
            self.call_later(self._answered_ahead, message.value)
            return
        if self._wanted is None or self.ended.is_set():
            self.session.stay = message.value == "stay"
            self.exit()
            return
        if isinstance(self._wanted, ApprovalWanted) and message.value is False:  # by a stray key, or by Enter alone
            self.push_screen(LeaveScreen(False, self.session.farewell), self._refused)
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
        self.stage.decided(wanted, value)
        if not wanted.reply.done():
            wanted.reply.set_result(value)
        self.set_timer(CALM, lambda: self.call_later(self._back_to_work))

    async def _back_to_work(self) -> None:
        if not (self._waits or self.desk.active or self.ended.is_set()):
            await self.journey.show_work()

    # -- what happens ----------------------------------------------------------------------------------------

    def _drain(self) -> None:
        for event in self.bridge.take():
            self.board.take(event)
        if not self.journey.is_mounted:
            return
        now = time.time()
        asked = self.board.current if self._waits else ""
        self.journey.waiting = self._waits and self.desk.active
        if self.board.current != self._seen:  # with each step more can be answered ahead
            self._seen, count = self.board.current, self.desk.count()
            self.journey.hint = (
                f"F2: answer {report.counted(count, 'question')} of later steps meanwhile." if count else ""
            )
            self.refresh_bindings()
            look_from_here()  # the step before has read a lot that stays
        self.journey.tick(now, asked, now - self._began, self.leaving and not self.ended.is_set())

    # -- keys ------------------------------------------------------------------------------------------------

    def on_key(self, event: Key) -> None:
        """A key comes here when nothing on its screen wanted it, which takes a while."""
        if isinstance(self.screen, LeaveScreen) and event.time < self.screen.asked:
            event.prevent_default()  # typed before the question, it is no answer to it: Escape would mean to stay

    def action_log(self) -> None:
        self.journey.toggle_log()

    def action_keys(self) -> None:
        if self.screen is self.journey:
            active = self.screen.active_bindings.values()
            pane = next(iter(self.journey.query(Pane)), None)
            title, told = pane.help if pane is not None else ("", [])
            self.push_screen(HelpScreen(active, about=told, title=title))

    def action_leave(self) -> None:
        if selected := self.screen.get_selected_text():  # Ctrl-C is what many press to copy
            self.copy_to_clipboard(selected)
            self.screen.clear_selection()
            self.notify("Copied, if your terminal allows it. Ctrl-C again leaves.")
            return
        if self.ended.is_set() or self.leaving or isinstance(self.screen, LeaveScreen):
            self.leave()
            return
        self.push_screen(LeaveScreen(not self._waits, self.session.farewell), self._on_leave)

    def _on_leave(self, leave: bool | None) -> None:
        if leave:
            self.leave()

    def leave(self) -> None:
        """Stops the engine and leaves when it has stopped; called again, leaves at once."""
        if self.ended.is_set():
            if not self.finished and self.error is None:  # the engine has not begun
                self.error = Interrupted("Stopped.")
                self.session.world.stop.set()
            self.leaving = True
            self.exit()
        elif self.leaving:
            self._at_once = True
            self.exit()
        else:
            self.leaving = True
            self._let_go()
            if isinstance(self.screen, LeaveScreen | HelpScreen):
                self.pop_screen()
