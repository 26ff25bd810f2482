"""Every question tells what it is, why it is asked and where its answer is found."""

from __future__ import annotations

import re

import pytest

from steps import NODE_ADD, NODE_REMOVE, NODE_UPGRADE, ORDER, RESET
from steps.tls import switch
from wizard.fieldhelp import sections, told
from wizard.question import Prompt, Question

STEPS = {step.name: step for step in (*ORDER, *NODE_ADD, *NODE_REMOVE, *NODE_UPGRADE, *RESET, *switch.OWN)}
QUESTIONS = {f"{step.name}.{one.key}": one for step in STEPS.values() for one in step.questions}
WORDS = re.compile(r"\b(?:CIDR|subnet|FQDN|regex|daemon|idempotent|reconcil\w*|ingress|RFC ?\d+)\b", re.IGNORECASE)


def test_none_is_missing_and_none_is_left_over() -> None:
    assert sorted(QUESTIONS) == sorted(told())


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
