"""What is known about a cluster, in sections of short lines: what the opening screen and the dashboard show.

A `Part` is data: what the state remembers about it, and how the world is asked. `Lookout` asks side by side, each part
in a thread of its own, with one deadline; what could not be looked at says so and why.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from wizard.context import Approval, Context, Revision
from wizard.errors import WizardError
from wizard.question import Prompt
from wizard.secret import redact
from wizard.state import State
from wizard.status import MARKS, Level, Row, Section

URGENT: tuple[Level, ...] = ("bad", "warn")

DEADLINE = 10.0  # seconds for one round of looks: an API that does not answer takes five to say so


@dataclass(frozen=True)
class Seen:
    """A section, and its sum in a few words. `at` is when that was so (ISO 8601), empty for just now."""

    section: Section
    summary: str
    at: str = ""

    @property
    def mark(self) -> str:
        """That of its worst row; what is only told does not count beside what is good."""
        levels = {row.level for row in self.section.rows}
        return MARKS["good" if levels <= {"good", "note"} and "good" in levels else self.section.level]

    @property
    def urgent(self) -> list[Row]:
        """The rows that want the person."""
        return [row for row in self.section.rows if row.level in URGENT]


def seen(name: str, title: str, rows: Sequence[Row], good: str, at: str = "") -> Seen:
    """The section of these rows. `good` sums it up, unless a row wants the person."""
    found = Seen(Section(name, title, tuple(rows), "state" if at else "cluster"), good, at)
    if not (bad := found.urgent):
        return found
    first = f"{bad[0].what}: {bad[0].text}" if bad[0].what else bad[0].text
    return replace(found, summary=first if len(bad) == 1 else f"{first}; and {len(bad) - 1} more")


def unknown(part: Part, why: str) -> Seen:
    """What is shown where a look failed."""
    row = Row("unknown", "", f"could not look: {why}")
    return Seen(Section(part.key, part.title, (row,), "cluster"), row.text)


@dataclass(frozen=True)
class Part:
    """One part of a cluster. `remembered` is pure, None when there is nothing yet.

    `look` asks the world and writes nothing, None when there is nothing to look at yet; it must not need a log-in
    that a person has to type.
    """

    key: str
    title: str
    remembered: Callable[[State], Seen | None] = lambda state: None
    look: Callable[[Context], Seen | None] | None = None


class Nobody:
    """The front end of a look: it has nobody to ask. Implements `wizard.context.FrontEnd`."""

    def ask(self, prompt: Prompt) -> object:
        raise WizardError(f"A look can't ask: {prompt.question.ask}")

    def confirm(self, approval: Approval) -> bool:
        return False

    def revise(self, revision: Revision) -> bool:
        return False

    def failed(self, step: str, error: WizardError) -> Literal["retry", "stop"]:
        return "stop"


Found = Callable[[str, Seen | None], None]  # a part's key, and what was found; None where there is nothing yet


class Lookout:
    """One round of looks. `found` is called once for each part, on the part's own thread or the deadline's."""

    def __init__(self, parts: Sequence[Part], ctx: Callable[[], Context], found: Found, deadline: float = DEADLINE):
        self._parts = {part.key: part for part in parts if part.look}
        self._make, self._found, self._deadline = ctx, found, deadline
        self._left = set(self._parts)
        self._lock = threading.Lock()
        self._ctx: Context | None = None
        self.over = threading.Event()

    def start(self) -> Lookout:
        """Begins; returns at once."""
        if not self._parts:
            self.over.set()
        for part in self._parts.values():
            threading.Thread(target=self._look, args=(part,), name=f"look {part.key}", daemon=True).start()
        if self._parts:
            threading.Thread(target=self._watch, name="look deadline", daemon=True).start()
        return self

    def stop(self) -> None:
        """Nobody wants to know any more."""
        with self._lock:
            self._left.clear()
            if self._ctx is not None:
                self._ctx.world.stop.set()
        self.over.set()

    def _context(self) -> Context:
        with self._lock:
            if self._ctx is None:
                self._ctx = self._make()
            return self._ctx

    def _look(self, part: Part) -> None:
        try:
            assert part.look is not None  # noqa: S101 — only such parts are here
            found = part.look(self._context())
        except WizardError as error:
            found = unknown(part, _short(error))
        except Exception as error:  # a mistake of ours costs one section, not the screen
            found = unknown(part, f"{type(error).__name__}, a mistake in homelab itself")
        self._tell(part.key, found)

    def _tell(self, key: str, found: Seen | None) -> None:
        with self._lock:
            if key not in self._left:
                return
            self._left.discard(key)
            done = not self._left
        self._found(key, found)
        if done:
            self.over.set()

    def _watch(self) -> None:
        if self.over.wait(self._deadline):
            return
        for key in tuple(self._left):
            self._tell(key, unknown(self._parts[key], f"no answer within {self._deadline:.0f} seconds"))
        self.stop()


def _short(error: WizardError) -> str:
    first = redact(error.sentences()[0]).strip().rstrip(".")
    return first[:1].lower() + first[1:] if first[1:2].islower() else first
