"""Back across steps, the list of answers and what a change brings, in the full screen and in plain lines."""

from __future__ import annotations

import io
from typing import Any

import pytest
from textual.widgets import Input

from tests.wizard.ui.driver import LARGE, SMALL, answered, driven
from tests.wizard.ui.test_plain import WHOLE, Typed, drive
from wizard.errors import Declined
from wizard.step import Change
from wizard.ui import plain
from wizard.ui.out import Out
from wizard.ui.tui.screens.answers import AnswersScreen
from wizard.ui.tui.widgets.choices import ChoiceList
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, Scroll
from wizard.ui.tui.widgets.revision import RevisionPane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture

# -- the full screen -------------------------------------------------------------------------------------------


async def test_escape_leads_over_the_beginning_of_a_step_and_enter_back_again(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.question("password")
        await driver.press(*"sa", "escape")
        pane = await driver.question("note")
        assert pane.prompt.review and "Fruit · an answer from before" in driver.shown()
        assert "Enter keeps it" in driver.shown() and "esc Back" in driver.shown()
        await driver.press("escape")
        assert (await driver.question("peel")).query_one(ChoiceList).raw() is False
        await driver.press("enter")
        await driver.question("note")
        await driver.press("enter")
        await driver.question("password")
        assert "question 1 of 1" in driver.shown()
    assert sorted(world.made) == ["apple", "bowl", "pear"] and "fruit" in answered.state.done


async def test_a_change_of_what_was_done_is_told_and_a_no_changes_nothing(answered: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.question("password")
        await driver.press("escape")
        (await driver.question("note")).query_one(Input).value = "with sugar"
        await driver.press("enter")
        await driver.pane(RevisionPane)
        for text in ("before: nothing", "after: with sugar", "done and are looked at again: Fruit.", "nothing"):
            assert text in driver.shown()
        await driver.press("enter")
        await driver.question("password")
        assert answered.state.answers["fruit"]["note"] is None and "fruit" in answered.state.done
        await driver.press("escape")
        (await driver.question("note")).query_one(Input).value = "with sugar"
        await driver.press("enter")
        await driver.pane(RevisionPane)
        await driver.press("y")
        await driver.question("password")
        assert answered.state.answers["fruit"]["note"] == "with sugar"


async def test_the_list_of_answers_leads_to_any_of_them(answered: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("f3")
        await driver.until(lambda: isinstance(driver.app.screen, AnswersScreen), "the list")
        await driver.pilot.pause()
        for text in ("Your answers", "Which fruit? Apple", "Peel it? no", "Anything else? nothing"):
            assert text in driver.shown()
        await driver.press("enter")
        await driver.question("kind")
        await driver.press("down", "enter")
        pane = await driver.pane(ApprovalPane)
        assert answered.state.answers["fruit"]["kind"] == "pear" and pane.is_attached


async def test_the_list_can_be_looked_at_while_it_works_and_changes_nothing(answered: Any, world: Any) -> None:
    world.gate.clear()
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(WorkPane)
        await driver.press("ctrl+r")
        await driver.until(lambda: isinstance(driver.app.screen, AnswersScreen), "the list")
        await driver.pilot.pause()
        assert "when the wizard asks you something next" in driver.shown()
        await driver.press("enter", "escape")
        await driver.until(lambda: driver.app.screen is driver.app.journey, "the journey")
        world.gate.set()
        await driver.question("password")


async def test_a_failure_leads_back_too(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FailurePane)
        await driver.press("escape")
        await driver.question("note")
        await driver.press("enter")
        await driver.pane(FailurePane)
        await driver.press("r")
        await driver.pane(ApprovalPane)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_an_approval_of_many_changes_scrolls_and_keeps_its_buttons(
    answered: Any, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def many(step: Any, facts: Any, answers: Any) -> list[Change]:
        return [
            Change(f"fruit/{number}", f"do number {number}", lambda ctx: None, f"10.0.0.{number % 3 + 1}")
            for number in range(30)
        ]

    monkeypatch.setattr(type(answered.order[0]), "plan", many)
    async with driven(answered, size) as driver:
        pane = await driver.pane(ApprovalPane)
        seen = set(driver.shown().splitlines())
        assert "Make these changes" in driver.shown() and "30 changes to approve" in driver.shown()
        for _ in range(4):
            await driver.press("pagedown")
            seen |= set(driver.shown().splitlines())
            assert "Make these changes" in driver.shown()
        assert pane.query_one(Scroll).scroll_y == pane.query_one(Scroll).max_scroll_y
        text = "\n".join(seen)
        assert all(f"- do number {number}" in text for number in range(30))
        assert all(f"10.0.0.{number}" in text for number in (1, 2, 3))


# -- plain lines -----------------------------------------------------------------------------------------------


def test_plain_goes_back_over_the_beginning_of_a_step(session: Any, world: Any) -> None:
    back = ("<", "<", "", "")  # from the password to the note, to the peel; both stay
    shown, keyboard = drive(session, *WHOLE[:6], *back, *WHOLE[6:])
    assert not keyboard.lines and shown.count("(answered before)") == 3
    assert "mess" in world.made and "Changing this answer" not in shown


def test_plain_lists_the_answers_and_changes_one_after_telling_what_comes_of_it(session: Any, world: Any) -> None:
    shown, keyboard = drive(session, *WHOLE[:6], "=", "9", "2", "basin", "no", "=", "2", "basin", "yes", *WHOLE[6:])
    assert not keyboard.lines
    assert "  2. How is the bowl called? bowl" in shown and "Please type a number from 1 to 5" in shown
    assert "before: bowl" in shown and "after: basin" in shown
    assert "These were done and are looked at again: Fruit." in shown
    assert session.state.answers["fruit"]["count"] == "basin"
    assert set(session.state.done) == {"fruit", "cake", "party"}


def test_plain_says_again_which_step_an_approval_is_of(session: Any, world: Any) -> None:
    shown, _ = drive(session, *WHOLE[:7], "=", "1", "", *WHOLE[7:])
    assert shown.count("Step 2 of 3: Cake") == 2 and shown.count("Step 1 of 3: Fruit") == 2


def test_plain_goes_back_from_an_approval(session: Any, world: Any) -> None:
    shown, _ = drive(session, *WHOLE[:5], "<", "sugar", "yes", *WHOLE[6:])
    assert session.state.answers["fruit"]["note"] == "sugar"
    assert shown.count("Fruit: 3 changes to approve.") == 2


def test_plain_goes_back_from_a_failure(session: Any, world: Any) -> None:
    world.broken = ["cake"]
    drive(session, *WHOLE[:8], "=", "", "<", "", "retry", "yes", *WHOLE[8:])
    assert "cake" in world.made


def test_an_optional_answer_can_be_taken_back(session: Any) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:4], "sugar", "<", "-", "no")
    assert session.state.answers["fruit"]["note"] is None


def test_where_there_is_nothing_to_go_back_to_that_is_said(session: Any, toys: Any) -> None:
    session.order = toys.order[2:]
    stream = io.StringIO()
    with pytest.raises(Declined):
        plain.run(session, Out(stream), Typed("<", "=", "", "no"))
    assert "There is no question before this one." in stream.getvalue()
    assert "Nothing was answered so far." in stream.getvalue()
