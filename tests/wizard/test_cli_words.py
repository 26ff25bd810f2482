"""What a command says at its end is true for it: how to go on, what is saved, what to do without a person."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from wizard.commandline import parse
from wizard.commands import typed
from wizard.errors import ExitCode


def homelab(home: Path, *words: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    env = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")} | {"HOME": str(home), **more}
    return subprocess.run([sys.executable, "-m", "wizard", *words], input=typed, capture_output=True, text=True,
                          timeout=60, env=env, check=False)  # fmt: skip


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("demo --fast --state F", "homelab demo --yes"),
        ("node add --cluster a", "homelab node add --cluster a --answers FILE --yes"),
        ("doctor --bundle F", "homelab doctor --bundle F --yes, and --allow ID"),
        ("reset", "homelab reset --yes, and --allow ID"),
        ("backup F", "--passphrase-env"), ("backup show F", "--passphrase-env"), ("restore", "--passphrase-env"),
        ("--plain", "homelab run --answers FILE --yes"),
    ],
)  # fmt: skip
def test_where_the_input_ends_another_way_is_named(line: str, said: str) -> None:
    assert said in typed.unasked(parse(line.split()))


def test_the_demos_end_is_told_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "state.yaml"
    ended = homelab(tmp_path, "demo", "--fast", "--plain", "--state", str(file))
    said = " ".join(ended.stderr.split())
    assert ended.returncode == ExitCode.FAILED and file.exists()
    assert f"{file} stays. Remove it, then begin again with: homelab demo" in said and "is saved" not in said
    assert "Let it answer for you: homelab demo --yes." in said

    ended = homelab(tmp_path, "demo", "--fast", "--plain")
    assert "Nothing of the demo stays." in ended.stderr


def test_a_failure_in_the_demo_promises_nothing(tmp_path: Path) -> None:
    ended = homelab(tmp_path, "demo", "--fast", "--plain", "--fault", "wrong-password", typed="\n" * 7 + "yes\n" * 20)
    shown = ended.stdout + ended.stderr
    assert "Try again, or stop?" in shown and not re.search(r"is saved|go on\.", shown)


def test_a_mistake_names_what_it_was_where_nothing_can_be_saved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from wizard.commands import ending

    (tmp_path / "homelab-wizard").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert ending.mistake(KeyError("x"), ["status"]) == ExitCode.FAILED
    assert "It was a KeyError; its details could not be saved." in capsys.readouterr().err


WITHOUT = "There is no cluster here yet. No repository was chosen. Run homelab first."


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ("upgrade list", 1, WITHOUT), ("upgrade list --json", 1, WITHOUT), ("certificates", 1, WITHOUT),
        ("app list", 1, WITHOUT), ("backup F --yes", 3, "no cluster is known here"),
        ("node remove x --yes", 3, "no cluster is known here"), ("upgrade --yes", 3, "no cluster with a repository"),
        ("app remove x --yes", 3, "no cluster is known here"), ("verify", 1, "There is nothing to prove yet."),
        ("restore /nowhere --yes --passphrase-env PW", 3, "/nowhere can't be read. No such file or directory."),
        ("backup show /nowhere --passphrase-env PW", 3, "/nowhere can't be read. No such file or directory."),
    ],
)  # fmt: skip
def test_without_a_cluster_a_sentence_says_so(line: str, code: int, said: str, tmp_path: Path) -> None:
    """Not even where nothing can be written is that a mistake of homelab's."""
    done = homelab(tmp_path, *line.split(), PW="five words that fit together")
    assert (done.returncode, said in " ".join(done.stderr.split())) == (code, True), done.stderr
    assert not (tmp_path / ".local/state/homelab-wizard/restoring").exists()
    (tmp_path / "file").touch()
    shown = homelab(tmp_path / "file", *line.split(), PW="five words that fit together").stderr
    assert "mistake in homelab" not in shown and "Traceback" not in shown


def test_a_backup_is_not_called_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no backup")
    done = homelab(tmp_path, "restore", str(tmp_path / "file"), "--plain", "--passphrase-env", "PW", PW="one two three")
    assert "homelab, a backup." in done.stdout and "cluster restore" not in done.stdout
