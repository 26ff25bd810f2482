"""Printing that survives: a reader that went away, a terminal that can't show every character."""

from __future__ import annotations

import io
import os
import shutil
import sys
import threading
from typing import TextIO

from wizard import leaving, report
from wizard.secret import redact
from wizard.ui import terminals


class Out:
    """Prints redacted lines. When nobody reads any more, it falls silent: an installation does not stop for that.

    What could not be printed for another reason, such as a full disk, is told when the command ends.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._lock = threading.Lock()
        self._silent = self._stream is None  # somebody closed it
        self._ascii = False
        if isinstance(self._stream, io.TextIOWrapper):
            self._stream.reconfigure(errors="homelab-ascii")
            self._ascii = terminals.only_ascii(os.environ)

    @property
    def width(self) -> int:
        """Columns to fold text to: at most 80, which is also what a serial line and a screen reader like."""
        return min(80, max(40, shutil.get_terminal_size((80, 24)).columns))

    def say(self, text: str = "") -> None:
        with self._lock:
            if self._silent:
                return
            try:
                shown = redact(text)
                self._stream.write(f"{self._in_ascii(shown) if self._ascii else shown}\n")
                self._stream.flush()
            except OSError as error:
                self._silent = True
                if not isinstance(error, BrokenPipeError):
                    leaving.unprinted.append(error.strerror or str(error))
                self._forget()

    def _in_ascii(self, text: str) -> str:
        """Some marks become longer: a line that no longer fits because of them is folded once more."""
        lines = []
        for line in text.split("\n"):
            shown = terminals.in_ascii(line)
            if len(line) <= self.width < len(shown):
                words = shown.lstrip()
                shown = report.wrapped(words, self.width, " " * (len(shown) - len(words)))
            lines.append(shown)
        return "\n".join(lines)

    def _forget(self) -> None:
        """Keeps Python from trying, and complaining, once more when it ends."""
        try:
            number = self._stream.fileno()
        except (OSError, ValueError):
            return
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, number)
        os.close(null)
