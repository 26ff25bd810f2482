"""What holds for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from wizard import secret


def _forget() -> Iterator[None]:
    before = set(secret._known)
    yield
    secret._known.clear()
    secret._known.update(before)


@pytest.fixture(autouse=True, scope="module")
def secrets_of_one_module() -> Iterator[None]:
    """Secrets stay masked as long as a process lives: what one test makes up must not mask the words of another."""
    yield from _forget()


@pytest.fixture(autouse=True)
def secrets_of_one_test(secrets_of_one_module: None) -> Iterator[None]:
    yield from _forget()
