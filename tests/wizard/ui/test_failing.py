"""A failure: what, why, what to do, and the ways on from there, in the full screen and in plain lines."""

from __future__ import annotations

import io
from typing import Any

import pytest

from tests.wizard.ui.driver import LARGE, SMALL, answered, driven
from tests.wizard.ui.test_plain import WHOLE, Typed, drive
from wizard.errors import WizardError
from wizard.ui import plain
from wizard.ui.out import Out
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane

__all__ = ["answered"]  # a fixture


@pytest.fixture
def skippable(toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(toys.order[1]), "skip", "There is no cake then.")


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_skipping_goes_on_and_is_told_at_the_end(
    answered: Any, world: Any, skippable: None, size: tuple[int, int]
) -> None:
    world.broken = ["cake"]
    async with driven(answered, size) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.question("password")
        await driver.press(*"salt-and-pepper", "enter")
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FailurePane)
        for text in ("cake broke.", "It was told to.", "It can be skipped", "There is no cake then.", "Skip this step"):
            assert text in " ".join(driver.shown().split()), text
        await driver.press("k")
        await driver.until(lambda: "– Cake" in driver.shown(), "the mark of what was skipped")
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FinishedPane)
        assert "Everything else is done" in driver.shown() and "Cake was skipped by you, 20" in driver.shown()
    assert list(answered.state.skipped) == ["cake"] and "cake" not in world.made


async def test_where_nothing_may_be_skipped_no_key_says_so(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(FailurePane)
        assert "Skip" not in driver.shown()
        await driver.press("k")
        await driver.pane(FailurePane)
    assert answered.state.skipped == {}


async def test_what_is_asked_once_more_is_said(answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(step: Any, ctx: Any) -> Any:
        error = WizardError("The bowl leaks.", "It has a crack.", "Take another.")
        error.answers = ("fruit.count",)
        raise error

    monkeypatch.setattr(type(answered.order[0]), "check", check)
    async with driven(answered) as driver:
        await driver.pane(FailurePane)
        assert "It asks once more: How is the bowl called?" in driver.shown()
        await driver.press("r")
        await driver.question("count")


def test_plain_skips_where_it_may(session: Any, world: Any, skippable: None) -> None:
    world.broken = ["cake"]
    shown, keyboard = drive(session, *WHOLE[:8], "no idea", "skip", *WHOLE[8:])
    assert "skip goes on without it, and it is offered again later. There is no cake then." in shown
    assert "Please answer retry, skip or stop." in shown and "Everything else is done." in shown
    assert any(label.endswith("retry, skip or stop [stop]:") for label in keyboard.labels)
    assert "mess" in world.made and list(session.state.skipped) == ["cake"]


def test_plain_does_not_skip_where_it_may_not(session: Any, world: Any) -> None:
    world.broken = ["cake"]
    with pytest.raises(WizardError, match="cake broke"):
        drive(session, *WHOLE[:8], "skip", "stop")
    assert session.state.skipped == {}


@pytest.fixture
def named(toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(step: Any, ctx: Any) -> Any:
        error = WizardError("The bowl can't be had.", "The shop has none of this kind. " * 9, "Wait.")
        error.cause = "bowl-missing"
        raise error

    monkeypatch.setattr(type(toys.order[0]), "check", check)


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_code_of_a_cause_is_shown_to_look_it_up(answered: Any, named: None, size: tuple[int, int]) -> None:
    async with driven(answered, size) as driver:
        await driver.pane(FailurePane)
        assert "(code: bowl-missing)" in driver.shown()


def test_plain_lines_show_the_code_of_a_cause(session: Any, named: None) -> None:
    stream = io.StringIO()
    with pytest.raises(WizardError):
        plain.run(session, Out(stream), Typed(*WHOLE[:5], "stop"))
    assert "\n(code: bowl-missing)\n" in stream.getvalue()
