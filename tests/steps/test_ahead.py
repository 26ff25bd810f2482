"""Which questions of the journey can be answered ahead, and that asking them looks at nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER
from wizard import answers as answers_file
from wizard.ahead import Ahead
from wizard.asking import Asking
from wizard.context import Context
from wizard.demo.start import prepared
from wizard.events import Bus
from wizard.question import Answers
from wizard.state import State
from wizard.ui.unattended import Unattended

NAMES = [step.name for step in ORDER]
DECLARED = [(step, question) for step in ORDER for question in step.questions if question.needs is not None]


class Nowhere:
    """A world that must not be looked at."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"the world was looked at: {name}")


@pytest.fixture(scope="module")
def right() -> Iterator[Answers]:
    with prepared(fast=True) as demo:
        yield answers_file.read(demo.answers, ORDER).answers


def context(tmp_path: Path, answers: Answers) -> Context:
    state = State.open(tmp_path / "state.yaml", "demo", lock=False)
    state.answers = {step: dict(part) for step, part in answers.items()}
    return Context(Nowhere(), state, Unattended(None), Bus())  # type: ignore[arg-type]


@pytest.mark.parametrize(("step", "question"), DECLARED, ids=[f"{s.name}.{q.key}" for s, q in DECLARED])
def test_what_says_what_it_needs_looks_at_nothing(tmp_path: Path, right: Answers, step: Any, question: Any) -> None:
    assert set(question.needs) <= set(NAMES[: NAMES.index(step.name)])
    ctx = context(tmp_path, {name: right.get(name, {}) for name in question.needs})
    for answers in ({}, right.get(step.name, {})):
        ctx.answers[step.name] = dict(answers)
        if not question.when(ctx.answers):
            continue
        question.default_for(ctx)
        question.choices_for(ctx)
        question.explanation_for(ctx)


class Noting(dict[str, dict[str, Any]]):
    """Answers that note whose were read."""

    def __init__(self, answers: Answers) -> None:
        super().__init__(answers)
        self.read: set[str] = set()

    def __getitem__(self, step: str) -> dict[str, Any]:
        self.read.add(step)
        return super().__getitem__(step)

    def get(self, step: str, default: Any = None) -> Any:
        self.read.add(step)
        return super().get(step, default)


@pytest.mark.parametrize("step", ORDER, ids=NAMES)
def test_whether_a_question_is_asked_depends_on_its_own_step_alone(step: Any, right: Answers) -> None:
    """Else it could be asked, or not, before the answer is known that decides it."""
    for question in step.questions:
        if not question.advanced:
            for answers in ({}, right):
                noting = Noting(answers)
                question.when(noting)
                assert noting.read <= {step.name}, question.key


@pytest.mark.parametrize(
    ("at", "first", "never"),
    [
        (
            "machines",
            ["tailnet.service", "domains.provider", "repository.provider", "proof.vpn_probe"],
            "addresses.lan",
        ),
        ("prepare", ["snapshots.to", "tailnet.service", "domains.provider"], "router.forwarded"),
        ("repository", ["router.forwarded", "proof.vpn_probe"], "proof.outside"),
    ],
)
def test_what_can_be_answered_while_a_step_works(
    tmp_path: Path, right: Answers, at: str, first: list[str], never: str
) -> None:
    ctx = context(tmp_path, {step: right.get(step, {}) for step in NAMES[: NAMES.index(at) + 1]})
    ahead = Ahead(Asking(ORDER, ctx, lambda turn, step, key: None))
    ahead.reached(ORDER[NAMES.index(at)])
    found = [f"{step.name}.{question.key}" for step, question in ahead._places()]
    assert set(first) <= set(found) and never not in found
    place = ahead.place()
    assert place is not None and ahead.prompt(place).question is place[1]
