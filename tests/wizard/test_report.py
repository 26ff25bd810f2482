"""Events and results as text: exact words, and nothing that a host prints can touch the terminal."""

from __future__ import annotations

import os
import stat
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from wizard import events, report
from wizard.errors import CommandFailed, WizardError
from wizard.logfile import LogFile, report_mistake
from wizard.report import status_text
from wizard.secret import Secret
from wizard.state import State


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


# -- certificates --------------------------------------------------------------------------------------------------


def certificates(tmp_path: Path, today: str, authorities: str | None = "2036-11-23") -> list[str]:
    state = State.open(tmp_path / "state.yaml", "homelab", lock=False)
    ends = {"until": "2027-11-26", "authorities_until": authorities, "seen": "2026-11-26T09:00:00+00:00"}
    state.evidence["machines"] = {
        "192.168.1.11": {"hostname": "atlas", "certificates": ends}, "192.168.1.12": {"hostname": "boreas"},
    }  # fmt: skip
    state.done["control-plane"] = "2026-11-26T11:43:05+00:00"
    text = status_text(state, [], "homelab", date.fromisoformat(today))
    return [line for line in text.splitlines()[1:] if "certificate" in line or "authorities" in line or "Renew" in line]


def test_status_says_until_when_certificates_are_valid_and_when_that_was_seen(tmp_path: Path) -> None:
    (line,) = certificates(tmp_path, "2026-11-27")
    assert line.startswith("✓  atlas  certificates valid until 2027-11-26 (364 days), as seen 2026-11-26 ")


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2027-10-27", "✓  atlas  certificates valid until 2027-11-26 (30 days)"),
        ("2027-10-28", "!  atlas  certificates valid until 2027-11-26 (29 days)"),
        ("2027-11-25", "!  atlas  certificates valid until 2027-11-26 (1 day)"),
        ("2027-11-27", "!  atlas  certificates EXPIRED on 2027-11-26"),
    ],
)
def test_certificates_that_end_soon_are_a_warning_with_what_to_do(tmp_path: Path, today: str, said: str) -> None:
    line, *advice = certificates(tmp_path, today)
    assert line.startswith(said)
    assert bool(advice) is line.startswith("!")
    assert not advice or "homelab node upgrade" in advice[0]


def test_an_authority_is_only_mentioned_at_its_end(tmp_path: Path) -> None:
    _, line, _ = certificates(tmp_path, "2026-11-27", authorities="2026-12-01")
    assert line.startswith("!  atlas  authorities valid until 2026-12-01 (4 days)")


def test_evidence_of_another_shape_is_passed_over(tmp_path: Path) -> None:
    assert certificates(tmp_path, "2026-11-27", authorities=None)
    state = State.open(tmp_path / "other.yaml", "homelab", lock=False)
    state.evidence["machines"] = {"a": {"certificates": "x"}, "b": {"certificates": {"until": "never"}}, "c": 3}
    assert "valid until" not in status_text(state, [], "homelab")


# -- keys to the tailnet -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pi", "api", "lines"),
    [
        ("", "", []),
        ("2027-11-26T10:00:00Z", "", ["✓  atlas  key to the tailnet valid until 2027-11-26 (364 days)"]),
        ("2026-12-20T10:00:00Z", "", ["!  atlas  key to the tailnet valid until 2026-12-20 (23 days)", "key expiry"]),
        ("", "2026-11-28T10:00:00Z", ["!  tailnet  API key valid until 2026-11-28 (1 day)", "tailnet.api_key"]),
        ("", "2026-11-01T10:00:00Z", ["!  tailnet  API key ENDED on 2026-11-01", "make a new one"]),
        ("of another shape", "never", []),
    ],
)
def test_status_says_when_keys_to_the_tailnet_end(tmp_path: Path, pi: str, api: str, lines: list[str]) -> None:
    state = State.open(tmp_path / "state.yaml", "homelab", lock=False)
    state.evidence["machines"] = {
        "192.168.1.11": {"hostname": "atlas", "tailnet": {"key_ends": pi}},
        "b": {"tailnet": 3},
    }
    state.evidence["tailnet"] = {"keys": {"api_key_ends": api}}
    text = status_text(state, [], "homelab", date(2026, 11, 27))
    shown = [line for line in text.splitlines()[1:] if "ey" in line]
    assert len(shown) == len(lines) and all(part in line for part, line in zip(lines, shown, strict=True))
