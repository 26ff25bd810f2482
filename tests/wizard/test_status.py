"""How a cluster stands, as rows: exact words for what ends, levels, JSON, and a calendar that programs can read."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from wizard import remembered
from wizard.state import State
from wizard.status import Level, Row, Section, Status, calendar

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def status(*rows: Row, **more: str) -> Status:
    return Status("attic", (Section("ends", "What ends when", rows),), "/s/state.yaml", at=AT, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("levels", "worst"),
    [
        ((), "good"), (("good", "note"), "note"), (("good", "unknown", "note"), "unknown"),
        (("unknown", "warn"), "warn"), (("warn", "bad", "good"), "bad"),
    ],
)  # fmt: skip
def test_a_section_is_as_good_as_its_worst_row(levels: tuple[Level, ...], worst: Level) -> None:
    assert status(*(Row(level, "x", "y") for level in levels)).sections[0].level == worst


def test_only_what_is_bad_or_left_to_do_keeps_it_from_being_good() -> None:
    assert status(Row("warn", "x", "y"), Row("unknown", "x", "y")).good
    assert not status(Row("bad", "x", "y")).good
    assert not status(next_step="Proof").good


def test_the_text_has_marks_and_each_fix_once() -> None:
    found = status(
        Row("bad", "atlas", "a", "Do it."), Row("warn", "boreas", "b", "Do it."), next_step="Proof", go_on="x y"
    )
    assert found.text().splitlines() == [
        "Cluster attic, remembered in /s/state.yaml", "", "What ends when", "✗  atlas   a", "!  boreas  b", "   Do it.",
        "", "Next: Proof. Go on with: x y",
    ]  # fmt: skip


def test_a_cluster_that_can_not_be_asked_is_said_first_and_nothing_moves_the_cursor() -> None:
    text = status(Row("good", "a\x1b[2J", "b"), unreachable="Nothing answers there.").text()
    assert text.splitlines()[2:4] == [
        "! The cluster could not be asked. Nothing answers there.",
        "  What follows is what this computer remembers.",
    ]
    assert "\x1b" not in text


def test_programs_get_the_same() -> None:
    data = json.loads(json.dumps(status(Row("warn", "atlas", "soon", "Renew.", "cert-ends", "2027-01-01")).data()))
    assert data["sections"][0]["rows"] == [
        {"level": "warn", "what": "atlas", "text": "soon", "fix": "Renew.", "code": "cert-ends", "ends": "2027-01-01"}
    ]
    assert (data["cluster"], data["good"], data["at"]) == ("attic", True, "2026-11-26T12:00:00+00:00")


def test_the_calendar_has_an_event_for_each_end_with_a_reminder() -> None:
    ends = Row("good", "atlas", "certificates; valid, long", "Renew \\ them.", ends="2027-11-26")
    text = calendar(status(ends, ends, Row("note", "no", "end")))
    assert text.startswith("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n") and text.endswith("END:VCALENDAR\r\n")
    assert text.count("BEGIN:VEVENT") == text.count("BEGIN:VALARM") == 1
    for line in (
        "DTSTART;VALUE=DATE:20271126", "UID:attic-atlas-2027-11-26@homelab-wizard", "DTSTAMP:20261126T120000Z",
        "SUMMARY:attic: atlas: certificates\\; valid\\, long", "DESCRIPTION:Renew \\\\ them.", "TRIGGER:-P14D",
    ):  # fmt: skip
        assert f"\r\n{line}\r\n" in text


def test_long_lines_of_a_calendar_are_folded_between_characters() -> None:
    text = calendar(status(Row("good", "atlas", "ü" * 120, ends="2027-11-26")))
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    assert "ü" * 120 in text.replace("\r\n ", "")


# -- certificates --------------------------------------------------------------------------------------------------


def certificates(tmp_path: Path, today: str, authorities: str | None = "2036-11-23") -> list[str]:
    state = State.open(tmp_path / "state.yaml", "homelab", lock=False)
    ends = {"until": "2027-11-26", "authorities_until": authorities, "seen": "2026-11-26T09:00:00+00:00"}
    state.evidence["machines"] = {
        "192.168.1.11": {"hostname": "atlas", "certificates": ends}, "192.168.1.12": {"hostname": "boreas"},
    }  # fmt: skip
    state.done["control-plane"] = "2026-11-26T11:43:05+00:00"
    text = remembered.status(state, [], "homelab", date.fromisoformat(today)).text()
    return [line for line in text.splitlines()[1:] if "certificate" in line or "authorities" in line or "Renew" in line]


def test_status_says_until_when_certificates_are_valid_and_when_that_was_seen(tmp_path: Path) -> None:
    (line,) = certificates(tmp_path, "2026-11-27")
    assert line.startswith("✓  atlas  certificates valid until 2027-11-26 (364 days), as seen 2026-11-26")


@pytest.mark.parametrize(
    ("today", "said"),
    [
        ("2027-10-27", "✓  atlas  certificates valid until 2027-11-26 (30 days)"),
        ("2027-10-28", "!  atlas  certificates valid until 2027-11-26 (29 days)"),
        ("2027-11-25", "!  atlas  certificates valid until 2027-11-26 (1 day)"),
        ("2027-11-27", "✗  atlas  certificates EXPIRED on 2027-11-26"),
    ],
)
def test_certificates_that_end_soon_are_a_warning_with_what_to_do(tmp_path: Path, today: str, said: str) -> None:
    line, *advice = certificates(tmp_path, today)
    assert line.startswith(said)
    assert bool(advice) is not line.startswith("✓")
    assert not advice or "homelab node upgrade" in advice[0]


def test_an_authority_is_only_mentioned_at_its_end(tmp_path: Path) -> None:
    _, line, _ = certificates(tmp_path, "2026-11-27", authorities="2026-12-01")
    assert line.startswith("!  atlas  authorities valid until 2026-12-01 (4 days)")


def test_evidence_of_another_shape_is_passed_over(tmp_path: Path) -> None:
    assert certificates(tmp_path, "2026-11-27", authorities=None)
    state = State.open(tmp_path / "other.yaml", "homelab", lock=False)
    state.evidence["machines"] = {"a": {"certificates": "x"}, "b": {"certificates": {"until": "never"}}, "c": 3}
    assert "valid until" not in remembered.status(state, [], "homelab").text()


# -- keys to the tailnet -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pi", "api", "lines"),
    [
        ("", "", []),
        ("2027-11-26T10:00:00Z", "", ["✓  atlas  key to the tailnet valid until 2027-11-26 (364 days)"]),
        ("2026-12-20T10:00:00Z", "", ["!  atlas  key to the tailnet valid until 2026-12-20 (23 days)", "key expiry"]),
        ("", "2026-11-28T10:00:00Z", ["!  tailnet  API key valid until 2026-11-28 (1 day)", "tailnet.api_key"]),
        ("", "2026-11-01T10:00:00Z", ["✗  tailnet  API key ENDED on 2026-11-01", "make a new one"]),
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
    text = remembered.status(state, [], "homelab", date(2026, 11, 27)).text()
    shown = "\n".join([*text.splitlines(), " ".join(text.split())])  # a fix may be folded
    assert all(part in shown for part in lines) and ("ends when" in text) is bool(lines)
