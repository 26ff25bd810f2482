"""Leaving without a full screen: a signal ends what it should, once, and nobody sees a traceback of it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from wizard.leaving import Leaving, printed


def test_a_second_ctrl_c_leaves_at_once() -> None:
    code = (
        "import os, signal, threading, time\n"
        "from wizard.leaving import Leaving\n"
        "with Leaving(threading.Event()):\n"
        "    os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGINT); time.sleep(60)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert done.returncode == 130 and "again to leave at once" in done.stderr


def test_a_signal_that_was_swallowed_ends_the_input_a_moment_later() -> None:
    """As in a finalizer, in which Python raises nothing."""
    stop = threading.Event()
    with Leaving(stop) as leaving, pytest.raises(KeyboardInterrupt), leaving.asking():
        with suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        time.sleep(20)
    assert stop.is_set()


LEFT = """
import signal, sys, threading, time
from wizard.leaving import Leaving, told_to_end
class Finalizer:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)
try:
    with told_to_end(last=True):
        {where}
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize(
    "where",
    [
        "Finalizer(); time.sleep(20)",
        "with Leaving(threading.Event()) as leaving, leaving.asking(): Finalizer(); time.sleep(20)",
    ],
    ids=["anywhere", "at a question"],
)
def test_a_signal_in_a_finalizer_ends_the_command_without_a_word(where: str) -> None:
    program = [sys.executable, "-c", LEFT.format(where=where)]
    done = subprocess.run(program, capture_output=True, text=True, timeout=15)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


def test_another_mistake_in_a_finalizer_is_still_told() -> None:
    where = "Finalizer.__del__ = lambda self: 1 / 0; Finalizer()"
    done = subprocess.run([sys.executable, "-c", LEFT.format(where=where)], capture_output=True, text=True, timeout=15)
    assert done.returncode == 0 and "ZeroDivisionError" in done.stderr


def test_a_signal_while_python_ends_says_nothing() -> None:
    program = (
        "import sys; from wizard import cli; code = cli.main(); import os; os.kill(os.getpid(), 2); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program, "--help"], capture_output=True, text=True, timeout=15)
    assert done.returncode == -signal.SIGINT and done.stderr == ""


@pytest.mark.parametrize(("code", "told"), [(0, 1), (130, 130)])
def test_what_nobody_could_be_told_is_no_success(code: int, told: int, monkeypatch: Any) -> None:
    """Python would complain about it when it ends, and end with 120."""
    with Path("/dev/full").open("w") as nobody:
        nobody.write("Everything is done.")
        monkeypatch.setattr(sys, "__stdout__", nobody)
        assert printed(code) == told


def test_leaving_puts_the_old_handlers_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Leaving(threading.Event()):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before
