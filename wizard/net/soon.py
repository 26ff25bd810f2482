"""Calls into libraries that block: left soon when the person leaves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from wizard.errors import Interrupted

T = TypeVar("T")


def soon(stop: threading.Event, work: Callable[[], T]) -> T:
    """Runs `work` and returns its result, or raises `Interrupted` within 0.2 seconds once `stop` is set.

    `work` then goes on in its thread until its own timeout, and its result is forgotten: so it must have one.
    """
    results: list[T] = []
    failures: list[BaseException] = []
    done = threading.Event()

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:  # handed to the caller below
            failures.append(error)
        done.set()

    threading.Thread(target=body, name="soon", daemon=True).start()
    while not done.wait(0.2):
        if stop.is_set():
            raise Interrupted("Stopped.", fix="Run the same command again to go on.")
    if failures:
        raise failures[0]
    return results[0]
