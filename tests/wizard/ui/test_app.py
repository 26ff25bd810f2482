"""The full-screen wizard, driven by a pilot: what is asked and decided first, what is shown second."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from textual.widgets import Button, Input

from tests.wizard.ui.driver import LARGE, SMALL, answered, driven
from wizard.errors import WizardError
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.widgets.choices import ChoiceList
from wizard.ui.tui.widgets.field import Field
from wizard.ui.tui.widgets.log import LogPane
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture


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


@pytest.mark.parametrize(
    ("inside", "keys", "stays"), [(False, ["enter"], True), (False, ["right", "enter"], False), (True, ["enter"], True)]
)
async def test_after_the_end_the_dashboard_is_a_key_away(
    session: Any, toys: Any, inside: bool, keys: list[str], stays: bool
) -> None:
    session.order, session.overview, session.inside = (), True, inside
    async with driven(session) as driver:
        await driver.pane(FinishedPane)
        assert ("Back to the dashboard" if inside else "To the dashboard") in driver.shown()
        await driver.press(*keys)
        await driver.until(lambda: driver.app._exit, "the end")
    assert session.stay is stays


@pytest.mark.parametrize(("typed", "agreed"), [("chaos", True), ("", False)])
async def test_a_word_is_typed_where_a_yes_is_not_enough(
    session: Any, world: Any, toys: Any, monkeypatch: pytest.MonkeyPatch, typed: str, agreed: bool
) -> None:
    (*_, party), plan = toys.order, toys.step.plan
    session.order = (party,)

    def with_word(step: Any, facts: Any, answers: Any) -> Any:
        return [replace(change, word="chaos", detail="It can't be swept up.") for change in plan(step, facts, answers)]

    monkeypatch.setattr(toys.step, "plan", with_word)
    async with driven(session) as driver:
        await driver.question("word")
        for text in ("This can't be taken back easily", "make mess", "Type chaos to do it", "It can't be swept up."):
            assert text in driver.shown()
        await driver.press(*"yes", "enter")
        assert "type chaos, or leave it empty" in driver.shown() and "mess" not in world.made
        await driver.press("backspace", "backspace", "backspace", *typed, "enter")
        if agreed:
            await driver.pane(FinishedPane)
        else:
            await driver.until(lambda: not driver.app.is_running or driver.app._exit, "the end")
    assert ("mess" in world.made) is agreed


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
        assert "On the shelf are:" in driver.shown() and "two bowls, and a sieve." in driver.shown()
        for typed, told in (("sieve", "… a sieve is not a bowl."), ("broken", "… that one was seen to leak. Take the")):
            pane.query_one(Input).value = typed
            await driver.until(lambda told=told: told in driver.shown(), "what only the step knows")


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
        await driver.press(*"10.0.0.9")  # while the list has the keys
        pane.query_one("#others", Input).value += ", 10.0.0.8"
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


async def test_the_log_shows_and_hides(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        assert not driver.app.journey.query_one(LogPane).display
        await driver.press("ctrl+l")
        await driver.until(lambda: "fruit: 3 changes to make" in driver.shown(), "the log")
        await driver.press("ctrl+l")
        assert not driver.app.journey.query_one(LogPane).display
        assert driver.app.focused is not None and driver.app.focused.id == "yes"


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
        assert "Take this answer and go on" in shown and "Mark or unmark" not in shown
        await driver.press("end")
        await driver.until(lambda: "?\N{NO-BREAK SPACE}waiting for you" in driver.shown(), "the marks")
        await driver.press("escape")
        assert driver.app.screen is driver.app.journey


async def test_resizing_at_any_moment(session: Any) -> None:
    sizes = [(20, 6), (1, 1), (130, 50), (80, 24)]
    async with driven(session) as driver:
        await driver.question("kind")
        for size in sizes:
            await driver.pilot.resize_terminal(*size)
        await driver.press("enter")
        await driver.question("count")
        assert "How is the bowl called?" in driver.shown()


async def test_resizing_while_it_works(answered: Any, world: Any) -> None:
    world.gate.clear()
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.pilot.resize_terminal(30, 8)
        await driver.press("y")
        await driver.pane(WorkPane)
        for size in ((1, 1), (120, 40)):
            await driver.pilot.resize_terminal(*size)
        await driver.until(lambda: "make pear" in driver.shown(), "the table")
        world.gate.set()
        await driver.question("password")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_everything_is_within_the_screen(answered: Any, size: tuple[int, int]) -> None:
    async with driven(answered, size) as driver:
        await driver.pane(ApprovalPane)
        for button in driver.app.journey.query(Button):
            assert button.region.bottom <= size[1] - 1 and button.region.right <= size[0]
        assert all(len(line) <= size[0] for line in driver.shown().splitlines())
