"""The engine: what is asked, what is done, in which order, and how it ends."""
# long because: asking, consent and applying are tested with one set of toys

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from wizard.context import Approval, Context, Revision
from wizard.engine import Consent, Engine
from wizard.errors import BadInput, Blocked, Declined, Interrupted, Problem, StillToDo, WizardError
from wizard.events import Bus, ChangeEnded, ChangeStarted, Planned, StepChanged
from wizard.question import BACK, CHOICE, INTEGER, NAME, SECRET, TEXT, Answers, Choice, Prompt, Question
from wizard.report import event_line
from wizard.secret import Secret, SecretRef
from wizard.state import State
from wizard.step import Change, Step


class World:
    """What has been made so far."""

    def __init__(self) -> None:
        self.stop, self.made, self.at = threading.Event(), [], 0.0  # type: ignore[var-annotated]

    def now(self) -> float:
        self.at += 1
        return self.at


class Front:
    """Answers from a script, in order; says yes unless told otherwise."""

    def __init__(self, *given: object) -> None:
        self.given, self.prompts, self.approvals = list(given), [], []  # type: ignore[var-annotated]
        self.refuse: Callable[[Approval], bool] = lambda approval: False
        self.errors: list[WizardError] = []
        self.retries = 0
        self.revisions: list[Revision] = []
        self.changing = True  # whether an answer is to be changed, with all that comes of it

    def ask(self, prompt: Prompt) -> object:
        self.prompts.append(prompt)
        assert self.given, f"asked once too often: {prompt.question.key} {prompt.problem}"
        given = self.given.pop(0)
        return prompt.default if given == "(default)" else given

    def confirm(self, approval: Approval) -> bool:
        self.approvals.append(approval)
        return not self.refuse(approval)

    def failed(self, step: str, error: WizardError) -> Literal["retry", "stop"]:
        self.errors.append(error)
        self.retries -= 1
        return "retry" if self.retries >= 0 else "stop"

    def revise(self, revision: Revision) -> bool:
        self.revisions.append(revision)
        return self.changing

    @property
    def asked(self) -> list[str]:
        return [prompt.question.key for prompt in self.prompts]


def made(name: str) -> Callable[[Context], None]:
    return lambda ctx: ctx.world.made.append(name)  # type: ignore[attr-defined]


class Bake(Step[list[str]]):
    """Two rolls at two hosts, then the bill, here."""

    name, title, intro = "bake", "Bake", "."
    wanted: tuple[tuple[str, str | None, bool], ...] = (
        ("roll1", "h1", False), ("roll2", "h2", False), ("bill", None, False),
    )  # fmt: skip

    def check(self, ctx: Context) -> list[str]:
        return list(ctx.world.made)  # type: ignore[attr-defined]

    def plan(self, facts: list[str], answers: Answers) -> list[Change]:
        return [
            Change(f"bake/{name}", f"make {name}", made(name), host, danger=danger)
            for name, host, danger in self.wanted
            if name not in facts
        ]


class Run:
    """An engine with everything around it at hand."""

    def __init__(self, folder: Path, *steps: Any, front: Front | None = None, **settings: Any) -> None:
        self.world, self.front, self.events = World(), front or Front(), []  # type: ignore[var-annotated]
        self.path = folder / "state.yaml"
        self.state = State.open(self.path, "lab", lock=False)
        bus = Bus()
        bus.listen(self.events.append)
        self.ctx = Context(self.world, self.state, self.front, bus, dry_run=settings.pop("dry_run", False))  # type: ignore[arg-type]
        self.engine = Engine(steps, self.ctx, Consent(**settings))

    def statuses(self) -> list[str]:
        return [event.status for event in self.events if isinstance(event, StepChanged)]

    def saved(self) -> State:
        return State.open(self.path, "lab", lock=False)


# -- applying --------------------------------------------------------------------------------------------


def test_a_step_is_checked_planned_approved_applied_and_verified(tmp_path: Path) -> None:
    run = Run(tmp_path, Bake())
    run.engine.run()
    assert sorted(run.world.made[:2]) == ["roll1", "roll2"]
    assert run.world.made[2:] == ["bill"]
    assert run.statuses() == ["checking", "planning", "applying", "verifying", "done"]
    assert next(event for event in run.events if isinstance(event, Planned)).changes == (
        ("h1", "make roll1"), ("h2", "make roll2"), ("this computer", "make bill"),
    )  # fmt: skip
    ended = [event for event in run.events if isinstance(event, ChangeEnded)]
    assert {event.outcome for event in ended} == {"done"}
    assert all(event.seconds > 0 for event in ended)
    assert "bake" in run.saved().done
    assert [entry["change"] for entry in run.saved().journal if "finished" in entry][-1] == "bake/bill"


def test_the_second_time_nothing_is_done(tmp_path: Path) -> None:
    run = Run(tmp_path, Bake())
    run.engine.run()
    before, journal = list(run.world.made), len(run.state.journal)
    run.engine.run()
    assert (run.world.made, len(run.state.journal), len(run.front.approvals)) == (before, journal, 1)


def test_a_dry_run_changes_neither_world_nor_state(tmp_path: Path) -> None:
    run = Run(tmp_path, Bake(), dry_run=True)
    run.engine.run()
    assert run.world.made == []
    assert not run.path.exists()
    assert [event.outcome for event in run.events if isinstance(event, ChangeEnded)] == ["would do"] * 3
    assert run.front.approvals == []


def test_a_change_that_does_not_hold_is_told_as_such(tmp_path: Path) -> None:
    class Leaky(Bake):
        def check(self, ctx: Context) -> list[str]:
            return [name for name in ctx.world.made if name != "roll2"]  # type: ignore[attr-defined]

    run = Run(tmp_path, Leaky())
    run.ctx.state.remember("machines", "h2", "hostname", value="boreas")
    with pytest.raises(StillToDo, match="1 of its changes did not hold") as caught:
        run.engine.run()
    assert "boreas: make roll2" in caught.value.why
    assert "bake" not in run.saved().done
    assert run.statuses()[-1] == "failed"


def test_rounds_go_on_until_nothing_is_left_and_old_yeses_count(tmp_path: Path) -> None:
    class Twice(Bake):
        rounds = 2

        def check(self, ctx: Context) -> list[str]:
            found = super().check(ctx)
            return found if "bill" in found else [*found, "extra"]

        wanted = (("bill", None, False), ("extra", None, False))

    run = Run(tmp_path, Twice())
    run.engine.run()
    assert run.world.made == ["bill", "extra"]
    assert [[change.id for change in each.changes] for each in run.front.approvals] == [["bake/bill"], ["bake/extra"]]


def test_a_step_that_has_work_again_no_longer_counts_as_done(tmp_path: Path) -> None:
    run = Run(tmp_path, Bake())
    run.engine.run()
    run.world.made.remove("bill")
    run.front.refuse = lambda approval: True
    with pytest.raises(Declined):
        run.engine.run()
    assert "bake" not in run.saved().done


def test_each_host_keeps_its_order_and_a_change_here_waits_for_all(tmp_path: Path) -> None:
    class Order(Bake):
        wanted = (
            ("a1", "h1", False), ("a2", "h1", False), ("b1", "h2", False), ("here", None, False), ("a3", "h1", False),
        )  # fmt: skip

    run = Run(tmp_path, Order())
    run.engine.run()
    order = run.world.made
    assert order[3:] == ["here", "a3"]
    assert order.index("a1") < order.index("a2")


def test_one_host_that_fails_lets_the_others_end_and_stops_what_follows(tmp_path: Path) -> None:
    class Breaks(Bake):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            def fail(ctx: Context) -> None:
                raise WizardError("The oven broke.", host="h1")

            changes = super().plan(facts, answers)
            return [Change("bake/roll1", "make roll1", fail, "h1"), *changes[1:]]

    run = Run(tmp_path, Breaks())
    with pytest.raises(WizardError, match="The oven broke"):
        run.engine.run()
    assert run.world.made == ["roll2"]
    assert {e.change: e.outcome for e in run.events if isinstance(e, ChangeEnded)} == {
        "bake/roll1": "failed", "bake/roll2": "done",
    }  # fmt: skip
    assert {entry["change"]: "finished" in entry for entry in run.saved().journal} == {
        "bake/roll1": False, "bake/roll2": True,
    }  # fmt: skip


def test_stopping_ends_before_the_next_change(tmp_path: Path) -> None:
    class Stops(Bake):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            return [Change("bake/stop", "stop", lambda ctx: ctx.world.stop.set()), *super().plan(facts, answers)]

    run = Run(tmp_path, Stops())
    with pytest.raises(Interrupted):
        run.engine.run()
    assert run.world.made == []
    assert [event.change for event in run.events if isinstance(event, ChangeStarted)] == ["bake/stop"]
    assert run.front.errors == []  # leaving is no failure


def test_a_change_that_waited_when_the_person_stopped_has_not_failed(tmp_path: Path) -> None:
    def wait(ctx: Context) -> None:
        raise Interrupted("Stopped while waiting.")

    class Waits(Bake):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            return [Change("bake/wait", "wait", wait)]

    run = Run(tmp_path, Waits())
    with pytest.raises(Interrupted):
        run.engine.run()
    (ended,) = [event for event in run.events if isinstance(event, ChangeEnded)]
    assert ended.outcome == "stopped" and "wait: stopped (" in event_line(ended)


def test_retry_runs_the_step_again_from_its_check(tmp_path: Path) -> None:
    class Flaky(Bake):
        left = 2

        def check(self, ctx: Context) -> list[str]:
            if Flaky.left:
                Flaky.left -= 1
                raise Blocked("The flour is missing.", "Nobody bought any.", "Buy some.")
            return super().check(ctx)

    run = Run(tmp_path, Flaky())
    run.front.retries = 2
    run.engine.run()
    assert len(run.world.made) == 3
    assert run.statuses()[:4] == ["checking", "failed", "checking", "failed"]


def test_a_retry_asks_again_for_the_answers_that_may_be_the_cause(tmp_path: Path) -> None:
    class Picky(Bake):
        questions = (Question("name", "Who?", NAME), Question("word", "The word?", SECRET), Question("size", "?", NAME))

        def check(self, ctx: Context) -> list[str]:
            if ctx.secret("bake", self.questions[1]).reveal() != "right":
                error = WizardError("Wrong word.")
                error.answers = ("bake.name", "bake.word", "other.name", "bake.none")
                raise error
            return super().check(ctx)

    run = Run(tmp_path, Picky(), front=Front("me", Secret("wrong"), "xl", "(default)", Secret("right")))
    run.front.retries = 1
    run.engine.run()
    assert run.front.asked == ["name", "word", "size", "name", "word"]
    assert [prompt.default for prompt in run.front.prompts[3:]] == ["me", None]
    assert [prompt.again for prompt in run.front.prompts] == [False, False, False, True, False]
    assert len(run.world.made) == 3


def test_an_advanced_question_is_asked_once_an_error_has_named_it(tmp_path: Path) -> None:
    class Careful(Bake):
        questions = (Question("name", "Who?", NAME), Question("flashed", "Which?", NAME, required=False, advanced=True))

        def check(self, ctx: Context) -> list[str]:
            if not ctx.answers["bake"]["flashed"]:
                error = WizardError("Another machine.")
                error.answers = ("bake.flashed",)
                raise error
            return super().check(ctx)

    run = Run(tmp_path, Careful(), front=Front("me", None, "pi1"))
    run.front.retries = 2
    run.engine.run()
    assert run.front.asked == ["name", "flashed", "flashed"]
    assert run.state.answers["bake"]["flashed"] == "pi1"
    assert len(run.world.made) == 3


# -- consent ---------------------------------------------------------------------------------------------

DANGER = type("Danger", (Bake,), {"wanted": (("roll1", "h1", False), ("ash", None, True))})


@pytest.mark.parametrize(
    ("yes", "allow", "asked"),
    [
        (False, frozenset(), [False, True]), (True, frozenset(), [True]),
        (True, frozenset({"bake/ash"}), []), (False, frozenset({"bake/ash"}), [False]),
        (True, frozenset({"bake/roll1"}), [True]),
    ],
)  # fmt: skip
def test_who_is_asked_for_what(tmp_path: Path, yes: bool, allow: frozenset[str], asked: list[bool]) -> None:
    run = Run(tmp_path, DANGER(), yes=yes, allow=allow)
    run.engine.run()
    assert [approval.danger for approval in run.front.approvals] == asked
    assert run.world.made == ["roll1", "ash"]


@pytest.mark.parametrize("danger", [False, True])
def test_a_no_changes_nothing_at_all(tmp_path: Path, danger: bool) -> None:
    run = Run(tmp_path, DANGER())
    run.front.refuse = lambda approval: approval.danger == danger
    with pytest.raises(Declined) as caught:
        run.engine.run()
    assert run.world.made == []
    assert ("--allow bake/ash" in caught.value.fix) == danger
    assert danger or caught.value.what == "Nothing was changed."


def test_a_no_after_other_steps_says_what_is_so(tmp_path: Path) -> None:
    class Eat(Bake):
        name, title = "eat", "Eat"
        wanted = (("crumbs", None, False),)

    run = Run(tmp_path, Bake(), Eat())
    run.front.refuse = lambda approval: approval.step == "eat"
    with pytest.raises(Declined) as caught:
        run.engine.run()
    assert caught.value.sentences() == ["Eat: nothing was changed.", "What was done before stays as it is."]


def test_a_no_in_the_middle_of_a_step_says_what_is_so(tmp_path: Path) -> None:
    class Twice(Bake):
        rounds = 2

        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            return super().plan(facts, answers)[:1]

    run = Run(tmp_path, Twice())
    run.front.refuse = lambda approval: bool(run.world.made)
    with pytest.raises(Declined, match="Bake: the rest was not done"):
        run.engine.run()


@pytest.mark.parametrize(
    ("consent", "asked"),
    [
        ({"yes": True}, True),
        ({"yes": True, "allow": frozenset({"bake/ash"})}, True),
        ({"yes": True, "allow": frozenset({"bake/ash"}), "confirm": "attica"}, True),
        ({"yes": True, "confirm": "attic"}, True),
        ({"yes": True, "allow": frozenset({"bake/ash"}), "confirm": "attic"}, False),
    ],
)
def test_a_word_is_wanted_unless_it_was_given(tmp_path: Path, consent: Any, asked: bool) -> None:
    class Word(DANGER):  # type: ignore[misc, valid-type]
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            return [replace(change, word="attic" if change.danger else "") for change in super().plan(facts, answers)]

    run = Run(tmp_path, Word(), **consent)
    run.front.refuse = lambda approval: approval.word == "attic"
    if not asked:
        run.engine.run()
        return
    with pytest.raises(Declined) as caught:
        run.engine.run()
    assert run.world.made == [] and "--allow bake/ash --confirm attic" in caught.value.fix


# -- asking ----------------------------------------------------------------------------------------------


class Ask(Step[None]):
    name, title, intro = "ask", "Ask", "."
    questions = (
        Question("kind", "Which?", CHOICE, choices=(Choice("warm", "Warm"), Choice("cold", "Cold")), default="warm"),
        Question("heat", "How hot?", INTEGER, default=200, when=lambda given: given["ask"].get("kind") == "warm"),
        Question("label", "Its label?", NAME),
        Question("note", "A note?", TEXT, required=False),
        Question("level", "How deep?", INTEGER, default=3, advanced=True),
        Question("seen", "What is there?", TEXT, default=lambda ctx: f"{len(ctx.world.made)} rolls", advanced=True),
    )  # fmt: skip

    def check(self, ctx: Context) -> None:
        return None

    def plan(self, facts: None, answers: Answers) -> list[Change]:
        return []

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("ask", {})
        if given.get("heat", 0) > 250:
            return [Problem("ask.heat", "that burns.", "Stay below 250.")]
        if given.get("label") == "hot" and given.get("kind") == "cold":
            return [Problem("ask.kind", "a hot one is not cold.")]
        return []


def test_questions_are_asked_in_order_and_saved_at_once(tmp_path: Path) -> None:
    run = Run(tmp_path, Ask(), front=Front("(default)", "(default)", "rye", None))
    run.engine.run()
    assert run.front.asked == ["kind", "heat", "label", "note"]
    assert [(prompt.number, prompt.total) for prompt in run.front.prompts] == [
        (1, 3), (2, 4), (3, 4), (4, 4),  # one more is due once it is a warm one
    ]  # fmt: skip
    assert run.saved().answers["ask"] == {
        "kind": "warm", "heat": 200, "label": "rye", "note": None, "level": 3, "seen": "0 rolls",
    }  # fmt: skip
    assert run.statuses()[0] == "asking"


def test_what_is_answered_is_not_asked_again_and_what_does_not_apply_never(tmp_path: Path) -> None:
    run = Run(tmp_path, Ask(), front=Front("rye"))
    for key, value in (("kind", "cold"), ("note", None), ("level", 9)):
        run.state.answer("ask", key, value)
    run.engine.run()
    assert run.front.asked == ["label"]
    assert run.saved().answers["ask"]["level"] == 9


def test_a_refused_answer_is_asked_again_with_the_reason_and_never_saved(tmp_path: Path) -> None:
    class Watching(Front):
        def ask(self, prompt: Prompt) -> object:
            saved.append(State.open(tmp_path / "state.yaml", "lab", lock=False).answers.get("ask", {}).get("heat"))
            return super().ask(prompt)

    saved: list[object] = []
    run = Run(tmp_path, Ask(), front=Watching("plum", "warm", "very", "300", "240", "rye", None))
    run.engine.run()
    assert [(prompt.question.key, prompt.problem) for prompt in run.front.prompts[:5]] == [
        ("kind", ""), ("kind", "'plum' is not one of: warm, cold"),
        ("heat", ""), ("heat", "'very' is not a whole number"), ("heat", "that burns. Stay below 250."),
    ]  # fmt: skip
    assert saved == [None, None, None, None, None, 240, 240]


def test_back_returns_to_the_question_before_and_proposes_what_was_given(tmp_path: Path) -> None:
    front = Front(BACK, "warm", "180", BACK, BACK, "cold", "rye", BACK, "oat", None)
    run = Run(tmp_path, Ask(), front=front)
    run.engine.run()
    assert front.asked == ["kind", "kind", "heat", "label", "heat", "kind", "label", "note", "label", "note"]
    assert front.prompts[4].default == 180
    assert front.prompts[8].default == "rye"
    answers = run.saved().answers["ask"]
    assert {key: answers.get(key) for key in ("kind", "heat", "label")} == {
        "kind": "cold",
        "heat": None,
        "label": "oat",
    }
    assert "heat" not in answers


def test_a_refused_answer_stays_as_it_is_where_nobody_gives_another(tmp_path: Path) -> None:
    """The next unattended run would take the proposal instead, without a word."""

    class Nobody(Front):
        def ask(self, prompt: Prompt) -> object:
            if prompt.problem:
                raise WizardError(prompt.problem)
            return super().ask(prompt)

    run = Run(tmp_path, Ask(), front=Nobody("cold", "hot", None))
    for _ in range(2):
        with pytest.raises(WizardError, match="a hot one is not cold"):
            run.engine.run()
        assert run.saved().answers["ask"]["kind"] == "cold"


def test_answers_that_do_not_go_together_are_asked_again(tmp_path: Path) -> None:
    run = Run(tmp_path, Ask(), front=Front("cold", "hot", None, "warm", "200"))
    run.engine.run()
    assert run.front.asked == ["kind", "label", "note", "kind", "heat"]
    assert run.front.prompts[3].problem == "a hot one is not cold."
    assert run.front.prompts[3].default == "cold"


def test_a_saved_mistake_that_is_not_asked_here_stops_the_step(tmp_path: Path) -> None:
    class Elsewhere(Ask):
        def validate(self, answers: Answers) -> list[Problem]:
            return [Problem("other.range", "it overlaps.", "Change it.")]

    run = Run(tmp_path, Elsewhere(), front=Front("cold", "rye", None))
    with pytest.raises(BadInput, match="1 mistake"):
        run.engine.run()


def test_a_dry_run_saves_no_answer(tmp_path: Path) -> None:
    run = Run(tmp_path, Ask(), front=Front("cold", "hot", None, "warm", "200"), dry_run=True)
    run.engine.run()
    assert run.ctx.answers["ask"]["heat"] == 200
    assert not run.path.exists()


class Password(Ask):
    questions = (Question("password", "The password?", SECRET), Question("label", "Its label?", NAME))

    def check(self, ctx: Context) -> None:
        assert ctx.secret("ask", self.questions[0]).reveal() == "swordfish"


def test_a_typed_secret_works_at_once_and_is_asked_for_again_later(tmp_path: Path) -> None:
    run = Run(tmp_path, Password(), front=Front(Secret("wrong-fish"), BACK, Secret("swordfish"), "rye"))
    run.engine.run()
    assert run.front.prompts[2].default is None  # what was typed is not shown again
    assert run.saved().answers["ask"]["password"] == SecretRef("prompt")
    assert "swordfish" not in run.path.read_text()

    later = Run(tmp_path, Password(), front=Front(Secret("swordfish")))
    later.engine.run()
    assert later.front.asked == ["password"]


def test_a_secret_that_nobody_gives_is_an_error_that_names_it(tmp_path: Path) -> None:
    run = Run(tmp_path, Password(), front=Front(None))
    run.state.answer("ask", "password", SecretRef("prompt"))
    run.state.answer("ask", "label", "rye")
    with pytest.raises(WizardError, match="A secret is missing") as caught:
        run.engine.run()
    assert "ask.password" in caught.value.fix


# -- looking ahead ---------------------------------------------------------------------------------------


def test_the_outlook_plans_every_step_and_writes_nothing(tmp_path: Path) -> None:
    class Stuck(Bake):
        name = "stuck"

        def check(self, ctx: Context) -> list[str]:
            raise Blocked("There is no oven yet.")

    run = Run(tmp_path, Bake(), Ask(), Stuck())
    found = run.engine.outlook()
    assert [each.step for each in found] == ["bake", "ask", "stuck"]
    assert [len(each.changes) for each in found] == [3, 0, 0]
    assert not found[1].answered
    assert isinstance(found[2].blocked, Blocked)
    assert (run.world.made, run.state.journal, run.state.done) == ([], [], {})


def test_a_dry_run_prepares_no_choices_since_they_may_come_from_a_scan(tmp_path: Path) -> None:
    looked: list[str] = []

    class Looking(Ask):
        questions = (Question("host", "Which host?", TEXT, choices=lambda ctx: looked.append("looked") or ()),)

        def plan(self, facts: Any, answers: Answers) -> list[Change]:
            return []

        def validate(self, answers: Answers) -> list[Problem]:
            return []

    for dry_run in (True, False):
        Run(tmp_path, Looking(), front=Front("a"), dry_run=dry_run).engine.run()
        assert looked == ([] if dry_run else ["looked"])
