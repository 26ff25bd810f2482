"""The full lab home, as several cluster tests want it: LAN, router, internet, tailnet, certificates, every app."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.lab.cluster_lab import HOME, KUBECTL, LAB, ROOT, Wizard, build, end, lab
from wizard import yamlfile

NODES = (1, 2)
DNS, PUBLIC_DNS = "198.18.0.203", "198.18.64.53"
KEPT = Path(HOME) / "whole-home"  # the workstation's files, when HOMELAB_LAB_KEEP=1 leaves the home running


class AtHome(Wizard):
    """`homelab` on a workstation with a name server of its own, which trusts the lab's authority."""

    resolver: Path

    def asks(self, server: str) -> None:
        """Which server the workstation asks for names from now on."""
        self.resolver.write_text(f"nameserver {server}\noptions timeout:2 attempts:1\n")

    def start(self, *words: str) -> subprocess.Popen[str]:
        inside = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'
        argv = [LAB, "ws", "unshare", "-m", "--propagation", "private", "sh", "-c", inside, str(self.resolver)]
        return subprocess.Popen(
            [*argv, sys.executable, "-m", "wizard", *words], cwd=ROOT, env=self.env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def settle_in(self) -> None:
        """The whole journey: the home asks Pi-hole for names once there is one, as the step Router says."""
        code, out = self.journey()
        assert code != 0 and "this computer does not ask Pi-hole" in out, out[-6000:]
        self.asks(DNS)
        code, out = self.journey()
        assert code == 0, out[-6000:]

    def verify(self) -> dict[str, Any]:
        code, out = self.run("verify", "--json", "--cluster", self.cluster)
        assert out.startswith("{"), out[-3000:]
        found: dict[str, Any] = json.loads(out)
        assert code == (5 if found["causes"] or found["incomplete"] else 0), out
        return found


def bare(*more: str) -> None:
    """Nodes with new cards, an empty git repository, a tailnet that knows only the laptop; `more` is built besides."""
    build("build cluster", "gitops build", "acme build", "apps build", *more)
    lab("tailnet", "down")
    for node in NODES:
        lab("wipe", str(node))
    lab("up", str(len(NODES)))
    for words in (("git", "up"), ("git", "reset"), ("acme", "up"), ("tailnet", "up"), ("tailnet", "key")):
        lab(*words)


def workstation(folder: Path) -> AtHome:
    """The computer whose files are in `folder`: its answers, its resolver, the authority that it trusts."""
    home = AtHome(folder, str(folder / "answers.yaml"), "proof")
    home.resolver = folder / "resolv.conf"
    home.env["CURL_CA_BUNDLE"] = str(folder / "root.pem")
    if (folder / "root.pem").exists():
        return home
    folder.mkdir(parents=True, exist_ok=True)
    full = yamlfile.load((ROOT / "tests/answers/full.yaml").read_text())
    tailnet = yamlfile.load((ROOT / "tests/answers/lab.yaml").read_text())
    answers = {**full, "cluster": "proof", "tailnet": tailnet["tailnet"], "proof": tailnet["proof"]}
    (folder / "answers.yaml").write_text(yamlfile.dump_plain(answers))
    root = lab("acme", "root")
    (folder / "root.pem").write_text(root)
    for place in ("laptop", "outside"):  # they trust the authority, as everybody does Let's Encrypt
        lab("tailnet", place, "sh", "-c", f"cat >> /etc/ssl/certs/ca-certificates.crt <<'P'\n{root}\nP\n")
    home.asks(PUBLIC_DNS)
    return home


@contextmanager
def lived_in(*more: str) -> Iterator[AtHome]:
    """A home whose journey is at its end; with HOMELAB_LAB_KEEP=1 one that an earlier test left is taken as it is."""
    keep = os.environ.get("HOMELAB_LAB_KEEP")
    if (
        keep
        and (KEPT / "finished").exists()
        and "pi1" in lab("node", "1", *KUBECTL.split(), "get", "nodes", check=False)
    ):
        build(*more)
        yield workstation(KEPT)
        return
    bare(*more)
    shutil.rmtree(KEPT, ignore_errors=True)
    folder = KEPT if keep else Path(tempfile.mkdtemp())
    home = workstation(folder)
    home.settle_in()
    (folder / "finished").touch()
    yield home
    end()
    if folder != KEPT:
        shutil.rmtree(folder, ignore_errors=True)
