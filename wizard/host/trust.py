"""Host keys: their fingerprints, the keys a `known_hosts` file holds, and what is said when a key changed.

The file is read here rather than by paramiko, whose reader overlooks ``@revoked``, wildcards and negations
and stops at the first damaged line.
"""

from __future__ import annotations

import base64
import binascii
import fnmatch
import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from wizard.errors import TrustError
from wizard.host.base import HostKey

# The kinds that may be pinned, the one to prefer first, with the signature algorithms a server proves each with.
# SHA-1 (the algorithm ssh-rsa) is not among them.
ALGORITHMS = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa-sha2-nistp256",),
    "ecdsa-sha2-nistp384": ("ecdsa-sha2-nistp384",),
    "ecdsa-sha2-nistp521": ("ecdsa-sha2-nistp521",),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}


@dataclass(frozen=True)
class Known:
    """What one `known_hosts` file says about one host."""

    file: str
    keys: tuple[HostKey, ...] = ()
    revoked: tuple[HostKey, ...] = ()


def fingerprint(blob: bytes) -> str:
    """The fingerprint of a public key in wire form, as `ssh-keygen -l` prints it: ``SHA256:`` and 43 characters."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def host_key(text: str) -> HostKey:
    """The key written as ``ssh-ed25519 AAAA…``. Raises ValueError when it is damaged or of a kind not used here."""
    kind, _, encoded = text.strip().partition(" ")
    encoded = encoded.split()[0] if encoded.split() else ""
    try:
        blob = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("the key is damaged") from None
    if kind not in ALGORITHMS:
        raise ValueError(f"keys of the kind {kind!r} are not used")
    size = int.from_bytes(blob[:4], "big")
    if blob[4 : 4 + size] != kind.encode() or len(blob) <= 4 + size:
        raise ValueError("the key is damaged")
    return HostKey(kind, encoded, fingerprint(blob))


def same(one: HostKey, other: HostKey) -> bool:
    return (one.kind, one.base64) == (other.kind, other.base64)


def algorithms(kinds: Iterable[str]) -> list[str]:
    """The signature algorithms to offer, so that the server shows a key of one of `kinds` and of no other kind."""
    wanted = set(kinds)
    return [algorithm for kind, names in ALGORITHMS.items() if kind in wanted for algorithm in names]


def known_hosts(file: Path, address: str, port: int = 22) -> Known:
    """What `file` says about the host; nothing when it can't be read. Damaged lines are passed over, as ssh does."""
    try:
        lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return Known(str(file))
    name = address if port == 22 else f"[{address}]:{port}"
    keys: list[HostKey] = []
    revoked: list[HostKey] = []
    for line in lines:
        fields = line.split()
        marker = fields.pop(0) if fields and fields[0].startswith("@") else ""
        if len(fields) < 3 or line.startswith("#") or marker not in ("", "@revoked") or not _matches(fields[0], name):
            continue
        try:
            key = host_key(f"{fields[1]} {fields[2]}")
        except ValueError:
            continue
        (revoked if marker else keys).append(key)
    usable = tuple(key for key in keys if not any(same(key, bad) for bad in revoked))
    return Known(str(file), usable, tuple(revoked))


def _matches(patterns: str, name: str) -> bool:
    if patterns.startswith("|1|"):
        return _hashed(patterns, name)
    hit = False
    for pattern in patterns.split(","):
        negated = pattern.startswith("!")
        pattern = pattern.removeprefix("!").lower()
        literal = pattern.replace("[", "[[]")  # known_hosts has * and ? only; brackets hold a port
        if fnmatch.fnmatchcase(name.lower(), literal):
            if negated:
                return False
            hit = True
    return hit


def _hashed(pattern: str, name: str) -> bool:
    try:
        _, _, salt, digest = pattern.split("|")
        wanted = base64.b64decode(digest, validate=True)
        seen = hmac.new(base64.b64decode(salt, validate=True), name.encode(), hashlib.sha1).digest()
    except (ValueError, binascii.Error):
        return False
    return hmac.compare_digest(wanted, seen)


def describe(keys: Iterable[HostKey]) -> str:
    """The fingerprints with their kinds, for a sentence."""
    return ", ".join(f"{key.fingerprint} ({key.kind})" for key in keys) or "none"


REPLACED = (
    "try again and name it when you are asked which Pis have been re-flashed (in an answers file: machines.replaced). "
    "You are then asked about the new key."
)


def another(name: str, before: str, now: str) -> TrustError:
    """The error for a host that comes back with another machine-id than it had before its connection broke."""
    return TrustError(
        "Another machine came back at this address, although its host key is the same. Nothing was changed on it.",
        f"The machine-id was {before}, now it is {now or 'unknown'}.",
        "If you have put in another card, run the same command again and name it when you are asked which Pis have "
        "been re-flashed (in an answers file: machines.replaced). If not, find out which machine this is.",
        host=name,
    )


def changed(
    name: str, approved: Iterable[HostKey], shown: Iterable[HostKey], source: str = "approved", then: str = REPLACED
) -> TrustError:
    """The error for a host that does not show a key that was approved.

    `source` says where those came from, `then` what to do about it once the new key was found to be right.
    """
    gap = "" if then.endswith("\n") else " "
    return TrustError(
        "The host key is not the one that was approved. Nothing was sent to this host.",
        f"Key {source}: {describe(approved)}. Key shown now: {describe(shown)}.",
        "If you have re-flashed it since, compare the new fingerprint on its own screen (ssh-keygen -lf "
        f"/etc/ssh/ssh_host_ed25519_key.pub), then {then}{gap}If you have not, another device answers at this address: "
        "find out which before you go on.",
        host=name,
    )
