"""The diagnosers: on a healthy home they find nothing; each fault put on it is named by its code, and no other."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from steps import flux_causes
from steps.why import walk
from steps.why.finding import catalogue, find, together
from tests.steps.why_cases import cases, sight

CASES = [pytest.param(case, id=f"{file}: {case['name']}") for file, case in cases()]
SOURCES = ("lab", "code", "field", "modelled")  # where the words are from; tests/cases/README.md explains


def test_there_are_as_many_as_were_asked_for() -> None:
    assert len(CASES) >= 150
    assert len({param.id for param in CASES}) == len(CASES)


def test_a_healthy_home_has_no_finding() -> None:
    assert [one.text() for one in walk.everything(sight({}))] == []


@pytest.mark.parametrize("case", CASES)
def test_a_fault_is_named_by_its_code_and_no_other(case: Mapping[str, Any]) -> None:
    assert str(case["source"]).split(":")[0] in SOURCES
    found = walk.everything(sight(case))
    told = "\n".join(one.text() for one in found)
    assert sorted({one.code for one in found}) == sorted(case["find"]), told
    if "once" in case:
        assert len(found) == case["once"], told
    assert re.search(str(case.get("say", "")), told), told
    for one in found:
        assert one.evidence, told
        assert one.fix and one.command and one.sentence.endswith("."), told
        assert "{" not in one.sentence + one.fix and "…" not in one.sentence, told


def test_every_code_has_a_case_that_finds_it() -> None:
    """Those that need more than objects have tests of their own: tests/steps/test_doctor.py."""
    elsewhere = {"api-away", "api-refuses", "node-host-key", "flux-gave-up", "server-unreachable"}
    assert set(catalogue()) - {code for _, case in cases() for code in case["find"]} - elsewhere == set()


def test_every_cause_of_a_wait_for_flux_has_a_code_of_the_catalogue() -> None:
    assert {cause.code for cause in flux_causes.CAUSES} <= set(catalogue())


@pytest.mark.parametrize("code", sorted(catalogue()))
def test_a_text_can_be_read(code: str) -> None:
    words = catalogue()[code]
    assert len(words.means) > 20 and len(words.fix) > 10 and len(words.show) > 8
    one = find(code, "Pod apps/web", ["seen"])
    assert re.fullmatch(r"([A-Z]|…|web|kube).*[^.]\.", one.sentence), one.sentence


def test_a_symptom_is_not_told_where_its_cause_is() -> None:
    cause, symptom = find("image-missing", "Pod a/b"), find("unknown", "Pod a/c")
    assert together([symptom, cause, cause]) == [cause]
    assert together([symptom]) == [symptom]


def test_a_secret_in_the_evidence_is_masked_and_what_is_long_is_cut() -> None:
    from wizard.secret import Secret

    secret = Secret("very-secret-word")
    one = find("unknown", "Pod a/b", [f"it printed {secret.reveal()} " + "x" * 900])
    assert "very-secret-word" not in one.text() and len(one.evidence[0]) < 450
