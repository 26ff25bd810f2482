"""Events, changes, errors and results as plain text: what every front end and the log share.

Nothing here prints. Text that a host or a web service sent is passed through `clean`, so that it can't move
the cursor or change colours in the terminal of the person who reads it.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from wizard import events
from wizard.errors import CommandFailed, WizardError
from wizard.step import Change

if TYPE_CHECKING:
    from wizard.context import Affected, Approval, Outlook, Revision

SYMBOLS: Mapping[str, str] = {
    "waiting": "·", "asking": "?", "checking": "▶", "planning": "▶", "applying": "▶", "verifying": "▶",
    "done": "✓", "failed": "!", "skipped": "–",
}  # fmt: skip

DOING: Mapping[str, str] = {
    "waiting": "to come", "asking": "a question for you", "checking": "looking", "planning": "thinking",
    "applying": "working", "verifying": "looking again", "done": "done", "failed": "failed",
    "skipped": "skipped by you",
}  # fmt: skip

_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """`text` without escape sequences and control characters; line breaks and tabs stay."""
    return _CONTROLS.sub("", _ESCAPES.sub("", text.replace("\r\n", "\n")))


def duration(seconds: float) -> str:
    """How long something took, as a person says it: ``4 s``, ``2 min 05 s``, ``1 h 04 min``."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02} min"


def moment(iso: str) -> str:
    """A saved point in time in the reader's own time zone; the text itself when it is not one."""
    try:
        return datetime.fromisoformat(iso).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return iso


def wrapped(text: str, width: int = 80, indent: str = "") -> str:
    """`text` folded to `width` columns, its own line breaks kept."""
    fold = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n".join("\n".join(fold.wrap(line)) for line in text.splitlines())


def columns(rows: Sequence[Sequence[str]], gap: str = "  ") -> list[str]:
    """`rows` as lines with their cells aligned; the last cell is left as it is."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)][:-1]
    return [gap.join([*(c.ljust(w) for c, w in zip(row, widths, strict=False)), row[-1]]).rstrip() for row in rows]


# -- events ----------------------------------------------------------------------------------------------


def event_line(event: events.Event) -> str:
    """One event as one line, without its time."""
    match event:
        case events.StepChanged(step=step, status=status, detail=detail):
            text = f"{step}: {DOING[status]}{': ' + detail if detail else ''}"
        case events.Planned(step=step, changes=changes):
            text = f"{step}: {counted(len(changes), 'change')} to make" if changes else f"{step}: nothing to do"
        case events.ChangeStarted(host=host, sentence=sentence):
            text = f"{host}: {sentence} …"
        case events.ChangeEnded(host=host, sentence=sentence, outcome=outcome, seconds=seconds):
            said = "the connection broke" if outcome == "lost" else outcome
            text = f"{host}: {sentence}: {said}{f' ({duration(seconds)})' if outcome != 'would do' else ''}"
        case events.Progress(host=host, text=doing):
            text = f"{host}: {doing}"
        case events.Waiting():
            text = f"{event.host}: {waiting(event)}"
        case events.Line(host=host, text=line):
            text = f"{host} | {line}"
        case events.Note(title=title, text=note):
            text = f"{title}: {note}"
        case _:
            text = repr(event)
    return clean(text).replace("\n", " ⏎ ").replace("\t", " ")


def waiting(event: events.Waiting) -> str:
    """What is waited for, why it is not there yet, and how long it may still take."""
    why = f" ({event.why})" if event.why else ""
    return f"waiting for {event.what}{why}, at most {duration(event.left)} more"


class Quiet:
    """Tells which events are worth a line: a wait or a progress text only when it says something new.

    Waits are repeated every 30 seconds, so that a silent screen is never mistaken for a hanging one.
    """

    REPEAT = 30.0

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, float]] = {}

    def worth(self, event: events.Event) -> bool:
        if isinstance(event, events.Line):
            return False
        if isinstance(event, events.Progress):
            return self._new(event.host, event.text, event.at, float("inf"))
        if isinstance(event, events.Waiting):
            return self._new(event.host, f"{event.what}\n{event.why}", event.at, self.REPEAT)
        return True

    def _new(self, host: str, text: str, at: float, repeat: float) -> bool:
        before, when = self._last.get(host, ("", 0.0))
        if text == before and at - when < repeat:
            return False
        self._last[host] = (text, at)
        return True


# -- changes ---------------------------------------------------------------------------------------------


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def by_host(approval: Approval) -> list[tuple[str, list[Change]]]:
    """The changes under the host each belongs to, hosts in the order in which they first appear."""
    groups: dict[str, list[Change]] = {}
    for change in approval.changes:
        name = events.WORKSTATION if change.host is None else approval.names.get(change.host, change.host)
        groups.setdefault(name, []).append(change)
    return list(groups.items())


def alike(approval: Approval) -> list[tuple[str, list[Change]]]:
    """As `by_host`, but what is the same on several hosts stands once, under the names of them all."""
    groups = by_host(approval)
    where: dict[str, list[str]] = {}
    for name, changes in groups:
        for change in changes:
            where.setdefault(change_line(change), []).append(name)
    found: dict[str, list[Change]] = {}
    for _, changes in groups:
        for change in changes:
            if names := where.pop(change_line(change), None):
                found.setdefault(listed(list(dict.fromkeys(names))), []).append(change)
    return list(found.items())


def listed(names: Sequence[str]) -> str:
    """The names as a person lists them: ``one, two and three``."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def change_line(change: Change) -> str:
    """A change in a list to approve; a dangerous one says so, and by which name it can be allowed."""
    warning = f"  {change.mark} ({change.id})" if change.mark else ""
    return clean(f"{change.sentence}{warning}")


def revision_parts(revision: Revision) -> list[tuple[str, list[str]]]:
    """What comes of changing an earlier answer: headings, each with its lines."""
    parts = [(f"{revision.title}: {revision.ask}", [f"before: {revision.before}", f"after: {revision.after}"])]
    if revision.again:
        parts.append(("These are asked again:", [_affected(each) for each in revision.again]))
    if revision.dropped:
        parts.append(("These answers are no longer needed:", [_affected(each) for each in revision.dropped]))
    if revision.looked_at:
        parts.append((f"These were done and are looked at again: {', '.join(revision.looked_at)}.", []))
        nothing = all(each.answered and not each.blocked and not each.changes for each in revision.outlooks)
        told = ["nothing"] if nothing else outlook_text(revision.outlooks, revision.names).splitlines()
        parts.append(("What would change, as far as it can be seen from here:", told))
    return [(clean(heading), [clean(line) for line in lines]) for heading, lines in parts]


def _affected(each: Affected) -> str:
    return f"- {each.step}: {each.ask}{f' {each.why}' if each.why else ''}"


def latest(notes: Iterable[events.Note]) -> list[events.Note]:
    """The notes in order; of several with the same title, as each look at the world makes them, the last."""
    last = {note.title: note for note in notes}
    return list(last.values())


# -- errors ----------------------------------------------------------------------------------------------


def error_text(error: WizardError, width: int = 80) -> str:
    """The error's sentences, one paragraph each, and the last lines that the host printed."""
    parts = [wrapped(clean(sentence), width) for sentence in error.sentences()]
    if error.cause:  # what docs/doctor.md says about it is found by this
        parts.append(f"(code: {error.cause})")
    if isinstance(error, CommandFailed) and error.output.strip():
        parts += ["It printed last:", *(f"  {line}" for line in clean(error.output).strip().splitlines()[-8:])]
    return "\n".join(parts)


# -- results ---------------------------------------------------------------------------------------------


@dataclass
class _Part:
    began: float
    ended: float
    status: str = "waiting"
    changes: int = 0
    hosts: set[str] = field(default_factory=set)


class Summary:
    """Listens to a run and tells at its end, for each step, how long it took and what ran."""

    def __init__(self) -> None:
        self.parts: dict[str, _Part] = {}

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.StepChanged):
            part = self.parts.setdefault(event.step, _Part(event.at, event.at))
            part.status, part.ended = event.status, event.at
        elif isinstance(event, events.ChangeEnded) and event.step in self.parts:
            part = self.parts[event.step]
            part.ended = event.at
            if event.outcome == "done":
                part.changes += 1
                part.hosts.add(event.host)

    def rows(self) -> list[tuple[str, str, str]]:
        """Step, seconds, what ran: one row each, in the order in which they ran."""
        return [(step, f"{part.ended - part.began:.1f}", self._ran(part)) for step, part in self.parts.items()]

    @staticmethod
    def _ran(part: _Part) -> str:
        ran = f"{counted(part.changes, 'change')} on {_places(part.hosts)}" if part.changes else ""
        if part.status == "done":
            return ran or "nothing to do"
        return f"{'failed' if part.status == 'failed' else 'not finished'}{' after ' + ran if ran else ''}"

    def table(self) -> str:
        return "\n".join(columns([("step", "seconds", "what ran"), *self.rows()]))


def _places(hosts: set[str]) -> str:
    """Where changes were made: the host's name when it is one, else how many, and this computer."""
    away = sorted(set(hosts) - {events.WORKSTATION})
    parts = [away[0] if len(away) == 1 else counted(len(away), "host")] if away else []
    if events.WORKSTATION in hosts:
        parts.append(events.WORKSTATION)
    return " and ".join(parts)


def outlook_text(outlooks: Iterable[Outlook], names: Mapping[str, str]) -> str:
    """What `plan` found, step by step; `names` are the hosts' names by address."""
    from wizard.context import Approval  # slow to import: not where a screen is waited for

    lines: list[str] = []
    for outlook in outlooks:
        if outlook.blocked is not None:
            lines += [f"! {outlook.step}: can't be planned yet"]
            lines += [wrapped(clean(sentence), 80, "    ") for sentence in outlook.blocked.sentences()]
        elif not outlook.answered:
            lines += [f"? {outlook.step}: answers are missing, its own or those of a step before it"]
        elif not outlook.changes:
            lines += [f"✓ {outlook.step}: nothing to do"]
        else:
            lines += [f"· {outlook.step}: {counted(len(outlook.changes), 'change')}"]
            for host, changes in by_host(Approval(outlook.step, "", outlook.changes, dict(names))):
                lines += [f"    {host}", *(f"      {change_line(change)}" for change in changes)]
    return "\n".join(lines)
