"""Every question tells what it is, why it is asked and where its answer is found."""

from __future__ import annotations

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import steps
from wizard.context import Approval
from wizard.fieldhelp import about_changes, sections, told
from wizard.question import Prompt, Question
from wizard.step import Change, Step


def every_step() -> list[type[Step[object]]]:
    """Every step of every command."""
    for module in pkgutil.walk_packages(steps.__path__, "steps."):
        importlib.import_module(module.name)
    found = [*Step.__subclasses__()]
    for one in found:
        found += one.__subclasses__()
    return [one for one in found if one.__module__.startswith("steps.") and hasattr(one, "name")]


QUESTIONS = {f"{step.name}.{one.key}": one for step in every_step() for one in step.questions}
WORDS = re.compile(r"\b(?:CIDR|subnet|FQDN|regex|daemon|idempotent|reconcil\w*|ingress|RFC ?\d+)\b", re.IGNORECASE)


def test_none_is_missing_and_none_is_left_over() -> None:
    """What is told about a step that is still being written is not left over."""
    steps_there = {name.partition(".")[0] for name in QUESTIONS}
    mine = {name for name in told() if name.partition(".")[0] in steps_there}
    assert sorted(QUESTIONS) == sorted(mine), "each question needs its why and where in assets/questions.yaml"


@pytest.mark.parametrize(("name", "question"), QUESTIONS.items(), ids=QUESTIONS)
def test_a_question_tells_what_why_and_where(name: str, question: Question) -> None:
    found = dict(sections(Prompt(name.partition(".")[0], "", question)))
    for heading in ("About it", "Why it is asked", "Where to find it"):
        text = found.get(heading, "")
        assert text.strip(), f"{name} does not tell: {heading}"
        assert text.rstrip().endswith((".", "/", "…", ":", "git")), f"{name}: {text}"
    for heading in ("Why it is asked", "Where to find it"):
        assert len(found[heading]) <= 260, f"{name}: {heading} is long"
        assert not WORDS.search(found[heading]), f"{name}: a word that a first-timer does not know"


def test_what_why_and_where_fit_a_small_screen() -> None:
    """Folded to the panel's width they leave room for the keys below; only the longest has to be scrolled."""
    import textwrap

    for name, question in QUESTIONS.items():
        told = sections(Prompt(name.partition(".")[0], "", question))
        assert sum(len(textwrap.wrap(f"{heading}  {text}", 58)) + 1 for heading, text in told) <= 24, name


def test_what_is_to_be_approved_tells_what_yes_and_no_mean() -> None:
    def do(ctx: object) -> None:
        """Nothing."""

    key = Change("machines/trust-host-key", "trust the key", do, danger=True)
    told_danger = dict(about_changes(Approval("machines", "Machines", (key,), danger=True)))
    assert list(told_danger) == ["Why it is asked", "How to tell", "Yes", "No"]
    told_all = dict(about_changes(Approval("machines", "Machines", (key,))))
    assert list(told_all) == ["Yes", "No"]
    assert "once more by itself" in told_all["Yes"]


def test_changes_that_are_told_about_are_those_that_there_are() -> None:
    source = "".join(path.read_text() for path in Path(steps.__path__[0]).rglob("*.py"))
    changes = [name for name in told() if "/" in name]
    assert len(changes) >= 4
    assert [name for name in changes if f'"{name}"' not in source] == []
