"""Help for one question: what it is, why it is asked, where the answer is found. Data: `assets/questions.yaml`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from wizard import assets, yamllines
from wizard.question import Prompt
from wizard.report import clean


@cache
def told() -> Mapping[str, Mapping[str, str]]:
    """`why` and `where` of every question, by STEP.KEY; `what` where the question itself has no help."""
    (document,) = yamllines.documents(assets.text("questions.yaml"))
    found: Mapping[str, Mapping[str, Any]] = document.data
    return {name: {key: " ".join(str(text).split()) for key, text in parts.items()} for name, parts in found.items()}


def sections(prompt: Prompt) -> list[tuple[str, str]]:
    """What there is to say about the question, as headings and texts."""
    question, name = prompt.question, f"{prompt.step}.{prompt.question.key}"
    known = told().get(name, {})
    source = question.source if prompt.default is not None else ""
    found = [
        ("About it", question.help or known.get("what", "")), ("Why it is asked", known.get("why", "")),
        ("Where to find it", known.get("where", "")), ("Proposed from", source),
        ("In an answers file", name if known else ""),
    ]  # fmt: skip
    return [(heading, clean(text)) for heading, text in found if text]
