"""The command's own start: what is read for it, what is found by it, and an output that nobody reads."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from wizard import cli, commandline, commands


def test_version_imports_nothing_heavy() -> None:
    code = "import sys; from wizard.cli import main; main(['--version']); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30).stdout
    loaded = set(shown.split())
    assert shown.startswith("homelab ") and not loaded & {
        "argparse", "typing",
        "dataclasses", "ruamel.yaml", "platformdirs", "textual", "questionary", "paramiko", "steps",
    }  # fmt: skip


FULL = "Not everything could be printed: No space left on device.\n"


@pytest.mark.parametrize(
    ("words", "said"),
    [(["--version"], ""), (["--help"], FULL), (["answers", "schema"], FULL), (["demo", "--list-faults"], FULL)],
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_what_nobody_could_read_is_no_success(words: list[str], said: str, unbuffered: str) -> None:
    """Python alone would end with 120, and complain."""
    program = [sys.executable, "-c", "import sys; from wizard.cli import main; sys.exit(main())", *words]
    environment = {**os.environ, "PYTHONUNBUFFERED": unbuffered}  # empty: as if it were not there
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, env=environment)
    assert (done.returncode, done.stderr) == (1, said)


def test_a_closed_output_is_no_mistake() -> None:
    program = f"exec {shlex.quote(sys.executable)} -m wizard answers schema >&-"
    root = Path(cli.__file__).parent.parent
    done = subprocess.run(["sh", "-c", program], capture_output=True, text=True, timeout=30, cwd=root)
    assert (done.returncode, done.stderr) == (0, "")


def test_every_command_has_its_function() -> None:
    """They are named by words, since a module is imported only for a command of its own."""
    groups = {name.partition(" ")[0] for name, *_ in commandline.COMMANDS if " " in name} - commandline.ALONE
    words = {"wizard", "backup show", "upgrade list"}  # none, and those told apart later
    assert set(commands.COMMANDS) == ({name for name, *_ in commandline.COMMANDS} - groups) | words
    for place in commands.COMMANDS.values():
        module, _, function = place.partition(".")
        assert callable(getattr(import_module(f"wizard.commands.{module}"), function))


def test_status_reads_no_step() -> None:
    """They take longer to read than everything else that it needs."""
    command = "main(['status', '--state', '/nowhere/state.yaml'])"
    code = f"import sys; from wizard.cli import main; {command}; print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30).stdout
    assert "Next: Machines." in shown
    assert [name for name in shown.split() if name.startswith(("steps.", "textual", "kubernetes"))] == []
