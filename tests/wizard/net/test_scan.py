"""Looking for SSH on loopback, the one network every computer has to itself."""

import socket
import threading
import time

import pytest

from wizard.errors import Interrupted, WizardError
from wizard.net import scan


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
    assert [(hit.address, hit.banner) for hit in found] == [
        ("127.0.0.3", "SSH-2.0-dropbear_2022.83"), ("127.0.0.9", "SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7"),
    ]  # fmt: skip
    assert sorted(came, key=lambda hit: hit.address) == found


def test_a_banner_can_not_write_on_the_screen(greeters):
    port = greeters("127.0.0.3", b"SSH-2.0-\x1b[2Jx" + b"y" * 500 + b"\r\n")
    (hit,) = scan.scan("127.0.0.3/32", threading.Event(), lambda hit: None, port=port)
    assert hit.banner.isprintable()
    assert len(hit.banner) <= 120


@pytest.mark.parametrize(("network", "why"), [("10.0.0.0/19", "too large"), ("8.8.8.0/24", "not a home network")])
def test_networks_that_are_never_scanned(network, why):
    with pytest.raises(WizardError, match=why):
        scan.scan(network, threading.Event(), lambda hit: None)


def test_stop_ends_a_scan_soon(monkeypatch):
    async def silent(address: str, port: int) -> str:
        await scan.asyncio.sleep(10)
        return ""

    monkeypatch.setattr(scan, "_banner", silent)
    stop = threading.Event()
    threading.Timer(0.3, stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        scan.scan("127.0.0.0/24", stop, lambda hit: None)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("banner", "mac", "said"),
    [
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", "d8:3a:dd:01:02:03", "Raspberry Pi (by its MAC address)"),
        ("SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7", "", "Debian (by its banner)"),
        ("SSH-2.0-OpenSSH_9.6p1 Ubuntu-3ubuntu13", "00:11:22:33:44:55", "Ubuntu (by its banner)"),
        ("SSH-2.0-OpenSSH_8.4p1 Raspbian-5", "", "Raspberry Pi OS, 32 bit (by its banner)"),
        ("SSH-2.0-Go", "", ""),
    ],
)
def test_hints(banner, mac, said):
    assert scan.hint(banner, mac) == said
