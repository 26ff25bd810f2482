"""OpenPGP public keys, as far as apt needs them: which keys a file holds, by fingerprint. No signature is checked here.

A key that signs packages is pinned by its fingerprint, which is a hash of the key itself: whatever a server hands
out under the right fingerprint is the right key, with whatever end it has by now. Its end is not part of that hash: it
stands in what the key signed about itself, and its owner moves it by handing the same key out anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

_SIGNATURE, _PUBLIC_KEY, _SUBKEY = 2, 6, 14  # types of packets; each key begins with a public key
_ON_NAME, _ON_KEY = (b"\x10", b"\x11", b"\x12", b"\x13"), b"\x1f"  # signatures that may say how long the key lasts
_MADE, _LASTS, _ISSUER, _ISSUER_FINGERPRINT = 2, 9, 16, 33  # types of subpackets: RFC 9580, 5.2.3.7


@dataclass(frozen=True)
class Key:
    """One primary key with everything that belongs to it. `data` is what a keyring file holds."""

    fingerprint: str  # hexadecimal, capital letters
    data: bytes
    ends: float | None = None  # when the primary key ends, in seconds since 1970; None: never


def keys(file: bytes) -> list[Key]:
    """The keys in a key file, armoured or not. Raises ValueError for anything else."""
    data = _dearmoured(file)
    packets = list(_packets(data))
    starts = [at for at, kind, _ in packets if kind == _PUBLIC_KEY]
    if not starts or starts[0] != 0:
        raise ValueError("this is not an OpenPGP public key")
    found = []
    for start, end in pairwise([*starts, len(data)]):
        (_, body), *rest = [(kind, body) for at, kind, body in packets if start <= at < end]
        fingerprint = _fingerprint(body)
        found.append(Key(fingerprint, data[start:end], _end(body, fingerprint, rest)))
    return found


def readable(fingerprint: str) -> str:
    """In groups of four, as gpg shows it and people compare it."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


def _end(body: bytes, fingerprint: str, packets: Iterable[tuple[int, bytes]]) -> float | None:
    """When the key `body` ends: by the newest signature on itself, or else by the newest on one of its user names."""
    newest: dict[bool, tuple[int, int]] = {}
    for kind, signature in packets:
        if kind == _SUBKEY:
            break  # what follows is about that one
        if kind != _SIGNATURE or signature[:1] not in (b"\x04", b"\x06") or signature[1:2] not in (_ON_KEY, *_ON_NAME):
            continue
        said, direct = _subpackets(signature), signature[1:2] == _ON_KEY
        issuer = said.get(_ISSUER_FINGERPRINT, b"\0")[1:] or said.get(_ISSUER, b"")
        one = int.from_bytes(said.get(_MADE, b"")), int.from_bytes(said.get(_LASTS, b""))
        if issuer.hex().upper() in fingerprint and one[0] >= newest.get(direct, (0, 0))[0]:
            newest[direct] = one
    lasts = newest.get(True, (0, 0))[1] or newest.get(False, (0, 0))[1]
    return float(int.from_bytes(body[1:5]) + lasts) if lasts else None


def _subpackets(signature: bytes) -> dict[int, bytes]:
    """What a signature of version 4 or 6 says: type -> value, what is signed before what is only beside it."""
    width = 2 if signature[0] == 4 else 4
    found: dict[int, bytes] = {}
    at = 4
    for _ in ("signed", "beside it"):
        size = int.from_bytes(signature[at : at + width])
        area, at = signature[at + width : at + width + size], at + width + size
        inside = 0
        while inside < len(area):
            head, length = _subpacket_length(area[inside : inside + 5])
            value = area[inside + head : inside + head + length]
            if value:
                found.setdefault(value[0] & 0x7F, value[1:])
            inside += head + length
    return found


def _subpacket_length(start: bytes) -> tuple[int, int]:
    """The length of a subpacket's length, and that length, its type included."""
    if start[0] < 192:
        return 1, start[0]
    if start[0] < 255:
        return 2, ((start[0] - 192) << 8) + int.from_bytes(start[1:2]) + 192
    return 5, int.from_bytes(start[1:5])


def _dearmoured(file: bytes) -> bytes:
    if b"-----BEGIN PGP PUBLIC KEY BLOCK-----" not in file:
        return file
    lines = [line.strip() for line in file.decode("ascii", errors="replace").splitlines()]
    begin = lines.index("-----BEGIN PGP PUBLIC KEY BLOCK-----")
    try:
        end = lines.index("-----END PGP PUBLIC KEY BLOCK-----", begin)
        blank = lines.index("", begin, end)  # headers such as "Version:" end with an empty line
        body = "".join(line for line in lines[blank + 1 : end] if not line.startswith("="))
        return base64.b64decode(body, validate=True)
    except (ValueError, binascii.Error):
        raise ValueError("this armoured key is damaged") from None


def _packets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Each packet: where it begins, its type, its body. Raises ValueError when the data is cut short."""
    at = 0
    while at < len(data):
        tag = data[at]
        if not tag & 0x80:
            raise ValueError("this is not OpenPGP data")
        try:
            kind, head, size = _new_header(data, at) if tag & 0x40 else _old_header(data, at)
        except IndexError:
            raise ValueError("this OpenPGP data is cut short") from None
        if at + head + size > len(data):
            raise ValueError("this OpenPGP data is cut short")
        yield at, kind, data[at + head : at + head + size]
        at += head + size


def _old_header(data: bytes, at: int) -> tuple[int, int, int]:
    """Type, length of the header and of the body, in the format that most keys still use."""
    width = (1, 2, 4, 0)[data[at] & 3]
    if width == 0:
        raise ValueError("this OpenPGP data has no length")
    return (data[at] >> 2) & 15, 1 + width, int.from_bytes(data[at + 1 : at + 1 + width])


def _new_header(data: bytes, at: int) -> tuple[int, int, int]:
    first = data[at + 1]
    if first < 192:
        return data[at] & 63, 2, first
    if first < 224:
        return data[at] & 63, 3, ((first - 192) << 8) + data[at + 2] + 192
    if first == 255:
        return data[at] & 63, 6, int.from_bytes(data[at + 2 : at + 6])
    raise ValueError("this OpenPGP data comes in parts")


def _fingerprint(body: bytes) -> str:
    """RFC 9580, 5.5.4: SHA-1 of a version 4 key, SHA-256 of a version 6 key."""
    if body[:1] == b"\x04":
        return hashlib.sha1(b"\x99" + len(body).to_bytes(2) + body, usedforsecurity=False).hexdigest().upper()
    if body[:1] == b"\x06":
        return hashlib.sha256(b"\x9b" + len(body).to_bytes(4) + body).hexdigest().upper()
    raise ValueError("this OpenPGP key is of a version that is not known")
