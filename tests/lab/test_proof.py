"""The proof on a real home: LAN, router with NAT, internet, tailnet; all green, then broken on purpose, one by one.

Real: the hosts, kubeadm, Flux, MetalLB, both Traefiks, headscale and tailscaled, iptables, dnsmasq, certificates that
cert-manager's controllers ordered, every request of the proof. The lab's own: DuckDNS, pebble as authority, some charts
(its README names them). Each breakage is made where it would happen; `homelab verify` must name it and nothing else.
Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.breakages import AWAY, EXTERNAL, INTERNAL, Breakage
from tests.lab.breakages_cluster import CLUSTER
from tests.lab.cluster_lab import end, kubectl, lab
from tests.lab.whole_home import AtHome, bare, workstation
from wizard import yamlfile

Ran = Callable[[str, str], None]
BREAKAGES = (*AWAY, *CLUSTER)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AtHome]:
    bare()
    yield workstation(tmp_path_factory.mktemp("proof"))
    end()


def test_from_bare_nodes_to_a_table_of_who_reaches_what(home: AtHome, ran: Ran) -> None:
    home.settle_in()
    found = home.verify()
    assert {row["verdict"] for row in found["rows"]} == {"ok"}, found["rows"]
    kinds = {(row["from"], row["what"]) for row in found["rows"]}
    for place in ("LAN", "VPN", "outside"):
        assert (place, "hello (public)") in kinds
    assert ("LAN", "grafana (private)") in kinds and ("outside", "API server") in kinds
    for row in found["rows"]:
        ran("proof", f"{row['from']}: {row['what']} {row['address']}: {row['seen']}")


def test_outside_is_seen_through_an_exit_node_too(home: AtHome, ran: Ran) -> None:
    """A second tailscaled and SOCKS, by the commands of docs/proof.md; with its exit node off it leads home."""
    answers = Path(home.answers)
    before = answers.read_text()
    data = yamlfile.load(before)
    data["proof"] = {key: value for key, value in data["proof"].items() if key != "outside_probe"}
    data["proof"] |= {"outside": "proxy", "outside_proxy": "127.0.0.1:1055"}
    try:
        lab("tailnet", "exit", "up")
        answers.write_text(yamlfile.dump_plain(data))
        code, out = home.journey()
        assert code == 0, out[-6000:]
        rows = [row for row in home.verify()["rows"] if row["from"] == "outside"]
        assert ("API server", "ok") in {(row["what"], row["verdict"]) for row in rows}
        left = {row["what"] for row in rows if row["verdict"] != "ok"}
        assert all("a proxy looks up names as it likes" in row["seen"] for row in rows if row["what"] in left), rows
        ran("outside", f"through an exit node: {len(rows) - len(left)} rows green, names as the proxy likes")
        lab("tailnet", "exit", "home")
        rows = [row for row in home.verify()["rows"] if row["from"] == "outside"]
        assert {row["verdict"] for row in rows} == {"not measured"}, rows
    finally:
        lab("tailnet", "exit", "down")
        data = yamlfile.load(before)
        data["proof"]["outside"] = "host"  # what is left out stays as it was
        answers.write_text(yamlfile.dump_plain(data))
    code, out = home.journey()
    assert code == 0, out[-6000:]


def test_a_vpn_on_the_workstation_does_not_stand_for_home(home: AtHome, ran: Ran) -> None:
    """As on a laptop that takes the routes of the tailnet at home, too: its requests go round that."""
    ip = ["ip", "-n", "hw-ws"]
    try:
        for words in (
            ("link", "add", "vpn0", "type", "veth", "peer", "vpn1"), ("link", "set", "vpn1", "up"),
            ("addr", "add", "100.64.9.9/32", "dev", "vpn0"), ("link", "set", "vpn0", "up"),
            *(("route", "add", f"{address}/32", "dev", "vpn0") for address in (INTERNAL, EXTERNAL)),
        ):  # fmt: skip
            subprocess.run([*ip, *words], check=True)
        rows = [row for row in home.verify()["rows"] if row["from"] == "LAN"]
        assert {row["verdict"] for row in rows} == {"ok"}, rows
        ran("LAN", f"{len(rows)} rows green, though a VPN here would take the way")
    finally:
        subprocess.run([*ip, "link", "del", "vpn0"], check=False)


@pytest.fixture(scope="module")
def left_alone(home: AtHome) -> None:
    """What is broken by hand from here on must not be mended by Flux."""
    for kind in ("kustomizations", "helmreleases"):
        for one in json.loads(kubectl("get", kind, "-A", "-o", "json"))["items"]:
            meta = one["metadata"]
            patch = '{"spec":{"suspend":true}}'
            kubectl("patch", kind, "-n", meta["namespace"], meta["name"], "--type=merge", "-p", patch)


@pytest.mark.usefixtures("left_alone")
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
