"""A person's edits and homelab's changes meet in one file: tables of cases, and what must hold for any of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps.gitops.merge import merge
from wizard import yamlfile

CASES: list[dict[str, Any]] = yamlfile.load(
    (Path(__file__).parent.parent / "cases" / "merge.yaml").read_text(encoding="utf-8")
)


def sides(case: dict[str, Any]) -> tuple[str, str, str]:
    return case["base"], case.get("theirs", case["base"]), case.get("wanted", case["base"])


@pytest.mark.parametrize("case", CASES, ids=[case["case"].replace(" ", "-") for case in CASES])
def test_yaml(case: dict[str, Any]) -> None:
    base, theirs, wanted = sides(case)
    found = merge("f.yaml", base, theirs, wanted)
    assert found.text == case["merged"]
    assert {c.way: [c.line, c.theirs, c.wanted] for c in found.conflicts} == case.get("conflicts", {})
    taken = merge("f.yaml", base, theirs, wanted, lambda conflict: True)
    assert taken.text == case.get("taken", case["merged"]) and taken.conflicts == found.conflicts
