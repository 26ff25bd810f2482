"""What the Linux kernel knows about the LAN: its routes and its ARP table, as text to be read."""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
from dataclasses import dataclass
from pathlib import Path

ROUTES = Path("/proc/net/route")
TABLE = Path("/proc/net/arp")
_NOBODY = "00:00:00:00:00:00"


@dataclass(frozen=True)
class Neighbour:
    """One entry of the ARP table. `settled` is False while the kernel is still finding out."""

    mac: str
    settled: bool = True


def on_link(routes: str, address: str) -> str:
    """The interface whose network `address` is in, from /proc/net/route; empty when a router lies between."""
    wanted = int(ipaddress.IPv4Address(address))
    best, found = -1, ""
    for line in routes.splitlines()[1:]:
        words = line.split()
        if len(words) < 8:
            continue
        destination, gateway, mask = (_little(words[at]) for at in (1, 2, 7))
        if wanted & mask == destination and mask > best:  # the longest prefix decides, as in the kernel
            best, found = mask, "" if gateway else words[0]
    return found


def _little(text: str) -> int:
    """An address as /proc writes it: hexadecimal, in the machine's byte order, which is little on all we run on."""
    return int(struct.unpack("<I", struct.pack(">I", int(text, 16)))[0])


def read_table(text: str) -> dict[str, str]:
    """Address -> MAC of the complete entries of /proc/net/arp."""
    found = {}
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 6 and int(words[2], 16) & 2 and words[3] != _NOBODY:
            found[words[0]] = words[3].lower()
    return found


def read_ip_neigh(text: str) -> dict[str, Neighbour]:
    """Address -> neighbour, from ``ip -j -4 neigh show``. Entries nobody answers for are left out when settled."""
    found = {}
    for entry in json.loads(text or "[]"):
        states = set(entry.get("state", []))
        settled = bool(states & {"REACHABLE", "PERMANENT", "FAILED"})
        mac = "" if "FAILED" in states else str(entry.get("lladdr", "")).lower()
        found[str(entry.get("dst", ""))] = Neighbour(mac, settled)
    return found


def table() -> dict[str, str]:
    """Address -> MAC of the neighbours that the kernel has talked to; empty on systems without /proc."""
    try:
        return read_table(TABLE.read_text())
    except OSError:
        return {}


def address_in(network: ipaddress.IPv4Network) -> str:
    """This computer's address on the interface that leads into `network`; empty when a router lies between.

    Nothing is sent: the kernel is asked for the route only.
    """
    inside = str(next(iter(network.hosts())))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.connect((inside, 9))
            own = str(sock.getsockname()[0])
            direct = ipaddress.IPv4Address(own) in network or bool(on_link(ROUTES.read_text(), inside))
        except OSError:
            return ""
    return own if direct else ""


def own_address(interface: str) -> tuple[str, str]:
    """IPv4 address and MAC of an interface of this computer. Raises OSError."""
    import fcntl

    name = struct.pack("256s", interface.encode()[:15])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        ip = socket.inet_ntoa(fcntl.ioctl(sock, 0x8915, name)[20:24])  # SIOCGIFADDR
        mac = fcntl.ioctl(sock, 0x8927, name)[18:24]  # SIOCGIFHWADDR
    return ip, mac.hex(":")
