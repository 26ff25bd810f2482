"""The demo's time: looks real, runs faster, or does not wait at all."""

from __future__ import annotations

import threading
import time

from wizard.errors import Interrupted

LANES = "lane"  # how `wizard.lanes` names its threads


class Clock:
    """Seconds of the simulated world. `speed` 10 lets ten of them pass in a real one; 0 never waits.

    Without waiting, each host lane has a time of its own, as if they slept side by side; everybody else is as late as
    the latest of them.
    """

    def __init__(self, speed: float, stop: threading.Event) -> None:
        self.speed, self.stop = speed, stop
        self._began = time.monotonic()
        self._latest = 0.0
        self._lane = threading.local()
        self._lock = threading.Lock()

    def now(self) -> float:
        """Seconds, monotonic."""
        if self.speed:
            return (time.monotonic() - self._began) * self.speed
        return float(getattr(self._lane, "at", self._latest))

    def sleep(self, seconds: float) -> None:
        """Lets `seconds` pass, or raises `Interrupted` as soon as `stop` is set."""
        left = self.stop.is_set()
        if self.speed:
            left = self.stop.wait(max(seconds, 0) / self.speed)
        else:
            with self._lock:
                later = self.now() + max(seconds, 0)
                if threading.current_thread().name.startswith(LANES):
                    self._lane.at = later
                self._latest = max(self._latest, later)
        if left:
            raise Interrupted("Stopped.", fix="Run the same command again to go on.")
