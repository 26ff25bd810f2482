"""Being told to end while a full screen is shown: leave as with Ctrl-C, or without a word when nobody can read it."""

from __future__ import annotations

import asyncio
import signal
import termios
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from textual.app import App

LOOK = 2.0  # seconds between two looks at the terminal: not every terminal that goes says so


class TerminalGone(KeyboardInterrupt):
    """The terminal was closed, or the connection to it broke. To give it back, as Textual would, blocks for ever."""


def run(app: App[Any], leave: Callable[[], object], *, headless: bool = False) -> None:
    """Runs `app` until the terminal is given back. Raises `TerminalGone`; whatever comes, no thread stays behind."""
    loop = asyncio.new_event_loop()  # our own: asyncio.run would wait for every thread without an end
    pool = ThreadPoolExecutor()
    loop.set_default_executor(pool)
    with signals(lambda: loop.call_soon_threadsafe(leave), lambda: loop.call_soon_threadsafe(_vanish)):
        try:
            app.run(loop=loop, headless=headless)
        finally:
            pool.shutdown(wait=False)  # even a thread at whose start the signal came, which Python would wait for
            if reading := getattr(app._driver, "exit_event", None):
                reading.set()  # the thread that reads keys ends, which Textual could not always tell it


def _vanish() -> None:
    raise TerminalGone


def watch_terminal(app: App[Any]) -> None:
    """From now on a terminal that is gone without a word ends `app`, as if it had said so."""
    if not app.is_headless:
        app.set_interval(LOOK, lambda: signal.raise_signal(signal.SIGHUP) if gone() else None)


def gone() -> bool:
    """Whether nobody can read or type any more."""
    try:
        termios.tcgetattr(0)
    except (termios.error, OSError, ValueError):
        return True
    return False


@contextmanager
def signals(leave: Callable[[], object], vanish: Callable[[], object]) -> Iterator[None]:
    """While the app runs: being told to end means leaving as with Ctrl-C, or without a word when nobody can read it.

    Without a word is `TerminalGone`, raised wherever the app is, as it may be waiting for the terminal. That can be in
    a place which swallows it, such as a finalizer: `vanish` has to raise it once more from the loop, where that runs.
    """

    def told(number: int, frame: object) -> None:
        if gone():
            for late in (number, signal.SIGCONT, signal.SIGWINCH):  # Textual would want to draw for these
                signal.signal(late, signal.SIG_IGN)
            vanish()
            raise TerminalGone from None
        leave()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
