"""What the demo proposes: its own answer where the step has found nothing, and never what the question refuses."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.demo.start import prepared
from wizard.question import CHOICE, RANGE, TEXT, Choice, Prompt, Question

OWN, OTHER = "192.168.1.240-192.168.1.249", "192.168.1.230-192.168.1.239"


def proposed(question: Question, default: Any, step: str = "addresses", refused: str = "", **more: Any) -> Any:
    prompt = Prompt(step, step, question, default, judge=lambda value: refused, **more)
    with prepared(fast=True) as demo:
        return demo.proposing(prompt).default


@pytest.mark.parametrize(
    ("found", "refused", "expected"), [(None, "", OWN), (OTHER, "", OTHER), (None, "in use", None), (OWN, "", OWN)]
)
def test_what_was_found_is_worth_more(found: str | None, refused: str, expected: str | None) -> None:
    question = Question("pool", "Which?", RANGE, default=lambda ctx: found)
    assert proposed(question, found, refused=refused) == expected


def test_a_name_that_does_not_fit_the_provider_is_not_proposed() -> None:
    question = Question("external_domain", "Which name?", TEXT)
    assert proposed(question, None, "domains", "it does not end in .duckdns.org") is None
    assert proposed(question, None, "domains") == "home.example.org"


def test_what_is_chosen_is_the_demos_own() -> None:
    choices = (Choice("git", "a git server"), Choice("github", "GitHub"))
    question = Question("provider", "Where?", CHOICE, choices=choices, default=lambda ctx: "github")
    assert proposed(question, "github", "repository", choices=choices) == "git"
