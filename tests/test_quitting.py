"""Quitting never hangs: some of the 200 seeded moments that `python -m tests.quitting` goes through."""

from __future__ import annotations

import pytest

from tests import quitting


@pytest.mark.timeout(300)
def test_it_ends_at_any_moment() -> None:
    assert quitting.moments(12, first=0) == []
