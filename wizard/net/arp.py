"""Who answers for an address on the LAN, by ARP: the question that shows two devices on one address.

As root, requests are sent and every answer is heard, so two answers for one address are two MACs. Without
root the kernel is made to ask (by an empty UDP datagram) and its table is read: it keeps one MAC an address.
"""

from __future__ import annotations

import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Sequence

from wizard.errors import Interrupted, WizardError
from wizard.net import neighbours

ROUNDS, ROUND_SECONDS = 3, 0.6  # a Pi in Wi-Fi power saving may miss the first request
SETTLE_SECONDS = 9.0  # the kernel asks again about a neighbour it has not heard of lately: 5 s, then 3 tries
ETHERTYPE = 0x0806
ANSWER = ((20, b"\0\2"),)  # by what a frame of an answer is known: bytes at places in it
NOBODY = "0.0.0.0"  # noqa: S104  (who asks, before he has an address)
PAUSE = 0.005  # seconds between two requests: a small switch must not drop any
_FORMAT = "!6s6sHHHBBH6s4s6s4s"


def probe(addresses: Sequence[str], stop: threading.Event) -> dict[str, tuple[str, ...]]:
    """The MACs that answer for each address, in small letters; an address nobody answers for is missing.

    Raises `WizardError` where that can't be found out: other systems than Linux, addresses beyond a router.
    """
    lanes: dict[str, list[str]] = {}
    for address in addresses:
        lanes.setdefault(_interface(address), []).append(address)
    found: dict[str, set[str]] = {}
    for interface, members in lanes.items():
        own_ip, own_mac = neighbours.own_address(interface)
        if own_ip in members:  # nobody else answers for this computer
            found[own_ip] = {own_mac}
        answers = _ask(interface, own_ip, own_mac, members, stop)
        for address, macs in answers.items():
            found.setdefault(address, set()).update(macs)
    return {address: tuple(sorted(found[address])) for address in addresses if address in found}


def _interface(address: str) -> str:
    if sys.platform != "linux":
        raise WizardError(
            "Who answers for an address can't be found out from this computer.",
            f"Asking by ARP is written for Linux, and this is {sys.platform}.",
            "Run homelab on a Linux computer in the same network, one of the Pis for example.",
        )
    interface = neighbours.on_link(neighbours.ROUTES.read_text(), address)
    if not interface:
        raise WizardError(
            f"Who answers for {address} can't be found out from here.",
            "It is not in a network that this computer is directly in, and ARP does not pass routers.",
            "Run homelab on a computer in that network, or correct the address.",
        )
    return interface


def _ask(interface: str, own_ip: str, own_mac: str, addresses: list[str], stop: threading.Event) -> dict[str, set[str]]:
    try:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETHERTYPE))
    except PermissionError:
        return _ask_kernel(addresses, stop)
    with sock:
        sock.bind((interface, ETHERTYPE))
        sock.settimeout(0.1)
        found: dict[str, set[str]] = {}
        for _ in range(ROUNDS):
            for address in addresses:
                sock.send(request(own_mac, own_ip, address))
                if stop.wait(PAUSE):
                    raise _stopped()
            for ip, mac in _hear(sock, stop):
                if ip in addresses and mac != own_mac:
                    found.setdefault(ip, set()).add(mac)
        return found


def _hear(sock: socket.socket, stop: threading.Event) -> Iterable[tuple[str, str]]:
    end = time.monotonic() + ROUND_SECONDS
    while time.monotonic() < end:
        if stop.is_set():
            raise _stopped()
        try:
            answer = reply(sock.recv(2048))
        except TimeoutError:
            continue
        if answer:
            yield answer


def _stopped() -> Interrupted:
    return Interrupted("Stopped.", fix="Run the same command again to go on.")


def request(own_mac: str, own_ip: str, address: str) -> bytes:
    """The Ethernet frame that asks everybody: who has `address`?"""
    mac = bytes.fromhex(own_mac.replace(":", ""))
    return struct.pack(
        _FORMAT, b"\xff" * 6, mac, ETHERTYPE, 1, 0x0800, 6, 4, 1,
        mac, socket.inet_aton(own_ip), bytes(6), socket.inet_aton(address),
    )  # fmt: skip


def reply(frame: bytes) -> tuple[str, str] | None:
    """(address, MAC) of an answer; None for any other frame."""
    if len(frame) < struct.calcsize(_FORMAT):
        return None
    fields = struct.unpack(_FORMAT, frame[: struct.calcsize(_FORMAT)])
    if fields[2:8] != (ETHERTYPE, 1, 0x0800, 6, 4, 2):
        return None
    return socket.inet_ntoa(fields[9]), fields[8].hex(":")


# -- without root ------------------------------------------------------------------------------------------


def _ask_kernel(addresses: list[str], stop: threading.Event) -> dict[str, set[str]]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for address in addresses:
            try:
                sock.sendto(b"", (address, 9))  # the discard port: what matters is that the kernel must ask first
            except OSError:
                continue  # a neighbour known to be absent: the kernel says so at once
    end = time.monotonic() + SETTLE_SECONDS
    while True:
        table = _table()
        unsettled = [a for a in addresses if a in table and not table[a].settled]
        if not unsettled or time.monotonic() >= end:
            return {a: {table[a].mac} for a in addresses if a in table and table[a].mac}
        if stop.wait(0.3):
            raise _stopped()


def _table() -> dict[str, neighbours.Neighbour]:
    """The kernel's table. Without the program `ip`, states are unknown and every complete entry counts."""
    program = shutil.which("ip")
    if program:
        done = subprocess.run([program, "-j", "-4", "neigh", "show"], capture_output=True, text=True, timeout=10)
        if done.returncode == 0:
            return neighbours.read_ip_neigh(done.stdout)
    time.sleep(1.5)  # for an answer to arrive
    table = neighbours.read_table(neighbours.TABLE.read_text())
    return {address: neighbours.Neighbour(mac) for address, mac in table.items()}
