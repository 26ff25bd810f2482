"""Toy steps and a toy world: enough of a journey for the front ends and the command line, without any host."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from wizard.context import Context
from wizard.errors import Interrupted, Problem, WizardError
from wizard.question import ADDRESS, CHOICE, NAME, SECRET, TEXT, YES_NO, Answers, Choice, Question, list_of
from wizard.session import Session
from wizard.state import State
from wizard.step import Change, Step


class ToyWorld:
    """Holds which changes were made; sleeping ends as soon as `stop` is set, as in every world."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.made: list[str] = []
        self.pace = 0.0  # real seconds that a change takes
        self.gate = threading.Event()  # a change of the step Slow waits for it
        self.gate.set()
        self.broken: list[str] = []  # changes that fail, once each

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Interrupted("Stopped.")


def make(name: str) -> Any:
    def do(ctx: Context) -> None:
        world: Any = ctx.world
        ctx.line(None, f"making {name}")
        while not world.gate.is_set():
            world.sleep(0.01)
        world.sleep(world.pace)
        if name in world.broken:
            world.broken.remove(name)
            raise WizardError(f"{name} broke.", "It was told to.", "Try again.")
        world.made.append(name)

    return do


class Toy(Step[set[str]]):
    """Makes what `wanted` names."""

    wanted: tuple[tuple[str, str | None, bool], ...] = ()  # name, host, danger

    def check(self, ctx: Context) -> set[str]:
        ctx.progress(None, "looking")
        return set(ctx.world.made)  # type: ignore[attr-defined]

    def plan(self, facts: set[str], answers: Answers) -> list[Change]:
        return [
            Change(f"{self.name}/{name}", f"make {name}", make(name), host=host, danger=danger)
            for name, host, danger in self.wanted
            if name not in facts
        ]


FRUIT = (Choice("apple", "Apple", "round"), Choice("pear", "Pear"))
PLACES = (Choice("10.0.0.1", "one", chosen=True), Choice("10.0.0.2", "two"))


class Fruit(Toy):
    name, title, intro = "fruit", "Fruit", "Which fruit there will be."
    questions = (
        Question("kind", "Which fruit?", CHOICE, "Both are good.", "apple", FRUIT),
        Question(
            "count", "How is the bowl called?", NAME, "A name of small letters.", "bowl", source="the kitchen",
            explain=lambda ctx: "On the shelf are:\ntwo bowls, and a sieve.",
        ),
        Question("hosts", "Which hosts?", list_of(ADDRESS), choices=PLACES),
        Question("peel", "Peel it?", YES_NO, default=False),
        Question("note", "Anything else?", TEXT, required=False),
    )  # fmt: skip
    wanted = (("apple", "10.0.0.1", False), ("pear", "10.0.0.2", False), ("bowl", None, False))

    def validate(self, answers: Answers) -> list[Problem]:
        if answers.get("fruit", {}).get("count") == "sieve":
            return [Problem("fruit.count", "a sieve is not a bowl.", "Take a bowl.")]
        return []

    def objections(self, ctx: Context, answers: Answers) -> list[Problem]:
        if answers.get("fruit", {}).get("count") == "broken":
            return [Problem("fruit.count", "that one was seen to leak", "Take the other.")]
        return []


class Cake(Toy):
    name, title, intro = "cake", "Cake", "A cake made of it."
    questions = (Question("password", "The baker's password?", SECRET, "It is needed for the oven."),)
    wanted = (("cake", None, False),)

    def check(self, ctx: Context) -> set[str]:
        ctx.note("Oven", f"It is hot: {ctx.secret('cake', self.questions[0])}")
        return super().check(ctx)


class Party(Toy):
    name, title, intro = "party", "Party", "The end of it."
    wanted = (("mess", "10.0.0.1", True),)


ORDER = (Fruit(), Cake(), Party())

ANSWERS = """\
cluster: toys
fruit: {kind: pear, count: bowl, hosts: [10.0.0.1], peel: true}
cake:
  password: {env: TOY_PASSWORD}
"""


@pytest.fixture
def world() -> ToyWorld:
    return ToyWorld()


@pytest.fixture
def session(world: ToyWorld, tmp_path: Path) -> Any:
    return Session(ORDER, world, State.open(tmp_path / "state.yaml", "toys"), go_on="homelab")  # type: ignore[arg-type]


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.setenv("TOY_PASSWORD", "sugar-and-salt")
    return SimpleNamespace(order=ORDER, answers=ANSWERS, world=ToyWorld, step=Toy)
