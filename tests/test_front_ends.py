"""Three front ends, one interview: taking what the demo proposes leads to the same answers and the same cluster."""

from __future__ import annotations

import asyncio
import io
import os
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, nodes
from tests.person import by_person
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


def remembered(state: Path, folder: str = "") -> dict[str, Any]:
    """The answers that a person is asked for, what was done, and every change that was planned for it."""
    data = yamlfile.load(re.sub(folder or r"/[^ ]*/homelab-demo-\w+", "DEMO", state.read_text()))
    asked = {(step.name, q.key) for step in ORDER for q in step.questions if not q.advanced and q.when(data["answers"])}
    return {
        "answers": {f"{step}.{key}": data["answers"].get(step, {}).get(key) for step, key in sorted(asked)},
        "done": list(data["done"]),
        "plan": sorted({(e["change"], e.get("host", ""), _fixed(e["sentence"])) for e in data["journal"]}),
    }


def _fixed(sentence: str) -> str:
    """Without what differs from run to run: keys, and how far Flux has come when it is looked at."""
    return re.sub(r"[0-9a-f]{40}|SHA256:\S+|age1\w+|: \d+ of \d+ parts.*", "…", sentence)


def outcome(demo: Demo) -> dict[str, Any]:
    """The same, and what became of it."""
    return {
        **remembered(demo.state, str(demo.folder)),
        "nodes": sorted(path for path in demo.world.api.objects if path.startswith("/api/v1/nodes/")),
        "objects": sorted(demo.world.api.objects),
    }


@pytest.fixture(scope="module")
def ahead() -> dict[str, Any]:
    """What the answers file alone leads to. It says no more than a person is asked: host keys are only shown."""
    with prepared(fast=True) as demo:
        text = demo.answers.read_text()
        demo.answers.write_text(re.sub(r"^  known_hosts: .*\n", "", text, flags=re.MULTILINE))
        with started(demo, ahead=True) as session:
            session.consent = Consent(yes=True, allow=frozenset({"machines/trust-host-key", "repository/host-key"}))
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


def test_plain_lines_through_a_pipe_lead_to_the_same(ahead: dict[str, Any], tmp_path: Path) -> None:
    """As a process of its own."""
    root, state = Path(__file__).resolve().parent.parent, tmp_path / "state.yaml"
    shown, code = by_person(
        [sys.executable, "-m", "wizard", "demo", "--fast", "--state", str(state)],
        {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path), "PYTHONPATH": str(root)}, pipes=True,
    )  # fmt: skip
    assert code == 0, shown[-1500:]
    assert "Everything is done." in shown
    assert "\x1b" not in shown
    assert remembered(state) == {key: ahead[key] for key in ("answers", "done", "plan")}


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
    end, before = time.monotonic() + 200, None
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
