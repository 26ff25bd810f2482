"""What is no file, or far too large, is refused in a sentence before it fills the memory."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wizard import userfile, yamlfile
from wizard.errors import ExitCode, WizardError
from wizard.secret import SecretRef
from wizard.state import State, write_private

LEAST = 600_000_000  # bytes of address space: Python and every module, but nothing that grows


def homelab(home: Path, *words: str, given: Any = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, with so little memory that reading a device would end it soon."""
    own = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    line = ["sh", "-c", f'ulimit -v {LEAST // 1024} ; exec "$@"', "sh", sys.executable, "-m", "wizard", *words]
    env = {**own, "HOME": str(home), "PW": "five words that fit together"}
    return subprocess.run(line, capture_output=True, text=True, stdin=given, timeout=60, env=env, check=False)


@pytest.mark.parametrize(
    "line",
    [
        "--state /dev/full status", "--state /dev/zero verify", "--state /dev/zero node add", "answers check /dev/zero",
        "run --answers /dev/zero --yes", "plan --answers /dev/zero", "demo --yes --fast --answers /dev/zero",
        "backup show /dev/zero --passphrase-env PW", "backup show /dev/zero --passphrase-file /dev/zero",
        "restore /dev/zero --yes --passphrase-env PW", "status --calendar /dev/zero",
    ],
)  # fmt: skip
def test_a_device_is_refused(line: str, tmp_path: Path) -> None:
    done = homelab(tmp_path, *line.split())
    said = " ".join((done.stdout + done.stderr).split())
    assert "ot a regular file" in said and "mistake in homelab" not in said and "/dev/" in said
    assert done.returncode in (ExitCode.FAILED, ExitCode.BAD_INPUT)
    assert not Path("/dev/zero.lock").exists() and not Path("/dev/full.lock").exists()


def test_a_pipe_may_hold_answers_and_secrets(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.write(writer, "pássword\n".encode())
    os.close(writer)
    try:
        assert SecretRef("file", f"/dev/fd/{reader}").resolve().reveal() == "pássword"
    finally:
        os.close(reader)
    (tmp_path / "empty").touch()
    with pytest.raises(WizardError) as caught:
        SecretRef("file", str(tmp_path / "empty")).resolve()
    assert "empty is empty" in caught.value.why


def test_no_file_is_read_beyond_what_can_be_meant(tmp_path: Path) -> None:
    file = tmp_path / "large"
    with file.open("wb") as stream:
        stream.truncate(userfile.MOST + 1)
    with pytest.raises(OSError, match="Larger than 16384 kB"):
        userfile.read_bytes(file)
    with pytest.raises(WizardError, match="Larger than 16384 kB"):
        State.open(file, "homelab", lock=False)
    file.write_bytes(b"one\r\ntwo\n")
    assert userfile.read_text(file) == "one\ntwo\n"
    with pytest.raises(IsADirectoryError):
        userfile.read_bytes(tmp_path)


def test_a_pipe_is_no_state_and_nothing_takes_its_place(tmp_path: Path) -> None:
    pipe = tmp_path / "state.yaml"
    os.mkfifo(pipe)
    with pytest.raises(WizardError, match="Not a regular file"):
        State.open(pipe, "homelab")
    with pytest.raises(OSError, match="Not a regular file"):
        write_private(pipe, b"")
    assert [pipe] == list(tmp_path.iterdir()) and pipe.is_fifo()


def test_aliases_that_would_fill_the_memory_are_refused() -> None:
    nested = "a0: &a0 {x: 1}\n" + "".join(
        f"a{n}: &a{n} {{p: *a{n - 1}, q: *a{n - 1}, r: *a{n - 1}, s: *a{n - 1}}}\n" for n in range(1, 12)
    )
    for read in (yamlfile.load, yamlfile.load_marked, yamlfile.load_all):
        with pytest.raises(ValueError, match="repeat too much"):
            read(nested)
    assert yamlfile.load("a: &a {x: 1}\nb: *a\n") == {"a": {"x": 1}, "b": {"x": 1}}


@pytest.mark.parametrize(
    ("line", "said"), [("demo --fast --plain", "is not made of lines"), ("repo validate --pre-push", "no mistake")]
)
def test_an_input_without_an_end_is_not_read_to_its_end(line: str, said: str, tmp_path: Path) -> None:
    with Path("/dev/zero").open() as zero:
        done = homelab(tmp_path, *line.split(), given=zero)
    assert said in done.stdout + done.stderr and "mistake in homelab" not in done.stderr


def test_answers_are_no_book(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("# " + "x" * 300_000)
    assert "Larger than 256 kB" in homelab(tmp_path, "answers", "check", str(tmp_path / "a.yaml")).stdout


def test_a_small_backup_is_read_where_there_is_little_memory(tmp_path: Path) -> None:
    """No room is taken for the largest that there may be."""
    file = tmp_path / "small.bin"
    file.write_bytes(b"no backup at all" * 600)
    done = homelab(tmp_path, "backup", "show", str(file), "--passphrase-env", "PW")
    assert "memory" not in done.stderr and done.returncode != 0


def test_a_secret_of_a_pipe_is_there_for_each_who_asks(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=["a token\n"], daemon=True)
    writer.start()
    ref = SecretRef("file", str(pipe))
    assert [ref.resolve().reveal() for _ in range(2)] == ["a token"] * 2
    writer.join(5)
