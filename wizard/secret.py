"""Secrets that nothing prints, and references to them that may be saved.

A `Secret` shows as ``•••`` in repr, str, format, logs and tracebacks; its value is taken out only by
`reveal()`. Every value that was ever wrapped is also masked by `redact()`, which the one door to logs and
events uses. It masks too much rather than too little: the host's output may quote a secret back.
"""

from __future__ import annotations

import base64
import os
import shlex
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from wizard import userfile
from wizard.errors import WizardError

MASK = "•••"
_known: set[str] = set()


class Secret:
    """A value that is never shown. Compare by value; hash by value; copy freely."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value
        if len(value) >= 4:  # shorter ones would mask ordinary words
            _known.update((value, base64.b64encode(value.encode()).decode(), quote(value, safe="")))
            _known.update(line for line in value.splitlines() if len(line) >= 8)  # a key's file, quoted line by line

    def reveal(self) -> str:
        """The value itself: for a process's standard input, a 0600 file or a request header. Nothing else."""
        return self._value

    def __repr__(self) -> str:
        return f"Secret({MASK})"

    def __str__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled")


def redact(text: str) -> str:
    """`text` with every known secret masked, the longest first."""
    for value in sorted(_known, key=len, reverse=True):
        if value in text:
            text = text.replace(value, MASK)
    return text


@dataclass(frozen=True)
class SecretRef:
    """Where a secret is, as an answers file or the state may say it: never the secret itself.

    ``{env: NAME}``, ``{file: PATH}``, ``{command: "pass show x"}``, or ``{prompt: true}`` for one that a
    person types and that is asked for again when it is needed again.
    """

    kind: Literal["env", "file", "command", "prompt"]
    where: str = ""

    @classmethod
    def parse(cls, raw: object) -> SecretRef:
        """Reads the mapping form; a ValueError says what was wrong, without quoting the value."""
        if not isinstance(raw, Mapping) or len(raw) != 1:
            raise ValueError("a secret is given by reference: {env: NAME}, {file: PATH} or {command: CMD}")
        kind, where = next(iter(raw.items()))
        if kind == "prompt":
            return cls("prompt")
        if kind not in ("env", "file", "command") or not isinstance(where, str) or not where.strip():
            raise ValueError("a secret is given by reference: {env: NAME}, {file: PATH} or {command: CMD}")
        return cls(kind, where)

    def dump(self) -> dict[str, object]:
        return {"prompt": True} if self.kind == "prompt" else {self.kind: self.where}

    def resolve(self) -> Secret:
        """Fetches the secret. Raises `WizardError` naming the reference, never the value."""
        if self.kind == "env":
            value = os.environ.get(self.where, "")
            why = f"The environment variable {self.where} is not set."
        elif self.kind == "file":
            value, why = _read(self.where)
        elif self.kind == "command":
            value, why = _command_output(self.where)
        else:
            value, why = "", "It was typed in an earlier session and is never saved."
        if not value:
            raise WizardError("A secret is missing.", why, _MENDING[self.kind].format(where=self.where))
        return Secret(value)


_MENDING = {
    "env": "Set it (export {where}=…), and run the same command again.",
    "file": "Put the secret into that file or name another one, and run the same command again.",
    "command": "Try it in this terminal: it has to print the secret and nothing else. Then run the same command again.",
    "prompt": "Run the same command in a terminal and type it when asked, or give it by env, file or command.",
}


_PIPED: dict[str, Secret] = {}


def _read(where: str) -> tuple[str, str]:
    path = Path(where)
    try:
        path = path.expanduser()
        if path.is_fifo():  # what was read from it once does not come again
            if where not in _PIPED:
                _PIPED[where] = Secret(userfile.read_text(path, pipe=True).strip("\r\n"))
            return _PIPED[where].reveal(), f"{path} is empty."
        return userfile.read_text(path, pipe=True).strip("\r\n"), f"{path} is empty."
    except RuntimeError:  # ~somebody, who has no home
        return "", f"{path} names a user that this computer does not know."
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        return "", f"{path} could not be read: {reason}."


def _command_output(command: str) -> tuple[str, str]:
    program = command.split()[0]
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, timeout=60, check=False)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return "", f"The command {program} could not be run."
    if done.returncode:
        return "", f"The command {program} ended with exit code {done.returncode}."
    return done.stdout.strip("\r\n"), f"The command {program} gave nothing."
