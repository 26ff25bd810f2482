"""What the cluster tests share: the lab, `homelab` on its workstation, and the cluster as its first node sees it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wizard import yamlfile

ROOT = Path(__file__).parents[2]
LAB = str(ROOT / "tests/lab/lab")
HOME = os.environ.get("HOMELAB_LAB", "/var/lib/homelab-lab")
KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf"


def build(*parts: str) -> None:
    """Builds what is not there yet; what was built is kept between runs."""
    for part in parts:
        subprocess.run([LAB, *part.split()], check=True)


def end() -> None:
    """Switches the lab off, unless HOMELAB_LAB_KEEP=1 wants it left running."""
    if not os.environ.get("HOMELAB_LAB_KEEP"):
        lab("down")


def lab(*words: str, check: bool = True) -> str:
    """Runs `tests/lab/lab WORDS` and returns what it printed."""
    done = subprocess.run([LAB, *words], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    if check and done.returncode:
        pytest.fail(
            f"lab {' '.join(words)} ended with {done.returncode}:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
        )
    return done.stdout


class Wizard:
    """`homelab` on the lab's workstation, with a home and a state of its own."""

    def __init__(self, folder: Path, answers: str, cluster: str) -> None:
        self.answers, self.cluster = answers, cluster
        self.state = folder / "state"
        self.env = {
            **os.environ, "HOME": str(folder), "XDG_STATE_HOME": str(self.state), "XDG_DATA_HOME": str(folder / "data"),
            "HOMELAB_SUDO_PASSWORD": "raspberry", "NO_COLOR": "1", "PYTHONUNBUFFERED": "1",
        }  # fmt: skip
        self.env.pop("SSH_AUTH_SOCK", None)
        self.transcript = folder / "transcript.txt"
        self.root = ROOT  # where the homelab that runs lies

    def start(self, *words: str) -> subprocess.Popen[str]:
        argv = [LAB, "ws", sys.executable, "-m", "wizard", *words]
        return subprocess.Popen(
            argv, cwd=self.root, env=self.env, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def run(self, *words: str, kill_at: str | None = None) -> tuple[int, str]:
        """Runs to the end, or until a line matches `kill_at`: then `kill -9`, at once and without warning."""
        process, out = self.start(*words), []
        assert process.stdout is not None
        with self.transcript.open("a") as transcript:
            for line in process.stdout:
                transcript.write(line)
                transcript.flush()
                out.append(line)
                if kill_at and re.search(kill_at, line):
                    os.killpg(process.pid, signal.SIGKILL)
                    transcript.write(f"--- killed at {kill_at!r}\n")
                    break
        return process.wait(), "".join(out)

    def journey(self, **options: str | None) -> tuple[int, str]:
        return self.run("run", "--answers", self.answers, "--yes", **options)

    def flux_step(self) -> dict[str, str]:
        """Runs the step Flux alone: its error, empty when there is none."""
        state = str(self.state / f"homelab-wizard/{self.cluster}/state.yaml")
        argv = [LAB, "ws", sys.executable, "-m", "tests.lab.flux_step", state, self.cluster]
        done = subprocess.run(argv, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return dict(json.loads(done.stdout.splitlines()[-1]))

    def evidence(self) -> dict[str, object]:
        data = yamlfile.load((self.state / f"homelab-wizard/{self.cluster}/state.yaml").read_text())
        return dict(data["evidence"])


def kubectl(*words: str) -> str:
    return lab("node", "1", *KUBECTL.split(), *words)


def lineage() -> tuple[str, str]:
    """Digest of the cluster's CA and the cluster's UID: another `kubeadm init` would change them; empty before it."""
    script = (
        f"sha256sum < /etc/kubernetes/pki/ca.crt; {KUBECTL} get namespace kube-system -o 'jsonpath={{.metadata.uid}}'"
    )
    for _ in range(60):  # the node may be rebooting at this moment
        out = lab("node", "1", "sh", "-c", f"({script}) 2>/dev/null; echo; echo up", check=False)
        if out.endswith("up\n"):
            authority, _, uid = out.removesuffix("up\n").partition("  -\n")
            return authority.strip(), uid.strip()
        time.sleep(1)
    pytest.fail("pi1 did not come back")
