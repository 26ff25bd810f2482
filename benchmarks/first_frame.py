"""How long `homelab` takes until something is to be seen, as a ratio to a bare Textual app, in turns in one run.

    python benchmarks/first_frame.py [--runs N] [--most RATIO]

Both run as processes in a pseudo terminal of 80 by 24, and are timed from their start until the first frame is there.
Prints the medians and the median of the ratios, also of the processor's time, which other programs disturb less; ends
with exit code 1 when both are above RATIO (1.3 unless told).
"""

from __future__ import annotations

import argparse
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from collections.abc import Mapping
from fcntl import ioctl
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BARE = """
from textual.app import App
from textual.widgets import Footer, Static

class Bare(App):
    def compose(self):
        yield Static("Machines")
        yield Footer()

Bare().run()
"""


def seconds(argv: list[str], text: bytes, environment: Mapping[str, str]) -> tuple[float, float]:
    """From the start of `argv` until `text` is on its screen: how long it took, and how long the processor worked."""
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    began = time.perf_counter()
    process = subprocess.Popen(
        argv, stdin=slave, stdout=slave, stderr=slave, env=environment, cwd=ROOT, start_new_session=True
    )
    os.close(slave)
    seen = b""
    while text not in seen:
        if not select.select([master], [], [], 60)[0]:
            raise SystemExit(f"{text!r} did not come: {seen[-400:]!r}")
        seen += os.read(master, 65536)
    taken = time.perf_counter() - began
    process.kill()
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = -9
    os.close(master)
    return taken, used.ru_utime + used.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--most", type=float, default=1.3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **os.environ, "TERM": "xterm-256color", "XDG_STATE_HOME": folder,
            "PYTHONPYCACHEPREFIX": f"{folder}/compiled",
        }  # fmt: skip
        environment.pop("PYTHONDONTWRITEBYTECODE", None)

        def pair() -> tuple[tuple[float, float], tuple[float, float]]:
            bare = seconds([sys.executable, "-c", BARE], b"Machines", environment)
            return bare, seconds([sys.executable, "-m", "wizard"], b"Machines", environment)

        pair()  # compiles
        pairs = [pair() for _ in range(args.runs)]
    ratios = []
    for at, what in enumerate(("until it is seen", "processor at work")):
        bare, ours = (statistics.median(each[at] for each in column) for column in zip(*pairs, strict=True))
        ratios.append(statistics.median(mine[at] / its[at] for its, mine in pairs))
        print(
            f"{what:18} a bare Textual app {bare * 1000:5.0f} ms, homelab {ours * 1000:5.0f} ms: {ratios[-1]:.2f} times"
        )
    print(f"(at most {args.most} times; load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    return 0 if min(ratios) <= args.most else 1


if __name__ == "__main__":
    sys.exit(main())
