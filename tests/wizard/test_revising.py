"""Going back to earlier answers: across steps, from an approval and a failure, and what a change brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.wizard.test_engine import Bake, Front, Run, made
from wizard.context import Approval, Context
from wizard.errors import Blocked, Problem, WizardError
from wizard.question import BACK, CHOICE, INTEGER, NAME, SECRET, Answers, Choice, Question, Revise
from wizard.secret import Secret
from wizard.step import Change, Step


class Dough(Step[list[str]]):
    """Mixed once; another flour is mixed anew."""

    name, title, intro = "dough", "Dough", "."
    questions = (
        Question("flour", "Which flour?", CHOICE, default="rye", choices=(Choice("rye", "Rye"), Choice("oat", "Oat"))),
        Question("water", "How much water?", INTEGER, default=300),
    )

    def check(self, ctx: Context) -> list[str]:
        return list(ctx.world.made)  # type: ignore[attr-defined]

    def plan(self, facts: list[str], answers: Answers) -> list[Change]:
        flour = answers["dough"]["flour"]
        return [] if flour in facts else [Change(f"dough/{flour}", f"mix {flour}", made(flour), "h1")]


class Loaf(Step[list[str]]):
    name, title, intro = "loaf", "Loaf", "."
    questions = (
        Question("shape", "Which shape?", NAME, default="round"),
        Question("seeds", "Which seeds?", NAME, default="poppy",
                 when=lambda a: a.get("dough", {}).get("flour") == "rye"),
        Question("label", "Its label?", NAME, default=lambda ctx: ctx.answers["dough"]["flour"],
                 follows=("dough.flour",)),
        Question("word", "The word?", SECRET),
    )  # fmt: skip

    def validate(self, answers: Answers) -> list[Problem]:
        if answers.get("loaf", {}).get("shape") == "tin" and answers.get("dough", {}).get("water", 0) > 400:
            return [Problem("loaf.shape", "it would run over.", "Take another.")]
        return []

    def check(self, ctx: Context) -> list[str]:
        return list(ctx.world.made)  # type: ignore[attr-defined]

    def plan(self, facts: list[str], answers: Answers) -> list[Change]:
        name = f"loaf-{answers['loaf']['label']}"
        return [] if name in facts else [Change("loaf/bake", f"bake {name}", made(name), "h2")]


SALT = Secret("salt-and-pepper")
FIRST = ("rye", "300", "round", "poppy", "(default)", SALT)  # every answer


def run_of(tmp_path: Path, *given: object, **settings: Any) -> Run:
    return Run(tmp_path, Dough(), Loaf(), front=Front(*given), **settings)


# -- looking back --------------------------------------------------------------------------------------------


def test_from_the_first_question_of_a_step_to_the_last_one_of_the_step_before(tmp_path: Path) -> None:
    run = run_of(tmp_path, "rye", "300", BACK, BACK, "rye", "(default)", *FIRST[2:])
    run.engine.run()
    assert run.front.asked[:6] == ["flour", "water", "shape", "water", "flour", "water"]
    assert [prompt.back for prompt in run.front.prompts[:6]] == [False, True, True, True, False, True]
    assert [prompt.review for prompt in run.front.prompts[:7]] == [False, False, False, True, True, True, False]
    assert [prompt.default for prompt in run.front.prompts[3:6]] == [300, "rye", 300]
    assert run.front.asked[6] == "shape" and run.front.revisions == []
    assert len(run.world.made) == 2 and len(run.front.approvals) == 2


def test_nothing_is_lost_while_looking_back(tmp_path: Path) -> None:
    class Watching(Front):
        def ask(self, prompt: Any) -> object:
            if prompt.review:
                saved.append(dict(run.saved().answers["dough"]))
            return super().ask(prompt)

    saved: list[dict[str, Any]] = []
    run = Run(tmp_path, Dough(), Loaf(), front=Watching("rye", "300", BACK, BACK, "rye", "300", *FIRST[2:]))
    run.engine.run()
    assert saved == [{"flour": "rye", "water": 300}] * 3
    assert list(run.saved().done) == ["dough", "loaf"]


def test_a_typing_mistake_while_looking_back_is_told_and_changes_nothing(tmp_path: Path) -> None:
    run = run_of(tmp_path, "rye", "300", BACK, "much", "300", *FIRST[2:])
    run.engine.run()
    assert run.front.prompts[4].problem == "'much' is not a whole number"
    assert run.state.answers["dough"]["water"] == 300


@pytest.mark.parametrize("danger", [False, True])
def test_from_an_approval(tmp_path: Path, danger: bool) -> None:
    class Asked(Dough):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            return [Change(c.id, c.sentence, c.do, c.host, danger=danger) for c in super().plan(facts, answers)]

    class Unsure(Front):
        def confirm(self, approval: Approval) -> Any:
            self.approvals.append(approval)
            return BACK if len(self.approvals) == 1 else True

    run = Run(tmp_path, Asked(), front=Unsure("rye", "300", BACK, "oat"))
    run.engine.run()
    assert run.front.asked == ["flour", "water", "water", "flour"]
    assert [each.changes[0].id for each in run.front.approvals] == ["dough/rye", "dough/oat"]
    assert run.world.made == ["oat"] and run.front.revisions == []  # nothing had been done with the old answer
    assert [each.back for each in run.front.approvals] == [True, True]


def test_an_approval_looked_back_from_is_asked_again_when_nothing_changed(tmp_path: Path) -> None:
    class Unsure(Front):
        def confirm(self, approval: Approval) -> Any:
            self.approvals.append(approval)
            return BACK if len(self.approvals) == 1 else True

    run = Run(tmp_path, Dough(), front=Unsure("rye", "300", "300"))
    run.engine.run()
    assert len(run.front.approvals) == 2 and run.world.made == ["rye"]
    assert run.statuses().count("planning") == 1  # nothing had to be looked at again for that


def test_from_a_failure(tmp_path: Path) -> None:
    class Picky(Dough):
        def check(self, ctx: Context) -> list[str]:
            if ctx.answers["dough"]["flour"] == "rye":
                raise Blocked("There is no rye.", "It was eaten.", "Buy some.")
            return super().check(ctx)

    class Stuck(Front):
        def failed(self, step: str, error: WizardError) -> Any:
            self.errors.append(error)
            return Revise("dough", "flour")

    run = Run(tmp_path, Picky(), front=Stuck("rye", "300", "oat"))
    run.engine.run()
    assert run.world.made == ["oat"] and len(run.front.errors) == 1


def test_without_an_answer_to_go_back_to_a_failure_is_shown_again(tmp_path: Path) -> None:
    class Broken(Bake):
        def check(self, ctx: Context) -> list[str]:
            raise Blocked("No.")

    class Lost(Front):
        def failed(self, step: str, error: WizardError) -> Any:
            self.errors.append(error)
            return BACK if len(self.errors) < 3 else "stop"

    run = Run(tmp_path, Broken(), front=Lost())
    with pytest.raises(Blocked):
        run.engine.run()
    assert len(run.front.errors) == 3
