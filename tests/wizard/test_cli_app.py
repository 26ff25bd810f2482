"""`homelab app …` as a person types it: on a simulated home, unattended, in plain lines and full screen."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from steps import nodes
from steps.expose import command
from tests.test_json import documented
from wizard import cli
from wizard.commands import joint
from wizard.demo.start import Demo, prepared
from wizard.errors import ExitCode
from wizard.session import Session
from wizard.state import State
from wizard.ui import plain
from wizard.ui.out import Out
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane, FinishedPane
from wizard.ui.tui.widgets.question import QuestionPane

pytestmark = pytest.mark.timeout(300)
FILES = {"apps/memos/app.yaml", "apps/memos/data.yaml", "apps/memos/namespace.yaml", "apps/memos/routes.yaml"}


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    """A simulated home at the end of the journey."""
    with prepared(fast=True) as made, pytest.MonkeyPatch.context() as patch:
        patch.setattr(joint, "real_world", lambda: made.world)
        assert cli.main(["run", "--answers", str(made.answers), "--yes", "--state", str(made.state)]) == ExitCode.OK
        yield made


def homelab(demo: Demo, *words: str) -> int:
    return cli.main([*words, "--state", str(demo.state)])


def files(demo: Demo) -> set[str]:
    from wizard.demo.flux import Git

    state = State.open(demo.state, "demo", lock=False)
    return set(Git(demo.world, state.answers["repository"]["url"], "main").files())


def test_unattended_exposed_listed_proved_and_removed(demo: Demo, capsys: Any) -> None:
    assert homelab(demo, "app", "expose", "ntfy", "--to", "both", "--host", "push", "--yes") == ExitCode.OK
    shown = capsys.readouterr().out
    assert "push (public)                     answers       answers           ok" in shown, "the rows are proved"
    assert "push (private), public address    not found     status 404        ok" in shown
    assert homelab(demo, "app", "list", "--json") == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert set(found) == documented("`app list`")
    assert all(set(one) == documented("`app list`: `apps`") for one in found["apps"])
    assert [one["url"].partition("//")[2].partition(".")[0] for one in found["apps"]] == ["hello"] * 2 + ["push"] * 2
    assert homelab(demo, "app", "remove", "ntfy", "--yes") == ExitCode.OK
    assert "push (" not in capsys.readouterr().out.partition("Who reaches what")[2]
    assert not [path for path in files(demo) if "ntfy" in path]


def test_what_needs_a_yes_of_its_own_is_not_covered_by_yes_alone(demo: Demo, capsys: Any) -> None:
    words = ("app", "expose", "homepage", "--to", "external", "--yes")
    assert homelab(demo, *words) == ExitCode.FAILED
    assert "--allow app-expose/public" in capsys.readouterr().err
    assert homelab(demo, "app", "remove", "homepage", "--yes") == ExitCode.FAILED, "nothing was written"


class Typing:
    """A keyboard: types these lines, one for each question, and agrees."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    def line(self, label: str) -> str:
        assert "Try again" not in label, "a step failed"
        return "yes" if label.startswith(("Do it?", "Make these changes?")) else self.lines.pop(0)

    secret = line


def session(demo: Demo, *words: Any) -> Session:
    state = State.open(demo.state, "demo")
    return Session(command.begin(state, dict(words)), demo.world, state, finish=nodes.close_all)


def test_in_plain_lines_a_person_is_asked_and_told(demo: Demo) -> None:
    shown = io.StringIO()
    made = session(demo, ("command", "app expose"), ("entry", "memos"))
    try:
        plain.run(made, Out(shown), Typing("internal", ""))
    finally:
        made.close()
        command.end(made.state)
    text = shown.getvalue()
    assert "Who shall be able to reach it?" in text and "Whoever makes the first account is its host" in text
    assert "from your home and over the VPN" in text and files(demo) >= FILES
    assert homelab(demo, "app", "remove", "memos", "--yes") == ExitCode.OK


async def test_full_screen_leads_to_the_same(demo: Demo) -> None:
    made = session(demo, ("command", "app expose"), ("entry", "memos"), ("reach", "internal"))
    try:
        app = WizardApp(made)
        async with app.run_test(size=(100, 30)) as pilot:
            await walk(app, pilot)
        assert await asyncio.to_thread(app.ended.wait, 20), "the engine's thread did not end"
    finally:
        made.close()
        command.end(made.state)
    assert files(demo) >= FILES


async def walk(app: WizardApp, pilot: Any) -> None:
    """Enter for every question, y for every approval, until the command has ended."""
    end, before = time.monotonic() + 200, None
    while not app.journey.query(FinishedPane):
        assert time.monotonic() < end, "it did not come to its end"
        assert not app.journey.query(FailurePane), "a step failed"
        panes = [pane for kind in (QuestionPane, ApprovalPane) for pane in app.journey.query(kind)]
        pane = next((pane for pane in panes if pane.is_mounted and not pane.disabled and pane is not before), None)
        if pane is None:
            await asyncio.sleep(0.02)
            continue
        await pilot.pause()
        await pilot.press("y" if isinstance(pane, ApprovalPane) else "enter")
        before = pane
    await pilot.press("enter")


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["app"], 2, "the following arguments are required"),
        (["app", "expose", "frob", "--yes"], 3, "frob is not in the catalogue"),
        (["app", "expose", "--to", "friends"], 2, "invalid choice: 'friends'"),
        (["app", "expose", "--image", "nginx", "--yes"], 3, "another image from time to time"),
        (["app", "expose", "ntfy", "--yes"], 1, "The answer app-expose.reach is missing"),
        (["app", "remove", "frob", "--yes"], 1, "There is no app frob"),
    ],
)
def test_mistakes_are_told_in_a_sentence(demo: Demo, capsys: Any, words: list[str], code: int, said: str) -> None:
    assert homelab(demo, *words) == code
    shown = capsys.readouterr().err
    assert said in shown and "Traceback" not in shown


def test_help_tells_of_each(capsys: Any) -> None:
    for words in (["app", "--help"], *(["app", name, "--help"] for name in ("expose", "list", "remove"))):
        assert cli.main(words) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "--delete-data" in shown and "--service NAMESPACE/NAME:PORT" in shown and "--json" in shown
