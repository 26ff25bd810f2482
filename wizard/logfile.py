"""Private files that help after the fact: the log of every event, and the report of a mistake in homelab itself."""

from __future__ import annotations

import os
import time
import traceback
from datetime import datetime
from pathlib import Path

from wizard import events, report
from wizard.secret import redact

MOST = 8_000_000  # bytes; a longer log is put aside as homelab.log.1 when the next run begins


class LogFile:
    """Listens to a run and writes one line for each event, 0600, redacted. A full disk ends the log, not the run."""

    def __init__(self, path: Path, heading: str) -> None:
        self.path = path
        self._fd: int | None = None
        self.broken = ""  # why the log ended early
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if path.exists() and path.stat().st_size > MOST:
                path.replace(path.with_name(f"{path.name}.1"))
            self._fd = _open_private(path, os.O_APPEND)
        except OSError as error:
            self.broken = str(error.strerror)
        self._write(time.time(), f"--- {heading}")

    def __call__(self, event: events.Event) -> None:
        self._write(event.at, report.event_line(event))

    def error(self, error: BaseException) -> None:
        """The error that ended the run."""
        self._write(time.time(), f"ended by {type(error).__name__}: {report.clean(str(error))}".replace("\n", " ⏎ "))

    def late(self, error: BaseException) -> None:
        """A mistake while the screen was going away already, which nobody needs to be told."""
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" ({Path(place[0].filename).name}:{place[0].lineno})" if place else ""
        text = f"after leaving: {type(error).__name__}: {report.clean(str(error))}{where}"
        self._write(time.time(), text.replace("\n", " ⏎ "))

    def _write(self, at: float, text: str) -> None:
        if self._fd is None:
            return
        when = datetime.fromtimestamp(at).astimezone().isoformat(timespec="milliseconds")
        try:
            os.write(self._fd, f"{when} {redact(text)}\n".encode(errors="replace"))
        except OSError as error:
            self.broken = str(error.strerror)
            self.close()

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def report_mistake(error: BaseException, folder: Path, heading: str) -> Path | None:
    """Writes the redacted traceback of an unexpected error to a new private file; None when that is impossible."""
    path = folder / f"mistake-{datetime.now().strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    text = redact(f"{heading}\n\n{''.join(traceback.format_exception(error))}")
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        fd = _open_private(path, os.O_EXCL)
    except OSError:
        return None
    with os.fdopen(fd, "w", encoding="utf-8", errors="replace") as file:
        file.write(text)
    return path


def _open_private(path: Path, how: int) -> int:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | how, 0o600)
    os.fchmod(fd, 0o600)
    return fd
