"""Every golden repository is what its answers make, byte for byte, and holds no mistake."""

from __future__ import annotations

import pytest

from steps.gitops.validate import validate
from tests.golden.repositories import HERE, NAMES, as_files, as_text, repository, stored


@pytest.mark.parametrize("name", NAMES)
def test_the_answers_make_the_golden_repository(name: str) -> None:
    made = repository(name)
    assert as_files(stored(name)) == made, "If that is what you meant: make golden, and look at the diff."
    assert as_text(made) == stored(name)
    assert [finding.sentence() for finding in validate(made)] == []


def test_each_set_of_answers_has_its_repository_and_the_other_way_round() -> None:
    assert len(NAMES) >= 8
    assert sorted(file.stem for file in HERE.glob("*.txt")) == NAMES
    assert len({stored(name) for name in NAMES}) == len(NAMES)
