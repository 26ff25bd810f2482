"""What is said below a question about the answer that stands there already."""

from __future__ import annotations

from typing import Any

import pytest

from wizard.fieldhelp import sections
from wizard.question import NETWORK, Prompt, Question
from wizard.ui.tui.widgets.question import QuestionPane


@pytest.mark.parametrize(
    ("more", "back", "hint"),
    [
        ({}, True, "Proposed: 10.0.0.0/24 (from this computer's routes)"),
        ({"again": True}, True, "Your answer before: 10.0.0.0/24"),
        ({"review": True}, True, "You have answered this. Enter keeps it; escape goes back further."),
        ({"review": True}, False, "You have answered this. Enter keeps it."),
    ],
)
def test_what_stands_in_the_field_comes_from_where_it_is_said(more: dict[str, Any], back: bool, hint: str) -> None:
    question = Question("network", "Which?", NETWORK, source="this computer's routes")
    prompt = Prompt("machines", "Machines", question, "10.0.0.0/24", **more)
    assert QuestionPane(prompt, "", "", (), draft=None, back=back)._hint() == hint
    assert ("Proposed from" in dict(sections(prompt))) == (not more)
