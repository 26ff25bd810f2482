"""Help for one question: what it is, why it is asked, where the answer is found; and for what has to be approved.

Data: `assets/questions.yaml`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from wizard import assets, yamllines
from wizard.report import clean

if TYPE_CHECKING:
    from wizard.context import Approval
    from wizard.question import Prompt


@cache
def told() -> Mapping[str, Mapping[str, str]]:
    """`why` and `where` of questions, by STEP.KEY, and of some changes, by id; `what` where a question has no help."""
    (document,) = yamllines.documents(assets.text("questions.yaml"))
    found: Mapping[str, Mapping[str, Any]] = document.data
    return {name: {key: " ".join(str(text).split()) for key, text in parts.items()} for name, parts in found.items()}


def sections(prompt: Prompt) -> list[tuple[str, str]]:
    """What there is to say about the question, as headings and texts."""
    question, name = prompt.question, f"{prompt.step}.{prompt.question.key}"
    known = told().get(name, {})
    own = prompt.review or prompt.again  # the person's own answer comes from nowhere else
    source = question.source if prompt.default is not None and not own else ""
    found = [
        ("About it", question.help or known.get("what", "")), ("Why it is asked", known.get("why", "")),
        ("Where to find it", known.get("where", "")), ("Proposed from", source),
        ("In an answers file", name if known else ""),
    ]  # fmt: skip
    return [(heading, clean(text)) for heading, text in found if text]


def about_changes(approval: Approval) -> list[tuple[str, str]]:
    """The same about what is to be approved: what a yes and a no mean, and, where one change is asked for, about it."""
    known = told().get(approval.changes[0].id, {}) if approval.danger else {}
    done = "It is done now" if approval.danger else "All of it is done now, the Pis side by side"
    later = "" if approval.danger else " What is dangerous is asked for once more by itself."
    found = [
        ("Why it is asked", known.get("why", "")), ("How to tell", known.get("where", "")),
        ("Yes", f"{done}, and looked at again afterwards.{later}"),
        ("No", "Nothing of it is done, and the wizard ends."),
    ]  # fmt: skip
    return [(heading, text) for heading, text in found if text]
