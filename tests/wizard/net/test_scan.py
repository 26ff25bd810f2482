"""Looking for SSH on loopback, the one network every computer has to itself."""

import asyncio
import socket
import threading
import time
from ipaddress import IPv4Network

import pytest

from wizard.errors import Interrupted, WizardError
from wizard.net import neighbours, scan
from wizard.net.mdns import Heard
from wizard.world import Found


class Greeter:
    """Says a few bytes to whoever connects."""

    def __init__(self, address: str, port: int, greeting: bytes) -> None:
        self.server = socket.create_server((address, port))
        self.port = self.server.getsockname()[1]
        self.greeting = greeting
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            with sock:
                sock.sendall(self.greeting)

    def close(self) -> None:
        self.server.shutdown(socket.SHUT_RDWR)
        self.server.close()


@pytest.fixture
def greeters():
    made: list[Greeter] = []

    def make(address: str, greeting: bytes) -> int:
        made.append(Greeter(address, made[0].port if made else 0, greeting))
        return made[0].port

    yield make
    for greeter in made:
        greeter.close()


def test_hosts_with_ssh_are_found_in_order_and_told_as_they_come(greeters):
    port = greeters("127.0.0.9", b"hello\r\nSSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7\r\n")
    greeters("127.0.0.3", b"SSH-2.0-dropbear_2022.83\r\n")
    greeters("127.0.0.5", b"220 mail\r\n")
    came = []
    found = scan.scan("127.0.0.0/28", threading.Event(), came.append, port=port)
    assert {hit.by for hit in found} == {("SSH",)}
    assert [(hit.address, hit.banner) for hit in found] == [
        ("127.0.0.3", "SSH-2.0-dropbear_2022.83"), ("127.0.0.9", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7"),
    ]  # fmt: skip
    assert sorted(came, key=lambda hit: hit.address) == found


def test_a_banner_can_not_write_on_the_screen(greeters):
    port = greeters("127.0.0.3", b"SSH-2.0-\x1b[2Jx" + b"y" * 500 + b"\r\n")
    (hit,) = scan.scan("127.0.0.3/32", threading.Event(), lambda hit: None, port=port)
    assert hit.banner.isprintable()
    assert len(hit.banner) <= 120


@pytest.mark.parametrize(
    ("network", "why"),
    [
        ("10.0.0.0/19", "too large"), ("8.8.8.0/24", "not a home network"), ("100.64.0.0/24", "not a home network"),
        ("224.0.0.0/24", "not a home network"),
    ],
)  # fmt: skip
def test_networks_that_are_never_scanned(network, why):
    with pytest.raises(WizardError) as refused:
        scan.scan(network, threading.Event(), lambda hit: None)
    assert why in str(refused.value) and "machines.network" in refused.value.answers


def test_stop_ends_a_scan_soon(monkeypatch):
    async def silent(address: str, port: int, patience: float) -> str:
        await asyncio.sleep(10)
        return ""

    monkeypatch.setattr(scan, "_banner", silent)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        scan.scan("127.0.0.0/24", stop, lambda hit: None)
    assert time.monotonic() - began < 1


def test_an_open_port_of_kubernetes_is_told(greeters, monkeypatch):
    port = greeters("127.0.0.3", b"SSH-2.0-x\r\n")
    greeters("127.0.0.4", b"SSH-2.0-x\r\n")
    other = socket.create_server(("127.0.0.4", 0))
    monkeypatch.setattr(scan, "KUBERNETES", (1, other.getsockname()[1]))
    with other:
        found = scan.scan("127.0.0.0/28", threading.Event(), lambda hit: None, port=port)
    assert [(hit.address, hit.kubernetes) for hit in found] == [("127.0.0.3", False), ("127.0.0.4", True)]


def test_no_more_than_the_bound_begin_at_once(monkeypatch):
    begun = []

    async def silent(address: str, port: int, patience: float) -> str:
        begun.append(time.monotonic())
        return ""

    monkeypatch.setattr(scan, "_banner", silent)
    monkeypatch.setattr(scan, "AT_ONCE", 8)
    monkeypatch.setattr(scan, "CONNECT_SECONDS", 0.3)
    scan.scan("127.0.0.0/27", threading.Event(), lambda hit: None)
    assert len(begun) == 30
    assert all(later - before > 0.25 for before, later in zip(begun, begun[8:], strict=False))


def test_only_addresses_of_the_network_are_knocked_at(monkeypatch):
    knocked = []

    async def silent(address: str, port: int, patience: float) -> str:
        knocked.append((address, port))
        return ""

    monkeypatch.setattr(scan, "_banner", silent)
    scan.scan("127.0.0.8/29", threading.Event(), lambda hit: None)
    assert knocked == [(f"127.0.0.{number}", 22) for number in range(9, 15)]


def test_a_pi_that_was_silent_is_asked_once_more(monkeypatch):
    asked = []

    async def second_time(address: str, port: int, patience: float) -> str:
        asked.append(address)
        if address == "127.0.0.4":
            raise ConnectionRefusedError
        return "SSH-2.0-late" if asked.count(address) > 1 else ""

    monkeypatch.setattr(scan, "_banner", second_time)
    monkeypatch.setattr(scan, "KUBERNETES", ())
    monkeypatch.setattr(neighbours, "table", lambda: {f"127.0.0.{n}": f"dc:a6:32:00:00:0{n}" for n in (3, 4, 9)})
    came: list[Found] = []
    found = scan.scan("127.0.0.0/29", threading.Event(), came.append)
    assert [(hit.address, hit.banner, hit.refuses) for hit in found] == [
        ("127.0.0.3", "SSH-2.0-late", False), ("127.0.0.4", "", True),
    ]  # fmt: skip
    assert [hit.address for hit in came] == ["127.0.0.3"]
    assert (asked.count("127.0.0.3"), asked.count("127.0.0.4"), asked.count("127.0.0.9")) == (2, 1, 0)


def test_a_failure_of_the_listener_ends_the_scan(greeters):
    port = greeters("127.0.0.3", b"SSH-2.0-x\r\n")

    def broken(hit: Found) -> None:
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        scan.scan("127.0.0.0/29", threading.Event(), broken, port=port)


def test_where_a_router_lies_between_nobody_is_asked_for_his_name(greeters, monkeypatch):
    port = greeters("127.0.0.3", b"SSH-2.0-x\r\n")
    monkeypatch.setattr(scan.mdns, "browse", lambda *given: pytest.fail("browsed"))
    assert len(scan.scan("127.0.0.0/29", threading.Event(), lambda hit: None, port=port)) == 1


def test_this_computers_address_towards_a_network():
    assert neighbours.address_in(IPv4Network("127.0.0.0/24")) == "127.0.0.1"
    assert neighbours.address_in(IPv4Network("240.0.0.0/24")) == ""


PI, OTHER = "dc:a6:32:00:00:01", "00:11:32:00:00:02"
SSH_HIT = {"10.0.0.1": Found("10.0.0.1", "SSH-2.0-x", by=("SSH",))}


@pytest.mark.parametrize(
    ("hits", "heard", "macs", "refused", "found"),
    [
        ({}, [], {}, set(), []),
        (SSH_HIT, [], {"10.0.0.1": OTHER}, set(), [Found("10.0.0.1", "SSH-2.0-x", OTHER, "", ("SSH",))]),
        (
            SSH_HIT, [Heard("10.0.0.1", "atlas", PI, True)], {}, set(),
            [Found("10.0.0.1", "SSH-2.0-x", PI, "atlas", ("SSH", "mDNS"))],
        ),
        ({}, [], {"10.0.0.7": PI}, {"10.0.0.7"}, [Found("10.0.0.7", "", PI, "", ("the neighbour table",), True)]),
        ({}, [], {"10.0.0.7": OTHER, "10.0.1.7": PI}, {"10.0.0.7"}, []),
        ({}, [Heard("10.0.0.7", "pi", PI)], {}, set(), [Found("10.0.0.7", "", PI, "pi", ("mDNS",))]),
        (
            {}, [Heard("10.0.0.7", "raspberrypi")], {"10.0.0.7": OTHER}, set(),
            [Found("10.0.0.7", "", OTHER, "raspberrypi", ("mDNS",))],
        ),
        ({}, [Heard("10.0.0.7", "printer")], {}, set(), []),
        ({}, [Heard("10.0.0.7", "nas", "", True)], {}, set(), [Found("10.0.0.7", "", "", "nas", ("mDNS",))]),
    ],
)  # fmt: skip
def test_what_is_known_is_put_together(hits, heard, macs, refused, found):
    assert scan.merged(IPv4Network("10.0.0.0/24"), hits, heard, macs, refused) == found
