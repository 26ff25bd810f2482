"""DHCP's first two messages: what asks everybody for an offer, and what an offer says. Pure; RFC 2131 and 2132.

Nothing here sends. A DHCPDISCOVER takes no address: it is never followed by a request. The client that it speaks of
is always the same made-up one, so that asking often costs a server no more than one address, and that for a minute.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network

CLIENT = "02:68:6f:6d:65:6c"  # a locally administered MAC address that nobody has: \x02homel
ETHERTYPE = 0x0800
_COOKIE = bytes.fromhex("63825363")
_WANTED = (1, 3, 6, 51, 54)  # netmask, routers, name servers, lease time, server
_BOOTP = 14 + 20 + 8  # where it begins in a frame: after Ethernet, IP without options, UDP
_TYPE, _DISCOVER, _OFFER = 53, 1, 2


@dataclass(frozen=True)
class Offer:
    """What a DHCP server would give. Empty, 0 or None where it did not say."""

    server: str
    address: str
    mac: str = ""  # of the card that sent it: the server's, or a relay's
    prefix: int | None = None
    routers: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    lease_seconds: int = 0

    @property
    def network(self) -> IPv4Network | None:
        """The network that its clients are put in."""
        return None if self.prefix is None else IPv4Network(f"{self.address}/{self.prefix}", strict=False)


def discover(mac: str, transaction: bytes) -> bytes:
    """The frame that asks every DHCP server for an offer, sent by the card `mac`. `transaction` are four bytes.

    Answers are asked for as broadcasts, since nobody has the address of `CLIENT`.
    """
    head = struct.pack("!4B4s2H16x", 1, 1, 6, 0, transaction, 0, 0x8000)
    options = bytes([_TYPE, 1, _DISCOVER, 55, len(_WANTED), *_WANTED, 255])
    message = (head + _mac(CLIENT) + bytes(10 + 64 + 128) + _COOKIE + options).ljust(300, b"\0")
    datagram = struct.pack("!4H", 68, 67, 8 + len(message), 0) + message
    ip = struct.pack("!2B3H2BH4x4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, socket.IPPROTO_UDP, 0, b"\xff" * 4)
    ip = ip[:10] + struct.pack("!H", _checksum(ip)) + ip[12:]
    return b"\xff" * 6 + _mac(mac) + struct.pack("!H", ETHERTYPE) + ip + datagram


def answers(transaction: bytes) -> tuple[tuple[int, bytes], ...]:
    """By what an answer to that frame is known: bytes at places in it."""
    return ((23, bytes([socket.IPPROTO_UDP])), (36, struct.pack("!H", 68)), (_BOOTP + 4, transaction))


def offer(frame: bytes) -> Offer | None:
    """What the frame of an answer says; None for anything but an offer to `CLIENT`."""
    message = frame[_BOOTP:]
    if len(message) < 240 or message[0] != 2 or message[28:34] != _mac(CLIENT) or message[236:240] != _COOKIE:
        return None
    options = _options(message[240:])
    if options.get(_TYPE) != bytes([_OFFER]):
        return None
    return Offer(
        server=next(iter(_addresses(options, 54)), socket.inet_ntoa(frame[26:30])),
        address=socket.inet_ntoa(message[16:20]), mac=frame[6:12].hex(":"),
        prefix=prefix_of(next(iter(_addresses(options, 1)), "")),
        routers=_addresses(options, 3), resolvers=_addresses(options, 6),
        lease_seconds=int.from_bytes(options.get(51, b"")[:4], "big"),
    )  # fmt: skip


def prefix_of(netmask: str) -> int | None:
    """24 for 255.255.255.0; None for what is no netmask."""
    try:
        network = IPv4Network(f"0.0.0.0/{netmask}")
    except ValueError:
        return None
    return network.prefixlen if network.prefixlen and str(network.netmask) == netmask else None


def _options(text: bytes) -> Mapping[int, bytes]:
    """The options by number; one that is cut short ends them."""
    found: dict[int, bytes] = {}
    at = 0
    while at < len(text) and text[at] != 255:
        if text[at] == 0:
            at += 1
            continue
        value = text[at + 2 : at + 2 + text[at + 1]] if at + 1 < len(text) else b""
        if at + 1 >= len(text) or len(value) < text[at + 1]:
            break
        found[text[at]] = found.get(text[at], b"") + value
        at += 2 + len(value)
    return found


def _addresses(options: Mapping[int, bytes], number: int) -> tuple[str, ...]:
    value = options.get(number, b"")
    return tuple(socket.inet_ntoa(value[at : at + 4]) for at in range(0, len(value) - 3, 4))


def _mac(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def _checksum(header: bytes) -> int:
    total: int = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF
