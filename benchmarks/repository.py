"""How long it takes to render a repository and to validate it, in a fresh process and once more in the same one.

    python benchmarks/repository.py [--runs N] [--most SECONDS]

For each golden repository the medians of N fresh processes, in seconds of processor time, so that what else the
machine does counts little. `cold` is Python's own start, all imports, rendering and validating; reading the answers is
left out. Ends with exit code 1 when a median of `cold` is above SECONDS (1 unless told).
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
ONCE = """
import json, sys, time
from steps.gitops.render import render
from steps.gitops.validate import validate
parts = {"start": time.process_time()}
from tests.golden.repositories import settings
chosen = settings(sys.argv[1])
for again in ("", " again"):
    began = time.process_time()
    files = render(chosen)
    parts["render" + again] = time.process_time() - began
    began = time.process_time()
    assert validate(files) == []
    parts["validate" + again] = time.process_time() - began
print(json.dumps(parts))
"""


def once(name: str) -> dict[str, float]:
    done = subprocess.run([sys.executable, "-c", ONCE, name], check=True, capture_output=True, text=True, cwd=ROOT)
    parts: dict[str, float] = json.loads(done.stdout)
    return {"cold": parts["start"] + parts["render"] + parts["validate"], **parts}


def main() -> int:
    from tests.golden.repositories import NAMES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--most", type=float, default=1.0)
    args = parser.parse_args()
    columns = ("cold", "start", "render", "validate", "render again", "validate again")
    print(f"{'seconds':22}", *(f"{column:>14}" for column in columns))
    slow = []
    for name in NAMES:
        runs = [once(name) for _ in range(args.runs)]
        middle = {column: statistics.median(run[column] for run in runs) for column in columns}
        print(f"{name:22}", *(f"{middle[column]:14.3f}" for column in columns))
        slow += [name] if middle["cold"] > args.most else []
    print(f"above {args.most:g} s: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
