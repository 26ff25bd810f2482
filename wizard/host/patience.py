"""How long one piece of SSH work may take, and that it ends soon after the person leaves."""

from __future__ import annotations

import threading
import time

from wizard.errors import Interrupted

SLICE = 0.2  # seconds; nothing waits longer than this without looking at `stop`


class Patience:
    """A deadline `seconds` from now, and the event that ends every wait early."""

    def __init__(self, stop: threading.Event, seconds: float) -> None:
        self.stop, self.seconds = stop, seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds to the deadline; 0 when it has passed. Raises `Interrupted` when the person leaves."""
        if self.stop.is_set():
            raise Interrupted("Stopped.", fix="Run the same command again to go on.")
        return max(0.0, self._end - time.monotonic())

    def slice(self) -> float:
        """How long to wait in one go."""
        return min(SLICE, self.left())

    def wait(self, event: threading.Event) -> bool:
        """Waits for `event`; False when the deadline came first."""
        while not event.is_set():
            if self.left() <= 0:
                return False
            event.wait(self.slice())
        return True

    def sleep(self, seconds: float) -> None:
        """Sleeps, but not past the deadline."""
        end = time.monotonic() + min(seconds, self.left())
        while (rest := end - time.monotonic()) > 0:
            self.stop.wait(min(SLICE, rest))
            self.left()
