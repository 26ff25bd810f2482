"""Ctrl-C in a run without a full screen: once, everything ends where it can go on; twice, at once."""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from wizard.errors import ExitCode

ASKING, WORKING = b"a", b"w"  # what a signal interrupted
AGAIN = 1.0  # seconds that an input gets to end
SOON = 0.02  # seconds after which a signal that came to nothing is sent once more
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Leaving:
    """Holds the signals while a run lasts.

    The first one sets `stop`, which ends every wait and lets what runs on the hosts come to its end: raising
    an exception in the middle of a write would leave it half done. Only while the person is being asked does
    it raise `KeyboardInterrupt`, since an input can't be told to stop; once more where that was swallowed. The
    second leaves without waiting, which is safe too, since the state is saved as a whole after each change.

    A handler runs in the middle of whatever the main thread does, which may hold the very lock that setting
    `stop` or printing needs. So it only writes a byte to a pipe, and a thread does the rest.
    """

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._asking = self._again = False
        self._asked = threading.Event()  # an input has ended
        self._before: dict[int, Any] = {}
        self._reader, self._writer = os.pipe()
        self._unheard = unheard(lambda: None)  # the thread notices that an input goes on

    def __enter__(self) -> Leaving:
        threading.Thread(target=self._watch, name="leaving", daemon=True).start()
        for number in SIGNALS:
            self._before[number] = signal.signal(number, self._on_signal)
        self._unheard.__enter__()
        return self

    def __exit__(self, *unused: object) -> None:
        self._unheard.__exit__(None, None, None)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        os.close(self._writer)  # ends the thread

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Around reading from the person: Ctrl-C raises there."""
        before = self._asking
        self._asking = threading.current_thread() is threading.main_thread()
        self._asked.clear()
        try:
            yield
        finally:
            self._asking = before
            self._asked.set()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self._again:
            self._again = False
            if not self._asked.is_set():
                raise KeyboardInterrupt
            return
        os.write(self._writer, ASKING if self._asking else WORKING)
        if self._asking:
            self._asking = False
            raise KeyboardInterrupt

    def _watch(self) -> None:
        first = os.read(self._reader, 1)
        if first:
            self._stop.set()
        if first == WORKING:
            _say("Stopping: what runs now comes to its end. Press Ctrl-C again to leave at once.")
        if first == ASKING and not self._asked.wait(AGAIN):  # a finalizer, for instance, swallows what is raised in it
            self._again = True
            os.kill(os.getpid(), signal.SIGINT)
        if first and os.read(self._reader, 1):
            _say("Left at once.")
            os._exit(ExitCode.INTERRUPTED)
        os.close(self._reader)


def _say(text: str) -> None:
    """To standard error, past Python's buffers; nobody may be there to read it."""
    with suppress(OSError):
        os.write(2, f"{text}\n".encode())


@contextmanager
def unheard(again: Callable[[], object]) -> Iterator[None]:
    """Around what ends by a `KeyboardInterrupt` from a signal: calls `again` where something swallowed it.

    Finalizers and callbacks of weak references do, and Python shows a traceback for it, which says nothing to a person.
    `again` runs in the middle of anything, so it must not wait for a lock.
    """
    before = sys.unraisablehook

    def swallowed(what: sys.UnraisableHookArgs) -> None:
        if not issubclass(what.exc_type, KeyboardInterrupt):
            before(what)
        elif what.exc_type is KeyboardInterrupt:  # and not one with a way of its own to come back
            again()

    sys.unraisablehook = swallowed
    try:
        yield
    finally:
        sys.unraisablehook = before


@contextmanager
def told_to_end(*, last: bool) -> Iterator[None]:
    """Every signal ends the command as Ctrl-C does: folders are tidied, locks given back.

    `last`: the process has nothing to do after it, so a signal that comes while Python ends just ends it.
    """
    over = False

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    def soon() -> None:
        time.sleep(SOON)
        if not over:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    before = {number: signal.signal(number, interrupt) for number in SIGNALS}
    try:
        with unheard(lambda: _thread.start_new_thread(soon, ())):  # threading would wait for a lock
            yield
    finally:
        over = True
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if last else handler)


unprinted: list[str] = []  # why standard output took no more, unless its reader went away


def printed(code: int) -> int:
    """`code`, with what was said on its way to the terminal, or 1 when a success could not be told.

    Where nobody reads any more, Python would try once more, complain, and end with 120 instead.
    """
    for stream in (sys.__stdout__, sys.__stderr__):  # not what a full screen may have put in their place
        if stream is None:
            continue
        try:
            stream.flush()
        except OSError:
            code = code or ExitCode.FAILED
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, stream.fileno())
            os.close(null)
    if unprinted:
        with suppress(OSError):
            print(f"Not everything could be printed: {unprinted.pop()}.", file=sys.stderr, flush=True)
        unprinted.clear()
        code = code or ExitCode.FAILED
    return code
