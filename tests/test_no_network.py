"""`homelab demo` can't touch a network: the kernel ends every process of it that as much as opens a socket to one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Puts a filter (seccomp) on itself, which everything that it starts inherits and nothing can take off: a call of
# `socket` for anything but a local one (AF_UNIX) ends the process at once. Then becomes the program it is given.
GUARD = """
import ctypes, os, platform, struct, sys
CALL = {"x86_64": 41, "aarch64": 198}[platform.machine()]
KILL, ALLOW = 0x80000000, 0x7FFF0000
LOAD, EQUAL, END = 0x20, 0x15, 0x06
steps = [
    (LOAD, 0, 0, 0), (EQUAL, 0, 3, CALL),  # which call it is; any other one may pass
    (LOAD, 0, 0, 16), (EQUAL, 1, 0, 1),    # its first argument: the family of addresses
    (END, 0, 0, KILL), (END, 0, 0, ALLOW),
]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
program = struct.pack("HL", len(steps), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
for words in ((38, 1, 0, 0, 0), (22, 2, ctypes.c_char_p(program), 0, 0)):  # no new privileges; then the filter
    if libc.prctl(*words):
        sys.exit(f"the filter could not be set: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
"""


def guarded(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder), "HOME": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", GUARD, *words], env=environment, cwd=folder, capture_output=True, text=True, timeout=120,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


@pytest.mark.parametrize(
    "words",
    [
        (sys.executable, "-c", "import socket; socket.socket()"),
        (sys.executable, "-c", "import socket; socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)"),
        (sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.run([sys.executable, '-c', "
         "'import socket; socket.socket()']).returncode)"),
        ("/usr/bin/git", "ls-remote", "https://127.0.0.1:9/x.git"),
        ("/usr/bin/git", "ls-remote", "ssh://127.0.0.1:9/x.git"),
    ],
    ids=["a socket", "one for IPv6", "in a program that it starts", "git over https", "git over ssh"],
)  # fmt: skip
def test_the_guard_ends_what_opens_a_socket(tmp_path: Path, words: tuple[str, ...]) -> None:
    assert guarded(*words, folder=tmp_path).returncode != 0


def test_the_guard_lets_everything_else_pass(tmp_path: Path) -> None:
    local = "import socket; socket.socketpair(); socket.socket(socket.AF_UNIX); print('passed')"
    assert guarded(sys.executable, "-c", local, folder=tmp_path).stdout == "passed\n"


@pytest.mark.timeout(180)
def test_the_whole_demo_opens_no_socket_and_neither_does_what_it_starts(tmp_path: Path) -> None:
    """git and sops run for real in it, and would be ended, which the journey could not survive."""
    done = guarded(sys.executable, "-m", "wizard", "demo", "--fast", "--yes", folder=tmp_path)
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr
    assert "12 probes" in done.stdout or "record the proof" in done.stdout
