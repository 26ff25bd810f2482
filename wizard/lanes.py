"""Host lanes: one thread a host, side by side; a failure in one lets the others finish what they do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TypeVar

from wizard.errors import ConnectionLost, Interrupted, TrustError

T = TypeVar("T")
R = TypeVar("R")

MAX_LANES = 16  # more Pis than this take turns


def run_all(items: Iterable[T], work: Callable[[T], R], stop: threading.Event) -> dict[T, R]:
    """Runs `work(item)` for each item in a thread of its own and returns the results in the items' order.

    When one fails, the others still finish; then the gravest failure is raised, of equal ones the first in the
    items' order. On Ctrl-C `stop` is set, so that reads and waits end, and the lanes are waited for.
    """
    todo = list(items)
    if not todo:
        return {}
    with ThreadPoolExecutor(max_workers=min(len(todo), MAX_LANES), thread_name_prefix="lane") as pool:
        lanes: dict[T, Future[R]] = {item: pool.submit(work, item) for item in todo}
        pending = set(lanes.values())
        try:
            while pending:
                _, pending = wait(pending, timeout=0.2, return_when=FIRST_COMPLETED)
        except KeyboardInterrupt:
            stop.set()
            raise
    failures = [error for lane in lanes.values() if (error := lane.exception()) is not None]
    if failures:
        raise min(failures, key=_rank)
    return {item: lane.result() for item, lane in lanes.items()}


def _rank(failure: BaseException) -> int:
    """What is told first: another host than the approved one; a failure; what only has to be looked at again; and
    last what is no cause, but a consequence."""
    if isinstance(failure, Interrupted):
        return 3
    if isinstance(failure, ConnectionLost):
        return 2
    return 0 if isinstance(failure, TrustError) else 1
