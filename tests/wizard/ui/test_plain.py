"""The plain wizard: what is asked, what a line means, how it ends."""

from __future__ import annotations

import errno
import io
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from wizard.errors import Declined, Interrupted, WizardError
from wizard.events import StepChanged, StepStatus
from wizard.leaving import Leaving
from wizard.question import ADDRESS, CHOICE, SECRET, YES_NO, Choice, Prompt, Question, list_of
from wizard.secret import Secret, SecretRef
from wizard.ui import lines, plain
from wizard.ui.out import Out


class Typed:
    """A keyboard that types `lines`; a function among them is called instead."""

    def __init__(self, *lines: str | Callable[[], str]) -> None:
        self.lines = list(lines)
        self.labels: list[str] = []

    def line(self, label: str) -> str:
        self.labels.append(label)
        if not self.lines:
            raise EOFError
        typed = self.lines.pop(0)
        return typed if isinstance(typed, str) else typed()

    secret = line


def drive(session: Any, *lines: str | Callable[[], str]) -> tuple[str, Typed]:
    stream, keyboard = io.StringIO(), Typed(*lines)
    plain.run(session, Out(stream), keyboard)
    return stream.getvalue(), keyboard


WHOLE = ("2", "", "1,2", "yes", "", "yes", "sugar-and-salt", "yes", "yes")


def test_the_whole_interview(session: Any, world: Any) -> None:
    shown, keyboard = drive(session, *WHOLE)
    assert not keyboard.lines
    assert session.state.answers["fruit"] == {
        "kind": "pear", "count": "bowl", "hosts": ["10.0.0.1", "10.0.0.2"], "peel": True, "note": None,
    }  # fmt: skip
    assert world.made == ["apple", "pear", "bowl", "cake", "mess"] or sorted(world.made[:2]) == ["apple", "pear"]
    assert list(session.state.done) == ["fruit", "cake", "party"]
    assert "Step 1 of 3: Fruit" in shown and "1. Apple - round" in shown and "Everything is done." in shown
    assert "sugar-and-salt" not in shown and "It is hot: •••" in shown
    assert "DANGEROUS (party/mess)" in shown


def test_going_back_asking_for_help_and_mistakes(session: Any) -> None:
    shown, _ = drive(session, "<", "1", "?", "<", "9", "pear", "Big Bowl", "sieve", "broken", "bowl", *WHOLE[2:])
    assert session.state.answers["fruit"]["kind"] == "pear"
    assert "There is no question before this one." in shown and "(1 of 5)" in shown and "(5 of 5)" in shown
    assert "A name of small letters." in shown and "Proposed from: the kitchen" in shown
    assert "'9' is not one of: apple, pear" in shown
    assert "'Big Bowl' is not a name" in shown
    assert "Please correct: a sieve is not a bowl. Take a bowl." in shown
    assert "Please correct: that one was seen to leak. Take the other." in shown
    assert "How is the bowl called?\n  On the shelf are:\n  two bowls, and a sieve.\n" in shown


def test_saying_no_changes_nothing(session: Any, world: Any) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:5], "no")
    assert world.made == []


def test_danger_is_not_agreed_to_by_an_empty_line(session: Any, world: Any) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:-1], "")
    assert "mess" not in world.made


@pytest.fixture
def wordy(toys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mess of the party wants a word typed."""
    plan = toys.step.plan

    def with_word(step: Any, facts: Any, answers: Any) -> Any:
        return [replace(change, word="chaos" if change.danger else "") for change in plan(step, facts, answers)]

    monkeypatch.setattr(toys.step, "plan", with_word)


def test_enter_alone_is_no_yes_to_what_ends_for_good(session: Any, world: Any, wordy: None) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:-1], "")
    assert "mess" not in world.made


@pytest.mark.parametrize("typed", ["", "no"])
def test_a_word_that_is_not_typed_is_a_no(session: Any, world: Any, wordy: None, typed: str) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:-1], "yes", typed)
    assert "mess" not in world.made


def test_a_word_is_typed(session: Any, world: Any, wordy: None) -> None:
    shown, keyboard = drive(session, *WHOLE[:-1], "yes", "chaos")
    assert "That is not chaos." in shown and "mess" in world.made
    assert keyboard.labels[-1] == "Type chaos to do it, or nothing to leave it [no]:"


def test_a_failure_is_shown_and_can_be_tried_again(session: Any, world: Any) -> None:
    world.broken = ["cake"]
    shown, _ = drive(session, *WHOLE[:8], "retry", "yes", *WHOLE[8:])
    assert "cake broke.\nIt was told to.\nTry again." in shown
    assert "cake" in world.made


def test_stopping_at_a_failure_raises_it(session: Any, world: Any) -> None:
    world.broken = ["cake"]
    with pytest.raises(WizardError, match="cake broke") as caught:
        drive(session, *WHOLE[:8], "s")
    assert session.shown is caught.value


def test_the_input_ending_names_the_question(session: Any) -> None:
    with pytest.raises(WizardError, match=r"before fruit\.count was answered"):
        drive(session, "1")


def test_ctrl_c_at_a_question(session: Any, world: Any) -> None:
    def press() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        return "not reached"

    with pytest.raises(Interrupted):
        drive(session, "1", press)
    assert world.stop.is_set() and session.state.answers["fruit"] == {"kind": "apple"}


def test_ctrl_c_while_a_change_runs_lets_it_end_first(session: Any, world: Any) -> None:
    world.gate.clear()
    before = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(Interrupted):
        drive(session, *WHOLE)
    assert session.state.done == {} and signal.getsignal(signal.SIGINT) is before


def test_a_terminal_that_is_gone_ends_plain_lines(session: Any, world: Any) -> None:
    class Nobody:
        def line(self, label: str) -> str:
            raise OSError(errno.EIO, "nobody is there")

        secret = line

    with pytest.raises(Interrupted):
        plain.run(session, Out(io.StringIO()), Nobody())
    assert world.stop.is_set()


HOSTS = Question("hosts", "Which?", list_of(ADDRESS))
KIND = Question("kind", "Which?", CHOICE)
CHOICES = (Choice("10.0.0.1", "one"), Choice("10.0.0.2", "two", chosen=True))


@pytest.mark.parametrize(
    ("prompt", "typed", "meant"),
    [
        (Prompt("s", "S", KIND, "a", (Choice("a", "A"), Choice("b", "Bee"))), "2", "b"),
        (Prompt("s", "S", KIND, "a", (Choice("a", "A"), Choice("b", "Bee"))), "bee", "b"),
        (Prompt("s", "S", KIND, "a", (Choice("a", "A"),)), "", "a"),
        (Prompt("s", "S", HOSTS, None, CHOICES), "", ["10.0.0.2"]),
        (Prompt("s", "S", HOSTS, None, CHOICES), "1 10.0.0.9", ["10.0.0.1", "10.0.0.9"]),
        (Prompt("s", "S", HOSTS), "10.0.0.1, 10.0.0.2", "10.0.0.1, 10.0.0.2"),
        (Prompt("s", "S", Question("p", "P?", YES_NO), True), "", True),
        (Prompt("s", "S", Question("p", "P?", SECRET)), "pass word ", Secret("pass word")),
        (Prompt("s", "S", Question("p", "P?", SECRET, required=False)), "", None),
        (Prompt("s", "S", Question("p", "P?", SECRET), SecretRef("env", "P")), "", SecretRef("env", "P")),
    ],
)
def test_what_a_line_means(prompt: Prompt, typed: str, meant: object) -> None:
    assert lines.meaning(prompt, typed) == meant


def test_others_than_the_listed_are_given_by_their_address_which_is_checked(session: Any) -> None:
    with pytest.raises(Declined):
        drive(session, *WHOLE[:2], "7", "1 10.0.0.300", "1 10.0.0.9", *WHOLE[3:5], "no")
    assert session.state.answers["fruit"]["hosts"] == ["10.0.0.1", "10.0.0.9"]
    assert lines.expected(Prompt("s", "S", HOSTS, None, CHOICES)) == (
        "Numbers, or the address of others, divided by commas"
    )


def test_a_pipe_needs_no_terminal(tmp_path: Any) -> None:
    """Through real pipes, with standard input ending early: an error, not a hang and no traceback."""
    code = "from wizard.ui.lines import Pipe; p = Pipe(); print([p.line('One:'), p.secret('Two:')]); p.line('Three:')"
    done = subprocess.run([sys.executable, "-c", code], input="1\n2\n", capture_output=True, text=True, timeout=20)
    assert "['1', '2']" in done.stdout and "EOFError" in done.stderr


def test_a_reader_that_went_away_does_not_stop_a_run() -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    out = Out(Gone())
    out.say("one")
    out.say("two")


def test_a_step_says_how_long_it_worked(session: Any, world: Any) -> None:
    shown = io.StringIO()
    front = plain.Plain(session, Out(shown), Typed(), Leaving(world.stop))
    statuses: tuple[tuple[StepStatus, float], ...] = (
        ("checking", 10), ("applying", 100), ("verifying", 344), ("done", 345)
    )  # fmt: skip
    for status, at in statuses:
        front.listen(StepChanged("fruit", status, at=at))
    assert "✓ done after 4 min 05 s" in shown.getvalue()
    front.listen(StepChanged("cake", "checking", at=346))
    front.listen(StepChanged("cake", "done", at=400))
    assert shown.getvalue().rstrip().endswith("✓ done")  # nothing was to be done


def test_a_question_mark_at_an_approval_tells_what_yes_and_no_mean(session: Any) -> None:
    shown, _ = drive(session, *WHOLE[:5], "?", *WHOLE[5:])
    assert "No: Nothing of it is done, and the wizard ends." in shown
