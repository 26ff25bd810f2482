"""A home LAN of network namespaces with its own switch, for test_addresses.py: nothing in it has a way out.

`Switch` makes machines; `Workstation` is the wizard's world on one of them; a Pi is reached by `Inside`, which runs a
script as root there, as SSH would.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wizard import events
from wizard.context import Context
from wizard.errors import CommandFailed, WizardError
from wizard.host.base import Result, Script
from wizard.state import State

NET = "198.18.40"
PREFIX = "ha-"
ROOT = Path(__file__).resolve().parents[2]
PROBE = """
import json, os, sys, threading
from wizard.errors import WizardError
from wizard.net import arp
if sys.argv[1] != "0":
    os.setgid(int(sys.argv[1])); os.setuid(int(sys.argv[1]))
try:
    print(json.dumps(arp.probe(json.load(sys.stdin), threading.Event())))
except WizardError as error:
    print(json.dumps([error.what, error.why, error.fix]))
"""
ANNOUNCE = """
import socket, sys
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
wire.bind(("eth0", 0x0806))
own, address = wire.getsockname()[4], socket.inet_aton(sys.argv[1])
print("ready", flush=True)
while True:
    frame = wire.recv(2048)
    if frame[21] == 1 and frame[38:42] == address:
        wire.send(frame[6:12] + own + frame[12:20] + bytes([0, 2]) + own + address + frame[22:32])
"""
SNIFF = """
import socket
wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
wire.bind(("br0", 0))
print("ready", flush=True)
while True:
    frame = wire.recv(2048)
    kind = int.from_bytes(frame[12:14], "big")
    if kind == 0x0800 and frame[23] == 17 and frame[36:38] == b"\\0\\x43":
        at = frame.index(b"\\x35\\1", 282)
        print("dhcp", frame[at + 2], flush=True)
    elif kind == 0x0806 and frame[21] == 1:
        print("arp", socket.inet_ntoa(frame[38:42]), flush=True)
"""


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True, text=True)


def inside(name: str, *words: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{PREFIX}{name}", "--", *words]


class Switch:
    """The switch, and every machine that is plugged into it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.machines: list[str] = []
        self.programs: list[subprocess.Popen[str]] = []
        self._namespace("switch")
        ip("-n", f"{PREFIX}switch", "link", "add", "br0", "type", "bridge", "forward_delay", "0")
        ip("-n", f"{PREFIX}switch", "link", "set", "br0", "up")

    def _namespace(self, name: str) -> None:
        ip("netns", "add", PREFIX + name)
        self.machines.append(name)
        silent = (
            "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6"
        )
        subprocess.run(inside(name, "sh", "-euc", silent), check=True)
        ip("-n", PREFIX + name, "link", "set", "lo", "up")

    def plug(self, name: str, *addresses: str, mac: str = "", router: str = "") -> str:
        """A machine with these addresses (``198.18.40.9/24``) on its card eth0. Returns the card's MAC address."""
        self._namespace(name)
        ip("-n", f"{PREFIX}switch", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", PREFIX + name)
        ip("-n", f"{PREFIX}switch", "link", "set", name, "master", "br0", "up")
        if mac:
            ip("-n", PREFIX + name, "link", "set", "eth0", "address", mac)
        for address in addresses:
            ip("-n", PREFIX + name, "addr", "add", address, "brd", "+", "dev", "eth0")
        ip("-n", PREFIX + name, "link", "set", "eth0", "up")
        if router:
            ip("-n", PREFIX + name, "route", "add", "default", "via", router)
        card = json.loads(subprocess.run(inside(name, "ip", "-j", "link", "show", "eth0"), check=True,
                                         capture_output=True, text=True).stdout)  # fmt: skip
        return str(card[0]["address"])

    def unplug(self, name: str) -> None:
        self.machines.remove(name)
        ip("netns", "del", PREFIX + name)

    def start(self, name: str, *words: str) -> subprocess.Popen[str]:
        program = subprocess.Popen(inside(name, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.programs.append(program)
        return program

    def stop(self, program: subprocess.Popen[str]) -> str:
        """Ends it and returns what it printed."""
        program.terminate()
        self.programs.remove(program)
        return program.communicate(timeout=10)[0]

    def dhcp(self, name: str, first: int, last: int, *options: str, seconds: int = 3600) -> subprocess.Popen[str]:
        """A real DHCP server on the machine `name`, ready."""
        leases = self.folder / f"{name}.leases"
        server = self.start(
            name, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--log-facility=-",
            "--user=root", "--log-dhcp", "--interface=eth0", "--bind-interfaces", f"--dhcp-leasefile={leases}",
            "--pid-file=", f"--dhcp-range={NET}.{first},{NET}.{last},{seconds}", *options,
        )  # fmt: skip
        for line in server.stdout or ():
            if "sockets bound exclusively" in line or "DHCP, sockets" in line:
                return server
        raise AssertionError(f"dnsmasq did not start: {server.poll()}")

    def announce(self, name: str, address: str) -> None:
        """Lets the machine answer for an address that it does not have, as MetalLB's speaker does."""
        speaker = self.start(name, sys.executable, "-c", ANNOUNCE, address)
        assert speaker.stdout is not None
        assert speaker.stdout.readline() == "ready\n"

    @contextmanager
    def watched(self) -> Iterator[list[str]]:
        """What is sent meanwhile: ``dhcp TYPE`` for each message to a DHCP server, ``arp ADDRESS`` for each request."""
        seen: list[str] = []
        sniffer = self.start("switch", sys.executable, "-c", SNIFF)
        assert sniffer.stdout is not None
        assert sniffer.stdout.readline() == "ready\n"
        yield seen
        time.sleep(0.3)
        seen += self.stop(sniffer).splitlines()

    def down(self) -> None:
        for program in list(self.programs):
            self.stop(program)
        for name in list(self.machines):
            self.unplug(name)


class Inside:
    """A Pi as the wizard reaches it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    def run(self, script: Script, *, check: bool = True, **_: Any) -> Result:
        file = self.folder / f"{self.name}.sh"  # the Pis are asked side by side
        file.write_text(script.text)
        shell = ["sh", str(file), *script.args]
        if (resolver := self.folder / f"{self.name}.resolv").exists():
            mounted = f'mount --bind {resolver} "$(readlink -f /etc/resolv.conf)" && exec "$@"'
            shell = ["unshare", "-m", "sh", "-c", mounted, "sh", *shell]
        done = subprocess.run(
            inside(self.name, *shell), input=script.stdin, capture_output=True, timeout=script.timeout, check=False
        )
        if check and done.returncode:
            raise CommandFailed(f"{script.name} ended with {done.returncode}.", done.stderr.decode())
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


class Workstation:
    """The wizard's world on the machine `name`. `user` is who runs it: 0 is root."""

    def __init__(self, name: str = "ws", user: int = 0) -> None:
        self.name, self.user, self.stop = name, user, threading.Event()

    def now(self) -> float:
        return time.monotonic()

    def run(self, argv: Sequence[str], *, stdin: bytes = b"", timeout: float = 60, **_: Any) -> Result:
        if argv[0] != "sh":
            raise WizardError(f"The program {argv[0]} could not be started.")
        done = subprocess.run(inside(self.name, *argv), input=stdin, capture_output=True, timeout=timeout, check=False)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    def arp(self, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
        probe = inside(self.name, sys.executable, "-c", PROBE, str(self.user))
        done = subprocess.run(
            probe, input=json.dumps(list(addresses)), capture_output=True, text=True, timeout=60, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        told = json.loads(done.stdout or json.dumps([done.stderr, "", ""]))
        if isinstance(told, list):
            raise WizardError(*told)
        return {address: tuple(macs) for address, macs in told.items()}


def context(folder: Path, pis: dict[str, str], world: Workstation, **answers: Any) -> Context:
    """The step's context on the LAN: `pis` are machines by address."""
    made = Context(world, State(folder / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    made.state.save = lambda: None  # type: ignore[method-assign]
    made.scratch["hosts"] = {address: Inside(name, folder) for address, name in pis.items()}
    given = {
        "lan": f"{NET}.0/24", "dhcp_look": False, "dhcp_range": None, "pool": f"{NET}.240-{NET}.249",
        "internal_address": f"{NET}.240", "external_address": f"{NET}.241", "dns_address": f"{NET}.242", "arp": True,
    }  # fmt: skip
    made.answers.update({
        "machines": {"network": f"{NET}.0/24", "hosts": list(pis), "control_plane": next(iter(pis))},
        "tailnet": {"service": "none"}, "addresses": {**given, **answers},
    })  # fmt: skip
    for address, name in pis.items():
        made.state.remember("machines", address, "hostname", value=name)
    return made
