"""The unattended front end: never a question, a missing answer is named, danger needs a name of its own."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from wizard import answers
from wizard.engine import Consent
from wizard.errors import WizardError
from wizard.question import TEXT, Prompt, Question
from wizard.ui import planned, unattended
from wizard.ui.out import Out

ALL = Consent(yes=True, allow=frozenset({"party/mess"}))


@pytest.fixture
def answered(session: Any, toys: Any, tmp_path: Any) -> Any:
    file = tmp_path / "answers.yaml"
    file.write_text(toys.answers)
    session.state.answers.update(answers.read(file, toys.order).answers)
    session.consent = ALL
    return session


def drive(session: Any, **options: Any) -> str:
    stream = io.StringIO()
    try:
        unattended.run(session, Out(stream), **options)
    except WizardError as error:
        return f"{stream.getvalue()}\nRAISED {error}"
    return stream.getvalue()


def test_the_whole_journey(answered: Any, world: Any) -> None:
    shown = drive(answered)
    assert "mess" in world.made and "RAISED" not in shown
    table = shown[shown.index("step ") :].splitlines()
    assert [row.split()[0] for row in table if row] == ["step", "fruit", "cake", "party"]
    assert "3 changes on 2 hosts and this computer" in table[1]
    assert "sugar-and-salt" not in shown and "making" not in shown


def test_the_second_time_there_is_nothing_to_do(answered: Any) -> None:
    drive(answered)
    assert drive(answered).count("nothing to do") >= 3


def test_verbose_prints_what_hosts_print(answered: Any) -> None:
    assert "this computer | making cake" in drive(answered, verbose=True)


def test_a_missing_answer_is_named(answered: Any) -> None:
    del answered.state.answers["cake"]["password"]
    assert "The answer cake.password is missing. It is asked: The baker's password?" in drive(answered)


def test_a_default_is_taken(answered: Any) -> None:
    del answered.state.answers["fruit"]["count"]
    drive(answered)
    assert answered.state.answers["fruit"]["count"] == "bowl"


def test_a_default_that_only_a_person_may_agree_to_is_not_taken(session: Any) -> None:
    front = unattended.Unattended(session)
    question = Question("network", "Which network?", TEXT, needs_person=True)
    with pytest.raises(WizardError, match=r"machines\.network is missing"):
        front.ask(Prompt("machines", "Machines", question, default="192.168.1.0/24"))


def test_danger_needs_allow(answered: Any, world: Any) -> None:
    answered.consent = Consent(yes=True)
    shown = drive(answered)
    assert "Allow it with --allow party/mess" in shown and "mess" not in world.made


def test_nothing_is_done_without_yes(answered: Any, world: Any) -> None:
    answered.consent = Consent()
    assert "Fruit: 3 changes need a yes." in drive(answered) and world.made == []


def test_a_refused_answer_is_an_error_not_a_loop(session: Any) -> None:
    prompt = Prompt("s", "S", Question("k", "K?", TEXT), "x", problem="this is wrong.")
    with pytest.raises(WizardError, match=r"s\.k is refused\. this is wrong"):
        unattended.Unattended(session).ask(prompt)


def test_a_plan_writes_nothing_and_says_what_is_left(answered: Any, world: Any) -> None:
    dry = replace(answered, dry_run=True)
    stream = io.StringIO()
    assert planned.run(dry, Out(stream)) == 5
    assert (
        "    10.0.0.1\n      make apple" in stream.getvalue()
        and "make mess  DANGEROUS (party/mess)" in stream.getvalue()
    )
    assert world.made == []
    drive(answered)
    assert planned.run(dry, Out(stream)) == 0


def test_a_plan_tells_what_is_worth_knowing(answered: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    step = type(answered.order[0])
    look = step.check

    def check(self: Any, ctx: Any) -> Any:
        ctx.note("One name for both", "A second one costs nothing.")
        return look(self, ctx)

    monkeypatch.setattr(step, "check", check)
    stream = io.StringIO()
    planned.run(replace(answered, dry_run=True), Out(stream))
    assert stream.getvalue().count("\nOne name for both\n    A second one costs nothing.\n") == 1
