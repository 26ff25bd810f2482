"""What a step may ask of a Pi, whether it is reached over SSH or simulated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from wizard.secret import Secret

OnLine = Callable[[str], None]


@dataclass(frozen=True)
class Script:
    """A shell script run as root. `name` says what it is for (``prepare/swap``); it appears in logs and errors.

    `args` are visible in the host's process list: a secret goes into `stdin` only. `timeout` is in seconds.
    """

    name: str
    text: str = field(repr=False)
    args: tuple[str, ...] = ()
    stdin: bytes = field(default=b"", repr=False)
    timeout: float = 600.0


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str = ""


@dataclass(frozen=True)
class HostKey:
    """A host's public key. `fingerprint` is OpenSSH's: ``SHA256:`` and 43 characters."""

    kind: str  # ssh-ed25519, ecdsa-sha2-nistp256, ssh-rsa
    base64: str
    fingerprint: str


@dataclass(frozen=True)
class Login:
    """How to reach a host. Only a host that shows one of `host_keys` is spoken to."""

    address: str
    user: str
    host_keys: tuple[HostKey, ...]
    name: str = ""  # for messages; the address when unknown
    key_files: tuple[str, ...] = ()
    key_passphrase: Secret | None = None  # for those of them that are locked
    password: Secret | None = None
    sudo_password: Secret | None = None
    port: int = 22


class Host(Protocol):
    """One Pi, one connection, one open root shell. Used by one thread at a time."""

    name: str
    address: str

    def run(self, script: Script, *, on_line: OnLine | None = None, check: bool = True) -> Result:
        """Runs `script` as root and waits. `on_line` gets each line of output as it comes.

        With `check`, a non-zero exit raises `CommandFailed`. A broken connection raises `ConnectionLost` at once;
        the script is not run again, since only a new look tells whether it may be.
        """
        ...

    def reboot(self, *, timeout: float = 300.0) -> None:
        """Reboots and comes back: returns when a new boot id is seen, raises `Unreachable` after `timeout` seconds."""
        ...

    def close(self) -> None: ...
