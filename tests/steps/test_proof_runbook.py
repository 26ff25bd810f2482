"""The proof's table in the runbook: written once it has become different, alone, round trip, never over a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import proof, proof_runbook
from steps.proof import Measured, Proof
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe
from steps.reach.runbook import FILE, Told, rows
from tests.steps.repository_home import Home, again, git, kept, new, replaced
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError

HELLO, API = "hello (public)", "API server"


def row(place: str, what: str, expected: str, seen: str, verdict: str = "ok", **more: str) -> dict[str, str]:
    return {"from": place, "what": what, "expected": expected, "seen": seen, "verdict": verdict, **more}


ROWS = [
    row("LAN", HELLO, "answers", "answers"),
    row("outside", HELLO, "answers", "answers", phone="2026-11-20T10:00:00+00:00"),
    row("LAN", "public names", "10.0.0.61 or 203.0.113.7", "203.0.113.7"), row("outside", API, "closed", "timeout"),
    row("LAN", "certificate, public", "valid", "staging, until 2027-02-01"),
    row("VPN", HELLO, "answers", "no probe there", "not measured"),
    row("VPN", API, "closed", "it connects", "wrong"),
]  # fmt: skip
TABLE = (
    (HELLO, "answers", "not measured", "answers (a phone, 2026-11-20)"),
    ("public names", "the right address", "–", "–"), (API, "–", "WRONG, must be: closed", "closed"),
    ("certificate, public", "staging", "–", "–"),
)  # fmt: skip


def test_the_rows_become_a_line_for_each_thing_without_what_changes_by_itself() -> None:
    assert rows(ROWS) == TABLE
    later = [{**one, "seen": one["seen"].replace("2027-02-01", "2027-05-01")} for one in ROWS]
    assert rows(later) == TABLE
    assert "203.0.113.7" not in str(rows(ROWS))


def test_nothing_is_to_be_written_for_another_day_or_without_a_repository() -> None:
    assert proof_runbook.changes(ROWS, Told(TABLE, "2020-01-01"), "file:///far@main") == []
    assert proof_runbook.changes(ROWS, Told(), "") == []
    [change] = proof_runbook.changes(ROWS, Told(), "file:///far@main")
    assert change.sentence.startswith("write who reaches what into docs/runbook.md, push that to file:///far@main")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = new(tmp_path_factory.mktemp("home"))
    home.run()
    return kept(home)


@pytest.fixture
def home(made: Home) -> Home:
    return again(made)


def write(home: Home, table: Any = TABLE) -> Context:
    ctx = home.context()
    proof_runbook.write(ctx, table)
    return ctx


def last(home: Home) -> list[str]:
    return git(home.far, "show", "--format=", "--name-only", "main").split()


def test_the_table_is_written_alone_and_the_repository_agrees(home: Home) -> None:
    assert "Not measured yet" in home.show(FILE)
    before = git(home.far, "rev-parse", "main").strip()
    home.answers["repository"]["apps"] = ["hello", "pihole"]  # not written yet, and not to be written by the proof
    write(home)
    assert "| API server | – | WRONG, must be: closed | closed |" in home.show(FILE)
    assert "Measured on 20" in home.show(FILE) and "Not measured yet" not in home.show(FILE)
    assert git(home.far, "diff", "--name-only", before, "main").split() == [FILE]
    assert "pihole" in home.plan()[0]
    home.run()
    assert home.plan() == [] and "| API server |" in home.show(FILE)


def test_what_a_person_wrote_into_the_page_stays(home: Home) -> None:
    home.edit(replaced(FILE, ("## How to do things", "Ann's key is under the mat.\n\n## How to do things")))
    write(home)
    home.edit(
        replaced(FILE, ("| API server | – | WRONG, must be: closed | closed |", "| API server | I know | ok | ok |"))
    )
    table = (*TABLE[:2], (API, "–", "closed", "closed"), TABLE[3])
    write(home, table)
    text = home.show(FILE)
    assert "under the mat" in text and "| API server | I know | ok | ok |" in text
    assert home.plan() == []  # and nobody is asked about it


def test_a_push_that_fails_is_not_taken_for_done(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = home.context()

    def refuse(self: Any, commit: str) -> None:
        raise WizardError("The server is away.")

    monkeypatch.setattr("wizard.repo.Repo.push", refuse)
    with pytest.raises(WizardError, match="is away"):
        proof_runbook.write(ctx, TABLE)
    assert Told.recalled(ctx) == Told() and "Not measured yet" in home.show(FILE)


# -- the step, and the command -----------------------------------------------------------------------------------


def cells(verdict: Any = "ok") -> list[Cell]:
    return [Cell(Probe("LAN", "app", HELLO), verdict, "answers", Seen("http", 200, nonce=True))]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    found = cells()
    monkeypatch.setattr(proof, "measure", lambda ctx: Measured(list(found)))
    return found


def run(home: Home) -> list[str]:
    ctx = home.context()
    ctx.answers["proof"] = {}
    before = len(ctx.state.journal)
    for question in Proof.questions:
        ctx.answers["proof"].setdefault(question.key, None)
    Engine([Proof()], ctx, Consent(yes=True)).run_step(Proof())
    return [entry["change"] for entry in ctx.state.journal[before:]]


def test_the_step_writes_once_and_then_nothing_is_left(home: Home, measured: list[Cell]) -> None:
    assert run(home) == ["proof/record", "proof/runbook"]
    assert f"| {HELLO} | answers | – | – |" in home.show(FILE)
    head = git(home.far, "rev-parse", "main")
    assert run(home) == [] and git(home.far, "rev-parse", "main") == head
    assert home.plan() == []


def test_verify_tells_that_the_runbook_says_otherwise_and_writes_when_told_to(home: Home, measured: list[Cell]) -> None:
    ctx = home.context()
    assert "homelab verify --write" in proof.verify(ctx).text()
    found = proof.verify(ctx, write=True)
    assert found.good and "pushed to" in found.data()["runbook"] and last(home) == [FILE]
    assert proof.verify(ctx, write=True).data()["runbook"] == ""
    measured[:] = cells("wrong")
    found = proof.verify(ctx, write=True)
    assert not found.good and f"| {HELLO} | WRONG, must be: answers |" in home.show(FILE)


def test_verify_shows_the_table_also_when_it_can_not_be_written(
    home: Home, measured: list[Cell], monkeypatch: pytest.MonkeyPatch
) -> None:
    ctx = home.context()
    home.far.rename(home.far.with_suffix(".away"))
    found = proof.verify(ctx, write=True)
    home.far.with_suffix(".away").rename(home.far)
    assert not found.good and "The runbook was not written." in found.text() and HELLO in found.text()


def test_without_a_repository_there_is_nothing_to_write(home: Home, measured: list[Cell], tmp_path: Path) -> None:
    ctx = home.context()
    ctx.state.remember("repository", "commit", value=None)
    assert "no repository yet" in proof.verify(ctx, write=True).text()
