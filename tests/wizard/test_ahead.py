"""Answers ahead: which questions can be asked before their turn, and what becomes of the answers."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from tests.wizard.test_engine import Bake, Front, Run
from wizard.ahead import Ahead, TooLate
from wizard.context import Context
from wizard.errors import Problem
from wizard.question import INTEGER, NAME, SECRET, Answers, Prompt, Question
from wizard.secret import Secret
from wizard.step import Change, Step


class Quiet(Step[None]):
    """Asks, and does nothing."""

    def check(self, ctx: Context) -> None:
        return None

    def plan(self, facts: None, answers: Answers) -> list[Change]:
        return []


class Tins(Quiet):
    name, title, intro = "tins", "Tins", "."
    questions = (
        Question("size", "Which size?", INTEGER, default=20),
        Question("lid", "With a lid called?", NAME, default=lambda ctx: "lid", needs=()),
        Question("gas", "How many?", INTEGER, default=2, when=lambda a: a.get("tins", {}).get("size", 0) > 30),
    )

    def validate(self, answers: Answers) -> list[Problem]:
        wrong = answers.get("tins", {}).get("size", 0) > 90
        return [Problem("tins.size", "there is no such tin.", "Take a smaller one.")] if wrong else []


class Oven(Quiet):
    name, title, intro = "oven", "Oven", "."
    questions = (
        Question("word", "The oven's word?", SECRET),
        Question("heat", "How hot?", INTEGER, default=lambda ctx: len(ctx.world.made)),  # looks at the world
        Question("time", "How long?", INTEGER, default=20),
    )


class Shop(Quiet):
    name, title, intro = "shop", "Shop", "."
    questions = (
        Question("sign", "Its sign?", NAME, explain=lambda ctx: "as baked", needs=("bake",)),
        Question("price", "The price?", INTEGER, default=3, advanced=True),
    )


def stage(tmp_path: Path, *, at: str = "bake", front: Front | None = None) -> tuple[Run, Ahead]:
    run = Run(tmp_path, Bake(), Tins(), Oven(), Shop(), front=front)
    ahead = run.engine.ahead
    ahead.reached(next(step for step in run.engine.order if step.name == at))
    return run, ahead


def keys(ahead: Ahead) -> list[str]:
    return [f"{step.name}.{question.key}" for step, question in ahead._places()]


def answer(ahead: Ahead, raw: object) -> tuple[str, str]:
    place = ahead.place()
    assert place is not None
    prompt = ahead.prompt(place)
    return prompt.question.key, ahead.give(place, prompt, raw)


def test_only_what_needs_nothing_of_an_unfinished_step_is_asked(tmp_path: Path) -> None:
    _, ahead = stage(tmp_path)
    assert keys(ahead) == ["tins.size", "tins.lid", "oven.word"]  # not what stands behind a question that must wait


def test_more_is_asked_once_more_is_finished(tmp_path: Path) -> None:
    _, ahead = stage(tmp_path, at="tins")
    assert keys(ahead) == ["oven.word", "shop.sign"]
    _, later = stage(tmp_path, at="oven")
    assert keys(later) == ["shop.sign"]


def test_before_the_engine_has_begun_nothing_is_asked(tmp_path: Path) -> None:
    assert Run(tmp_path, Bake(), Tins()).engine.ahead.place() is None


def test_answers_are_kept_and_the_engine_asks_only_for_the_rest(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path, front=Front("(default)", "(default)", "loaves"))
    assert [answer(ahead, raw)[0] for raw in ("40", "top", 3, Secret("sesame-sesame"))] == [
        "size",
        "lid",
        "gas",
        "word",
    ]
    assert ahead.place() is None
    assert run.saved().answers["tins"] == {"size": 40, "lid": "top", "gas": 3}
    assert "sesame-sesame" not in run.path.read_text()
    run.engine.run()
    assert run.front.asked == ["heat", "time", "sign"]
    assert run.ctx.secret("oven", Oven.questions[0]).reveal() == "sesame-sesame"


def test_a_mistake_is_told_and_not_kept(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path)
    assert answer(ahead, "many") == ("size", "'many' is not a whole number")
    assert answer(ahead, "95") == ("size", "there is no such tin. Take a smaller one.")
    assert "tins" not in run.saved().answers


def test_the_engine_that_was_faster_asks_by_itself(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path)
    place = ahead.place()
    assert place is not None
    prompt = ahead.prompt(place)
    ahead.reached(run.engine.order[1])
    with pytest.raises(TooLate):
        ahead.give(place, prompt, "40")
    assert "tins" not in run.saved().answers


def test_an_answer_given_ahead_can_be_changed_with_what_hangs_on_it(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path)
    for raw in ("40", "top", "3"):
        answer(ahead, raw)
    place = (run.engine.order[1], Tins.questions[0])
    prompt = ahead.prompt(place)
    assert prompt.review and prompt.default == 40
    assert ahead.give(place, prompt, "many") == "'many' is not a whole number"
    assert ahead.give(place, prompt, "20") == ""
    assert run.saved().answers["tins"] == {"size": 20, "lid": "top"}
    assert keys(ahead) == ["oven.word"]


def test_while_a_step_works_another_thread_answers_the_next(tmp_path: Path) -> None:
    """The real thing: the engine is in the middle of a change when the answers come."""
    gate, began = threading.Event(), threading.Event()

    class Slow(Bake):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            def work(ctx: Context) -> None:
                began.set()
                assert gate.wait(10)
                ctx.world.made.append("roll1")  # type: ignore[attr-defined]

            return [] if "roll1" in facts else [Change("bake/roll1", "make roll1", work, "h1")]

    run = Run(tmp_path, Slow(), Tins(), front=Front())
    engine = threading.Thread(target=run.engine.run)
    engine.start()
    assert began.wait(10)
    for raw in ("20", "top"):
        assert answer(run.engine.ahead, raw)[1] == ""
    gate.set()
    engine.join(10)
    assert not engine.is_alive() and run.front.prompts == []
    assert list(run.saved().done) == ["bake", "tins"]


def test_many_answers_while_the_engine_saves(tmp_path: Path) -> None:
    """Both threads write the same state: none is lost, and the file can be read at any time."""
    questions = tuple(Question(f"q{chr(97 + n // 26)}{chr(97 + n % 26)}", "?", INTEGER, default=n) for n in range(60))
    many = type("Many", (Quiet,), {"name": "many", "title": "Many", "intro": ".", "questions": questions})()
    run = Run(tmp_path, Bake(), many)
    run.engine.ahead.reached(run.engine.order[0])
    failures: list[BaseException] = []

    def saving() -> None:
        try:
            for number in range(120):
                run.state.remember("number", str(number), value=number)
                run.saved()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=saving)
    thread.start()
    for number in range(60):
        answer(run.engine.ahead, number)
    thread.join()
    assert not failures and len(run.saved().answers["many"]) == 60


def test_going_back_to_an_earlier_step_gives_its_questions_back(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path, at="shop")
    assert ahead.place() is None
    ahead.reached(run.engine.order[0])
    assert keys(ahead) == ["tins.size", "tins.lid", "oven.word"]


def test_a_demo_proposes_ahead_too(tmp_path: Path) -> None:
    run, ahead = stage(tmp_path)
    seen: list[Any] = []

    def proposing(prompt: Prompt) -> Prompt:
        seen.append(prompt.question.key)
        return prompt

    run.ctx.proposing = proposing
    place = ahead.place()
    assert place is not None
    ahead.prompt(place)
    assert seen == ["size"]
