"""Leaves `homelab demo` at seeded moments, as a process in a terminal: it ends by itself, each time, within a deadline.

    python -m tests.quitting [MOMENTS] [FIRST SEED]     # 200 from seed 0; tests/test_quitting.py does a few

A moment is a front end, a while after the start, keys pressed until then, and a way to leave: Ctrl-C twice, SIGTERM,
SIGHUP, or the terminal being closed. All of it comes from the seed.

`homelab` is started as its installed script does, and leaves a mark where it begins, listens to signals, and is done.
Once it has begun, no traceback is seen. While it listens, every way ends it with its own exit code; before and after,
the signal itself may end Python. Only what Python says about a signal at its own start is not ours.
No Ctrl-C is lost: it is SIGINT as long as no screen reads keys, and a key from then on.
"""

from __future__ import annotations

import os
import pty
import random
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
from concurrent.futures import ThreadPoolExecutor
from fcntl import ioctl
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEADLINE = 30.0  # seconds from leaving to the end; some ten are what a person would call hanging on a busy computer
LONGEST = 8.0  # seconds after the start
BEGIN = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-c", *sys.argv[1:]])
"""  # a Ctrl-C that is no key yet is a signal only from the terminal that the process belongs to, as at a person's
PROGRAM = """
import sys
from wizard import cli
marks, run = sys.argv.pop(1), cli._run
def mark(name):
    open(f"{marks}/{name}", "w").close()
def marked(words):
    mark("listening")
    try:
        return run(words)
    finally:
        mark("done")
cli._run = marked
mark("begun")
sys.exit(cli.main())
"""
WAYS = ("ctrl-c", "SIGTERM", "SIGHUP", "closed")
STOPPED, FAILED = 130, 1  # the documented exit codes of a run that was stopped, and of one that failed
FAILURE = b"Try again, or stop?"
INTERRUPTED = b"KeyboardInterrupt"  # what Python says about a Ctrl-C at its own start


def moment(seed: int) -> str:
    """Leaves once. What was wrong with its end; empty when nothing was."""
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    way, plain, after = chance.choice(WAYS), chance.random() < 0.3, chance.uniform(0.05, LONGEST)
    apart, seen = chance.random(), b""  # seconds between the two Ctrl-C
    with tempfile.TemporaryDirectory(prefix="homelab-quitting-") as folder:
        words = ["--plain"] if plain else []
        process, master = start(Path(folder), words)
        end = time.monotonic() + after
        while time.monotonic() < end and process.poll() is None:
            seen += read(master)
            if chance.random() < 0.5:
                os.write(master, chance.choice((b"\r", b"\r", b"y", b"yes\r", b"?", b"\x1b", b"\x0c")))
        left, again = time.monotonic(), way == "ctrl-c"
        leave(process, master, way)
        while process.poll() is None and time.monotonic() - left < DEADLINE:
            if way == "closed":
                time.sleep(0.05)
                continue
            seen += read(master)
            if again and time.monotonic() - left > apart:
                leave(process, master, way)
                again = False
        if way != "closed":
            seen += read(master)
        said = judged(process, Path(folder), seen)
        if way != "closed":
            os.close(master)
    return f"seed {seed}, {way}, {'plain' if plain else 'full'}, after {after:.1f} s: {said}" if said else ""


def start(folder: Path, words: list[str]) -> tuple[subprocess.Popen[bytes], int]:
    master, slave = pty.openpty()
    ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "XDG_STATE_HOME": str(folder), "TERM": "xterm-256color",
        "TMPDIR": str(folder),
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", BEGIN, PROGRAM, str(folder), "demo", *words],
        stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    return process, master


def read(master: int) -> bytes:
    if not select.select([master], [], [], 0.1)[0]:
        return b""
    try:
        shown = os.read(master, 65536)
    except OSError:
        time.sleep(0.05)
        return b""
    if b"\x1b[6n" in shown:
        os.write(master, b"\x1b[1;1R")  # a terminal says where its cursor is when it is asked
    return shown


def leave(process: subprocess.Popen[bytes], master: int, way: str) -> None:
    if way == "ctrl-c":
        os.write(master, b"\x03")
    elif way == "closed":
        os.close(master)  # the kernel sends SIGHUP
    else:
        process.send_signal(getattr(signal, way))


def judged(process: subprocess.Popen[bytes], folder: Path, seen: bytes) -> str:
    if process.poll() is None:
        process.kill()
        process.wait()
        return "it did not end"
    if mistakes := list(folder.glob("homelab-wizard/mistakes/*")):
        return f"a mistake: {mistakes[0].read_text().splitlines()[-1]}"
    begun, listening, done = ((folder / mark).exists() for mark in ("begun", "listening", "done"))
    if begun and (b"Traceback" in seen or b"Exception ignored" in seen):
        return f"a traceback: {seen[-2000:].decode(errors='replace')}"
    ended = process.returncode in (-signal.SIGINT, -signal.SIGTERM, -signal.SIGHUP)
    if process.returncode == STOPPED or (ended and (done or not listening)) or (not begun and INTERRUPTED in seen):
        return ""
    if process.returncode == FAILED and FAILURE in seen:  # a key has chosen to stop before
        return ""
    return f"exit code {process.returncode}"


def moments(count: int, first: int, side_by_side: int = 4) -> list[str]:
    """What was wrong at `count` moments from seed `first`."""
    with ThreadPoolExecutor(side_by_side) as pool:
        return [said for said in pool.map(moment, range(first, first + count)) if said]


if __name__ == "__main__":
    number, seed = (int(word) for word in (sys.argv[1:] + ["200", "0"][len(sys.argv) - 1 :])[:2])
    began = time.monotonic()
    wrong = moments(number, seed)
    print("\n".join([*wrong, f"{number} moments in {time.monotonic() - began:.0f} s, {len(wrong)} wrong"]))
    sys.exit(1 if wrong else 0)
