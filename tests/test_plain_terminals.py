"""The demo in plain lines, as a process on a serial terminal and on a dumb one. No box, no colour, no escape.

What is typed and shown is a whole journey: each front end's own tests look at the details.
"""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path

import pytest

from steps import ORDER
from tests.person import by_person
from tests.test_front_ends import remembered
from wizard.ui import terminals
from wizard.ui.out import Out

ROOT = Path(__file__).resolve().parent.parent
pytestmark = pytest.mark.timeout(240)


def environment(folder: Path, **more: str) -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(folder), "PYTHONPATH": str(ROOT), **more}


def command(folder: Path, *words: str) -> list[str]:
    return [sys.executable, "-m", "wizard", "demo", "--fast", "--state", str(folder / "state.yaml"), *words]


@pytest.mark.parametrize("name", ["vt100", "dumb"])
def test_a_terminal_that_only_knows_lines(tmp_path: Path, name: str) -> None:
    """Plain without being told, since such a terminal can draw nothing."""
    shown, code = by_person(command(tmp_path), environment(tmp_path, TERM=name))
    assert code == 0, shown[-2000:]
    assert "\x1b" not in shown
    assert shown.isascii()
    assert max(len(line) for line in shown.splitlines() if ": " not in line) <= 80
    assert "Step 1 of 12: Machines" in shown
    assert "(1 of " in shown
    assert "1. 192.168.1.11 - " in shown
    assert "Everything is done." in shown
    assert remembered(tmp_path / "state.yaml")["done"] == [step.name for step in ORDER]


@pytest.mark.parametrize(
    ("environment", "draws", "only_ascii"),
    [
        ({"TERM": "xterm-256color", "LANG": "en_GB.UTF-8"}, True, False), ({"TERM": "screen"}, True, False),
        ({"TERM": "linux"}, True, False), ({"TERM": "vt220", "LANG": "de_DE.UTF-8"}, False, False),
        ({"TERM": "vt220"}, False, True), ({"TERM": "dumb", "LC_ALL": "C.UTF-8"}, False, False), ({}, False, False),
        ({"TERM": "xterm", "LC_ALL": "POSIX", "LANG": "en_GB.UTF-8"}, True, True),
    ],
)  # fmt: skip
def test_what_a_terminal_can_do(environment: dict[str, str], draws: bool, only_ascii: bool) -> None:
    assert (terminals.draws(environment), terminals.only_ascii(environment)) == (draws, only_ascii)


def test_a_line_that_ascii_makes_longer_is_folded_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("COLUMNS", "60")
    shown = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    line = f"    {'word ' * 11}…"
    Out(shown).say(f"before\n{line}\nafter")
    shown.seek(0)
    assert shown.read() == f"before\n    {'word ' * 10}word\n    ...\nafter\n"


def test_marks_keep_their_meaning_in_ascii() -> None:
    assert terminals.in_ascii("✓ done … “so” – Größe") == 'ok done ... "so" - Gr??e'
