"""Answering ahead in lines: the questions of later steps, one after the other, before long work begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from wizard.ahead import Ahead
from wizard.asking import Place
from wizard.question import BACK, Prompt, Turn

LATER = object()  # the rest is left for its turn


def answer_ahead(ahead: Ahead, ask: Callable[[Prompt], object], say: Callable[[str], object]) -> None:
    """Asks until nothing more can be answered now, or the person has had enough. BACK goes back among them."""
    before: list[Place] = []
    place, problem = ahead.place(), ""
    while place is not None:
        prompt = ahead.prompt(place, problem=problem, back=bool(before))
        raw = ask(replace(prompt, ahead=True))
        if raw is LATER:
            return
        if raw is BACK and before:
            place, problem = before.pop(), ""
        elif isinstance(raw, Turn):
            say("That one can be changed when the wizard asks the next question in its turn.")
        elif not (problem := ahead.give(place, prompt, raw)):
            before = [*(each for each in before if each != place), place]
            place = ahead.place()
