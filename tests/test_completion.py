"""`homelab completion`, in the shells themselves: what TAB offers behind what was typed."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from wizard import cli, commandline, completion
from wizard.errors import ExitCode
from wizard.state import State

ROOT = Path(__file__).resolve().parent.parent
SHELLS = [shell for shell in completion.SHELLS if shutil.which(shell)]  # bash is everywhere that the tests run


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A `homelab` on the path, two clusters with a Pi each, and the completions of every shell."""
    folder = tmp_path_factory.mktemp("completion")
    for cluster, address, name in (("alpha", "192.168.1.11", "atlas"), ("beta", "192.168.1.12", "boreas")):
        state = State(folder / "homelab-wizard" / cluster / "state.yaml", cluster)
        state.remember("machines", address, "hostname", value=name)
    program = folder / "homelab"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m wizard "$@"\n')
    program.chmod(0o755)
    (folder / "answers.yaml").touch()
    for shell in completion.SHELLS:
        done = subprocess.run([program, "completion", shell], env=environment(folder), capture_output=True, timeout=60)
        assert done.returncode == 0
        (folder / f"completion.{shell}").write_bytes(done.stdout)
    return folder


def environment(folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{folder}:/usr/bin:/bin", "XDG_STATE_HOME": str(folder), "HOME": str(folder), "TERM": "dumb",
        "PS1": "> ", "LC_ALL": "C.UTF-8",
    }  # fmt: skip


OFFERED = [
    ("homelab ", {"status", "plan", "demo", "node", "answers", "completion"}),
    ("homelab node ", {"add", "remove", "upgrade"}),
    ("homelab status --cluster ", {"alpha", "beta"}),
    ("homelab node remove ", {"atlas", "boreas"}),
    ("homelab reset --skip ", {"192.168.1.11", "192.168.1.12"}),
    ("homelab plan --until ", {"machines", "control-plane", "proof"}),
    ("homelab demo --machine ", {"pi5", "minipc"}),
    ("homelab demo --fault ", {"wrong-password", "power-cut"}),
    ("homelab completion ", {"bash", "zsh", "fish"}),
    ("homelab plan --answers an", {"answers.yaml"}),
    ("homelab plan --", {"--answers", "--until"}),
]


@pytest.mark.parametrize("shell", SHELLS)
def test_tab_offers_what_may_stand_there(home: Path, shell: str) -> None:
    offers = in_fish if shell == "fish" else in_terminal
    for (typed, expected), shown in zip(OFFERED, offers(home, shell), strict=True):
        assert expected <= set(re.findall(r"[\w.-]+", shown)), typed


def in_fish(home: Path, shell: str) -> Iterator[str]:
    """What fish itself says that it would offer."""
    for typed, _ in OFFERED:
        done = subprocess.run(
            ["fish", "--no-config", "-c", f"source completion.fish; complete -C {typed!r}"], env=environment(home),
            cwd=home, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        assert done.stderr == ""
        yield done.stdout


STARTS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "bind 'set show-all-if-ambiguous on'; source completion.bash"),
    "zsh": (["zsh", "-f", "-i"], 'autoload -Uz compinit; compinit -u -D; eval "$(<completion.zsh)"'),
}


def in_terminal(home: Path, shell: str) -> Iterator[str]:
    """What the shell shows in a terminal when TAB is pressed twice behind what was typed."""
    words, begin = STARTS[shell]
    master, slave = pty.openpty()
    process = subprocess.Popen(
        words, stdin=slave, stdout=slave, stderr=slave, env=environment(home), cwd=home, start_new_session=True
    )
    os.close(slave)
    try:
        for typed, expected in OFFERED:
            os.write(master, f"{begin}; echo READY''NOW\n".encode())
            read(master, {"READYNOW"})
            os.write(master, f"{typed}\t\t".encode())
            yield read(master, expected)
            os.write(master, b"\x15")  # takes the line away
            begin = "true"
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read(master: int, wanted: set[str]) -> str:
    seen, end = "", time.monotonic() + 20
    while not all(word in seen for word in wanted) and time.monotonic() < end:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536).decode(errors="replace")
    return seen


@pytest.mark.parametrize("shell", SHELLS)
def test_the_shell_understands_it(home: Path, shell: str) -> None:
    done = subprocess.run([shell, "-n", f"completion.{shell}"], cwd=home, capture_output=True, timeout=30)
    assert done.returncode == 0


def test_every_option_that_wants_a_word_is_thought_of() -> None:
    """A new one gets its completions, or is named among those that have none."""
    listed = {"until", "machine", "fault", "entry"}
    known = {*completion.FILES, *completion.FOLDERS, *completion.ASKED, *completion.FREE, *listed}
    wanting = {action.dest for action in completion.actions(commandline.parser()) if action.choices is None}
    assert wanting <= known
    assert wanting >= completion.FREE


def test_a_strange_state_offers_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for name, text in (("one", "\t"), ("two", "- a\n"), ("three", "evidence: {machines: [1]}\n"), ("four", "")):
        (tmp_path / "homelab-wizard" / name).mkdir(parents=True)
        (tmp_path / "homelab-wizard" / name / "state.yaml").write_text(text)
    assert completion.names("nodes") == []
    assert completion.names("clusters") == ["four", "one", "three", "two"]


def test_without_a_shell_it_is_a_wrong_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion"]) == ExitCode.USAGE
    assert "completion needs a shell: bash, zsh, fish" in capsys.readouterr().err
