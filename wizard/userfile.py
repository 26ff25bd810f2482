"""Files that a person names: read only where they are files, and only as much as can be meant.

A device such as ``/dev/zero`` never ends; reading it would take all memory.
"""

from __future__ import annotations

import errno
import stat
from pathlib import Path

PART = 1 << 20
MOST = 16 << 20  # bytes; what is read whole and is no backup is far smaller


def read_bytes(path: Path, most: int = MOST, *, pipe: bool = False) -> bytes:
    """What is in the file `path`, at most `most` bytes; with `pipe` also from a pipe, as ``<(command)`` of a shell.

    Raises OSError, also for what is no regular file or is larger; its `strerror` is made for people.
    """
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode) or (pipe and stat.S_ISFIFO(mode))):  # opening a folder says it
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
    data = bytearray()
    with path.open("rb") as stream:
        while part := stream.read(PART):  # room for all of `most` would be taken beforehand
            data += part
            if len(data) > most:
                raise OSError(errno.EFBIG, f"Larger than {most >> 10} kB, which is more than is read here", str(path))
    return bytes(data)


def read_text(path: Path, most: int = MOST, *, pipe: bool = False) -> str:
    """The same as UTF-8 text, line ends as ``\\n``. Raises OSError, or UnicodeDecodeError."""
    return read_bytes(path, most, pipe=pipe).decode("utf-8").replace("\r\n", "\n").replace("\r", "\n")


def refuse_other(path: Path) -> None:
    """Raises OSError where something is at `path` that no file must take the place of: a device, a pipe, a folder."""
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "Not a regular file", str(path))
