"""`homelab demo --fault`: every fault is met by its step, told in its own words, and gone on from once it is mended."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest

from steps import ORDER, nodes
from tests.test_front_ends import walk
from wizard import cli
from wizard.demo import faults
from wizard.demo.start import Demo, prepared
from wizard.errors import BadInput, ExitCode
from wizard.opening import open_state
from wizard.session import Session
from wizard.ui import plain
from wizard.ui.out import Out
from wizard.ui.tui.app import WizardApp

pytestmark = pytest.mark.timeout(300)
NAMES = list(faults.table())
PASSING = {"power-cut"}  # mend themselves: nobody is asked to try again
TAKEN = {"Address range [192.168.1.230-192.168.1.239]:": "192.168.1.240-192.168.1.249"}  # typed although it is in use


class Person:
    """Takes what is proposed, agrees, and tries again after a failure, which they note."""

    def __init__(self, shown: io.StringIO) -> None:
        self.shown, self.asked, self.failures, self.refused = shown, 0, 0, 0

    def line(self, label: str) -> str:
        if "Try again" in label:
            self.failures += 1
            assert self.failures < 3 * len(NAMES), self.shown.getvalue()[-2000:]
            return "retry"
        self.asked += 1
        assert self.asked < 250, self.shown.getvalue()[-2000:]
        if label in TAKEN and not self.refused:
            self.refused += 1
            return TAKEN[label]
        return "yes" if label.startswith(("Do it?", "Make these changes?")) else ""

    secret = line


def until(step: str) -> Any:
    names = [each.name for each in ORDER]
    return ORDER[: names.index(step) + 1]


def session(demo: Demo, steps: Any = ORDER) -> Session:
    made = Session(steps, demo.world, open_state("demo", demo.state), finish=nodes.close_all)
    made.proposing, made.fronting, made.fleeting = demo.proposing, demo.fronting, True
    return made


@pytest.mark.parametrize("name", NAMES)
def test_it_is_met_told_and_gone_on_from(name: str) -> None:
    fault, shown = faults.table()[name], io.StringIO()
    person = Person(shown)
    with prepared(fast=True, faults=[name]) as demo:
        run = session(demo, until(fault.step))
        try:
            plain.run(run, Out(shown), person)
        finally:
            run.close()
        assert list(run.state.done) == [step.name for step in until(fault.step)]
    text = " ".join(shown.getvalue().split())
    step = next(step for step in ORDER if step.name == fault.step)
    part = text[text.index(step.intro[:30]) :]
    assert all(word in part for word in fault.told), part[-3000:]
    assert person.failures + person.refused == (0 if name in PASSING else 1)
    assert not person.refused or "Please correct: 192.168.1.249 is in use" in part
    if person.failures:
        assert f"{step.title} could not be completed." in part
        assert f"In this demo, trying again means: {fault.mended}." in part
    if name in PASSING:
        assert "boreas: connected again after" in part


EARLY = ("wrong-password", "power-cut", "disk-full", "images-unreachable")
SIDES = {  # one fault a step: of several at once only the gravest is told
    "early": (*EARLY, *(name for name in NAMES if faults.table()[name].step == "tailnet")),
    "late": [name for name in NAMES if name not in (*EARLY, "power-gone", "tailnet-key-used-up")],
}


@pytest.mark.parametrize("side", SIDES)
async def test_several_in_one_journey_on_the_full_screen(side: str) -> None:
    wrong = [faults.table()[name] for name in SIDES[side]]
    with prepared(fast=True, faults=SIDES[side]) as demo:
        run = session(demo, until(wrong[-1].step))
        app = WizardApp(run)
        async with app.run_test(size=(100, 30)) as pilot:
            failures = await walk(app, pilot, typed={"pool": "192.168.1.240-192.168.1.248"}, retrying=True)
        run.close()
        assert list(run.state.done) == [step.name for step in until(wrong[-1].step)]
    told = [fault for fault in wrong if fault.name not in (*PASSING, "address-taken")]
    titles = {step.name: step.title for step in ORDER}
    assert [title for title, _ in failures] == [titles[fault.step] for fault in told]
    for fault, (_, error) in zip(told, failures, strict=True):
        said = " ".join([*error.sentences(), getattr(error, "output", "")])
        assert [word for word in fault.told if word not in said] == [], fault.name


def test_without_a_person_it_ends_there_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--fast", "--yes", "--fault", "kubeadm-preflight"]) == ExitCode.FAILED
    said = capsys.readouterr().err
    assert "[ERROR Port-10250]: Port 10250 is in use" in said
    assert "Nothing of the demo stays." in said


def test_help_and_the_list_name_every_fault(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["demo", "--help"], ["demo", "--list-faults"]):
        assert cli.main(words) == ExitCode.OK
        assert set(NAMES) <= set(re.findall(r"^  ([a-z-]+)$", capsys.readouterr().out, re.MULTILINE))
    assert len(NAMES) >= 10


def test_a_fault_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="does not exist") as caught, prepared(faults=["flood"]):
        raise AssertionError("it began")
    assert "wrong-password" in caught.value.problems[0].fix


@pytest.mark.parametrize("fault", faults.table().values(), ids=NAMES)
def test_a_fault_is_described(fault: faults.Fault) -> None:
    assert fault.step in {step.name for step in ORDER}
    assert fault.told
    assert all((text and text[0].islower()) or text.startswith("DuckDNS") for text in (fault.what, fault.mended))
    assert not fault.what.endswith(".")
    assert len(fault.what) < 90
