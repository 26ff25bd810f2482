"""What happens while steps run, as data. The engine emits, the front ends and the log listen.

Events are small frozen objects; text in them is already redacted. Listeners must not block: they are called
on whatever thread works for that host.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

WORKSTATION = "this computer"  # the host name shown for changes that do not belong to a Pi

StepStatus = Literal["waiting", "asking", "checking", "planning", "applying", "verifying", "done", "failed", "skipped"]


@dataclass(frozen=True)
class Event:
    at: float = field(default_factory=time.time, kw_only=True)


@dataclass(frozen=True)
class StepChanged(Event):
    """A step moved on. `detail` is a short sentence; for ``failed`` it is the error's first one."""

    step: str
    status: StepStatus
    detail: str = ""


@dataclass(frozen=True)
class Planned(Event):
    """The changes that a step would make, as sentences with their hosts."""

    step: str
    changes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ChangeStarted(Event):
    step: str
    change: str
    host: str
    sentence: str


@dataclass(frozen=True)
class ChangeEnded(Event):
    step: str
    change: str
    host: str
    sentence: str
    # lost: the connection broke, it is looked at again; stopped: by the person, it goes on at the next run
    outcome: Literal["done", "failed", "lost", "stopped", "would do"]
    seconds: float = 0.0


@dataclass(frozen=True)
class Progress(Event):
    """What a host is busy with now, in a few words: ``reading facts``, ``apt: unpacking kubelet``."""

    host: str
    text: str


@dataclass(frozen=True)
class Waiting(Event):
    """A wait that has a deadline. `left` is in seconds."""

    host: str
    what: str
    why: str
    left: float


@dataclass(frozen=True)
class Line(Event):
    """One line of output of a host, for the log."""

    host: str
    text: str


@dataclass(frozen=True)
class Note(Event):
    """Something the person should read: advice, a fingerprint, a table. `title` names it."""

    title: str
    text: str


Listener = Callable[[Event], None]


class Bus:
    """Delivers each event to every listener, in order, one event at a time."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []
        self._lock = threading.RLock()

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def emit(self, event: Event) -> None:
        with self._lock:
            for listener in self._listeners:
                listener(event)
