"""`homelab verify`: what it prints and the code that it leaves with."""

from __future__ import annotations

import getpass
import io
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from wizard import cli
from wizard.context import Context
from wizard.errors import ExitCode
from wizard.question import SECRET, Prompt, Question
from wizard.session import Session
from wizard.state import State
from wizard.ui import proved
from wizard.ui.out import Out


@dataclass
class Shown:
    good: bool

    def text(self) -> str:
        return "the table \x1b[31mred"

    def data(self) -> dict[str, Any]:
        return {"rows": [1]}


class World:
    stop = threading.Event()


def session(tmp_path: Path) -> Session:
    return Session((), World(), State(tmp_path / "state.yaml", "x"))  # type: ignore[arg-type]


def run(tmp_path: Path, good: bool, *, as_json: bool) -> tuple[int, str]:
    stream = io.StringIO()

    def prove(ctx: Context) -> Shown:
        ctx.progress(None, "sending probes")
        return Shown(good)

    code = proved.run(session(tmp_path), prove, as_json=as_json, out=Out(stream))
    return code, stream.getvalue()


def test_a_table_for_people_and_json_for_programs(tmp_path: Path) -> None:
    code, text = run(tmp_path, True, as_json=False)
    assert (code, text.splitlines()[-1]) == (ExitCode.OK, "the table red") and "sending probes" in text
    code, text = run(tmp_path, False, as_json=True)
    assert (code, json.loads(text)) == (ExitCode.NOT_READY, {"form": 1, "rows": [1]})


def test_without_a_cluster_nothing_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert cli.main(["verify"]) == ExitCode.FAILED
    assert "There is nothing to prove yet." in capsys.readouterr().err
    assert not list(tmp_path.rglob("state.yaml"))


def test_a_secret_is_asked_for_once_and_may_be_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(getpass, "getpass", lambda words: asked.append(words) or "")
    question = Question("token", "Which token?", SECRET, help="It was given before.")
    front = proved._Asking(session(tmp_path), None)
    for _ in range(2):
        assert front.ask(Prompt("domains", "Domains", question)) is None
    assert len(asked) == 1 and "Enter alone goes on without it" in asked[0]
    assert capsys.readouterr().err == "Which token?\nIt was given before.\n"
