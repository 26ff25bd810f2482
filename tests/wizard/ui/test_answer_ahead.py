"""Answering ahead: in the full screen while the engine works, in plain lines before it does."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from textual.widgets import Input

from tests.wizard.ui.driver import answered, driven
from tests.wizard.ui.test_plain import WHOLE, drive
from wizard.question import INTEGER, NAME, Question
from wizard.secret import SecretRef
from wizard.ui import plain
from wizard.ui.tui.widgets.panes import ApprovalPane, FinishedPane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture
GUESTS = (
    Question("guests", "How many guests?", INTEGER, default=3),
    Question("song", "Which song?", NAME, default="polka"),
)


@pytest.fixture(autouse=True)
def party(toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last step asks something, too."""
    monkeypatch.setattr(type(toys.order[2]), "questions", GUESTS)


# -- the full screen -------------------------------------------------------------------------------------------


async def begun(driver: Any, world: Any) -> None:
    """The step Fruit is at work, and its changes don't end."""
    world.gate.clear()
    await driver.pane(ApprovalPane)
    assert "Answer ahead" not in driver.shown()  # the engine waits for the person, not the other way round
    await driver.press("y")
    await driver.pane(WorkPane)
    await driver.until(lambda: "f2 Answer ahead" in driver.shown(), "the key")


async def test_what_comes_later_is_answered_while_it_works(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.until(lambda: "F2: answer 3 questions of later steps meanwhile." in driver.shown(), "the hint")
        await driver.press("f2")
        await driver.question("password")
        assert "Answered ahead · Cake · question 1 of 1" in driver.shown() and "▶ Fruit" in driver.shown()
        await driver.press(*"salt-and-pepper", "enter")
        await driver.question("guests")
        await driver.press("escape")
        pane = await driver.question("password")
        assert pane.prompt.review
        await driver.press("enter")
        await driver.question("guests")
        await driver.press("enter")
        (await driver.question("song")).query_one(Input).value = "Big Song"
        await driver.press("enter")
        await driver.until(lambda: "! 'Big Song' is not a name" in driver.shown(), "the mistake")
        (await driver.question("song")).query_one(Input).value = "waltz"
        await driver.press("enter")
        await driver.pane(WorkPane)
        assert "Answer ahead" not in driver.shown()  # nothing is left to be answered
        assert answered.state.answers["party"] == {"guests": 3, "song": "waltz"}
        assert answered.state.answers["cake"] == {"password": SecretRef("prompt")}
        world.gate.set()
        await driver.pane(ApprovalPane)  # the cake's: nothing was asked in between
        await driver.press("y")
        await driver.until(lambda: "This can't be taken back easily" in driver.shown(), "the danger")
        await driver.press("y")
        await driver.pane(FinishedPane)
    assert "salt-and-pepper" not in answered.state.path.read_text()


async def test_leaving_it_in_the_middle_keeps_what_was_typed(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.press("f2")
        await driver.question("password")
        await driver.press(*"salt-and-pepper", "enter")
        (await driver.question("guests")).query_one(Input).value = "12"
        await driver.press("f2")
        await driver.pane(WorkPane)
        assert "party" not in answered.state.answers
        await driver.press("ctrl+n")
        assert (await driver.question("guests")).query_one(Input).value == "12"
        world.gate.set()


async def test_what_the_engine_wants_waits_for_the_end_of_the_question(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.press("f2")
        await driver.question("password")
        await driver.press(*"salt", "enter")
        (await driver.question("guests")).query_one(Input).value = "12"
        world.gate.set()
        await driver.until(lambda: driver.app._waits, "the failure")
        assert (await driver.question("guests")).query_one(Input).value == "12"  # nobody was torn from it
        await driver.until(lambda: "the wizard waits for you: F2 goes there" in driver.shown(), "the word")
        await driver.press("enter")
        await driver.until(lambda: "Fruit could not be completed" in driver.shown(), "the failure, shown")
        assert answered.state.answers["party"] == {"guests": 12}


async def test_the_same_question_in_its_turn_takes_what_is_being_typed(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.press("f2")
        await driver.question("password")
        await driver.press(*"salt-and")
        world.gate.set()
        await driver.until(lambda: driver.app._waits, "the engine's own question")
        await driver.press(*"-pepper", "enter")
        await driver.pane(ApprovalPane)
        assert "It is hot: •••" in driver.shown() and answered.state.answers["cake"]["password"] == SecretRef("prompt")


async def test_an_answer_that_comes_before_the_engine_asks_for_it_is_not_asked_twice(
    answered: Any, world: Any, toys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine has reached the step, and is still preparing its question."""
    go = threading.Event()

    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.press("f2")
        await driver.question("password")
        before = driver.app.desk.ahead._at
        prompts: list[str] = []
        asking = answered._ctx.front.ask

        def ask(prompt: Any) -> object:
            prompts.append(prompt.question.key)
            assert go.wait(10)
            return asking(prompt)

        monkeypatch.setattr(answered._ctx.front, "ask", ask)
        world.gate.set()
        await driver.until(lambda: prompts == ["password"], "the engine at its question")
        assert driver.app.desk.ahead._at == before + 1
        await driver.press(*"salt-and-pepper", "enter")
        await driver.pane(WorkPane)
        go.set()
        await driver.pane(ApprovalPane)
        assert prompts == ["password"] and "It is hot: •••" in driver.shown()


async def test_leaving_the_wizard_while_answering_ahead(answered: Any, world: Any) -> None:
    async with driven(answered) as driver:
        await begun(driver, world)
        await driver.press("f2")
        await driver.question("password")
        await driver.press("ctrl+c", "ctrl+c")
        world.gate.set()
        await driver.until(lambda: driver.app._exit, "the end")


# -- plain lines -----------------------------------------------------------------------------------------------

AHEAD = ("sugar-and-salt", "4", "polka")


@pytest.fixture
def long(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fruit takes long, the others do not."""
    monkeypatch.setattr(plain, "longest", lambda step: 10 if step == "fruit" else 0)


def test_plain_offers_it_before_long_work_alone(session: Any, world: Any, long: None) -> None:
    shown, keyboard = drive(session, *WHOLE[:6], "yes", *AHEAD, "yes", "yes")
    assert not keyboard.lines and "mess" in world.made
    assert "While this runs nothing is asked" in shown
    assert keyboard.labels.count("Answer 3 questions of later steps now? yes or no [yes]:") == 1
    assert session.state.answers["party"] == {"guests": 4, "song": "polka"}
    at = shown.index("Thank you. Now the work begins.")
    assert shown.index("How many guests?") < at < shown.index("make apple …") and shown.count("Which song?") == 1


def test_plain_takes_a_no_for_the_whole_run(session: Any, world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain, "longest", lambda step: 10)
    shown, _ = drive(session, *WHOLE[:6], "no", "sugar-and-salt", "yes", *AHEAD[1:], "yes")
    assert shown.count("While this runs nothing is asked") == 1 and "mess" in world.made


def test_plain_goes_back_and_stops_in_the_middle(session: Any, world: Any, long: None) -> None:
    lines = ("", "sugar-and-salt", "many", "4", "<", "5", "=", "", ">", "yes", "polka", "yes")
    shown, keyboard = drive(session, *WHOLE[:6], *lines)
    assert not keyboard.lines and "> leaves the rest for its turn." in shown
    assert "'many' is not a whole number" in shown
    assert session.state.answers["party"] == {"guests": 5, "song": "polka"}


def test_plain_does_not_offer_what_does_not_take_long(session: Any) -> None:
    shown, _ = drive(session, *WHOLE[:8], *AHEAD[1:], "yes")
    assert "nothing is asked" not in shown
