"""The state file: private, atomic, locked, and left alone byte for byte when it is not ours."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wizard import state as module
from wizard import yamlfile
from wizard.context import Context
from wizard.errors import ExitCode, StateError
from wizard.events import Bus
from wizard.secret import Secret, SecretRef
from wizard.state import KIND, VERSION, State, write_private


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "lab" / "state.yaml"


def body(**changed: Any) -> dict[str, Any]:
    return {"kind": KIND, "version": VERSION, "cluster": "lab", "answers": {}, **changed}


def write(path: Path, data: bytes | dict[str, Any]) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data if isinstance(data, bytes) else yamlfile.dump(data).encode())
    return path.read_bytes()


def test_what_was_kept_is_there_again(path: Path) -> None:
    first = State.open(path, "lab")
    first.answer("machines", "hosts", ["192.168.1.11"])
    first.answer("machines", "password", SecretRef("env", "PI_PASSWORD"))
    first.remember("machines", "192.168.1.11", "hostname", value="atlas")
    first.begin("prepare", "prepare/swap", "192.168.1.11", "turn swap off")
    first.finish("prepare", "prepare/swap", "192.168.1.11")
    first.begin("prepare", "prepare/reboot", "192.168.1.11", "reboot")
    first.verified("machines")
    first.close()

    again = State.open(path, "lab")
    assert again.answers == {"machines": {"hosts": ["192.168.1.11"], "password": SecretRef("env", "PI_PASSWORD")}}
    assert again.recall("machines", "192.168.1.11", "hostname") == "atlas"
    assert again.recall("machines", "nobody", "hostname") is None
    assert again.recall("machines", "192.168.1.11", "hostname", "deeper") is None
    assert [("finished" in entry, entry["change"]) for entry in again.journal] == [
        (True, "prepare/swap"), (False, "prepare/reboot"),
    ]  # fmt: skip
    assert list(again.done) == ["machines"]
    again.reopened("machines")
    assert again.forget("machines", "hosts") == ["192.168.1.11"]
    again.close()
    last = State.open(path, "lab", lock=False)
    assert (last.done, list(last.answers["machines"])) == ({}, ["password"])


def test_file_and_folder_are_private_whatever_the_umask(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "home", lambda: path.parent.parent)
    path.parent.mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        State.open(path, "lab").verified("machines")
    finally:
        os.umask(before)
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in (path.parent, *path.parent.iterdir())}
    assert modes == {"lab": 0o700, "state.yaml": 0o600, "state.lock": 0o600}


def test_a_folder_that_state_points_into_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    State.open(tmp_path / "mine.yaml", "lab").verified("machines")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755
    assert stat.S_IMODE((tmp_path / "mine.yaml").stat().st_mode) == 0o600


def test_a_secret_that_was_typed_is_not_in_the_file(path: Path) -> None:
    state = State.open(path, "lab")
    Context(None, state, None, Bus()).keep("machines", "password", Secret("typed-by-a-person"))  # type: ignore[arg-type]
    assert "typed-by-a-person" not in path.read_text()
    assert yamlfile.load(path.read_text())["answers"]["machines"]["password"] == {"secret": {"prompt": True}}


STRANGE: dict[str, tuple[bytes | dict[str, Any], str]] = {
    "empty": (b"", "not a state file of this program"),
    "another program's": (b"apiVersion: v1\nkind: Config\n", "not a state file of this program"),
    "not YAML": (b"kind: [homelab\n", "can't be read"),
    "not text": (b"\xff\xfe\x00state", "can't be read"),
    "newer": (body(version=VERSION + 1), "newer release"),
    "version is no number": (body(version="one"), "version is 'one'"),
    "version is a truth": (body(version=True), "version is True"),
    "version zero": (body(version=0), "no release"),
    "another cluster's": (body(cluster="office"), "belongs to the cluster 'office'"),
    "answers are a list": (body(answers=["hosts"]), "another shape"),
    "a section is text": (body(answers={"machines": "all"}), "another shape"),
    "a secret in plain": (body(answers={"machines": {"password": {"secret": "hunter2"}}}), "another shape"),
    "journal is text": (body(journal="nothing yet"), "another shape"),
    "journal entries are text": (body(journal=["x"]), "another shape"),
    "a journal entry without a step": (body(journal=[{"change": "x"}]), "another shape"),
    "evidence is a list": (body(evidence=[1]), "another shape"),
    "done is a list": (body(done=["machines"]), "another shape"),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_file_is_refused_and_left_alone(name: str, path: Path) -> None:
    data, why = STRANGE[name]
    before = write(path, data)
    with pytest.raises(StateError, match="left as it is") as caught:
        State.open(path, "lab")
    assert why in caught.value.why
    assert caught.value.fix
    assert "hunter2" not in str(caught.value)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert path.read_bytes() == before
    write(path, body())
    State.open(path, "lab").close()  # the refusal gave the lock back


def test_a_folder_in_its_place_is_refused(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(StateError, match="left as it is"):
        State.open(path, "lab")
    assert path.is_dir()


@pytest.mark.parametrize("lock", [True, False])
def test_a_folder_that_can_not_be_used_is_an_error_in_words(lock: bool, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StateError) as caught:
        State.open(tmp_path / "file" / "state.yaml", "lab", lock=lock).verified("machines")
    assert "can't be used" in caught.value.what
    assert "--state" in caught.value.fix
    assert (tmp_path / "file").read_text() == "in the way"


def test_looking_without_a_lock_creates_nothing(path: Path) -> None:
    assert State.open(path, "lab", lock=False).answers == {}
    assert not path.parent.exists()


def test_a_second_run_is_refused_while_the_first_one_lasts(path: Path) -> None:
    first = State.open(path, "lab")
    first.verified("machines")
    before = path.read_bytes()
    with pytest.raises(StateError, match="Another homelab") as caught:
        State.open(path, "lab")
    assert str(os.getpid()) in caught.value.why
    assert path.read_bytes() == before
    assert State.open(path, "lab", lock=False).done  # looking is allowed
    first.close()
    State.open(path, "lab").close()


def test_the_lock_of_a_killed_run_is_free(path: Path) -> None:
    program = (
        "import os, sys, pathlib; from wizard.state import State;"
        "s = State.open(pathlib.Path(sys.argv[1]), 'lab'); s.verified('machines'); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], check=False, env={**os.environ, "PYTHONPATH": "."}
    )
    assert done.returncode == -9
    assert "machines" in State.open(path, "lab").done


def test_a_write_that_fails_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State.open(path, "lab")
    state.verified("machines")
    before = path.read_bytes()

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StateError, match="could not be written") as caught:
        state.verified("prepare")
    assert "No space left" in caught.value.why
    assert path.read_bytes() == before


def test_it_is_synced_before_it_takes_the_old_ones_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    sync, replace = os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (done.append("sync"), sync(fd)))
    monkeypatch.setattr(Path, "replace", lambda old, new: (done.append("rename"), replace(old, new))[1])
    write_private(tmp_path / "kubeconfig", b"x")
    assert done == ["sync", "rename", "sync"]  # the file, its new name, the folder
    assert [each.name for each in tmp_path.iterdir()] == ["kubeconfig"]


def test_a_half_written_file_of_a_killed_run_is_in_nobodys_way(path: Path) -> None:
    write(path.with_name(".state.yaml.new"), b"half")
    path.with_name(".state.yaml.new").chmod(0o644)
    State.open(path, "lab").verified("machines")
    assert "machines" in State.open(path, "lab", lock=False).done
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lanes_may_write_at_once(path: Path) -> None:
    state = State.open(path, "lab")

    def lane(number: int) -> None:
        for change in range(5):
            state.begin("prepare", f"change-{change}", f"10.0.0.{number}", "do it")
            state.finish("prepare", f"change-{change}", f"10.0.0.{number}")

    lanes = [threading.Thread(target=lane, args=(number,)) for number in range(4)]
    for each in lanes:
        each.start()
    for each in lanes:
        each.join()
    journal = yamlfile.load(path.read_text())["journal"]
    assert len(journal) == 20
    assert all("finished" in entry for entry in journal)
