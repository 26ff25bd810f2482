"""The full screen while five hosts print: how soon a key is painted, and how much memory it takes.

    python benchmarks/streaming.py keys     # 2,000 lines a second, from key press to paint: p99 at most 100 ms
    python benchmarks/streaming.py memory   # an hour of 200 lines a second, as fast as it goes: flat, at most 150 MB
    python benchmarks/streaming.py journey  # the whole demo on the full screen: at most 150 MB

Each ends with exit code 1 when its number does not hold. The app runs without a terminal: what a terminal itself takes
to show a frame is not in it; working out every frame is. What a key waits for a core that other programs use is told
apart by Linux, and does not count.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from textual.events import Key

from wizard.consent import Consent
from wizard.context import Context
from wizard.logfile import LogFile
from wizard.question import Answers
from wizard.session import Session
from wizard.state import State
from wizard.step import Change, Step
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.garbage import put_off

HOSTS = [f"10.0.0.{number}" for number in range(1, 6)]
BURST = 20  # lines
MOST_MEMORY, MOST_SECONDS, MOST_GROWTH = 150.0, 0.1, 8.0  # MB, seconds, MB


class World:
    """Time and a way to stop; nothing else is asked of it."""

    def __init__(self) -> None:
        self.stop = threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        self.stop.wait(seconds)


class Printing(Step[bool]):
    """Five hosts that print `lines` each, `pace` a second, or as fast as they are taken."""

    name, title, intro = "printing", "Printing", "Hosts print, and nothing else happens here."
    lines, pace = 0, 0.0

    def __init__(self) -> None:
        self.ended = False

    def check(self, ctx: Context) -> bool:
        return self.ended

    def plan(self, facts: bool, answers: Answers) -> list[Change]:
        return [] if facts else [Change("printing/print", "print", self.printer(host), host) for host in HOSTS]

    def printer(self, host: str) -> Any:
        def do(ctx: Context) -> None:
            began = time.monotonic()
            for number in range(self.lines):
                if ctx.world.stop.is_set():
                    break
                ctx.line(host, f"Get:{number} https://deb.example.org stable/main arm64 package-{number} [{number} kB]")
                if number % BURST == 0:  # lines come in as many as the network brings at once
                    wait = began + number / self.pace - time.monotonic() if self.pace else 0.005
                    time.sleep(max(0.0, wait))
            self.ended = True

        return do


def memory() -> float:
    """Resident now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def core_waited() -> float:
    """How long the main thread has waited for a core, in seconds; 0 where the system doesn't tell."""
    told = Path(f"/proc/self/task/{os.getpid()}/schedstat")
    return int(told.read_text().split()[1]) / 1e9 if told.exists() else 0.0


def told(what: str, seconds: Iterable[float]) -> float:
    """Prints the median and p99 of `seconds`; returns p99."""
    order = sorted(seconds)
    p99 = order[int(len(order) * 0.99) - 1]
    print(f"{what:32} median {statistics.median(order) * 1000:4.0f} ms, p99 {p99 * 1000:4.0f} ms")
    return p99


def session(folder: str, step: Printing) -> Session:
    state = State.open(Path(folder) / "state.yaml", "bench")
    made = Session([step], World(), state, log=LogFile(Path(folder) / "log", "bench"))  # type: ignore[arg-type]
    made.consent = Consent(yes=True)
    return made


class Timed(WizardApp):
    """Tells when the frame after Ctrl-L, which shows the log or takes it away, has been painted."""

    def __init__(self, made: Session) -> None:
        super().__init__(made)
        self.painted = asyncio.Event()

    def action_log(self) -> None:
        super().action_log()
        self.call_after_refresh(self.painted.set)


async def keys(presses: int = 300) -> int:
    step = Printing()
    step.lines, step.pace = 10**9, 400.0
    taken: list[tuple[float, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        app = Timed(session(folder, step))
        async with app.run_test(size=(120, 40)):
            await asyncio.sleep(2)
            for _ in range(presses):
                app.painted.clear()
                before = time.perf_counter(), core_waited(), time.thread_time()
                app._driver.send_message(Key("ctrl+l", None))  # type: ignore[union-attr] # as a real one does
                await asyncio.wait_for(app.painted.wait(), 30)
                after = time.perf_counter(), core_waited(), time.thread_time()
                taken.append((after[0] - before[0], after[1] - before[1], after[2] - before[2]))
                await asyncio.sleep(0.03)
            app.session.world.stop.set()
        await asyncio.to_thread(app.ended.wait, 20)
    load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    print(f"{presses} keys while 5 hosts print 2,000 lines a second; {load}")
    told("from key press to paint", (whole for whole, _, _ in taken))
    p99 = told("without waiting for a core", (whole - waited for whole, waited, _ in taken))
    told("of that at work for the screen", (worked for _, _, worked in taken))
    print(f"(p99 at most {MOST_SECONDS * 1000:.0f} ms without waiting for a core)")
    return 0 if p99 <= MOST_SECONDS else 1


async def hour(lines: int = 720_000) -> int:
    """200 lines a second for an hour, faster than that."""
    step = Printing()
    step.lines = lines // len(HOSTS)
    seen: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        app = WizardApp(session(folder, step))
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.press("ctrl+l")
            while not step.ended:
                await asyncio.sleep(0.5)
                seen.append(memory())
            await pilot.pause()
            seen.append(memory())
    tenth, last = seen[len(seen) // 10], seen[-1]
    print(
        f"{lines:,} lines: {tenth:.0f} MB after a tenth of them, {last:.0f} MB at the end, {max(seen):.0f} MB at most"
    )
    print(f"(at most {MOST_MEMORY:.0f} MB, and {MOST_GROWTH:.0f} MB more than after a tenth)")
    return 0 if max(seen) <= MOST_MEMORY and last - tenth <= MOST_GROWTH else 1


async def journey() -> int:
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    from steps import ORDER, nodes
    from tests.test_front_ends import walk
    from wizard.demo.start import prepared
    from wizard.opening import open_state

    with prepared(fast=True) as demo:
        made = Session(ORDER, demo.world, open_state("demo", demo.state), finish=nodes.close_all)
        made.proposing = demo.proposing
        app, most = WizardApp(made), 0.0

        async def watch() -> None:
            nonlocal most
            while True:
                most = max(most, memory())
                await asyncio.sleep(0.1)

        async with app.run_test(size=(120, 40)) as pilot:
            watching = asyncio.create_task(watch())
            await walk(app, pilot)
            watching.cancel()
        made.close()
    print(f"the whole journey: {most:.0f} MB at most (at most {MOST_MEMORY:.0f}; the simulated Pis are in it)")
    return 0 if most <= MOST_MEMORY else 1


if __name__ == "__main__":
    what = {"keys": keys, "memory": hour, "journey": journey}
    if len(sys.argv) != 2 or sys.argv[1] not in what:
        sys.exit(__doc__)
    with put_off():  # as on a person's terminal
        sys.exit(asyncio.run(what[sys.argv[1]]()))
