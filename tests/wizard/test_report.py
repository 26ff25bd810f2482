"""Events and results as text: exact words, and nothing that a host prints can touch the terminal."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from wizard import events, report
from wizard.errors import CommandFailed, WizardError
from wizard.logfile import LogFile, report_mistake
from wizard.secret import Secret


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (59.4, "59 s"), (60, "1 min 00 s"), (125, "2 min 05 s"), (3600, "1 h 00 min"), (-1, "0 s")],
)
def test_duration(seconds: float, words: str) -> None:
    assert report.duration(seconds) == words


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]52;c;c3RvbGVu\x1b\\text", "text"),
        ("a\x07b\x00c\x9b31md", "abc31md"),
        ("50%\r100%\r\ndone\tnow", "50%100%\ndone\tnow"),
        ("Größe ✓", "Größe ✓"),
    ],
)
def test_clean(text: str, clean: str) -> None:
    assert report.clean(text) == clean


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (events.StepChanged("prepare", "applying", "3 changes"), "prepare: working: 3 changes"),
        (events.Planned("prepare", ()), "prepare: nothing to do"),
        (events.Planned("prepare", (("pi", "a"),)), "prepare: 1 change to make"),
        (events.ChangeStarted("s", "s/c", "pi", "turn swap off"), "pi: turn swap off …"),
        (events.ChangeEnded("s", "s/c", "pi", "turn swap off", "done", 61), "pi: turn swap off: done (1 min 01 s)"),
        (events.ChangeEnded("s", "s/c", "pi", "do it", "lost", 9), "pi: do it: the connection broke (9 s)"),
        (events.ChangeEnded("s", "s/c", "pi", "turn swap off", "would do"), "pi: turn swap off: would do"),
        (events.Waiting("pi", "SSH", "it reboots", 90), "pi: waiting for SSH (it reboots), at most 1 min 30 s more"),
        (events.Line("pi", "\x1b[2Jtext\n"), "pi | text ⏎ "),
        (events.Note("Table", "a\nb"), "Table: a ⏎ b"),
    ],
)
def test_event_line(event: events.Event, line: str) -> None:
    assert report.event_line(event) == line


def test_quiet_repeats_a_wait_only_now_and_then() -> None:
    quiet = report.Quiet()
    at = 1000.0
    waits = [events.Waiting("pi", "SSH", "", 90 - second, at=at + second) for second in range(0, 62, 2)]
    assert [int(each.at - at) for each in waits if quiet.worth(each)] == [0, 30, 60]
    assert quiet.worth(events.Waiting("pi", "SSH", "another reason", 1, at=at + 62))
    assert not quiet.worth(events.Line("pi", "x"))


def test_an_error_shows_what_the_host_printed_last() -> None:
    error = CommandFailed("It failed.", "Because.", "Do that.", host="pi", output="\n".join(map(str, range(20))))
    assert report.error_text(error).splitlines() == [
        "pi: It failed.", "Because.", "Do that.", "It printed last:", *(f"  {n}" for n in range(12, 20))
    ]  # fmt: skip


def test_an_error_shows_the_code_of_its_cause() -> None:
    error = WizardError("It can't become ready.", "", "Wait.")
    error.cause = "image-missing"
    assert report.error_text(error).splitlines() == ["It can't become ready.", "Wait.", "(code: image-missing)"]


def test_the_log_survives_a_full_disk(tmp_path: Path, monkeypatch: Any) -> None:
    log = LogFile(tmp_path / "log", "begin")
    monkeypatch.setattr(os, "write", lambda *args: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    log(events.Line("pi", "x"))
    log(events.Line("pi", "y"))
    assert log.broken == "No space left on device"


def test_the_log_is_private_redacted_and_put_aside_when_long(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("wizard.logfile.MOST", 50)
    for number in range(2):
        log = LogFile(tmp_path / "log", f"run {number}")
        log(events.Line("pi", f"{Secret('pass-phrase').reveal()} and a long line after it"))
        log.error(WizardError("It failed."))
        log.close()
    new, old = (tmp_path / "log").read_text(), (tmp_path / "log.1").read_text()
    assert "run 0" in old and "run 1" in new and "pass-phrase" not in old + new and "ended by WizardError" in new
    assert stat.S_IMODE((tmp_path / "log").stat().st_mode) == 0o600


def test_a_report_of_a_mistake_or_none_where_nothing_can_be_written(tmp_path: Path) -> None:
    path = report_mistake(ValueError("x"), tmp_path / "new", "homelab")
    assert path is not None and "ValueError: x" in path.read_text()
    (tmp_path / "file").write_text("")
    assert report_mistake(ValueError("x"), tmp_path / "file", "homelab") is None
