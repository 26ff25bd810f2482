"""Being told to end while a full screen is shown: leave as with Ctrl-C, or without a word when nobody can read it."""

from __future__ import annotations

import signal
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class TerminalGone(KeyboardInterrupt):
    """The terminal was closed, or the connection to it broke. To give it back, as Textual would, blocks for ever."""


@contextmanager
def signals(leave: Callable[[], object]) -> Iterator[None]:
    """While the app runs: being told to end means leaving as with Ctrl-C, or without a word when nobody can read it."""

    def told(number: int, frame: object) -> None:
        try:
            termios.tcgetattr(0)
        except (termios.error, OSError, ValueError):
            for late in (number, signal.SIGCONT, signal.SIGWINCH):  # Textual would want to draw for these
                signal.signal(late, signal.SIG_IGN)
            raise TerminalGone from None
        leave()

    before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
