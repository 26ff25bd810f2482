"""The proof on a real home: LAN, router with NAT, internet, tailnet; all green, then broken on purpose, one by one.

Real: the hosts, kubeadm, Flux, MetalLB, both Traefiks, headscale and tailscaled, iptables, dnsmasq, certificates that
cert-manager's controllers ordered, every request of the proof. The lab's own: DuckDNS, pebble as authority, some charts
(its README names them). Each breakage is made where it would happen; `homelab verify` must name it and nothing else.
Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lab.breakages import BREAKAGES, DNS, PUBLIC_DNS, Breakage
from tests.lab.cluster_lab import LAB, ROOT, Wizard, build, end, kubectl, lab
from wizard import yamlfile

NODES = (1, 2)
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


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

    def verify(self) -> dict[str, Any]:
        code, out = self.run("verify", "--json", "--cluster", self.cluster)
        assert out.startswith("{"), out[-3000:]
        found: dict[str, Any] = json.loads(out)
        assert code == (5 if found["causes"] else 0), out
        return found


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build cluster", "gitops build", "acme build", "apps build")
    lab("tailnet", "down")
    for node in NODES:
        lab("wipe", str(node))
    lab("up", str(len(NODES)))
    lab("git", "up")
    lab("git", "reset")
    lab("acme", "up")
    lab("tailnet", "up")
    lab("tailnet", "key")
    yield
    end()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> AtHome:
    folder = tmp_path_factory.mktemp("proof")
    full = yamlfile.load((ROOT / "tests/answers/full.yaml").read_text())
    tailnet = yamlfile.load((ROOT / "tests/answers/lab.yaml").read_text())
    answers = {**full, "cluster": "proof", "tailnet": tailnet["tailnet"], "proof": tailnet["proof"]}
    (folder / "answers.yaml").write_text(yamlfile.dump_plain(answers))
    root = lab("acme", "root")
    (folder / "root.pem").write_text(root)
    for place in ("laptop", "outside"):  # they trust the authority, as everybody does Let's Encrypt
        script = f"cat >> /etc/ssl/certs/ca-certificates.crt <<'P'\n{root}\nP\n"
        lab("tailnet", place, "sh", "-c", script)
    home = AtHome(folder, str(folder / "answers.yaml"), "proof")
    home.resolver = folder / "resolv.conf"
    home.asks(PUBLIC_DNS)
    home.env["CURL_CA_BUNDLE"] = str(folder / "root.pem")
    return home


def test_from_bare_nodes_to_a_table_of_who_reaches_what(home: AtHome, ran: Ran) -> None:
    code, out = home.journey()
    assert code != 0 and "this computer does not ask Pi-hole" in out, out[-6000:]
    home.asks(DNS)  # as the step before had asked for
    code, out = home.journey()
    assert code == 0, out[-6000:]
    found = home.verify()
    assert {row["verdict"] for row in found["rows"]} == {"ok"}, found["rows"]
    kinds = {(row["from"], row["what"]) for row in found["rows"]}
    for place in ("LAN", "VPN", "outside"):
        assert (place, "hello (public)") in kinds
    assert ("LAN", "grafana (private)") in kinds and ("outside", "API server") in kinds
    for row in found["rows"]:
        ran("proof", f"{row['from']}: {row['what']} {row['address']}: {row['seen']}")
    for kind in ("kustomizations", "helmreleases"):  # what is broken from here on must not be mended by Flux
        for one in json.loads(kubectl("get", kind, "-A", "-o", "json"))["items"]:
            meta = one["metadata"]
            patch = '{"spec":{"suspend":true}}'
            kubectl("patch", kind, "-n", meta["namespace"], meta["name"], "--type=merge", "-p", patch)


@pytest.mark.parametrize("breakage", BREAKAGES, ids=[one.name for one in BREAKAGES])
def test_each_breakage_is_named_and_no_other(home: AtHome, breakage: Breakage, ran: Ran) -> None:
    try:
        breakage.make(home)
        codes = settled(home, [breakage.code])
        assert codes == [breakage.code]
        ran("broken", f"{breakage.name}: {breakage.code}")
    finally:
        breakage.mend(home)


def test_mended_everything_is_green_again(home: AtHome, ran: Ran) -> None:
    assert settled(home, []) == []
    ran("proof", f"{len(BREAKAGES)} breakages, each named by its own cause; green again at the end")


def settled(home: AtHome, wanted: list[str]) -> list[str]:
    """The causes that `homelab verify` names, once they are what is wanted, or after a while whatever they are."""
    end = time.monotonic() + 120
    while True:
        found = home.verify()
        codes = sorted({cause["code"] for cause in found["causes"]})
        if codes == wanted or time.monotonic() > end:
            if codes != wanted:
                print(json.dumps(found["causes"], indent=1))
            return codes
        time.sleep(3)
