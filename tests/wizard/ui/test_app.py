"""The full-screen wizard, driven by a pilot: what is asked and decided first, what is shown second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from wizard.errors import Interrupted, WizardError
from wizard.ui.trail import Trail
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.screens.leave import LeaveScreen
from wizard.ui.tui.widgets.choices import ChoiceList
from wizard.ui.tui.widgets.field import Field
from wizard.ui.tui.widgets.log import LogPane
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane
from wizard.ui.tui.widgets.question import QuestionPane
from wizard.ui.tui.widgets.work import WorkPane


@pytest.fixture
def answered(session: Any) -> Any:
    """Everything that Fruit asks has been answered: the wizard begins with its approval."""
    session.state.answers["fruit"] = {
        "kind": "apple", "count": "bowl", "hosts": ["10.0.0.1"], "peel": False, "note": None,
    }  # fmt: skip
    return session


SMALL, LARGE = (80, 24), (120, 40)


class Driver:
    """A pilot that waits for what it needs instead of for a time."""

    def __init__(self, app: WizardApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def until(self, true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, f"{what} did not come; the screen shows:\n{self.shown()}"
            await asyncio.sleep(0.01)

    async def pane(self, kind: type[Any]) -> Any:
        """The pane `kind`, once it is there and takes keys."""
        journey = self.app.journey
        await self.until(lambda: [p for p in journey.query(kind) if p.is_mounted and not p.disabled], kind.__name__)
        await self.pilot.pause()
        return journey.query_one(kind)

    async def question(self, key: str) -> QuestionPane:
        journey = self.app.journey
        await self.until(
            lambda: [p for p in journey.query(QuestionPane) if p.prompt.question.key == key and not p.disabled], key
        )
        await self.pilot.pause()
        return journey.query_one(QuestionPane)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def fruit(self) -> None:
        """Answers everything that the step Fruit asks with what is proposed."""
        for key in ("kind", "count", "hosts", "peel", "note"):
            await self.question(key)
            await self.press("enter")

    def shown(self) -> str:
        """The screen as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)


def driven(session: Any, size: tuple[int, int] = SMALL) -> Any:
    class Both:
        async def __aenter__(self) -> Driver:
            self.app = WizardApp(session)
            self.test = self.app.run_test(size=size)
            return Driver(self.app, await self.test.__aenter__())

        async def __aexit__(self, *error: Any) -> None:
            await self.test.__aexit__(*error)
            assert await asyncio.to_thread(self.app.ended.wait, 10), "the engine's thread did not end"

    return Both()


async def test_the_whole_journey(session: Any, world: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("down", "enter")
        await driver.question("count")
        await driver.press("enter")
        await driver.question("hosts")
        await driver.press("down", "space", "enter")
        await driver.question("peel")
        await driver.press("y", "enter")
        await driver.question("note")
        await driver.press("enter")
        await driver.pane(ApprovalPane)
        for text in ("Fruit · 3 changes to approve", "10.0.0.2", "- make pear", "this computer", "? Fruit", "· Cake"):
            assert text in driver.shown()
        await driver.press("enter")
        await driver.question("password")
        assert "✓ Fruit" in driver.shown()
        await driver.press(*"salt")
        assert "salt" not in driver.shown()
        await driver.press("enter")
        await driver.pane(ApprovalPane)
        assert "It is hot: •••" in driver.shown()
        await driver.press("y")
        await driver.until(lambda: "1 change to approve" in driver.shown() and "mess" in driver.shown(), "the party")
        await driver.press("y")
        await driver.until(lambda: "This can't be taken back easily" in driver.shown(), "the danger")
        await driver.press("y")
        await driver.pane(FinishedPane)
        assert "Everything is done" in driver.shown() and "3 changes on 2 hosts" in driver.shown()
        await driver.press("enter")
        await driver.until(lambda: not driver.app.is_running or driver.app._exit, "the end")
    assert driver.app.error is None and "mess" in world.made
    assert session.state.answers["fruit"] == {
        "kind": "pear", "count": "bowl", "hosts": ["10.0.0.1", "10.0.0.2"], "peel": True, "note": None,
    }  # fmt: skip


async def test_what_is_typed_is_checked_as_it_is_typed(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("enter")
        pane = await driver.question("count")
        pane.query_one(Input).value = ""
        await driver.press("B")
        await driver.until(lambda: "… 'B' is not a name" in driver.shown(), "the hint")
        await driver.press("enter")
        assert "! 'B' is not a name" in driver.shown() and not pane.disabled
        await driver.press("backspace", "b")
        await driver.until(lambda: "✓" in driver.shown().split("How is the bowl")[1], "the tick")


async def test_a_mistake_that_only_the_step_sees_keeps_what_was_typed(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("enter")
        pane = await driver.question("count")
        pane.query_one(Input).value = "sieve"
        await driver.press("enter")
        await driver.until(lambda: "! a sieve is not a bowl. Take a bowl." in driver.shown(), "the problem")
        assert (await driver.question("count")).query_one(Input).value == "sieve"


async def test_back_is_offered_where_it_works_and_remembers(session: Any) -> None:
    async with driven(session) as driver:
        first = await driver.question("kind")
        assert not first.back and "Back" not in driver.shown()
        await driver.press("escape", "down", "enter")
        second = await driver.question("count")
        assert second.back
        await driver.until(lambda: "esc Back" in driver.shown(), "the key in the footer")
        await driver.press("escape")
        again = await driver.question("kind")
        assert not again.back and again.query_one(ChoiceList).raw() == "pear"
        assert "kind" not in session.state.answers["fruit"]


async def test_other_hosts_may_be_typed_beside_the_list(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("enter")
        await driver.question("count")
        await driver.press("enter")
        pane = await driver.question("hosts")
        pane.query_one("#others", Input).value = "10.0.0.9, 10.0.0.8"
        assert pane.query_one(Field).parse() == ["10.0.0.1", "10.0.0.9", "10.0.0.8"]
        await driver.press("tab", "enter")
        await driver.question("peel")
    assert session.state.answers["fruit"]["hosts"] == ["10.0.0.1", "10.0.0.9", "10.0.0.8"]


async def test_a_failure_can_be_tried_again(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FailurePane)
        for text in ("! Fruit", "bowl broke.", "It was told to.", "Try again"):
            assert text in driver.shown()
        await driver.press("r")
        await driver.pane(ApprovalPane)
        await driver.press("enter")
        await driver.question("password")
        assert world.made[-1] == "bowl"


async def test_save_and_leave_at_a_failure(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FailurePane)
        await driver.press("right", "enter")
        await driver.until(lambda: driver.app._exit, "the end")
    assert isinstance(driver.app.error, WizardError) and driver.app.error.what == "bowl broke."


async def test_work_shows_every_host(answered: Any, world: Any) -> None:
    world.gate.clear()
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(WorkPane)
        await driver.until(lambda: "10.0.0.2       make pear" in driver.shown(), "the second host")
        assert "▶ working: 3 changes" in driver.shown() and "this computer  to come" in driver.shown()
        world.gate.set()
        await driver.question("password")


async def test_the_log_filters_and_follows(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        assert not driver.app.journey.query_one(LogPane).display
        await driver.press("ctrl+l")
        await driver.until(lambda: "fruit: 3 changes to make" in driver.shown(), "the log")
        await driver.press("slash", *"LOOK")
        await driver.until(lambda: "to make" not in driver.shown(), "the filter")
        assert "this computer: looking" in driver.shown()
        await driver.press("ctrl+l")
        assert not driver.app.journey.query_one(LogPane).display


async def test_a_flood_of_lines_keeps_the_keys_alive(session: Any) -> None:
    from wizard.events import Line

    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("ctrl+l")
        for number in range(20_000):
            session.bus.emit(Line("pi", f"\x1b[31mline\x1b[0m {number}"))
        await driver.press("tab")
        await driver.until(lambda: "pi | line 19999" in driver.shown(), "the last line")
        assert len(driver.app.board.lines) == 5000


async def test_help_lists_only_keys_that_work(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("question_mark")
        assert isinstance(driver.app.screen, HelpScreen)
        shown = driver.shown()
        assert "Take this answer and go on" in shown and "Mark or unmark" not in shown and "waiting for you" in shown
        await driver.press("escape")
        assert driver.app.screen is driver.app.journey


async def test_resizing_at_any_moment(session: Any, world: Any) -> None:
    world.pace = 0.05
    sizes = [(20, 6), (130, 50), (1, 1), (69, 10), (80, 24)]
    async with driven(session) as driver:
        for index, key in enumerate(("kind", "count", "hosts", "peel", "note")):
            await driver.question(key)
            await driver.pilot.resize_terminal(*sizes[index])
            await driver.press("enter")
        await driver.pane(ApprovalPane)
        await driver.press("y")
        for size in sizes:
            await driver.pilot.resize_terminal(*size)
        await driver.question("password")
        assert "The baker's password?" in driver.shown()


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_everything_is_within_the_screen(answered: Any, size: tuple[int, int]) -> None:
    async with driven(answered, size) as driver:
        await driver.pane(ApprovalPane)
        for button in driver.app.journey.query(Button):
            assert button.region.bottom <= size[1] - 1 and button.region.right <= size[0]
        assert all(len(line) <= size[0] for line in driver.shown().splitlines())


# -- leaving -----------------------------------------------------------------------------------------------


async def test_ctrl_c_asks_and_staying_changes_nothing(session: Any, world: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("ctrl+c")
        assert isinstance(driver.app.screen, LeaveScreen) and "Everything up to here is saved." in driver.shown()
        await driver.press("enter")
        assert driver.app.screen is driver.app.journey and not world.stop.is_set()
        await driver.press("enter")
        await driver.question("count")


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


def test_a_mistake_in_a_step_reaches_the_command(session: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(type(session.order[0]), "questions", property(lambda self: 1 / 0))
    with pytest.raises(ZeroDivisionError):
        WizardApp(session).run_to_end(headless=True)


async def test_a_closed_bridge_asks_nobody(session: Any) -> None:
    app = WizardApp(session)
    app.bridge.close()
    with pytest.raises(Interrupted):
        app.bridge.failed("fruit", WizardError("late"))
