"""`homelab status` put together: what was asked now in the place of what is remembered, within its deadline."""

from __future__ import annotations

import io
import json
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wizard import live
from wizard.errors import ExitCode, Unavailable, WizardError
from wizard.sections import Part, Seen, seen
from wizard.state import State
from wizard.status import Row, Status
from wizard.ui import standing_shown
from wizard.ui.out import Out


class World:
    def __init__(self) -> None:
        self.stop = threading.Event()


class Ctx:
    def __init__(self) -> None:
        self.world = World()


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State.open(tmp_path / "state.yaml", "attic", lock=False)
    made.evidence["machines"] = {"192.168.1.11": {"hostname": "atlas", "certificates": {"until": "2100-01-01"}}}
    return made


def look(state: State, *parts: Part, deadline: float = 1.0) -> Status:
    return live.look(parts, Ctx, state, (), "homelab", deadline)  # type: ignore[arg-type]


def said(key: str, *rows: Row, good: str = "well") -> Part:
    return Part(key, key.title(), look=lambda ctx: seen(key, key.title(), rows, good))


def away(ctx: Any) -> Seen | None:
    raise Unavailable("The cluster's API at 192.168.1.11:6443 can't be reached.", "Nothing answers there.")


def test_what_is_asked_comes_first_and_replaces_what_is_remembered(state: State) -> None:
    found = look(state, said("nodes", Row("good", "atlas", "ready")), said("certificates", Row("good", "*.x", "valid")))
    assert [one.name for one in found.sections] == ["nodes", "certificates", "known"]
    assert found.good and not found.unreachable and found.sections[0].source == "cluster"


def test_a_part_without_rows_says_its_sum(state: State) -> None:
    section = look(state, said("causes", good="nothing that the cluster tells")).section("causes")
    assert section is not None and section.rows == (Row("good", "", "nothing that the cluster tells"),)


def test_a_cluster_that_is_away_is_said_and_the_memory_shown(state: State) -> None:
    old = Part(
        "nodes", "Nodes", lambda state: seen("nodes", "Nodes", [Row("note", "atlas", "worker")], "", "2026"), away
    )
    found = look(state, old, Part("flux", "Flux", look=away))
    assert found.unreachable.startswith("Could not look: the cluster's API at 192.168.1.11:6443 can't be reached")
    assert [one.name for one in found.sections] == ["nodes", "known", "ends"]
    assert "remembers" in found.text()


def test_what_needs_no_cluster_is_told_although_it_is_away(state: State) -> None:
    found = look(state, Part("nodes", "Nodes", look=away), said("certificates", Row("good", "atlas", "valid")))
    assert found.unreachable and [one.name for one in found.sections] == ["certificates", "known"]


def test_one_part_that_fails_does_not_hide_the_others(state: State) -> None:
    found = look(state, said("nodes", Row("good", "atlas", "ready")), Part("flux", "Flux", look=away))
    assert not found.unreachable and found.section("flux").level == "unknown"  # type: ignore[union-attr]


def test_a_slow_cluster_ends_it_at_the_deadline(state: State) -> None:
    def slow(ctx: Any) -> Seen | None:
        ctx.world.stop.wait(20)
        raise WizardError("stopped")

    began = time.monotonic()
    found = look(state, Part("nodes", "Nodes", look=slow), deadline=0.3)
    assert time.monotonic() - began < 3 and "no answer within" in found.unreachable


# -- shown ------------------------------------------------------------------------------------------------------------

AT = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)


def shown(found: Status, tmp_path: Path, leave: threading.Event | None = None, **more: Any) -> tuple[int, str]:
    out = io.StringIO()
    given = {"as_json": False, "watch": False, "ics": None, **more}
    code = standing_shown.run(lambda: found, leave or threading.Event(), out=Out(out), **given)
    return code, out.getvalue()


def status(*rows: Row, **more: Any) -> Status:
    known = {"sections": (seen("ends", "Ends", rows, "").section,), "path": "/s", "at": AT, **more}
    return Status("attic", **known)


@pytest.mark.parametrize(
    ("found", "code"),
    [
        (status(Row("warn", "a", "b")), ExitCode.OK),
        (status(Row("bad", "a", "b")), ExitCode.NOT_READY),
        (status(next_step="Proof"), ExitCode.NOT_READY),
        (status(unreachable="Nothing answers."), ExitCode.NOT_READY),
    ],
)
def test_the_code_tells_whether_anything_is_to_do(found: Status, code: int, tmp_path: Path) -> None:
    assert shown(found, tmp_path)[0] == code
    assert json.loads(shown(found, tmp_path, as_json=True)[1])["cluster"] == "attic"


def test_watching_says_only_what_is_new_and_ends_when_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standing_shown, "EVERY", 0.01)
    leave, out, rounds = threading.Event(), io.StringIO(), iter(range(100))

    def find() -> Status:
        if (turn := next(rounds)) == 5:
            leave.set()
        return status(Row("good" if turn < 3 else "bad", "a", "b"))

    code = standing_shown.run(find, leave, as_json=False, watch=True, ics=None, out=Out(out))
    assert out.getvalue().count("Cluster attic") == 2 and code == ExitCode.NOT_READY


def test_a_calendar_is_written_and_never_over_something_else(tmp_path: Path) -> None:
    file = tmp_path / "ends.ics"
    for _ in range(2):
        _, text = shown(status(Row("good", "atlas", "certificates", ends="2027-11-26")), tmp_path, ics=file)
        assert "Written for your calendar" in text and "DTSTART;VALUE=DATE:20271126" in file.read_text()
    file.write_text("my own file")
    with pytest.raises(WizardError, match="no calendar that homelab has written"):
        shown(status(), tmp_path, ics=file)
    with pytest.raises(WizardError, match="could not be written"):
        shown(status(), tmp_path, ics=tmp_path / "nowhere" / "x.ics")
