"""A person at a process in plain lines, on a terminal or in pipes: Enter at every question, yes to every change."""

from __future__ import annotations

import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping
from fcntl import ioctl


def by_person(argv: list[str], environment: Mapping[str, str], *, pipes: bool = False) -> tuple[str, int]:
    """Everything that was shown, on a terminal of 80 by 24 or in `pipes`, and the exit code."""
    reader, writer, process = _begun(argv, environment, pipes)
    seen, answered, end = "", 0, time.monotonic() + 200
    while time.monotonic() < end:
        if select.select([reader], [], [], 0.05)[0]:
            try:
                data = os.read(reader, 65536)
            except OSError:  # the other side of the terminal is closed
                break
            if not data:
                break
            seen += data.decode()
        elif seen.endswith(": ") and len(seen) > answered:
            asked = seen[answered:].rsplit("\n", 1)[-1]
            os.write(writer, b"yes\n" if "yes or no [no]" in asked else b"\n")
            answered = len(seen)
    code = process.wait(20)
    for end_of in {reader, writer}:
        os.close(end_of)
    return seen, code


def _begun(argv: list[str], environment: Mapping[str, str], pipes: bool) -> tuple[int, int, subprocess.Popen[bytes]]:
    if pipes:
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
        )
        assert process.stdin and process.stdout
        return os.dup(process.stdout.fileno()), os.dup(process.stdin.fileno()), process
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    process = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True)
    os.close(slave)
    return master, master, process
