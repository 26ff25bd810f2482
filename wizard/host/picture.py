"""The picture that `ssh-keygen -lv` draws of a public key: two of them are told apart at a glance."""

from __future__ import annotations

import base64
import hashlib

from wizard.host.base import HostKey

COLUMNS, ROWS = 17, 9
SHADES = " .o+=*BOX@%&#/^"  # how often a field was stepped on
BEGIN, END = "S", "E"
_NAMES = {"ssh-ed25519": "ED25519", "ssh-rsa": "RSA"}


def draw(key: HostKey) -> str:
    """Eleven lines of nineteen characters, as OpenSSH draws them for the SHA256 fingerprint.

    A bishop begins in the middle and takes a diagonal step for every two bits of the digest, the lowest first.
    """
    blob = base64.b64decode(key.base64)
    steps = [byte >> shift & 3 for byte in hashlib.sha256(blob).digest() for shift in (0, 2, 4, 6)]
    x, y = COLUMNS // 2, ROWS // 2
    visits = [[0] * COLUMNS for _ in range(ROWS)]
    for step in steps:
        x = min(max(x + (1 if step & 1 else -1), 0), COLUMNS - 1)
        y = min(max(y + (1 if step & 2 else -1), 0), ROWS - 1)
        visits[y][x] += 1
    fields = [[SHADES[min(count, len(SHADES) - 1)] for count in row] for row in visits]
    fields[ROWS // 2][COLUMNS // 2] = BEGIN
    fields[y][x] = END
    kind = _NAMES.get(key.kind, "ECDSA")
    title = f"[{kind} {_bits(key.kind, blob)}]"
    return "\n".join([_edge(title), *(f"|{''.join(row)}|" for row in fields), _edge("[SHA256]")])


def _edge(title: str) -> str:
    """The title in the middle, a dash more on its right where it can't be."""
    left = (COLUMNS - len(title)) // 2
    return f"+{'-' * left}{title}{'-' * (COLUMNS - left - len(title))}+"


def _bits(kind: str, blob: bytes) -> int:
    """The size of the key: fixed by its kind, but for RSA that of its modulus, the third field of the blob."""
    if kind != "ssh-rsa":
        return {"ssh-ed25519": 256}.get(kind) or int(kind.removeprefix("ecdsa-sha2-nistp"))
    fields, at = [], 0
    while at < len(blob):
        size = int.from_bytes(blob[at : at + 4], "big")
        fields.append(blob[at + 4 : at + 4 + size])
        at += 4 + size
    return int.from_bytes(fields[2], "big").bit_length()
