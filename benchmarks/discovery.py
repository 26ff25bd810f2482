"""How fast the hosts of a network are found: the first hit, the last one, the end, and whether one is ever missed.

    python benchmarks/discovery.py NETWORK [--runs N] [--expect ADDRESS,ADDRESS]

Scans NETWORK, which has to be your own, N times. Prints the median and the worst of each figure; ends with exit code 1
when the first hit takes longer than 0.1 s, the end longer than one connect timeout and 0.1 s for each 256 addresses,
or a host of ADDRESS,… (else: one that another run found) was missed. On the lab:

    tests/lab/lab ws .venv/bin/python benchmarks/discovery.py 198.18.0.0/24 --expect 198.18.0.30,198.18.0.31
"""

from __future__ import annotations

import argparse
import statistics
import sys
import threading
import time
from ipaddress import IPv4Network
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from wizard.net import scan


def once(network: str) -> tuple[float, float, float, set[str]]:
    """Seconds to the first hit, the last hit and the end; the addresses that showed a banner."""
    came: list[float] = []
    began = time.perf_counter()
    found = scan.scan(network, threading.Event(), lambda hit: came.append(time.perf_counter() - began))
    ended = time.perf_counter() - began
    return min(came, default=ended), max(came, default=ended), ended, {hit.address for hit in found if hit.banner}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("network")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--expect", default="")
    args = parser.parse_args()
    runs = [once(args.network) for _ in range(args.runs)]
    first, last, ended, found = zip(*runs, strict=True)
    everybody = set(filter(None, args.expect.split(","))) or set().union(*found)
    missed = [sorted(everybody - one) for one in found if everybody - one]
    waves = -(-IPv4Network(args.network).num_addresses // scan.AT_ONCE)
    most = waves * scan.CONNECT_SECONDS + 0.1
    print(f"{args.network}: {len(everybody)} hosts, {args.runs} runs, connect timeout {scan.CONNECT_SECONDS} s")
    print(f"first run   first hit {first[0]:6.3f} s  end   {ended[0]:6.3f} s   (libraries not imported before)")
    for name, column, limit in (("first hit", first, 0.1), ("last hit", last, most), ("end", ended, most)):
        middle, worst = statistics.median(column), max(column)
        print(f"{name:10}  median {middle:6.3f} s  worst {worst:6.3f} s   (median at most {limit:.1f})")
    print(f"missed      {missed or 'none in any run'}")
    return 0 if statistics.median(first) <= 0.1 and statistics.median(ended) <= most and not missed else 1


if __name__ == "__main__":
    sys.exit(main())
