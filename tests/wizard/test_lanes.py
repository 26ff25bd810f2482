"""Lanes: side by side, nobody cut off, and the cause is what is told."""

from __future__ import annotations

import threading
import time

import pytest

from wizard.errors import ConnectionLost, HostError, Interrupted, TrustError
from wizard.lanes import MAX_LANES, run_all

LOST = ConnectionLost("lost", host="pi1", address="192.0.2.1", come_back=lambda: None)


@pytest.fixture
def stop() -> threading.Event:
    return threading.Event()


def test_results_keep_the_order_of_the_items(stop: threading.Event) -> None:
    def work(item: int) -> str:
        time.sleep(0.02 / item)
        return f"pi{item}"

    assert list(run_all([3, 1, 2], work, stop).items()) == [(3, "pi3"), (1, "pi1"), (2, "pi2")]
    assert run_all([], work, stop) == {}


def test_they_run_side_by_side(stop: threading.Event) -> None:
    together = threading.Barrier(5, timeout=10)  # breaks unless all five are in their lanes at once
    assert len(run_all(range(5), lambda item: together.wait(), stop)) == 5


def test_more_items_than_lanes_take_turns(stop: threading.Event) -> None:
    at_once: list[int] = []
    now = [0]
    lock = threading.Lock()

    def work(item: int) -> None:
        with lock:
            now[0] += 1
            at_once.append(now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    run_all(range(MAX_LANES * 2), work, stop)
    assert len(at_once) == MAX_LANES * 2
    assert max(at_once) <= MAX_LANES


def test_the_others_finish_before_a_failure_is_raised(stop: threading.Event) -> None:
    finished: list[str] = []

    def work(item: str) -> None:
        if item == "broken":
            raise HostError("it broke")
        time.sleep(0.1)
        finished.append(item)

    with pytest.raises(HostError, match="it broke"):
        run_all(["broken", "a", "b"], work, stop)
    assert sorted(finished) == ["a", "b"]


@pytest.mark.parametrize(
    ("failures", "raised"),
    [
        ([Interrupted("stopped"), HostError("the cause")], HostError),
        ([HostError("first"), Interrupted("stopped")], HostError),
        ([Interrupted("stopped"), None], Interrupted),
        ([LOST, HostError("the cause")], HostError),
        ([LOST, Interrupted("stopped")], ConnectionLost),
        ([HostError("a cause"), LOST, TrustError("another host")], TrustError),
    ],
    ids=["consequence first", "cause first", "only stopped", "lost and failed", "lost and stopped", "another host"],
)
def test_the_cause_counts_and_not_its_consequences(
    failures: list[Exception | None], raised: type[Exception], stop: threading.Event
) -> None:
    def work(item: int) -> None:
        if (failure := failures[item]) is not None:
            raise failure

    with pytest.raises(raised):
        run_all(range(len(failures)), work, stop)


def test_of_two_causes_the_first_in_the_items_order_is_told(stop: threading.Event) -> None:
    def work(item: int) -> None:
        time.sleep(0.05 if item == 1 else 0)
        raise HostError(f"host {item}")

    with pytest.raises(HostError, match="host 1"):
        run_all([1, 2], work, stop)


def test_ctrl_c_lets_the_lanes_know_and_waits_for_them(monkeypatch: pytest.MonkeyPatch, stop: threading.Event) -> None:
    from wizard import lanes

    ended: list[str] = []

    def interrupted(*args: object, **settings: object) -> None:
        raise KeyboardInterrupt

    def work(item: str) -> None:
        assert stop.wait(10)
        ended.append(item)

    monkeypatch.setattr(lanes, "wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run_all(["a", "b"], work, stop)
    assert sorted(ended) == ["a", "b"]
