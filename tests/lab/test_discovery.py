"""Who is found on a real LAN of five hosts, by what, how soon, and that nothing is sent before a person agreed."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path

import pytest

from steps import discovery
from tests.lab.conftest import Node
from wizard.errors import LoginRefused
from wizard.host import picture, transport
from wizard.host.base import Script
from wizard.host.ssh import SshHost
from wizard.net import scan
from wizard.secret import Secret
from wizard.world import Found

pytestmark = [pytest.mark.lab, pytest.mark.timeout(300)]
HERE = Path(__file__).parent
LAN = "198.18.0.0/24"
PI_MAC = "dc:a6:32:00:00:24"


@pytest.fixture(scope="module")
def five(_on_the_workstation: None) -> Iterator[list[Node]]:
    """Five hosts with new cards, up."""
    made = [Node(number) for number in range(20, 25)]
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, made, [word] * 5))
        yield made
        list(pool.map(Node.power, made, ["wipe"] * 5))


def look(on_found: Callable[[Found], None] = lambda hit: None) -> dict[str, Found]:
    return {hit.address: hit for hit in scan.scan(LAN, threading.Event(), on_found)}


def test_none_of_five_is_missed_in_any_of_ten_looks(five, ran):
    mine = {node.address for node in five}
    first, ends = [], []
    for _ in range(10):
        came: list[tuple[str, float]] = []
        began = time.monotonic()
        found = look(lambda hit, came=came, began=began: came.append((hit.address, time.monotonic() - began)))
        ends.append(time.monotonic() - began)
        first.append(min(at for address, at in came if address in mine))
        assert mine <= {address for address, hit in found.items() if hit.banner}
        assert mine <= {address for address, _ in came}  # each was told as it came, not only at the end
        assert all(IPv4Address(address) in IPv4Network(LAN) for address in found)
    assert max(first) < 1  # generous: how fast it is says benchmarks/discovery.py
    assert max(ends) < 5
    ran("look at a /24, 10 times", f"5 of 5 each time; first hit after {sorted(first)[5]:.3f} s, "
        f"end after {sorted(ends)[5]:.3f} s (medians; connect timeout {scan.CONNECT_SECONDS} s)")  # fmt: skip


def test_it_is_said_what_each_is(five, ran):
    hit = look()[five[0].address]
    assert hit.mac == five[0]("cat", "/sys/class/net/host0/address").strip()
    assert discovery.about(hit).startswith("Debian 12 (bookworm): by its MAC address")
    assert not hit.kubernetes
    ran("said of a host", discovery.about(hit))


@pytest.mark.parametrize("port", scan.KUBERNETES)
def test_a_host_that_runs_kubernetes_is_known_by_either_port(five, port):
    listen = f"import socket, time; s = socket.create_server(('', {port})); time.sleep(60)"
    five[1]("systemd-run", "-q", "--collect", "--unit=listen", "python3", "-c", listen)
    try:
        five[1].shell(f"for i in $(seq 50); do ss -ltn | grep -q :{port} && exit 0; sleep 0.1; done; exit 1")
        found = look()
    finally:
        five[1]("systemctl", "stop", "listen")
    assert [found[node.address].kubernetes for node in five] == [False, True, False, False, False]
    assert "runs Kubernetes already" in discovery.about(found[five[1].address])


def new_card(node: Node, mac: str) -> None:
    """Another network card with the same address; what this computer's kernel knows of the old one is forgotten."""
    node("ip", "link", "set", "host0", "address", mac)
    subprocess.run(["ip", "neigh", "flush", "to", node.address], check=True, capture_output=True)


def test_a_pi_whose_ssh_is_off_is_named_and_other_hosts_without_ssh_are_not(five, ran):
    node, other = five[4], five[3]
    mac = node("cat", "/sys/class/net/host0/address").strip()
    for each in (node, other):
        each("systemctl", "stop", "ssh")
    new_card(node, PI_MAC)
    try:
        hit, rest = look()[node.address], look()
    finally:
        new_card(node, mac)
        for each in (node, other):
            each("systemctl", "start", "ssh")
    assert (hit.banner, hit.mac, hit.by, hit.refuses) == ("", PI_MAC, ("the neighbour table",), True)
    assert discovery.about(hit).startswith(f"Raspberry Pi, SSH is off: by its MAC address {PI_MAC}")
    assert other.address not in rest
    ran("a Pi without SSH", discovery.about(hit))


@contextmanager
def telling(node: Node, name: str, mac: str, *addresses: str) -> Iterator[None]:
    """`node` tells its name by mDNS meanwhile."""
    command = ["nsenter", f"--net=/proc/{init_pid(node)}/ns/net", sys.executable, str(HERE / "tell_names.py")]
    teller = subprocess.Popen(
        [*command, node.address, name, mac, ",".join(addresses)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert teller.stdout.readline() == b"ready\n"
        yield
    finally:
        teller.stdin.close()
        assert teller.wait(10) == 0


def init_pid(node: Node) -> str:
    """The process that is number 1 inside `node`."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            inside = f"hw-{node.name}/" in (process / "cgroup").read_text().replace("\n", "/\n")
            ids = next(line for line in (process / "status").read_text().splitlines() if line.startswith("NSpid:"))
        except (OSError, StopIteration):
            continue
        if inside and ids.split()[1:][-1] == "1" and len(ids.split()) > 2:
            return process.name
    pytest.fail(f"{node.name} is off")


def test_names_are_heard_by_mdns_and_nothing_from_outside_the_network_counts(five, ran):
    named, liar = five[0], five[2]
    with (
        telling(named, "atlas", PI_MAC, named.address, "172.17.0.1", "198.18.1.9"),
        telling(liar, "elsewhere", PI_MAC, "198.18.7.7"),
    ):
        found = look()
    hit = found[named.address]
    assert (hit.name, hit.by) == ("atlas", ("SSH", "mDNS"))
    assert found[liar.address].name == ""
    assert not {"172.17.0.1", "198.18.1.9", "198.18.7.7"} & set(found)
    assert discovery.about(hit).startswith("atlas, Debian 12 (bookworm)")
    ran("name by mDNS", discovery.about(hit))


def test_a_pi_known_by_its_name_alone_is_listed_too(five):
    with telling(five[0], "raspberrypi", PI_MAC, "198.18.0.250"):
        hit = look()["198.18.0.250"]
    assert (hit.banner, hit.mac, hit.by, hit.refuses) == ("", PI_MAC, ("mDNS",), False)
    assert "does not answer to SSH" in discovery.about(hit)


def test_nothing_is_sent_before_the_network_is_confirmed(_on_the_workstation, tmp_path, ran):
    done = subprocess.run(
        ["unshare", "--net", sys.executable, str(HERE / "first_packets.py"), str(tmp_path / "state.yaml")],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert "Which network are the Pis in?" in told["shown"]
    assert "[192.168.77.0/28, - for none]" in told["shown"]  # proposed, not taken
    assert told["before"] == []
    everybody = {f"192.168.77.{number}" for number in range(1, 15)} - {"192.168.77.5"}
    assert set(told["after"]) - {"224.0.0.251", "224.0.0.22"} == everybody  # mDNS, and joining its group
    assert "224.0.0.251" in told["after"]
    ran("before the network is confirmed", "0 frames sent by homelab --plain; then ARP to 13 hosts of it and mDNS")


def test_plain_lines_list_what_was_found(five, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "wizard", "--plain", "--state", str(tmp_path / "state.yaml")],
        input=f"{LAN}\n", capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    for node in five:
        assert f"found {node.address}, Debian 12 (bookworm)" in done.stdout
        assert f". {node.address} - Debian 12 (bookworm): by its MAC" in done.stdout
    assert "The input ended before machines.hosts was answered." in done.stdout + done.stderr


# -- keys


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
def test_the_picture_is_the_one_on_the_hosts_own_screen(five, kind, ran):
    shown = {key.kind: key for key in transport.shown_keys(five[0].address, 22, threading.Event())}
    key = five[0].key(kind)
    drawn = five[0]("ssh-keygen", "-lvf", f"/etc/ssh/ssh_host_{kind}_key.pub").rstrip("\n").split("\n", 1)
    assert picture.draw(shown[key.kind]) == drawn[1]
    assert shown[key.kind].fingerprint in drawn[0]
    ran("picture of a host key", "ed25519, ecdsa, rsa: as the host's own ssh-keygen draws it")


@pytest.mark.parametrize(("kind", "form"), [("ed25519", "RFC4716"), ("ecdsa", "PEM"), ("rsa", "PKCS8")])
def test_a_locked_key_opens_a_real_host_with_its_passphrase_only(five, tmp_path, monkeypatch, kind, form, ran):
    from wizard.host.base import Login

    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    file, node = tmp_path / "locked", five[0]
    command = ["ssh-keygen", "-q", "-t", kind, "-m", form, "-N", "open-sesame", "-f", str(file)]
    subprocess.run(command, check=True)
    public = file.with_suffix(".pub").read_text().strip()
    node.shell(f"install -d -o pi -g pi -m 700 /home/pi/.ssh; echo '{public}' >>/home/pi/.ssh/authorized_keys")

    def connect(**given: Secret) -> SshHost:
        login = Login(node.address, "pi", (node.key(),), node.name, (str(file),), **given)
        return SshHost.connect(login, threading.Event())

    host = connect(key_passphrase=Secret("open-sesame"))
    assert host.run(Script("who", "id -un")).out == "root\n"
    host.close()
    with pytest.raises(LoginRefused, match="the passphrase that was given does not unlock it"):
        connect(key_passphrase=Secret("close-sesame"))
    with pytest.raises(LoginRefused, match="locked by a passphrase"):
        connect()
    ran("locked key files", "ed25519, ecdsa, rsa in three forms: opened with the passphrase; a wrong one is named")
