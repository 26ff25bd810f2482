"""The file of a backup: a tar that begins with `backup.yaml`, encrypted with a passphrase by age.

``age -d FILE | tar -t`` opens it without homelab. `docs/decisions/0024-a-backup-is-age-around-tar.md` says why.
"""

from __future__ import annotations

import hashlib
import io
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wizard import yamlfile
from wizard.errors import BadInput, Problem, StateError
from wizard.secret import Secret

KIND = "homelab-wizard backup"
VERSION = 1
ABOUT = "backup.yaml"
MOST = 4 << 30  # bytes; etcd itself stops at 2 GB
LEAST = 12  # characters of a passphrase; age makes each guess take a second
_AGE = b"age-encryption.org/"
_AGAIN = "Take another copy of it; `homelab backup` reads each one back before it says that it is good."


@dataclass(frozen=True)
class Backup:
    """`about` holds no secret; `files` are what is in it, by name, and hold nearly all that there are."""

    about: Mapping[str, Any]
    files: Mapping[str, bytes] = field(repr=False)

    @property
    def cluster(self) -> str:
        return str(self.about["cluster"])


def seal(about: Mapping[str, Any], files: Mapping[str, bytes], passphrase: Secret) -> bytes:
    """The bytes of the file. Takes a second or two: age makes guessing a passphrase slow."""
    from pyrage import passphrase as age

    listed = {name: {"bytes": len(data), "sha256": digest(data)} for name, data in files.items()}
    text = yamlfile.dump_plain({"kind": KIND, "version": VERSION, **about, "files": listed})
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, data in {ABOUT: text.encode(), **files}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o600
            archive.addfile(entry, io.BytesIO(data))
    return bytes(age.encrypt(packed.getvalue(), passphrase.reveal()))


def unseal(data: bytes, passphrase: Secret, name: str) -> Backup:
    """What `seal` made; `name` is what to call the file. Raises `StateError`, or `BadInput` for a wrong passphrase."""
    import pyrage

    if not data.startswith(_AGE):
        raise StateError(
            f"{name} is no backup of homelab.", "It is not a file that age has encrypted.", "Name another."
        )
    try:
        plain = bytes(pyrage.passphrase.decrypt(data, passphrase.reveal()))
    except pyrage.DecryptError as error:
        raise _closed(str(error), name) from None
    return _unpacked(plain, name)


def _closed(said: str, name: str) -> Exception:
    """The error for what age says."""
    if said == "Decryption failed":
        problem = Problem("passphrase", "it does not open this file", "Type it as it was when the backup was made.")
        return BadInput([problem], f"{name} stays closed: the passphrase is another one.")
    if said == "No matching keys found":
        return StateError(f"{name} is no backup of homelab.", "It is encrypted for a key.", "Name another file.")
    if said.startswith("Excessive work"):
        return StateError(
            f"{name} can't be opened here.", f"age says: {said}", "Open it on a computer as fast as the one it is from."
        )
    return StateError(f"{name} is damaged or cut off.", "What is in it does not come out as it went in.", _AGAIN)


def _unpacked(plain: bytes, name: str) -> Backup:
    files: dict[str, bytes] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(plain), mode="r:") as archive:
            for entry in archive:
                found = archive.extractfile(entry)
                files[entry.name] = found.read() if found else b""
        about = yamlfile.load(files.pop(ABOUT).decode())
        if about["kind"] != KIND:
            raise ValueError
        version = int(about["version"])
    except (tarfile.TarError, KeyError, TypeError, ValueError):
        raise StateError(
            f"{name} is no backup of homelab.", "Something else is encrypted in it.", "Name another."
        ) from None
    if version > VERSION:
        raise StateError(
            f"{name} was made by a newer homelab.", f"Its format is {version}; this one knows {VERSION}.",
            "Upgrade homelab and try again. Nothing was touched.",
        )  # fmt: skip
    listed = about.get("files") or {}
    if listed.keys() != files.keys() or any(listed[each]["sha256"] != digest(data) for each, data in files.items()):
        raise StateError(f"{name} is not whole.", "What is in it is not what it says is in it.", _AGAIN)
    return Backup(about, files)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
