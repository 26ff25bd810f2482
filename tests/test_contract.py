"""The contract of every step, by looking at it and by carrying it out in the simulated world.

`journey` below walks ORDER once; what it saw at each step is asserted step by step.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, lifecycle
from steps.backup import command as backup
from steps.backup import computer
from steps.expose import command as apps
from steps.release import command as release
from steps.tls import switch
from wizard import answers as answers_file
from wizard.context import Context
from wizard.demo.start import prepared
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.events import Bus
from wizard.question import Question
from wizard.secret import SecretRef
from wizard.session import Session
from wizard.state import State
from wizard.step import AnyStep, Change
from wizard.ui.unattended import Unattended

NAMES = [step.name for step in ORDER]
QUESTIONS = [
    pytest.param(step, question, id=f"{step.name}.{question.key}")
    for step in (*ORDER, *lifecycle.OWN, *switch.OWN, *backup.OWN, *computer.STEPS, *release.OWN, *apps.OWN)
    for question in step.questions
]
# with the steps that other commands have
LATER = (*ORDER, *lifecycle.OWN, *switch.OWN, *backup.OWN, *computer.STEPS, *release.OWN, *apps.OWN)
any_step = pytest.mark.parametrize("step", LATER, ids=[step.name for step in LATER])
each_step = pytest.mark.parametrize("step", ORDER, ids=NAMES)
each_question = pytest.mark.parametrize(("step", "question"), QUESTIONS)


# -- what can be seen without running it --------------------------------------------------------------------


def test_the_journey_is_the_documented_one() -> None:
    assert NAMES == [
        "machines", "prepare", "control-plane", "workers", "snapshots", "tailnet", "addresses", "domains",
        "repository", "flux", "router", "proof",
    ]  # fmt: skip


@any_step
def test_the_table_of_contents_names_it_as_it_names_itself(step: AnyStep) -> None:
    """`Later` knows name and title without reading the step."""
    module, _, kind = getattr(step, "place", "").partition(":")
    own = getattr(import_module(f"steps.{module}"), kind) if module else type(step)
    assert (step.name, step.title) == (own.name, own.title)


@any_step
def test_it_introduces_itself(step: AnyStep) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", step.name)
    assert step.title
    assert step.title[0].isupper()
    assert step.intro.endswith((".", "?"))
    assert 20 <= len(step.intro) <= 400
    assert step.rounds >= 1


@any_step
def test_its_questions_have_names_of_their_own(step: AnyStep) -> None:
    keys = [question.key for question in step.questions]
    assert len(keys) == len(set(keys))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", key) for key in keys)


@each_question
def test_a_question_can_be_understood(step: AnyStep, question: Question) -> None:
    assert question.ask[0].isupper() or question.advanced
    assert question.ask.rstrip().endswith(("?", ".", ":")), question.ask
    assert len(question.ask) <= 120
    whole = question.help.endswith((".", ")", ":", "?")) or "://" in question.help.split(" ")[-1]
    assert not question.help or whole, question.help


@each_question
def test_a_default_is_an_answer_that_would_be_accepted(step: AnyStep, question: Question) -> None:
    if question.advanced and question.required:
        assert question.default is not None, "nobody is asked, so a default must hold"
    if question.default is not None and not callable(question.default):
        assert question.kind.parse(question.default) == question.default
    if not callable(question.choices):
        for choice in question.choices:
            assert choice.label
            if question.kind.widget == "choice":
                assert question.kind.parse(choice.value) == choice.value


@each_question
def test_what_is_secret_is_asked_as_a_secret(step: AnyStep, question: Question) -> None:
    if re.search(r"password|passphrase|token|(auth|api)_key$|secret", question.key):
        assert question.kind.widget == "secret"


@each_question
def test_whether_it_is_asked_can_be_decided_at_any_time(step: AnyStep, question: Question) -> None:
    """Also before anything was answered: the answers file is checked as a whole."""
    assert question.when({}) in (True, False)
    assert question.when({step.name: {}}) in (True, False)


@each_step
def test_validating_takes_answers_that_are_not_complete(step: AnyStep, right: dict[str, dict[str, Any]]) -> None:
    assert step.validate({}) == []
    mine = right[step.name]
    for count in range(len(mine) + 1):
        part = {**right, step.name: dict(list(mine.items())[:count])}
        before = copy.deepcopy(part)
        assert step.validate(part) == [], "a part of right answers is no mistake"
        assert part == before, "validate is pure"
    for others in ({}, {step.name: mine}):
        step.validate(others)


# -- what it does in the simulated world --------------------------------------------------------------------


@dataclass
class Seen:
    """What one step did."""

    checked: dict[str, Any] = field(default_factory=dict)  # what differed after a check: must stay empty
    plans: list[list[Change]] = field(default_factory=list)  # two plans of the same facts
    answers_touched: bool = False
    applied: list[str] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)  # planned again after applying
    again: list[str] = field(default_factory=list)  # what a second run wrote
    failure: BaseException | None = None


class Looking:
    """The folder's files and the world's writes, to be compared."""

    def __init__(self, world: SimWorld, folder: Path) -> None:
        self.world, self.folder = world, folder

    def now(self) -> dict[str, Any]:
        state = self.folder / "state"
        files = {str(path): path.read_bytes() for path in state.rglob("*") if path.is_file()} if state.exists() else {}
        return {"writes": list(self.world.writes), **files}

    def differing(self, before: dict[str, Any]) -> dict[str, Any]:
        now = self.now()
        return {key: now.get(key) for key in {*before, *now} if before.get(key) != now.get(key)}


@pytest.fixture(scope="module")
def stage() -> Iterator[Any]:
    with prepared(fast=True) as demo:
        yield demo


@pytest.fixture(scope="module")
def right(stage: Any) -> dict[str, dict[str, Any]]:
    """The demo's answers, defaults filled in."""
    found = answers_file.read(stage.answers, ORDER).answers
    return {step.name: found.get(step.name, {}) for step in ORDER}


@pytest.fixture(scope="module")
def journey(stage: Any, right: dict[str, dict[str, Any]]) -> dict[str, Seen]:
    state = State.open(stage.state, "demo")
    state.answers = copy.deepcopy(right)
    state.save()
    session = Session(ORDER, stage.world, state)
    ctx = Context(stage.world, state, Unattended(session), Bus())
    engine = Engine(ORDER, ctx, Consent(yes=True))
    seen = {name: Seen() for name in NAMES}
    looking = Looking(stage.world, stage.folder)
    for step in ORDER:
        try:
            walk(step, seen[step.name], engine, ctx, looking)
        except Exception as failure:
            seen[step.name].failure = failure
            break
    state.close()
    return seen


def walk(step: AnyStep, seen: Seen, engine: Engine, ctx: Context, looking: Looking) -> None:
    ctx.step = step.name
    engine.ask(step)
    before = looking.now()
    facts = step.check(ctx)
    seen.checked = looking.differing(before)
    given = copy.deepcopy(ctx.answers)
    seen.plans = [step.plan(facts, ctx.answers), step.plan(facts, ctx.answers)]
    seen.answers_touched = given != ctx.answers
    engine.run_step(step)
    seen.applied = [entry["change"] for entry in ctx.state.journal if entry["step"] == step.name]
    seen.left = step.plan(step.check(ctx), ctx.answers)
    count, journal = len(looking.world.writes), len(ctx.state.journal)
    engine.run_step(step)
    seen.again = [*looking.world.writes[count:], *(entry["change"] for entry in ctx.state.journal[journal:])]


@pytest.fixture
def seen(step: AnyStep, journey: dict[str, Seen]) -> Seen:
    found = journey[step.name]
    if found.failure is not None:
        raise found.failure
    assert found.plans, "a step before this one failed"
    return found


@each_step
def test_check_only_reads(step: AnyStep, seen: Seen) -> None:
    assert seen.checked == {}


@each_step
def test_plan_is_pure(step: AnyStep, seen: Seen) -> None:
    first, second = ([(c.id, c.host, c.sentence, c.danger) for c in plan] for plan in seen.plans)
    assert first == second
    assert not seen.answers_touched


@each_step
def test_a_change_is_a_sentence_that_a_person_can_approve(step: AnyStep, seen: Seen) -> None:
    for change in seen.plans[0]:
        assert re.fullmatch(rf"{step.name}/[a-z0-9]+([-/][a-z0-9]+)*", change.id), change.id
        assert re.match(r"[a-z]{2,}( |-)", change.sentence), f"a verb first, small: {change.sentence}"
        assert not change.sentence.endswith((".", "!", "…"))
        assert len(change.sentence) <= 200
        assert change.sentence.isprintable()
    pairs = [(change.id, change.host) for change in seen.plans[0]]
    assert len(pairs) == len(set(pairs)), "an id is unique on its host"


@each_step
def test_after_applying_nothing_is_left_to_do(step: AnyStep, seen: Seen) -> None:
    assert [(change.host, change.sentence) for change in seen.left] == []


@each_step
def test_run_twice_it_changes_nothing_the_second_time(step: AnyStep, seen: Seen) -> None:
    assert seen.again == []


def test_the_journey_is_not_empty(journey: dict[str, Seen]) -> None:
    """Steps that would find nothing to do would pass everything above."""
    changed = {name for name, seen in journey.items() if seen.applied}
    assert set(NAMES) - changed <= {"addresses", "domains", "router"}


def test_no_secret_is_in_what_was_saved(stage: Any, journey: dict[str, Seen]) -> None:
    text = stage.state.read_text()
    refs = [value for part in State.open(stage.state, "demo", lock=False).answers.values() for value in part.values()]
    secrets = [ref.resolve().reveal() for ref in refs if isinstance(ref, SecretRef)]
    assert len(secrets) >= 3
    assert not [secret for secret in secrets if secret in text]
