"""DHCP: the frame that asks for an offer, and what an offer says. Real servers answer in tests/lab."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest

from wizard.net import dhcp
from wizard.net.dhcp import Offer

MAC = "dc:a6:32:00:00:01"
SERVER = bytes.fromhex("3604c0a80101")  # option 54
OFFERED = bytes.fromhex("350102")
HEAD = bytes.fromhex("0201060000000001" + "00008000" + "00000000" + "c0a80189" + "0000000000000000")


def frame(options: bytes, *, head: bytes = HEAD, client: str = dhcp.CLIENT, cookie: str = "63825363") -> bytes:
    """An answer as a server at 192.168.1.1 sends it."""
    message = head + bytes.fromhex(client.replace(":", "")) + bytes(202) + bytes.fromhex(cookie) + options
    udp = struct.pack("!4H", 67, 68, 8 + len(message), 0) + message
    return (
        b"\xff" * 6 + bytes.fromhex("f4f26d102001") + b"\x08\0" + bytes(12) + socket.inet_aton("192.168.1.1") * 2 + udp
    )


def test_the_question_is_a_frame_as_the_standards_want_it() -> None:
    sent = dhcp.discover(MAC, b"abcd")
    assert sent[:14].hex(" ") == "ff ff ff ff ff ff dc a6 32 00 00 01 08 00"
    assert sent[14:34].hex() == "4500014800000000401179a600000000ffffffff"
    assert struct.unpack("!10H", sent[14:34]) and sum(struct.unpack("!10H", sent[14:34])) % 0xFFFF == 0  # its checksum
    assert struct.unpack("!3H", sent[34:40]) == (68, 67, len(sent) - 34)
    message = sent[42:]
    assert message[:12].hex() == "01010600" + b"abcd".hex() + "00008000"  # answers are to be broadcast
    assert message[28:34].hex(":") == dhcp.CLIENT
    assert message[236:246].hex() == "63825363" + "350101" + "370501"
    assert len(message) == 300


def test_it_never_asks_for_an_address() -> None:
    """No option 50 (requested address), no message type but DISCOVER."""
    options = dhcp.discover(MAC, b"abcd")[42 + 240 :]
    assert options.startswith(bytes.fromhex("350101"))
    assert dhcp._options(options).keys() == {53, 55}


def test_answers_are_known_by_protocol_port_and_transaction() -> None:
    answer = bytearray(frame(OFFERED + b"\xff"))
    answer[23], answer[46:50] = 17, b"abcd"
    assert all(answer[at : at + len(text)] == text for at, text in dhcp.answers(b"abcd"))
    assert not all(answer[at : at + len(text)] == text for at, text in dhcp.answers(b"abce"))


@pytest.mark.parametrize(
    ("options", "offer"),
    [
        (
            OFFERED + SERVER + bytes.fromhex("330400015180" "0104ffffff00" "0304c0a80101" "0608c0a80101c0a80102" "ff"),
            {"prefix": 24, "routers": ("192.168.1.1",), "resolvers": ("192.168.1.1", "192.168.1.2"),
             "lease_seconds": 86400},
        ),
        (OFFERED + SERVER + b"\xff", {}),
        (b"\0\0" + OFFERED + b"\0" + SERVER, {}),  # padding, no end
        (OFFERED + b"\xff" + SERVER, {}),  # the server is then known by the packet's own sender
        (OFFERED + bytes.fromhex("0104ff00ff00ff"), {}),  # no netmask
        (OFFERED + bytes.fromhex("01ff"), {}),  # cut short
        (OFFERED + bytes.fromhex("0302c0a8" "06"), {}),
        (OFFERED + bytes.fromhex("0602c0a8" "060201" "01ff"), {"resolvers": ("192.168.1.1",)}),  # in two parts
    ],
)  # fmt: skip
def test_an_offer_is_read(options: bytes, offer: dict[str, Any]) -> None:
    expected = Offer("192.168.1.1", "192.168.1.137", "f4:f2:6d:10:20:01", **offer)
    assert dhcp.offer(frame(options)) == expected


@pytest.mark.parametrize(
    "other",
    [
        frame(bytes.fromhex("350105") + SERVER),  # an ACK
        frame(SERVER),
        frame(OFFERED, client=MAC),  # to somebody else
        frame(OFFERED, cookie="00000000"),
        frame(OFFERED, head=b"\1" + HEAD[1:]),  # a request
        frame(OFFERED)[:200],
        b"",
    ],
)
def test_everything_else_is_no_offer(other: bytes) -> None:
    assert dhcp.offer(other) is None


@pytest.mark.parametrize(
    ("mask", "prefix"),
    [
        ("255.255.255.0", 24), ("255.255.0.0", 16), ("255.0.255.0", None), ("0.0.0.255", None), ("0.0.0.0", None),
        ("", None), ("24", None),
    ],
)  # fmt: skip
def test_a_netmask_has_a_prefix(mask: str, prefix: int | None) -> None:
    assert dhcp.prefix_of(mask) == prefix


def test_an_offers_network() -> None:
    assert str(Offer("10.0.0.1", "10.0.3.7", prefix=16).network) == "10.0.0.0/16"
    assert Offer("10.0.0.1", "10.0.3.7").network is None
