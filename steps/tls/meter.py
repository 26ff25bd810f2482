"""How many certificates Let's Encrypt has given out for the same names, and when it gives out the next one. Pure.

Five for the exact same set of names in 168 hours: https://letsencrypt.org/docs/rate-limits/. It gives one back every 34
hours; that is not counted on here, so that the meter errs on the safe side. And 50 for all names below a registered
domain, as each name at DuckDNS is; renewals do not count there, here they do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wizard.errors import Blocked

LIMIT = 5
DOMAIN_LIMIT = 50
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
    """How many of `limit` are used up for `names`; `free`: when one is free again, None while one is."""

    names: tuple[str, ...]
    used: int
    free: datetime | None = None
    limit: int = LIMIT

    @property
    def text(self) -> str:
        said = f"{self.used} of {self.limit} in 168 hours"
        return f"{said}; the next one can be had from {self.free:%Y-%m-%d %H:%M} UTC" if self.free else said


def meter(issued: Iterable[Issued], names: Sequence[str], now: datetime) -> Meter:
    """The meter for exactly these names, whatever their order, at Let's Encrypt."""
    wanted = tuple(sorted(names))
    times = {one.serial: one.at for one in issued if not one.authority and one.names == wanted}
    recent = sorted(at for at in times.values() if now - at < WINDOW)
    return Meter(wanted, len(recent), recent[-LIMIT] + WINDOW if len(recent) >= LIMIT else None)


def registered(name: str) -> str:
    """What of `name` is registered: three labels with DuckDNS, else two, which rather counts too much."""
    labels = name.split(".")
    return ".".join(labels[-3 if name.endswith(".duckdns.org") else -2 :])


def meters(issued: Iterable[Issued], names: Sequence[str], now: datetime) -> list[Meter]:
    """The meter for a certificate for each of `names`, and for the domains that they lie below."""
    known = list(issued)
    found = [meter(known, (name,), now) for name in names]
    for domain in dict.fromkeys(map(registered, names)):
        new = sum(registered(name) == domain for name in names)
        below = {one.serial: one.at for one in known if not one.authority and domain in map(registered, one.names)}
        recent = sorted(at for at in below.values() if now - at < WINDOW)
        over = len(recent) + new - DOMAIN_LIMIT  # so many of them must be older first
        free = recent[min(over, len(recent)) - 1] + WINDOW if over > 0 and recent else None
        found.append(Meter((f"all names below {domain}",), len(recent), free, DOMAIN_LIMIT))
    return found


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
