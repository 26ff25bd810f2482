"""How long `homelab --version` takes, as a ratio to the interpreter's own start, measured in turns in one run.

    python benchmarks/startup.py [--runs N] [--most RATIO]

Prints the medians and their ratio; ends with exit code 1 when the ratio is above RATIO (3 unless told).
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BARE = (sys.executable, "-c", "pass")


def command() -> tuple[str, ...]:
    """The installed `homelab` beside this interpreter, or the checkout's."""
    installed = Path(sys.executable).with_name("homelab")
    return (str(installed), "--version") if installed.exists() else (sys.executable, "-m", "wizard", "--version")


def seconds(argv: tuple[str, ...]) -> float:
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - began


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--most", type=float, default=3.0)
    args = parser.parse_args()
    ours = command()
    for argv in (BARE, ours):
        seconds(argv)  # the first run reads files that the others find in memory
    pairs = [(seconds(BARE), seconds(ours)) for _ in range(args.runs)]
    bare, full = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"python -c pass     {bare * 1000:6.1f} ms")
    print(f"homelab --version  {full * 1000:6.1f} ms   ({' '.join(ours)})")
    print(f"ratio              {full / bare:6.2f}      (at most {args.most})")
    return 0 if full / bare <= args.most else 1


if __name__ == "__main__":
    sys.exit(main())
