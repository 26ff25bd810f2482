"""Three front ends, one interview: taking what the demo proposes leads to the same answers and the same cluster."""

from __future__ import annotations

import asyncio
import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest

from steps import ORDER, nodes
from wizard import yamlfile
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent
from wizard.errors import WizardError
from wizard.opening import open_answered, open_state
from wizard.session import Session
from wizard.ui import plain, unattended
from wizard.ui.out import Out
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane
from wizard.ui.tui.widgets.question import QuestionPane

pytestmark = pytest.mark.timeout(300)
NAMES = [step.name for step in ORDER]


class Enter:
    """A keyboard that takes every default, and agrees."""

    def __init__(self) -> None:
        self.labels: list[str] = []

    def line(self, label: str) -> str:
        self.labels.append(label)
        assert "Try again" not in label, "a step failed"
        return "yes" if label.startswith(("Do it?", "Make these changes?")) else ""

    secret = line


@contextmanager
def started(demo: Demo, *, ahead: bool) -> Iterator[Session]:
    given = open_answered(None, demo.state, demo.answers, ORDER, save=True) if ahead else None
    state = given or open_state("demo", demo.state)
    session = Session(ORDER, demo.world, state, finish=nodes.close_all)
    session.proposing = demo.proposing
    try:
        yield session
    finally:
        session.close()


def outcome(demo: Demo) -> dict[str, Any]:
    """The answers that a person is asked for, and what became of them."""
    state = yamlfile.load(demo.state.read_text().replace(str(demo.folder), "DEMO"))
    asked = {
        (step.name, q.key) for step in ORDER for q in step.questions if not q.advanced and q.when(state["answers"])
    }
    return {
        "answers": {f"{step}.{key}": state["answers"].get(step, {}).get(key) for step, key in sorted(asked)},
        "done": list(state["done"]),
        "nodes": sorted(path for path in demo.world.api.objects if path.startswith("/api/v1/nodes/")),
        "objects": sorted(demo.world.api.objects),
    }


@pytest.fixture(scope="module")
def ahead() -> dict[str, Any]:
    """What the answers file alone leads to."""
    with prepared(fast=True) as demo:
        with started(demo, ahead=True) as session:
            session.consent = Consent(yes=True)
            unattended.run(session, Out(io.StringIO()))
        return outcome(demo)


def test_the_answers_file_leads_to_the_end(ahead: dict[str, Any]) -> None:
    assert ahead["done"] == NAMES
    assert len(ahead["nodes"]) == 3
    assert ahead["answers"]["addresses.pool"] == "192.168.1.240-192.168.1.249"


def test_plain_lines_lead_to_the_same(ahead: dict[str, Any]) -> None:
    keyboard, shown = Enter(), io.StringIO()
    with prepared(fast=True) as demo:
        with started(demo, ahead=False) as session:
            plain.run(session, Out(shown), keyboard)
        assert outcome(demo) == ahead
    assert len(keyboard.labels) > 25
    assert "Everything is done." in shown.getvalue()
    assert "raspberry" not in shown.getvalue()


async def test_the_full_screen_leads_to_the_same(ahead: dict[str, Any]) -> None:
    with prepared(fast=True) as demo:
        with started(demo, ahead=False) as session:
            app = WizardApp(session)
            async with app.run_test(size=(100, 30)) as pilot:
                await walk(app, pilot)
            assert await asyncio.to_thread(app.ended.wait, 20), "the engine's thread did not end"
        assert outcome(demo) == ahead


async def walk(
    app: WizardApp, pilot: Any, *, typed: Mapping[str, str] | None = None, retrying: bool = False
) -> list[tuple[str, WizardError]]:
    """Enter for every question, y for every approval, until the journey has ended. The failures that were met.

    `typed` is entered instead of what is proposed, by the question's key. Unless `retrying`, nothing may fail.
    """
    end, before = time.monotonic() + 100, None
    failures: list[tuple[str, WizardError]] = []
    while not app.journey.query(FinishedPane):
        assert time.monotonic() < end, "the journey did not come to its end"
        assert retrying or not app.journey.query(FailurePane), "a step failed"
        panes = [pane for kind in (QuestionPane, ApprovalPane, FailurePane) for pane in app.journey.query(kind)]
        pane = next((pane for pane in panes if pane.is_mounted and not pane.disabled and pane is not before), None)
        if pane is None:
            await asyncio.sleep(0.02)
            continue
        await pilot.pause()
        if isinstance(pane, FailurePane):
            failures.append((pane._title, pane._error))
            await pilot.press("r")
        elif isinstance(pane, QuestionPane) and (answer := (typed or {}).get(pane.prompt.question.key)):
            await pilot.press("end", "ctrl+u", *answer, "enter")
        else:
            await pilot.press("y" if isinstance(pane, ApprovalPane) else "enter")
        before = pane
    await pilot.press("enter")
    return failures
