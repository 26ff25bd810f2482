"""What the full screen knows of a host that was lost and came back."""

from __future__ import annotations

from wizard import events
from wizard.ui.tui.board import Board


def test_a_lost_change_is_neither_done_nor_failed_and_counts_again_in_the_next_plan() -> None:
    board = Board(["prepare"])
    plan = events.Planned("prepare", (("pi2", "turn swap off"), ("pi2", "install packages")))

    def ended(sentence: str, outcome: str) -> events.ChangeEnded:
        return events.ChangeEnded("prepare", "prepare/x", "pi2", sentence, outcome)  # type: ignore[arg-type]

    for event in (
        events.StepChanged("prepare", "checking"), plan, ended("turn swap off", "done"),
        events.ChangeStarted("prepare", "prepare/x", "pi2", "install packages"), ended("install packages", "lost"),
        events.Progress("pi2", "connection lost; waiting for it to come back"),
        events.Waiting("pi2", "the host to come back", "Nothing answered.", 280),
    ):  # fmt: skip
        board.take(event)
    host = board.hosts["pi2"]
    assert (host.done, host.total, host.failed) == (1, 2, False)
    assert host.waits == "waiting for the host to come back (Nothing answered.), at most 4 min 40 s more"
    for event in (events.StepChanged("prepare", "checking"), events.Planned("prepare", plan.changes[1:])):
        board.take(event)
    assert (host.done, host.total) == (1, 2)


def test_what_was_asked_before_does_not_count_as_work() -> None:
    board = Board(["prepare"])
    board.take(events.StepChanged("prepare", "asking", at=100))
    board.take(events.StepChanged("prepare", "checking", at=200))
    assert board.began == 200
    board.take(events.StepChanged("prepare", "applying", at=300))
    board.take(events.StepChanged("prepare", "verifying", at=400))
    assert board.began == 300


def test_a_wait_is_over_when_the_host_does_something() -> None:
    board = Board(["prepare"])
    board.take(events.StepChanged("prepare", "applying"))
    board.take(events.Waiting("pi2", "the host to come back", "Nothing answered.", 280))
    assert board.hosts["pi2"].doing == "waiting for the host to come back"
    assert board.hosts["pi2"].waits.endswith("(Nothing answered.), at most 4 min 40 s more")
    board.take(events.Progress("pi2", "looking"))
    assert board.hosts["pi2"].waits == ""
