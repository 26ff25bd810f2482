"""ARP: frames, the kernel's tables and routes. Real answers are tested on the lab's LAN (tests/lab/test_hosts.py)."""

import threading

import pytest

from wizard.errors import WizardError
from wizard.net import arp, neighbours

ROUTES = """Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0
eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0
wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0
eth0\t0005000A\t0201A8C0\t0003\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""
TABLE = """IP address       HW type     Flags       HW address            Mask     Device
192.168.1.1      0x1         0x2         AA:BB:CC:00:00:01     *        eth0
192.168.1.7      0x1         0x0         00:00:00:00:00:00     *        eth0
"""
NEIGH = """[{"dst":"192.168.1.1","dev":"eth0","lladdr":"aa:bb:cc:00:00:01","state":["REACHABLE"]},
{"dst":"192.168.1.2","dev":"eth0","lladdr":"aa:bb:cc:00:00:02","state":["DELAY"]},
{"dst":"192.168.1.3","dev":"eth0","state":["FAILED"]},
{"dst":"192.168.1.4","dev":"eth0","lladdr":"aa:bb:cc:00:00:04","state":["FAILED"]},
{"dst":"192.168.1.5","dev":"eth0","state":["INCOMPLETE"]}]"""


@pytest.mark.parametrize(
    ("address", "interface"),
    [("192.168.1.50", "eth0"), ("10.9.9.9", "wg0"), ("10.0.5.9", ""), ("8.8.8.8", "")],
)
def test_only_networks_without_a_router_between_can_be_asked(address, interface):
    assert neighbours.on_link(ROUTES, address) == interface


def test_the_kernels_table():
    assert neighbours.read_table(TABLE) == {"192.168.1.1": "aa:bb:cc:00:00:01"}


def test_ip_neigh():
    known = neighbours.read_ip_neigh(NEIGH)
    assert {address: (entry.mac, entry.settled) for address, entry in known.items()} == {
        "192.168.1.1": ("aa:bb:cc:00:00:01", True),
        "192.168.1.2": ("aa:bb:cc:00:00:02", False),
        "192.168.1.3": ("", True),
        "192.168.1.4": ("", True),
        "192.168.1.5": ("", False),
    }
    assert neighbours.read_ip_neigh("") == {}


def test_a_request_is_a_frame_as_the_standard_wants_it():
    frame = arp.request("02:00:00:00:00:05", "192.168.1.5", "192.168.1.9")
    assert frame.hex(" ", 2) == (
        "ffff ffff ffff 0200 0000 0005 0806 0001 0800 0604 0001 0200 0000 0005 c0a8 0105 0000 0000 0000 c0a8 0109"
    )
    assert arp.reply(frame) is None


def test_a_reply_is_read_with_its_padding():
    frame = bytes.fromhex(
        "020000000005 020000000009 0806 0001 0800 06 04 0002 020000000009 c0a80109 020000000005 c0a80105".replace(
            " ", ""
        )
    )
    assert arp.reply(frame + bytes(18)) == ("192.168.1.9", "02:00:00:00:00:09")
    assert arp.reply(frame[:30]) is None


def test_beyond_a_router_is_said_honestly(monkeypatch, tmp_path):
    (tmp_path / "route").write_text(ROUTES)
    monkeypatch.setattr(neighbours, "ROUTES", tmp_path / "route")
    with pytest.raises(WizardError, match=r"10\.0\.5\.9 can't be found out"):
        arp.probe(["10.0.5.9"], threading.Event())


def test_other_systems_are_said_honestly(monkeypatch):
    monkeypatch.setattr(arp.sys, "platform", "darwin")
    with pytest.raises(WizardError, match="from this computer"):
        arp.probe(["192.168.1.9"], threading.Event())


class Wire:
    """A packet socket whose other end is a LAN where two devices have the same address."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers, self.frames = answers, []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Nothing to close."""

    def bind(self, to):
        assert to == ("eth0", 0x0806)

    def settimeout(self, seconds):
        """Always at once."""

    def send(self, frame):
        asked = ".".join(str(byte) for byte in frame[38:42])
        for mac in self.answers.get(asked, []):
            head = bytes(6) + bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("08060001080006040002")
            self.frames.append(head + bytes.fromhex(mac.replace(":", "")) + frame[38:42] + frame[6:12] + frame[28:32])

    def recv(self, size):
        if not self.frames:
            raise TimeoutError
        return self.frames.pop(0)


def test_two_devices_with_one_address_are_both_heard(monkeypatch, tmp_path):
    (tmp_path / "route").write_text(ROUTES)
    monkeypatch.setattr(neighbours, "ROUTES", tmp_path / "route")
    monkeypatch.setattr(neighbours, "own_address", lambda interface: ("192.168.1.5", "02:00:00:00:00:05"))
    monkeypatch.setattr(arp, "ROUND_SECONDS", 0.02)
    wire = Wire({"192.168.1.8": ["02:00:00:00:00:08"], "192.168.1.9": ["02:00:00:00:00:0a", "02:00:00:00:00:09"]})
    monkeypatch.setattr(arp.socket, "socket", lambda *kind: wire)
    assert arp.probe(["192.168.1.5", "192.168.1.7", "192.168.1.8", "192.168.1.9"], threading.Event()) == {
        "192.168.1.5": ("02:00:00:00:00:05",),
        "192.168.1.8": ("02:00:00:00:00:08",),
        "192.168.1.9": ("02:00:00:00:00:09", "02:00:00:00:00:0a"),
    }
