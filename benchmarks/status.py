"""How long `homelab status` takes on a cluster of three nodes, from the shell's point of view.

    python benchmarks/status.py [--runs N] [--delay SECONDS] [--most SECONDS]

A small API on this computer's loopback answers with the objects of a healthy home (tests/cases/why/healthy.yaml), each
request SECONDS late (0.03 unless told: a Pi on a LAN). `away`: the same while nothing answers at all, as behind a
firewall. Prints the medians, beside them the processor time, which tells whether the machine was busy with something
else; ends with exit code 1 when that of a cluster that answers is above SECONDS (3 unless told).
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def served(delay: float) -> ThreadingHTTPServer:
    """The API, answering in threads of its own."""
    from tests.steps.why_cases import sight

    lists: Mapping[str, Any] = sight({}).lists

    class Api(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            time.sleep(delay)
            parts = self.path.partition("?")[0].strip("/").split("/")
            space = parts[parts.index("namespaces") + 1] if "namespaces" in parts[:-1] else ""
            items = [one for one in lists.get(parts[-1], []) if not space or one["metadata"].get("namespace") == space]
            body = json.dumps({"items": items, "metadata": {"uid": "u"}}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *unused: object) -> None:
            return

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, *unused: object) -> None:
            return  # a run that ended at its deadline has left

    server = Quiet(("127.0.0.1", 0), Api)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def remembered(folder: Path, port: int) -> Path:
    """A state in which the journey is done, and the kubeconfig beside it."""
    from steps import ORDER
    from wizard import answers, yamlfile
    from wizard.state import State

    state = State(folder / "state.yaml", "homelab")
    os.environ.setdefault("GOLDEN_TOKEN", "a-token-that-nobody-has")
    needed = [step for step in ORDER if step.name in ("addresses", "domains", "repository")]
    state.answers = dict(answers.read(ROOT / "tests/golden/duckdns-full.yaml", ORDER, needed).answers)
    hosts = state.answers.setdefault("machines", {}).setdefault("hosts", [])
    for number, address in enumerate(hosts, 1):
        state.evidence.setdefault("machines", {})[address] = {"hostname": f"pi{number}"}
    state.done = {name: "2026-11-26T12:00:00+00:00" for name in ("control-plane", "workers", "repository", "flux")}
    state.save()
    config = {
        "apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "u", "user": {}}], "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }  # fmt: skip
    (folder / "kubeconfig").write_text(yamlfile.dump_plain(config))
    return state.path


def seconds(state: Path, unreachable: bool) -> tuple[float, float]:
    """One run: by the clock, and of the processor."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    argv = [sys.executable, "-m", "wizard", "status", "--json", "--state", str(state)]
    env = {**os.environ, "XDG_STATE_HOME": str(state.parent / "xdg")}
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, env=env, check=False)
    taken, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    found = json.loads(done.stdout)
    if bool(found["unreachable"]) is not unreachable:
        print(f"not as expected: {found['unreachable'] or 'it answered'}", file=sys.stderr)
    return taken, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--delay", type=float, default=0.03)
    parser.add_argument("--most", type=float, default=3.0)
    args = parser.parse_args()
    medians = {}
    with tempfile.TemporaryDirectory() as folder, socket.socket() as silent:
        state = remembered(Path(folder), served(args.delay).server_port)
        medians["answers"] = middle(seconds(state, False) for _ in range(args.runs))
        silent.bind(("127.0.0.1", 0))
        silent.listen(0)  # takes connections and never says a word
        state = remembered(Path(folder), silent.getsockname()[1])
        medians["away"] = middle(seconds(state, True) for _ in range(args.runs))
    for name, (clock, processor) in medians.items():
        print(f"homelab status, cluster {name:8} {clock:6.2f} s by the clock, {processor:5.2f} s of the processor")
    return 1 if medians["answers"][0] > args.most else 0  # away, it waits for its deadline first


def middle(runs: Iterable[tuple[float, float]]) -> tuple[float, float]:
    clocks, processors = zip(*runs, strict=True)
    return statistics.median(clocks), statistics.median(processors)


if __name__ == "__main__":
    sys.exit(main())
