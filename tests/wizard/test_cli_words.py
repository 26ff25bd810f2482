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
