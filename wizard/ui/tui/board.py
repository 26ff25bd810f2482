"""What the screen knows: events added up to the state of each step and each host. No Textual in here."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wizard import events, report

KEPT = 5000  # lines of the log that can be scrolled back to; all of them are in the log file
RECENT = 50  # finished changes


@dataclass
class Host:
    """One row of the progress table."""

    name: str
    doing: str = ""
    done: int = 0
    total: int = 0
    began: float = 0.0
    ended: float = 0.0
    failed: bool = False
    waits: str = ""  # what it waits for, why, and for how long at most

    def elapsed(self, now: float) -> float:
        return (self.ended or now) - self.began if self.began else 0.0


@dataclass
class Board:
    """Fed with events in order; read by the widgets."""

    steps: Sequence[str]
    status: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    current: str = ""
    began: float = 0.0  # when the current step began to do what it does now
    hosts: dict[str, Host] = field(default_factory=dict)  # of the current step
    finished: deque[events.ChangeEnded] = field(default_factory=lambda: deque(maxlen=RECENT))
    notes: list[events.Note] = field(default_factory=list)
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT))
    written: int = 0  # lines ever added to `lines`

    def take(self, event: events.Event) -> None:
        """Adds one event."""
        match event:
            case events.StepChanged():
                self._step(event)
            case events.Planned(changes=changes):
                for host, _ in changes:
                    self._host(host).total += 1
            case events.ChangeStarted(host=host, sentence=sentence):
                self._begin(self._host(host), event.at, report.clean(sentence))
            case events.ChangeEnded():
                self._ended(event)
            case events.Progress(host=host, text=text):
                self._begin(self._host(host), event.at, report.clean(text))
            case events.Waiting(host=host):
                self._begin(self._host(host), event.at, report.clean(f"waiting for {event.what}"))
                self._host(host).waits = report.clean(report.waiting(event))
            case events.Note():
                self.notes.append(event)
        self.lines.append(f"{datetime.fromtimestamp(event.at):%H:%M:%S} {report.event_line(event)}")
        self.written += 1

    def _step(self, event: events.StepChanged) -> None:
        if event.step != self.current:
            self.current, self.began = event.step, event.at
            self.hosts.clear()
            self.finished.clear()
        if event.status == "checking":
            self._round(event.at)
        elif event.status in ("applying", "verifying"):
            for host in self.hosts.values():
                host.doing, host.began, host.ended = "", 0.0, 0.0
        if event.status in ("checking", "applying"):  # what was asked before does not count
            self.began = event.at
        self.status[event.step], self.detail = event.status, event.detail

    def _round(self, at: float) -> None:
        """A round begins: what is planned in it comes on top of what was done before."""
        if self.status.get(self.current) == "asking":
            self.began = at  # the time that answering took is not work
        for host in self.hosts.values():
            host.total, host.doing, host.began, host.ended, host.failed = host.done, "", 0.0, 0.0, False

    def _host(self, name: str) -> Host:
        return self.hosts.setdefault(name, Host(name))

    @staticmethod
    def _begin(host: Host, at: float, doing: str) -> None:
        host.doing, host.began, host.ended, host.waits = doing, host.began or at, 0.0, ""

    def _ended(self, event: events.ChangeEnded) -> None:
        host = self._host(event.host)
        host.waits = ""
        self.finished.append(event)
        if event.outcome == "failed":
            host.failed, host.ended = True, event.at
            return
        if event.outcome in ("lost", "stopped"):  # it is waited for, and then planned anew; or the next run goes on
            return
        host.done += 1
        if host.done >= host.total:
            host.doing, host.ended = "", event.at

    @property
    def number(self) -> int:
        """Which step is at work, counted from 1; 0 before the first."""
        return self.steps.index(self.current) + 1 if self.current in self.steps else 0
