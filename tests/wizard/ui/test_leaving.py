"""Leaving the full-screen wizard at every moment, and mistakes of its own: nothing hangs, nothing leaks."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key

from tests.wizard.ui.driver import answered, driven
from wizard.errors import Declined, Interrupted, WizardError
from wizard.logfile import LogFile
from wizard.ui.trail import Trail
from wizard.ui.tui import signals
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.screens.leave import LeaveScreen
from wizard.ui.tui.signals import TerminalGone
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture


async def test_ctrl_c_asks_and_staying_changes_nothing(session: Any, world: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("ctrl+c")
        assert isinstance(driver.app.screen, LeaveScreen) and "Everything up to here is saved." in driver.shown()
        await driver.press("enter")
        assert driver.app.screen is driver.app.journey and not world.stop.is_set()
        await driver.press("enter")
        await driver.question("count")


async def test_a_stray_no_asks_before_it_leaves(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("n")
        assert isinstance(driver.app.screen, LeaveScreen)
        await driver.press("enter")
        assert driver.app.screen is driver.app.journey
        await driver.pane(ApprovalPane)
        await driver.press("n", "right", "enter")
        await driver.until(lambda: driver.app._exit, "the end")
    assert isinstance(driver.app.error, Declined) and world.made == []


@pytest.mark.parametrize("moment", ["start", "question", "help", "approval", "work", "failure"])
async def test_ctrl_c_twice_leaves_at_every_moment(session: Any, world: Any, moment: str, request: Any) -> None:
    if moment in ("approval", "work", "failure"):
        request.getfixturevalue("answered")
    world.broken = ["bowl"] if moment == "failure" else []
    if moment == "work":
        world.gate.clear()
    async with driven(session) as driver:
        if moment in ("question", "help"):
            await driver.question("kind")
        if moment in ("approval", "work", "failure"):
            await driver.pane(ApprovalPane)
        if moment in ("work", "failure"):
            await driver.press("y")
            await driver.pane(WorkPane if moment == "work" else FailurePane)
        if moment == "help":
            await driver.press("question_mark")
        await driver.press("ctrl+c", "ctrl+c")
        await driver.until(lambda: driver.app._exit, "the end")
    assert isinstance(driver.app.error, Interrupted | WizardError) and world.stop.is_set()


async def test_what_was_typed_before_the_question_is_no_answer_to_it(session: Any) -> None:
    """A key that nothing on its screen wanted arrives late: an Escape of before would mean to stay."""
    async with driven(session) as driver:
        await driver.question("kind")
        driver.app.post_message(Key("escape", None))
        driver.app.post_message(Key("ctrl+c", None))
        await driver.pilot.pause()
        assert isinstance(driver.app.screen, LeaveScreen)
        await driver.press("ctrl+c")
        await driver.until(lambda: driver.app._exit, "the end")


async def test_leaving_waits_for_what_runs_and_says_so(answered: Any, world: Any) -> None:
    """The change does not look at `stop`: it comes to its end, and is recorded as done."""
    world.gate.clear()
    world.sleep = lambda seconds: time.sleep(seconds)
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(WorkPane)
        await driver.press("ctrl+c", "ctrl+c")
        await driver.until(lambda: "stopping: what runs comes to its end" in driver.shown(), "the word")
        assert not driver.app.ended.is_set()
        world.gate.set()
        await driver.until(lambda: driver.app._exit, "the end")
    assert sorted(world.made) == ["apple", "pear"]
    assert [entry["change"] for entry in answered.state.journal if "finished" in entry] == ["fruit/apple", "fruit/pear"]


@pytest.mark.parametrize("seed", range(6))
async def test_quitting_never_hangs(session: Any, world: Any, seed: int) -> None:
    """The screen goes away, as with a closed terminal, a while after the beginning."""
    world.pace = 0.02
    async with driven(session) as driver:
        for _ in range(seed):
            await driver.press("enter")
        driver.app.exit()


def test_a_mistake_in_the_app_itself_prints_no_traceback(session: Any, monkeypatch: Any, capfd: Any) -> None:
    """Textual's own would show the values of variables. Whoever called gets the exception, and the engine has ended."""

    def broken(self: Any, prompt: Any) -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(Trail, "arrive", broken)
    app = WizardApp(session)
    with pytest.raises(ZeroDivisionError):
        app.run_to_end(headless=True)
    assert app.ended.is_set() and "Traceback" not in "".join(capfd.readouterr())


class Unheard(io.StringIO):
    def write(self, text: str) -> int:
        raise OSError(errno.EIO, "nobody is there")


def test_a_terminal_that_goes_away_in_the_middle_of_work_that_does_not_end(session: Any, monkeypatch: Any) -> None:
    def run(app: WizardApp, *unused: Any, **more: Any) -> None:
        app.ended.clear()
        raise TerminalGone

    def end(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("wizard.ui.tui.app.run", run)
    monkeypatch.setattr("wizard.ui.tui.app.PATIENCE", 0.1)
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr(sys, "stderr", Unheard())
    with pytest.raises(SystemExit) as ended:
        WizardApp(session).run_to_end()
    assert ended.value.code == 130


def test_a_place_that_swallows_the_end_of_the_terminal(monkeypatch: Any) -> None:
    def swallowing() -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGHUP)

    class Endless:
        _driver = None

        def run(self, loop: asyncio.AbstractEventLoop, **unused: Any) -> None:
            loop.call_soon(swallowing)
            loop.run_forever()

    monkeypatch.setattr(signals, "gone", lambda: True)
    with pytest.raises(TerminalGone):
        signals.run(Endless(), lambda: None)  # type: ignore[arg-type]


def test_a_thread_that_just_started_ends_too(monkeypatch: Any) -> None:
    """The signal comes while its start is waited for: its pool does not know it yet, and Python would wait for it."""
    started: list[threading.Thread] = []
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        started.append(thread)
        raise TerminalGone

    class Starting:
        _driver = None

        def run(self, loop: asyncio.AbstractEventLoop, **unused: Any) -> None:
            monkeypatch.setattr(threading.Thread, "start", interrupted)
            loop.run_in_executor(None, int)

    with pytest.raises(TerminalGone):
        signals.run(Starting(), lambda: None)  # type: ignore[arg-type]
    monkeypatch.undo()
    started[0].join(10)
    assert not started[0].is_alive()


def test_a_mistake_while_the_screen_goes_away_is_only_logged(session: Any, tmp_path: Path, monkeypatch: Any) -> None:
    def broken(self: Any, prompt: Any) -> None:
        app.leaving = True
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(Trail, "arrive", broken)
    session.log = LogFile(tmp_path / "homelab.log", "a test")
    app = WizardApp(session)
    with pytest.raises(Interrupted):
        app.run_to_end(headless=True)
    assert "after leaving: ZeroDivisionError: a mistake (test_leaving.py:" in session.log.path.read_text()


def test_a_mistake_in_a_step_reaches_the_command(session: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(type(session.order[0]), "questions", property(lambda self: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        WizardApp(session).run_to_end(headless=True)


async def test_a_closed_bridge_asks_nobody(session: Any) -> None:
    app = WizardApp(session)
    app.bridge.close()
    with pytest.raises(Interrupted):
        app.bridge.failed("fruit", WizardError("late"))
