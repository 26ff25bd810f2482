"""What outlives a cluster, beside the state: which certificates were made when, and copies of them, encrypted.

``certificates.yaml`` holds no secret; ``certificates.age`` is opened by the age key alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from steps.tls.meter import Issued
from wizard import sops, yamlfile
from wizard.context import Context
from wizard.errors import StateError, WizardError
from wizard.state import write_private

KIND = "homelab-wizard certificates"
VERSION = 1


@dataclass(frozen=True)
class Record:
    """Certificates that were made, and what is in the copy: the digest of each Secret by its API path."""

    issued: tuple[Issued, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)


def record_file(ctx: Context) -> Path:
    return ctx.state.path.parent / "certificates.yaml"


def copy_file(ctx: Context) -> Path:
    return ctx.state.path.parent / "certificates.age"


def recall(ctx: Context) -> Record:
    """The record; an empty one when there is none yet. Raises `StateError` for a file that is something else."""
    file = record_file(ctx)
    if not file.exists():
        return Record()
    try:
        data = yamlfile.load(file.read_text(encoding="utf-8"))
        if (data["kind"], data["version"]) != (KIND, VERSION):
            raise ValueError
        issued = tuple(
            Issued(tuple(one["names"]), datetime.fromisoformat(one["at"]), one["serial"], one["authority"])
            for one in data["issued"]
        )
        return Record(issued, dict(data["kept"]))
    except (OSError, UnicodeDecodeError, ValueError, KeyError, TypeError):
        raise StateError(
            f"{file} is not a record of certificates that this release reads.", "It was left as it is.",
            "Move it away: only the count of certificates, which Let's Encrypt limits, is lost with it.",
        ) from None  # fmt: skip


def remember(ctx: Context, record: Record) -> None:
    """Writes the record."""
    issued = [
        {"names": list(one.names), "at": one.at.isoformat(), "serial": one.serial, "authority": one.authority}
        for one in record.issued
    ]
    body = {"kind": KIND, "version": VERSION, "issued": issued, "kept": dict(record.kept)}
    head = "# Written by homelab: which certificates were made, and what is in the copy certificates.age.\n"
    write_private(record_file(ctx), (head + yamlfile.dump_plain(body)).encode())


def keep(ctx: Context, secrets: Mapping[str, Mapping[str, Any]]) -> None:
    """Encrypts the Secrets, by API path, for the age key of the repository."""
    recipient = ctx.state.recall("repository", "age_recipient")
    if not recipient:
        raise WizardError(
            "There is no age key that the certificates could be encrypted for.", "It comes with the repository.",
            "Run the step Repository first.",
        )  # fmt: skip
    write_private(copy_file(ctx), sops.seal(json.dumps(secrets).encode(), str(recipient)))


def copies(ctx: Context) -> dict[str, dict[str, Any]]:
    """The Secrets that are kept, by API path; none when there is no copy, or the age key does not open it."""
    file, key = copy_file(ctx), ctx.state.path.parent / "age.key"
    if not (file.exists() and key.exists()):
        return {}
    plain = sops.unseal(file.read_bytes(), key)
    return dict(json.loads(plain)) if plain is not None else {}
