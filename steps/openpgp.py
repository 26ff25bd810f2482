"""OpenPGP public keys, as far as apt needs them: which keys a file holds, by fingerprint. No signature is checked here.

A key that signs packages is pinned by its fingerprint, which is a hash of the key itself: whatever a server hands
out under the right fingerprint is the right key, with whatever expiry date it has by now.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

_PUBLIC_KEY = 6  # the packet type with which each key begins


@dataclass(frozen=True)
class Key:
    """One primary key with everything that belongs to it. `data` is what a keyring file holds."""

    fingerprint: str  # hexadecimal, capital letters
    data: bytes


def keys(file: bytes) -> list[Key]:
    """The keys in a key file, armoured or not. Raises ValueError for anything else."""
    data = _dearmoured(file)
    starts = [(at, body) for at, kind, body in _packets(data) if kind == _PUBLIC_KEY]
    if not starts or starts[0][0] != 0:
        raise ValueError("this is not an OpenPGP public key")
    ends = [at for at, _ in starts[1:]] + [len(data)]
    return [Key(_fingerprint(body), data[at:end]) for (at, body), end in zip(starts, ends, strict=True)]


def readable(fingerprint: str) -> str:
    """In groups of four, as gpg shows it and people compare it."""
    return " ".join(fingerprint[i : i + 4] for i in range(0, len(fingerprint), 4))


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
