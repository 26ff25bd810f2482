"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wizard import secret


@pytest.fixture(autouse=True)
def secrets_of_one_test() -> Iterator[None]:
    """Secrets stay masked as long as a process lives: what one test makes up must not mask the words of another."""
    before = set(secret._known)
    yield
    secret._known.clear()
    secret._known.update(before)
