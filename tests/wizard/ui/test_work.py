"""What one sees while the wizard works: what is waited for and why, how long it takes, and the state of each step."""

from __future__ import annotations

from typing import Any

import pytest

from steps import NODE_ADD, NODE_REMOVE, NODE_UPGRADE, ORDER, RESET
from tests.wizard.ui.driver import LARGE, SMALL, answered, driven
from wizard import events, expected, report
from wizard.context import Approval
from wizard.step import Change
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_a_wait_tells_its_reason_in_full(answered: Any, world: Any, size: tuple[int, int]) -> None:
    world.gate.clear()
    async with driven(answered, size) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(WorkPane)
        why = "its kubelet says that the network plugin is not ready yet"
        for host in ("10.0.0.1", "10.0.0.2"):
            answered.bus.emit(events.Waiting(host, "the node to be Ready", why, 250))
        await driver.until(lambda: "10.0.0.1 and 10.0.0.2: waiting for the node" in driver.shown(), "the reason")
        told = " ".join(part.strip("│ ") for part in driver.shown().split())
        assert "network plugin is not ready yet), at most 4 min 10 s more" in told
        world.gate.set()
        await driver.question("password")


async def test_it_tells_how_long_a_step_usually_takes_and_when_it_takes_longer(
    answered: Any, world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expected, "minutes", lambda: {"fruit": (1, 3)})
    world.gate.clear()
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        assert "It usually takes 1 to 3 min." in driver.shown()
        await driver.press("y")
        await driver.pane(WorkPane)
        await driver.until(lambda: " s, usually 1 to 3 min" in driver.shown(), "the time")
        driver.app.board.began -= 200
        await driver.until(lambda: "longer than usual (1 to 3 min)" in driver.shown(), "the warning")
        world.gate.set()
        await driver.question("password")


def test_every_step_has_a_time() -> None:
    steps = {step.name for step in (*ORDER, *NODE_ADD, *NODE_REMOVE, *NODE_UPGRADE, *RESET)}
    assert steps <= set(expected.minutes())
    assert all(0 < least <= most for least, most in expected.minutes().values())


async def test_with_room_the_steps_tell_their_state_in_words(answered: Any, world: Any) -> None:
    world.broken = ["bowl"]
    async with driven(answered, LARGE) as driver:
        await driver.pane(ApprovalPane)
        await driver.until(
            lambda: any(line.split()[:4] == ["?", "Fruit", "for", "you"] for line in lines(driver)), "words"
        )
        await driver.press("y")
        await driver.pane(FailurePane)
        await driver.until(
            lambda: any(line.split()[:3] == ["!", "Fruit", "blocked"] for line in lines(driver)), "words"
        )


def lines(driver: Any) -> list[str]:
    return list(driver.shown().splitlines())


def test_what_is_the_same_on_several_hosts_stands_once() -> None:
    def do(ctx: Any) -> None:
        """Nothing."""

    changes = [
        Change(f"a/{word}", word, do, host=host) for host in ("1", "2", "3") for word in ("swap off", f"join {host}")
    ]
    approval = Approval(
        "a", "A", (*changes, Change("a/local", "note it", do)), {"1": "atlas", "2": "boreas", "3": "castor"}
    )
    found = [(where, [change.sentence for change in group]) for where, group in report.alike(approval)]
    assert found == [
        ("atlas, boreas and castor", ["swap off"]),
        ("atlas", ["join 1"]), ("boreas", ["join 2"]), ("castor", ["join 3"]), ("this computer", ["note it"]),
    ]  # fmt: skip
    assert sum(len(group) for _, group in found) < len(approval.changes)
