"""Hosts whose connection broke are waited for: they rebooted by themselves, or their network went away for a while."""

from __future__ import annotations

import threading

from wizard.errors import ConnectionLost, HostError, LoginRefused, Unreachable
from wizard.events import WORKSTATION, Bus, Progress, Waiting
from wizard.secret import redact
from wizard.world import World

COME_BACK_SECONDS = 300.0  # a Pi with a slow card and a file system to check needs minutes
LET_IN_SECONDS = 60.0  # while it boots, log-ins are refused; after this long they are refused for another reason
EVERY_SECONDS = 2.0
TIMES = 3  # how often one host may be lost in one step


class Absences:
    """The hosts that were lost since `begin`. Safe to use from several host lanes at once."""

    def __init__(self, world: World, bus: Bus) -> None:
        self._world, self._bus = world, bus
        self._lost: dict[str, list[str]] = {}  # address -> what was seen, each time
        self._lock = threading.Lock()

    def begin(self) -> None:
        """A step begins: what was lost in an earlier one no longer counts."""
        with self._lock:
            self._lost.clear()

    def wait_for(self, lost: ConnectionLost) -> None:
        """Returns once the host is connected again.

        Raises `Unreachable` when that takes longer than `COME_BACK_SECONDS` or happens for more than the third time,
        `LoginRefused` when it is up and lets nobody in, and `TrustError` when it is not the host that was lost.
        """
        host = lost.host or WORKSTATION
        with self._lock:
            seen = self._lost.setdefault(lost.address or host, [])
            seen.append(lost.what)
            if len(seen) > TIMES:
                raise _too_often(host, seen)
        began = self._world.now()
        self._bus.emit(Progress(host, "connection lost; waiting for it to come back"))
        self._until_back(lost, host, began)
        self._bus.emit(Progress(host, f"connected again after {self._world.now() - began:.0f} s; looking what is left"))

    def _until_back(self, lost: ConnectionLost, host: str, began: float) -> None:
        end, refused = began + COME_BACK_SECONDS, 0.0
        while True:
            try:
                return lost.come_back()
            except LoginRefused as error:
                refused = refused or self._world.now()
                if self._world.now() - refused >= LET_IN_SECONDS:
                    raise
                reason = error.what
            except HostError as error:
                reason = error.why or error.what
            left = end - self._world.now()
            if left <= 0:
                raise Unreachable(
                    f"The connection was lost and did not come back within {COME_BACK_SECONDS:.0f} seconds.",
                    f"{lost.what} Seen last: {reason}",
                    "Look at its lights, its screen and its cable. When it is up, run the same command again: it looks "
                    "first and does what is left.", host=host,
                )  # fmt: skip
            self._bus.emit(Waiting(host, "the host to come back", redact(reason), left))
            self._world.sleep(min(EVERY_SECONDS, left))


def _too_often(host: str, seen: list[str]) -> Unreachable:
    return Unreachable(
        f"The connection to this host broke {len(seen)} times in one step.",
        f"It came back {len(seen) - 1} times. {' '.join(f'({n}) {what}' for n, what in enumerate(seen, 1))}",
        "Usual causes are a weak power supply, a loose cable and Wi-Fi. Mend that, then run the same command again: it "
        "looks first and does what is left.", host=host,
    )  # fmt: skip
