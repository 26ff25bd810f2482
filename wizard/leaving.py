"""Ctrl-C in a run without a full screen: once, everything ends where it can go on; twice, at once."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from wizard.errors import ExitCode

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Leaving:
    """Holds the signals while a run lasts.

    The first one sets `stop`, which ends every wait and lets what runs on the hosts come to its end: raising
    an exception in the middle of a write would leave it half done. Only while the person is being asked does
    it raise `KeyboardInterrupt`, since an input can't be told to stop. The second leaves without waiting,
    which is safe too, since the state is saved as a whole after each change.
    """

    def __init__(self, stop: threading.Event, say: Callable[[str], None]) -> None:
        self._stop, self._say = stop, say
        self._asking = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Leaving:
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        return self

    def __exit__(self, *unused: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around reading from the person: Ctrl-C raises there."""
        before = self._asking
        self._asking = threading.current_thread() is threading.main_thread()
        try:
            yield
        finally:
            self._asking = before

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._stop.is_set():
            self._say("Left at once.")
            os._exit(ExitCode.INTERRUPTED)
        self._stop.set()
        if self._asking:
            raise KeyboardInterrupt
        self._say("Stopping: what runs now comes to its end. Press Ctrl-C again to leave at once.")


@contextmanager
def told_to_end() -> Iterator[None]:
    """SIGTERM and a closed terminal end the command as Ctrl-C does: folders are tidied, locks given back."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
