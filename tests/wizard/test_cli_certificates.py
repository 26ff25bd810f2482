"""`homelab certificates` as a person types it; what it does is in tests/steps/test_tls.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from steps.tls import look
from tests.steps.tls_home import SIDES, home, put_certificate, put_secret
from wizard import cli
from wizard.commands import joint
from wizard.context import Context
from wizard.errors import ExitCode
from wizard.state import State


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    ctx = home(tmp_path)
    monkeypatch.setattr(joint, "real_world", lambda: ctx.world)
    return ctx


def words(ctx: Context, *given: str) -> list[str]:
    return ["certificates", *given, "--state", str(ctx.state.path), "--cluster", "attic"]


def test_it_shows_tells_programs_and_says_whether_all_is_well(made: Context, capsys: Any) -> None:
    before = made.state.path.read_text()
    assert cli.main(words(made)) == ExitCode.NOT_READY
    assert "no certificates yet" in capsys.readouterr().out
    for side in SIDES:
        put_certificate(made.world.api, side, look.STAGING)  # type: ignore[attr-defined]
        put_secret(made.world.api, side, look.STAGING)  # type: ignore[attr-defined]
    assert cli.main(words(made)) == ExitCode.OK
    assert "*.attic.duckdns.org" in capsys.readouterr().out
    assert cli.main(words(made, "--json")) == ExitCode.OK
    data = json.loads(capsys.readouterr().out)
    assert [one["issuer"] for one in data["certificates"]] == [look.STAGING] * 2
    assert made.state.path.read_text() == before, "looking writes nothing"


def test_promote_says_why_not_and_leaves_no_trace(made: Context, capsys: Any) -> None:
    assert cli.main(words(made, "promote", "--yes")) == ExitCode.FAILED
    assert "those of the test service are not ready" in " ".join(capsys.readouterr().err.split())
    state = State.open(made.state.path, "attic", lock=False)
    assert "certificate-switch" not in state.answers and state.answers["domains"]["issuer"] == "staging"
    assert cli.main(words(made, "promote", "--to", "somewhere")) == ExitCode.USAGE


def test_without_a_cluster_it_says_so(tmp_path: Path, capsys: Any) -> None:
    file = str(tmp_path / "none" / "state.yaml")
    assert cli.main(["certificates", "promote", "--state", file, "--yes"]) == ExitCode.BAD_INPUT
    assert "no cluster is known here" in " ".join(capsys.readouterr().err.split())
    assert cli.main(["certificates", "--state", file]) == ExitCode.FAILED
    assert "There is no cluster here yet." in capsys.readouterr().err
