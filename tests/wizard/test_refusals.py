"""What git, ssh and the servers print, word by word, is told in three sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wizard import yamlfile
from wizard.errors import TrustError
from wizard.realworld import RealWorld
from wizard.refusals import REFUSALS, GitRefused
from wizard.repo import Repo

FILE = Path(__file__).parents[1] / "cases" / "refusals.yaml"
CASES: list[dict[str, Any]] = yamlfile.load(FILE.read_text())
URL = "ssh://git@git.example.org/me/homelab.git"


def told(words: str) -> Any:
    return Repo(RealWorld(), URL, "main", Path("/nowhere")).refused(f"Warning: noise\n{words}", pushing=True)


@pytest.mark.parametrize("case", CASES, ids=[f"{one['kind'] or 'unknown'}, {one['from'][:40]}" for one in CASES])
def test_what_is_printed_is_told(case: dict[str, Any]) -> None:
    error = told(case["words"])
    if case["kind"] == "host key":
        assert isinstance(error, TrustError)
    else:
        assert isinstance(error, GitRefused) and error.kind == case["kind"]
    assert error.what.endswith(".") and error.fix.endswith(".") and "{" not in str(error)
    assert case.get("says", "") in error.why
    assert "remote:" not in error.why and "[remote rejected]" not in error.why


def test_every_refusal_has_a_case() -> None:
    assert {one.kind for one in REFUSALS} == {one["kind"] for one in CASES} - {""}


def test_what_is_unknown_is_quoted() -> None:
    error = told("fatal: something new\n")
    assert error.what == f"{URL} could not be pushed to." and error.why == "git says: fatal: something new"
