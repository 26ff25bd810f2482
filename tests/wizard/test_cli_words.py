"""What a command says at its end is true for it: how to go on, what is saved, what to do without a person."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from steps.gitops.catalogue import catalogue
from wizard import cli
from wizard.commandline import parse
from wizard.commands import joint, typed
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


@pytest.mark.parametrize("words", [["run"], ["plan"], ["answers", "check"]])
def test_the_steps_to_stop_after_are_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main([*words, "--help"]) == ExitCode.OK
    shown = " ".join(capsys.readouterr().out.split())
    assert f"steps: {', '.join(step.name for step in joint.order())}" in shown


def test_the_apps_are_named_without_a_cluster(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["app", "expose", "--help"]) == ExitCode.OK
    shown = capsys.readouterr().out
    assert f"apps: {', '.join(catalogue())}" in " ".join(shown.split())
    assert max(map(len, shown.splitlines())) <= 80


def test_a_mistake_in_answers_is_told_once_and_at_a_line_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    file = Path("a.yaml")
    file.write_text("cluster: homelab\nmachines:\n  hosts: [192.168.1.11\n")
    assert cli.main(["answers", "check", str(file)]) == ExitCode.BAD_INPUT
    assert f"{file}:3: answers: this is not YAML: line 3:" in " ".join(capsys.readouterr().out.split())
    file.write_text("machines: {key_file: /nope}\ndomains: {email: nobody}\n")
    assert cli.main(["answers", "check", str(file)]) == ExitCode.BAD_INPUT
    shown = " ".join(capsys.readouterr().out.split())
    assert "there is no file /nope. a.yaml" in shown and "not an e-mail address such as me@example.org. " in shown
    assert "Expected: file." not in shown and "Expected: e-mail address." not in shown


def test_what_comes_next_is_named_as_the_rows_name_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["status", "--json", "--state", str(tmp_path / "state.yaml")]) == ExitCode.NOT_READY
    found = json.loads(capsys.readouterr().out)
    assert (found["next"], found["next_name"]) == ("Machines", "machines")
