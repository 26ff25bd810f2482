"""`--json`: what the commands print on a simulated home is what docs/json.md says, and nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER
from steps.tls import look
from tests.steps.tls_home import SIDES, home, put_certificate, put_secret
from wizard import cli
from wizard.commands import joint
from wizard.demo.start import Demo, prepared
from wizard.errors import ExitCode

DOCUMENT = (Path(__file__).resolve().parent.parent / "docs" / "json.md").read_text()
Homelab = Callable[..., tuple[int, dict[str, Any]]]


def documented(name: str) -> set[str]:
    """The fields in the second column of the row whose first column is `name`."""
    (row,) = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", DOCUMENT, re.MULTILINE)
    return set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row)))


@pytest.fixture(scope="module")
def demo() -> Iterator[Demo]:
    with prepared(fast=True) as made:
        yield made


@pytest.fixture
def homelab(demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Homelab:
    """Runs the command on the simulated home: its exit code and what it printed as JSON."""
    monkeypatch.setattr(joint, "real_world", lambda: demo.world)

    def run(*words: str) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = cli.main([*words, "--state", str(demo.state)])
        return code, json.loads(capsys.readouterr().out)

    return run


def test_plan_before_and_after_the_journey_and_verify(demo: Demo, homelab: Homelab) -> None:
    answers = ("--answers", str(demo.answers))
    code, plan = homelab("plan", "--json", *answers)
    assert code == ExitCode.NOT_READY
    assert set(plan) == documented("`plan`")
    assert [step["step"] for step in plan["steps"]] == [step.name for step in ORDER]
    statuses = {step["step"]: step["status"] for step in plan["steps"]}
    assert statuses["machines"] == "changes"
    assert statuses["control-plane"] == "blocked"
    for step in plan["steps"]:
        assert set(step) == documented("`plan`: `steps`")
        assert all(set(change) == documented("`plan`: `changes`") for change in step["changes"])
        assert (step["blocked"] is not None) == (step["status"] == "blocked")
        assert step["blocked"] is None or set(step["blocked"]) == documented("`plan`: `blocked`")
    assert plan["changes"] == sum(len(step["changes"]) for step in plan["steps"]) > 3

    assert cli.main(["run", *answers, "--yes", "--state", str(demo.state)]) == ExitCode.OK
    code, plan = homelab("plan", "--json")
    assert (code, plan["changes"]) == (ExitCode.OK, 0)
    assert {step["status"] for step in plan["steps"]} == {"done"}
    assert all(set(note) == documented("`plan`: `notes`") for note in plan["notes"])

    code, proof = homelab("verify", "--json")
    assert code == ExitCode.OK
    assert set(proof) == documented("`verify`")
    assert len(proof["rows"]) > 3
    assert all(set(row) == documented("`verify`: `rows`") for row in proof["rows"])

    code, reset = homelab("reset", "--plan", "--json")
    assert code == ExitCode.NOT_READY
    assert set(reset) == documented("`plan`")
    assert any(change["danger"] for step in reset["steps"] for change in step["changes"])


def test_plan_without_answers_says_so(
    tmp_path: Path, demo: Demo, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(joint, "real_world", lambda: demo.world)
    assert cli.main(["plan", "--json", "--state", str(tmp_path / "state.yaml")]) == ExitCode.NOT_READY
    plan = json.loads(capsys.readouterr().out)
    assert {step["status"] for step in plan["steps"]} == {"unanswered"}


def test_certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    ctx = home(tmp_path)
    monkeypatch.setattr(joint, "real_world", lambda: ctx.world)
    for side in SIDES:
        put_certificate(ctx.world.api, side, look.STAGING)  # type: ignore[attr-defined]
        put_secret(ctx.world.api, side, look.STAGING)  # type: ignore[attr-defined]
    assert cli.main(["certificates", "--json", "--state", str(ctx.state.path), "--cluster", "attic"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert set(found) == documented("`certificates`")
    assert len(found["certificates"]) == 2
    assert all(set(one) == documented("`certificates`: `certificates`") for one in found["certificates"])


def test_what_can_go_wrong_in_the_demo(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--list-faults", "--json"]) == ExitCode.OK
    found = json.loads(capsys.readouterr().out)
    assert set(found) == documented("`demo --list-faults`")
    assert all(set(fault) == documented("`demo --list-faults`: `faults`") for fault in found["faults"])
    assert cli.main(["demo", "--json"]) == ExitCode.USAGE


def test_json_of_a_reset_is_only_for_looking(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reset", "--json"]) == ExitCode.USAGE
    assert "needs --plan" in capsys.readouterr().err
