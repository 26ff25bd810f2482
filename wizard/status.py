"""How a cluster stands, as data: sections of rows, the same for the command, for JSON, for a dashboard and for a
calendar. Pure; what the state remembers is put into it by `wizard.remembered`, what the cluster says by `steps.status`.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from wizard.report import clean, wrapped

Level = Literal["good", "note", "warn", "bad", "unknown"]  # note: no judgement; unknown: it could not be looked at
MARKS: dict[Level, str] = {"good": "✓", "note": "·", "warn": "!", "bad": "✗", "unknown": "?"}
WORST: tuple[Level, ...] = ("bad", "warn", "unknown", "note", "good")  # what a section is worth at a glance
WIDTH = 80
PRODUCT = "PRODID:-//homelab-wizard//status//EN"  # the line by which a calendar of ours is known


@dataclass(frozen=True)
class Row:
    """One line. `code` is that of a finding (docs/doctor.md); `ends` is the day (ISO) on which something ends."""

    level: Level
    what: str  # whose, or of what: a node, a certificate
    text: str  # a few words
    fix: str = ""  # what to do; shown once below the section when several rows have the same
    code: str = ""
    ends: str = ""


@dataclass(frozen=True)
class Section:
    """Rows that belong together. `source` tells whether they were looked at now or are remembered."""

    name: str  # nodes, versions, flux, ends, backups, drift, journey, known, wrong
    title: str
    rows: tuple[Row, ...]
    source: Literal["cluster", "state"] = "state"

    @property
    def level(self) -> Level:
        """The worst of its rows."""
        levels = {row.level for row in self.rows}
        return next((level for level in WORST if level in levels), "good")


@dataclass(frozen=True)
class Status:
    """All of it. `unreachable`: why the cluster could not be asked, empty when it was; rows are then remembered."""

    cluster: str
    sections: tuple[Section, ...]
    path: str = ""  # of the state
    unreachable: str = ""
    next_step: str = ""  # the title of the first step that is not done
    next_name: str = ""  # and its name
    go_on: str = "homelab"  # the command that goes on
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def good(self) -> bool:
        """Whether every step is done and nothing is bad."""
        return not self.next_step and not any(section.level == "bad" for section in self.sections)

    def section(self, name: str) -> Section | None:
        return next((section for section in self.sections if section.name == name), None)

    def text(self) -> str:
        """For people: at most `WIDTH` columns where words allow it."""
        lines = [f"Cluster {self.cluster}, remembered in {self.path}"]
        if self.unreachable:
            lines += ["", *wrapped(f"! The cluster could not be asked. {self.unreachable}", WIDTH).splitlines()]
            lines += ["  What follows is what this computer remembers."]
        for section in self.sections:
            lines += ["", *_section(section)]
        end = f"Next: {self.next_step}. Go on with: {self.go_on}" if self.next_step else "Every step is done."
        return clean("\n".join([*lines, "", end]))

    def data(self) -> dict[str, Any]:
        """For programs. Keys are only ever added."""
        return {
            "form": 1, "cluster": self.cluster, "at": self.at.isoformat(timespec="seconds"), "good": self.good,
            "unreachable": self.unreachable, "next": self.next_step, "next_name": self.next_name,
            "sections": [
                {"name": one.name, "title": one.title, "level": one.level, "source": one.source,
                 "rows": [{key: clean(str(value)) for key, value in vars(row).items()} for row in one.rows]}
                for one in self.sections
            ],
        }  # fmt: skip


def _section(section: Section) -> Iterator[str]:
    yield section.title
    width = max((len(row.what) for row in section.rows), default=0)
    for row in section.rows:
        begin = f"{MARKS[row.level]}  {row.what.ljust(width)}  " if width else f"{MARKS[row.level]}  "
        room = max(WIDTH - len(begin), 30)
        first, *rest = textwrap.wrap(row.text, room, break_long_words=False, break_on_hyphens=False) or [""]
        yield f"{begin}{first}".rstrip()
        yield from (" " * len(begin) + line for line in rest)
    for fix in dict.fromkeys(row.fix for row in section.rows if row.fix):
        yield wrapped(fix, WIDTH, "   ")


# -- a calendar --------------------------------------------------------------------------------------------------------


def calendar(status: Status, remind_days: int = 14) -> str:
    """Every day on which something ends, as an iCalendar file (RFC 5545) with a reminder `remind_days` before."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", PRODUCT, "CALSCALE:GREGORIAN"]
    rows: dict[tuple[str, str], Row] = {}
    for section in status.sections:
        rows |= {(row.what, row.ends): row for row in section.rows if row.ends}
    for row in rows.values():
        lines += _event(status, row, remind_days)
    return "".join(f"{folded}\r\n" for line in [*lines, "END:VCALENDAR"] for folded in _folded(line))


def _event(status: Status, row: Row, remind_days: int) -> Sequence[str]:
    about = _escaped(f"{status.cluster}: {row.what}: {row.text}")
    name = "-".join(part for part in (status.cluster, row.what, row.ends) if part).replace(" ", "-")
    return [
        "BEGIN:VEVENT", f"UID:{_escaped(name)}@homelab-wizard", f"DTSTAMP:{status.at.astimezone(UTC):%Y%m%dT%H%M%SZ}",
        f"DTSTART;VALUE=DATE:{row.ends.replace('-', '')}", f"SUMMARY:{about}",
        *([f"DESCRIPTION:{_escaped(row.fix)}"] if row.fix else []),
        "BEGIN:VALARM", "ACTION:DISPLAY", f"DESCRIPTION:{about}", f"TRIGGER:-P{remind_days}D", "END:VALARM",
        "END:VEVENT",
    ]  # fmt: skip


def _escaped(text: str) -> str:
    flat = " ".join(clean(text).split())
    return flat.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")


def _folded(line: str) -> Iterator[str]:
    """At most 75 bytes a line; what goes on begins with a space."""
    start, rest = "", line
    while rest:
        room, take = 75 - len(start), len(rest)
        while len(rest[:take].encode()) > room:
            take -= 1
        yield start + rest[:take]
        start, rest = " ", rest[take:]
