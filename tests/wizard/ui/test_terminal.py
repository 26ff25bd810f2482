"""Both wizards in a real (pseudo) terminal, as a process: keys in, screen out, and an end that never hangs."""

from __future__ import annotations

import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = """
import os, sys
from tests.wizard import toys
from wizard import cli
from wizard.commands import joint
world = toys.ToyWorld()
world.pace = float(os.environ.get("PACE", 0))
joint.order, joint.real_world, joint.close_all = (lambda: toys.ORDER), (lambda: world), (lambda ctx: None)
sys.exit(cli.main(sys.argv[1:]))
"""


class Terminal:
    """A terminal of 80 by 24 with `homelab` in it."""

    def __init__(self, home: Path, *words: str, **more: str) -> None:
        self.master, slave = pty.openpty()
        ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(home), "TERM": "xterm-256color", **more}
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *words], stdin=slave, stdout=slave, stderr=slave, cwd=ROOT,
            env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> None:
        """Reads until `text` was shown; escape sequences do not count."""
        end = time.monotonic() + 30
        while text not in self.seen:
            assert time.monotonic() < end, f"{text!r} did not come:\n{self.seen[-2000:]}"
            self._read()

    def _read(self) -> None:
        if not select.select([self.master], [], [], 0.1)[0]:
            return
        try:
            data = os.read(self.master, 65536).decode(errors="replace")
        except OSError:  # nobody holds the other side any more
            time.sleep(0.1)
            return
        if "\x1b[6n" in data:
            os.write(self.master, b"\x1b[1;1R")  # a terminal says where its cursor is when it is asked
        self.seen += re.sub(r"\x1b\[[0-9;?<>=]*[A-Za-z]", "", data)

    def keys(self, text: str) -> None:
        os.write(self.master, text.encode())

    def ends(self) -> int:
        """The exit code; fails when there is none within 20 seconds."""
        end = time.monotonic() + 20
        while self.process.poll() is None and time.monotonic() < end:
            self._read()
        return self.process.wait(0.1)

    def close(self) -> None:
        os.close(self.master)
        self.master = -1


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path


def test_ctrl_c_twice_gives_the_terminal_back(home: Path) -> None:
    terminal = Terminal(home)
    terminal.until("Which fruit?")
    terminal.keys("\x03")
    terminal.until("Ctrl-C once more leaves.")
    terminal.keys("\x03")
    assert terminal.ends() == 130
    assert "Everything up to here is saved. To go on: homelab" in terminal.seen and "Traceback" not in terminal.seen
    terminal.close()


@pytest.mark.parametrize("told", [True, False], ids=["and says so", "without a word"])
def test_a_terminal_that_goes_away_ends_the_wizard(home: Path, told: bool) -> None:
    """What a closed window does: the other side is gone, then SIGHUP comes, or not."""
    terminal = Terminal(home)
    terminal.until("Which fruit?")
    terminal.close()
    if told:
        terminal.process.send_signal(signal.SIGHUP)
    assert terminal.process.wait(20) == 130
    assert not list(home.glob("homelab-wizard/mistakes/*"))


def test_a_terminal_that_goes_away_ends_plain_lines(home: Path) -> None:
    terminal = Terminal(home, "--plain")
    terminal.until("Number, 1 to 2 [1]:")
    terminal.close()
    terminal.process.send_signal(signal.SIGHUP)
    assert terminal.process.wait(20) == 130


def test_a_terminal_that_goes_away_ends_the_opening_screen(home: Path) -> None:
    terminal = Terminal(home)
    terminal.until("Which fruit?")
    terminal.keys("\r")
    terminal.until("question 2")
    terminal.close()
    assert terminal.process.wait(20) == 130
    terminal = Terminal(home)
    terminal.until("Go on with")  # where it stands, since there is an answer
    terminal.close()
    assert terminal.process.wait(20) == 130


def test_being_told_to_end(home: Path) -> None:
    terminal = Terminal(home)
    terminal.until("Which fruit?")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.ends() == 130 and "To go on: homelab" in terminal.seen
    terminal.close()


def test_ctrl_c_while_plain_lines_work(home: Path) -> None:
    """The prompts before it had handlers of their own; ours are back."""
    terminal = Terminal(home, "--plain", PACE="5")
    for label in ("Number, 1 to 2", "Name", "divided by commas", "yes or no", "Text", "Make these changes?"):
        terminal.until(label)
        terminal.seen = ""
        terminal.keys("\r")
    terminal.until("make apple")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Press Ctrl-C again to leave at once.")
    assert terminal.ends() == 130 and "To go on: homelab --plain" in terminal.seen
    terminal.close()


def test_plain_lines_in_a_terminal(home: Path) -> None:
    terminal = Terminal(home, "--plain")
    terminal.until("Number, 1 to 2 [1]:")
    terminal.keys("2\r")
    terminal.until("Name [bowl]:")
    terminal.keys("\x03")
    assert terminal.ends() == 130
    assert "Everything up to here is saved. To go on: homelab --plain" in terminal.seen
    assert "kind: pear" in (home / "homelab-wizard/homelab/state.yaml").read_text()
    terminal.close()
