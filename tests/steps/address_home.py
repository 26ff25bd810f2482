"""A LAN for the tests of the step Addresses: two Pis and a router, a DHCP server's offers, and who answers for what."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from typing import Any

from steps.addresses import Addresses
from wizard import events
from wizard.context import Context
from wizard.errors import CommandFailed, WizardError
from wizard.host.base import Result, Script
from wizard.net import arp, dhcp
from wizard.state import State

PI1, PI2, STRANGER, ROUTER = "2c:cf:67:00:00:01", "2c:cf:67:00:00:02", "a8:bb:cc:00:00:09", "f4:f2:6d:00:00:01"
OWN = "9c:b6:d0:00:00:05"


def offer(address: str, server: str = "10.0.0.1", mac: str = ROUTER, prefix: str = "ffffff00") -> str:
    """A frame with an offer, as a Pi prints it."""
    options = bytes.fromhex("3501023604") + socket.inet_aton(server) + bytes.fromhex("0104" + prefix + "ff")
    message = (
        bytes.fromhex("02010600") + bytes(12) + socket.inet_aton(address) + bytes(8)
        + bytes.fromhex(dhcp.CLIENT.replace(":", "")) + bytes(202) + bytes.fromhex("63825363") + options
    )  # fmt: skip
    return (bytes(6) + bytes.fromhex(mac.replace(":", "")) + bytes(30) + message).hex()


class Home:
    """A LAN with two Pis and a router; `taken` are all that answer there."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.taken: dict[str, tuple[str, ...]] = {
            "10.0.0.1": (ROUTER,), "10.0.0.11": (PI1,), "10.0.0.12": (PI2,),
        }  # fmt: skip
        self.prefix = {"10.0.0.11": 24, "10.0.0.12": 24}
        self.offers: list[str] = []
        self.sent: list[tuple[str, bytes]] = []  # by a Pi: script, frame
        self.deaf = self.no_python = False
        self.without_python: set[str] = set()  # these Pis can't send frames
        self.asked_here = 0

    def now(self) -> float:
        return 0.0

    def run(self, argv: list[str], **_: Any) -> Result:
        if argv[0] == "systemd-hwdb":
            made = (
                "ID_OUI_FROM_DATABASE=Tin Cans Ltd\n" if argv[2] == f"OUI:{STRANGER.replace(':', '').upper()}" else ""
            )
            return Result(0, made)
        assert argv == ["sh", "-s", "--", "10.0.0.11"]
        return Result(
            0, LOOK.format(way="10.0.0.11 dev eth0 src 10.0.0.5", address="10.0.0.5", prefix=24, mac=STRANGER)
        )

    def arp(self, asked: list[str]) -> dict[str, tuple[str, ...]]:
        self.asked_here += 1
        if self.deaf:
            raise WizardError("Who answers can't be found out from here.", "A router lies between.")
        return {address: self.taken[address] for address in asked if address in self.taken}


LOOK = """
@@ way
{way}
@@ address
2: eth0    inet {address}/{prefix} brd 10.0.0.255 scope global eth0\\       valid_lft forever
@@ link
2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP\\    link/ether {mac} brd ff:ff:ff:ff:ff:ff
@@ route
default via 10.0.0.1 dev eth0
"""


class Pi:
    """A host that looks at its LAN and sends frames into it."""

    def __init__(self, home: Home, address: str, mac: str) -> None:
        self.home, self.address, self.mac = home, address, mac

    def run(self, script: Script, **_: Any) -> Result:
        if script.name == "addresses/look":
            prefix = self.home.prefix[self.address]
            return Result(0, LOOK.format(way="", address=self.address, prefix=prefix, mac=self.mac))
        if self.home.no_python or self.address in self.home.without_python:
            raise CommandFailed("It ended with exit code 3.", "python3 is not installed")
        frames = [bytes.fromhex(line) for line in script.stdin.decode().split()]
        self.home.sent += [(script.name, frame) for frame in frames]
        assert script.args[0] == "eth0"
        if script.name == "addresses/dhcp":
            return Result(0, "\n".join(self.home.offers))
        assert script.name == "addresses/arp"
        asked = [socket.inet_ntoa(frame[38:42]) for frame in frames]
        return Result(0, "\n".join(self.answer(a, mac) for a in asked for mac in self.home.taken.get(a, ())))

    def answer(self, address: str, mac: str) -> str:
        request = arp.request(mac, address, self.address)
        return "" if mac == self.mac else (request[:20] + b"\0\2" + request[22:]).hex()


def stand(home: Home, folder: Path) -> Context:
    """The step's context in `home`, everything answered."""
    made = Context(home, State(folder / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    pis = ["10.0.0.11", "10.0.0.12"]
    made.scratch["hosts"] = {address: Pi(home, address, mac) for address, mac in zip(pis, (PI1, PI2), strict=True)}
    made.answers.update({
        "machines": {"network": "10.0.0.0/24", "hosts": pis, "control_plane": pis[0]},
        "tailnet": {"service": "none"},
        "addresses": {
            "lan": "10.0.0.0/24", "dhcp_look": False, "dhcp_range": None, "pool": "10.0.0.50-10.0.0.59",
            "internal_address": "10.0.0.50", "external_address": "10.0.0.51", "dns_address": "10.0.0.52", "arp": True,
        },
    })  # fmt: skip
    return made


def plan(ctx: Context) -> list[Any]:
    step = Addresses()
    return step.plan(step.check(ctx), ctx.answers)


def notes(ctx: Context) -> list[events.Note]:
    """What is shown from now on."""
    heard: list[events.Note] = []
    ctx.bus.listen(lambda event: heard.append(event) if isinstance(event, events.Note) else None)
    return heard
