"""Every wait ends: with what it waited for, at its deadline with the cause, or when the person leaves."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from wizard import events
from wizard.context import Context
from wizard.errors import HostError, Interrupted, Unavailable, WizardError
from wizard.secret import MASK, Secret
from wizard.state import State
from wizard.wait import until


class Clock:
    """Time that only passes by sleeping."""

    def __init__(self) -> None:
        self.at, self.naps, self.stop = 100.0, [], threading.Event()  # type: ignore[var-annotated]

    def now(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        if self.stop.is_set():
            raise Interrupted("Stopped.")
        self.naps.append(seconds)
        self.at += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def seen() -> list[Any]:
    return []


@pytest.fixture
def ctx(clock: Clock, seen: list[Any], tmp_path: Path) -> Context:
    bus = events.Bus()
    bus.listen(seen.append)
    return Context(clock, State(tmp_path / "state.yaml", "x"), None, bus)  # type: ignore[arg-type]


def test_what_came_is_returned_without_waiting(ctx: Context, clock: Clock) -> None:
    assert until(ctx, "the API", lambda: "there", deadline=10) == "there"
    assert clock.naps == []


def test_a_cluster_that_does_not_answer_for_a_while_is_waited_for(ctx: Context, clock: Clock) -> None:
    answers = iter([False, False, True])

    def probe() -> str:
        if not next(answers):
            raise Unavailable("The API restarts.")
        return "there"

    assert until(ctx, "the API", probe, deadline=10, every=3) == "there"
    with pytest.raises(WizardError, match="in vain") as caught:
        until(ctx, "the API", _down, deadline=10)
    assert caught.value.why == "The API restarts."


def _down() -> None:
    raise Unavailable("The API restarts.")


def test_it_looks_again_until_it_is_there(ctx: Context, clock: Clock, seen: list[Any]) -> None:
    answers = iter([None, "", "there"])
    assert until(ctx, "the API", lambda: next(answers), deadline=10, every=3, why=lambda: "refused") == "there"
    assert clock.naps == [3, 3]
    assert [(event.what, event.why, event.left) for event in seen] == [
        ("the API", "refused", 10),
        ("the API", "refused", 7),
    ]


def test_at_the_deadline_it_says_what_for_and_why_not(ctx: Context, clock: Clock) -> None:
    Secret("hunter2-in-a-log")
    with pytest.raises(WizardError) as caught:
        until(
            ctx, "three nodes to be Ready", lambda: None, deadline=30, every=7, host="192.168.1.11",
            why=lambda: "kubelet said hunter2-in-a-log", fix="Look at its journal.",
        )  # fmt: skip
    error = caught.value
    assert "30 seconds for three nodes to be Ready" in error.what
    assert error.why == f"kubelet said {MASK}"
    assert (error.fix, error.host) == ("Look at its journal.", "192.168.1.11")
    assert clock.at == pytest.approx(130)  # looks once more exactly at the deadline, and not later


def test_the_last_known_reason_stays_and_a_failing_one_hides_nothing(ctx: Context) -> None:
    reasons = iter(["not scheduled", "", ""])

    def why() -> str:
        try:
            return next(reasons)
        except StopIteration:
            return ""

    with pytest.raises(WizardError, match="in vain") as caught:
        until(ctx, "the pod", lambda: None, deadline=4, every=1, why=why)
    assert caught.value.why == "not scheduled"

    def breaks() -> str:
        raise HostError("The connection broke.", "Cable.")

    with pytest.raises(WizardError, match="Waited 4 seconds for the pod") as caught:
        until(ctx, "the pod", lambda: None, deadline=4, every=1, why=breaks)
    assert caught.value.why == "The connection broke. Cable."


def test_leaving_ends_it(ctx: Context, clock: Clock) -> None:
    clock.stop.set()
    with pytest.raises(Interrupted):
        until(ctx, "the pod", lambda: None, deadline=4)
