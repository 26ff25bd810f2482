"""How many certificates were given out for the same names, and when the next one can be had."""

from __future__ import annotations

import pytest

from steps.tls.meter import LIMIT, Issued, meter, together
from tests.steps.tls_home import HOUR, NAMES, NOW, issued


@pytest.mark.parametrize(
    ("made", "used", "free"),
    [
        ([], 0, None),
        (issued(1, 2, 3, 4), 4, None),
        (issued(1, 2, 3, 4, 5), 5, 163),
        (issued(1, 2, 3, 4, 167.5), 5, 0.5),
        (issued(1, 2, 3, 4, 168), 4, None),
        (issued(1, 2, 3, 4, 5, 100), 6, 163),
        (issued(1, 2, 3, 4) + issued(5, names=("*.other.duckdns.org",)), 4, None),
        (issued(1, 2, 3, 4) + issued(5, authority="https://own/dir"), 4, None),
        (issued(1, 1, 1, 1, 1), 1, None),
    ],
)
def test_the_meter(made: list[Issued], used: int, free: float | None) -> None:
    found = meter(made, NAMES, NOW)
    assert (found.used, found.free) == (used, None if free is None else NOW + free * HOUR)
    assert f"{used} of {LIMIT}" in found.text and ("from" in found.text) == (free is not None)


def test_the_order_of_names_is_none_and_a_certificate_seen_twice_is_one() -> None:
    both = issued(1, names=("a.test", "b.test"))
    assert meter(together(both, both, issued(2, names=("a.test",))), ("b.test", "a.test"), NOW).used == 1
    assert [one.at for one in together(issued(1), issued(9))] == [NOW - 9 * HOUR, NOW - HOUR]
