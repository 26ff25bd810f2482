"""How many certificates Let's Encrypt has given out for the same names, and when it gives out the next one. Pure.

Five for the exact same set of names in 168 hours: https://letsencrypt.org/docs/rate-limits/. It gives one back every 34
hours; that is not counted on here, so that the meter errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wizard.errors import Blocked

LIMIT = 5
WINDOW = timedelta(hours=168)


@dataclass(frozen=True)
class Issued:
    """A certificate that an authority made. `authority` is its ACME directory, empty for Let's Encrypt's."""

    names: tuple[str, ...]  # sorted
    at: datetime
    serial: str  # hexadecimal
    authority: str = ""


@dataclass(frozen=True)
class Meter:
    """How many of `LIMIT` are used up for `names`; `free`: when one is free again, None while one is."""

    names: tuple[str, ...]
    used: int
    free: datetime | None = None

    @property
    def text(self) -> str:
        said = f"{self.used} of {LIMIT} in 168 hours"
        return f"{said}; the next one can be had from {self.free:%Y-%m-%d %H:%M} UTC" if self.free else said


def meter(issued: Iterable[Issued], names: Sequence[str], now: datetime) -> Meter:
    """The meter for exactly these names, whatever their order, at Let's Encrypt."""
    wanted = tuple(sorted(names))
    times = {one.serial: one.at for one in issued if not one.authority and one.names == wanted}
    recent = sorted(at for at in times.values() if now - at < WINDOW)
    return Meter(wanted, len(recent), recent[-LIMIT] + WINDOW if len(recent) >= LIMIT else None)


def together(*lists: Iterable[Issued]) -> list[Issued]:
    """All of them, each certificate once, the oldest first."""
    found = {(one.authority, one.serial): one for each in lists for one in each}
    return sorted(found.values(), key=lambda one: one.at)


def refuse_used_up(meters: Sequence[Meter], fix: str) -> None:
    """Raises `Blocked` when Let's Encrypt would give out no more; `fix` says what to do."""
    if full := [one for one in meters if one.free]:
        raise Blocked(
            f"Let's Encrypt gives out no more certificates for {' and '.join(', '.join(one.names) for one in full)}"
            " now.",
            "\n".join(f"{', '.join(one.names)}: {one.text}." for one in full),
            fix,
        )
