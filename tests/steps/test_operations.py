"""From a capture and a small patch to what Prepare plans, what it writes, and nothing the second time. Tables only.

A case of ``tests/cases/operations/SYSTEM.yaml``:

- ``capture``: in ``tests/cases/facts``; ``sub``: section -> pattern -> replacement; ``set``: section -> text;
  ``remove``: sections; ``answers``: those of Prepare
- ``plan``: the ids of every change in order; ``says``: id -> sentence, for those that matter
- ``blocked``: what only the person can change, before anything is touched; ``stops``: what ends it on the way
- ``files``: path -> the exact text afterwards, null for a file that is not there
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps.prepare import Prepare
from wizard import yamlfile
from wizard.errors import Blocked, WizardError
from wizard.host import facts as read

ALONE = "192.0.2.10"  # the address of a capture that has none
CASES_FOLDER = Path(__file__).resolve().parent.parent / "cases"
CASES: dict[str, dict[str, Any]] = {
    f"{file.stem}/{name}": case
    for file in sorted((CASES_FOLDER / "operations").glob("*.yaml"))
    for name, case in yamlfile.load(file.read_text(encoding="utf-8")).items()
}
PLANNED = [name for name, case in CASES.items() if "plan" in case]
REFUSED = [name for name, case in CASES.items() if "blocked" in case]
STOPPED = [name for name, case in CASES.items() if "stops" in case]
SENTENCES = [(name, change) for name in PLANNED for change in CASES[name].get("says", {})]
FILES = [(name, path) for name in PLANNED for path in CASES[name].get("files", {})]


@dataclass
class Done:
    """What became of a case."""

    plan: dict[str, str] = field(default_factory=dict)
    blocked: str = ""
    stopped: str = ""
    files: dict[str, str] = field(default_factory=dict)
    again: list[tuple[str | None, str]] = field(default_factory=list)


@pytest.fixture(scope="module")
def done(alone):
    """Carries each case out once."""
    kept: dict[str, Done] = {}

    def of(name: str) -> Done:
        if name not in kept:
            kept[name] = carry_out(CASES[name], alone)
        return kept[name]

    return of


def carry_out(case: dict[str, Any], alone: Any) -> Done:
    sections = sections_of(case)
    address = next((address.ip for address in read.read_addresses(sections.get("address", ""))), ALONE)
    stage = alone(sections, address, prepare=case.get("answers", {}))
    step, done = Prepare(), Done()
    try:
        stage.plan(step)  # fills in the defaults
        changes = step.plan(step.check(stage.ctx), stage.ctx.answers)
    except Blocked as refusal:
        done.blocked = str(refusal)
        return done
    done.plan = {change.id.removeprefix("prepare/"): change.sentence for change in changes}
    assert len(done.plan) == len(changes)
    try:
        stage.run(step)
    except WizardError as error:
        done.stopped = str(error)
        return done
    sections = stage.sections(address)
    done.files = {name.removeprefix("file "): text for name, text in sections.items() if name.startswith("file ")}
    done.again = stage.run(step)
    return done


def sections_of(case: dict[str, Any]) -> dict[str, str]:
    """The capture's sections with the case's patch. A pattern has to match, or the case would show nothing."""
    text = (CASES_FOLDER / "facts" / f"{case['capture']}.out").read_text(encoding="utf-8")
    sections = {name: f"{part}\n" if part else "" for name, part in read.sections(text).items()}
    sections[".firmware"] = "cgroup_disable=memory"
    for name, pairs in case.get("sub", {}).items():
        for pattern, replacement in pairs.items():
            sections[name], count = re.subn(pattern, replacement, sections[name], flags=re.M)
            assert count, f"{pattern!r} matches nothing in {name}"
    sections |= case.get("set", {})
    for name in case.get("remove", []):
        del sections[name]
    return sections


@pytest.mark.parametrize("name", PLANNED)
def test_what_is_planned(name, done):
    assert done(name).blocked == ""
    assert list(done(name).plan) == CASES[name]["plan"]


@pytest.mark.parametrize(("name", "change"), SENTENCES)
def test_how_it_is_said(name, change, done):
    assert done(name).plan[change] == CASES[name]["says"][change]


@pytest.mark.parametrize(("name", "path"), FILES)
def test_what_is_written(name, path, done):
    expected, found = CASES[name]["files"][path], done(name).files.get(path)
    assert (found and found.strip("\n")) == (expected and expected.strip("\n"))


@pytest.mark.parametrize("name", [name for name in PLANNED if name not in STOPPED])
def test_twice_is_nothing(name, done):
    assert done(name).stopped == ""
    assert done(name).again == []


@pytest.mark.parametrize("name", STOPPED)
def test_what_stops_it_on_the_way(name, done):
    assert CASES[name]["stops"] in done(name).stopped


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name, done):
    assert CASES[name]["blocked"] in done(name).blocked
    assert done(name).plan == {}


def test_every_system_has_cases():
    systems = {"debian-12", "debian-13", "raspios-bookworm", "raspios-trixie", "ubuntu-24.04", "ubuntu-26.04"}
    assert {name.partition("/")[0] for name in CASES} == systems
