"""The file of a backup: what goes in comes out, and each way in which it can't is told apart."""

from __future__ import annotations

import io
import tarfile

import pyrage
import pytest

from wizard import backupfile
from wizard.errors import BadInput, ExitCode, StateError, WizardError
from wizard.secret import Secret

PASS = Secret("five words that fit together")
FILES = {"state.yaml": b"kind: x\n", "etcd.tar.gz": bytes(range(256)) * 1000}
ABOUT = {"cluster": "attic", "made": "2026-11-26T18:00:00+00:00"}


@pytest.fixture(scope="module")
def sealed() -> bytes:
    return backupfile.seal(ABOUT, FILES, PASS)


def test_what_went_in_comes_out_and_none_of_it_can_be_read_in_between(sealed: bytes) -> None:
    found = backupfile.unseal(sealed, PASS, "b.age")
    assert found.files == FILES
    assert (found.cluster, found.about["files"]["state.yaml"]["bytes"]) == ("attic", 8)
    assert sealed.startswith(b"age-encryption.org/v1\n-> scrypt ")
    assert b"attic" not in sealed and b"kind" not in sealed
    assert "kind: x" not in repr(found)


def test_age_and_tar_open_it_without_homelab(sealed: bytes) -> None:
    with tarfile.open(fileobj=io.BytesIO(pyrage.passphrase.decrypt(sealed, PASS.reveal()))) as archive:
        assert archive.getnames() == ["backup.yaml", *FILES]
        assert {entry.mode for entry in archive} == {0o600}


def test_another_passphrase_is_named_as_that(sealed: bytes) -> None:
    with pytest.raises(BadInput) as caught:
        backupfile.unseal(sealed, Secret("not this one at all"), "b.age")
    assert "the passphrase is another one" in str(caught.value)


@pytest.mark.parametrize(
    ("cut", "said"),
    [
        (lambda data: data[:60], "damaged or cut off"),
        (lambda data: data[:200], "damaged or cut off"),
        (lambda data: data[:-1], "damaged or cut off"),
        (lambda data: data[:100_000] + b"!" + data[100_001:], "damaged or cut off"),
        (lambda data: b"", "no backup of homelab"),
        (lambda data: b"PK\x03\x04", "no backup of homelab"),
    ],
)
def test_a_file_that_is_not_whole_is_named_as_that(sealed: bytes, cut, said: str) -> None:
    with pytest.raises(StateError, match=said) as caught:
        backupfile.unseal(cut(sealed), PASS, "b.age")
    assert caught.value.exit_code == ExitCode.BAD_INPUT


def test_one_that_is_encrypted_for_a_key_is_none() -> None:
    data = pyrage.encrypt(b"x", [pyrage.x25519.Identity.generate().to_public()])
    with pytest.raises(StateError, match="no backup of homelab"):
        backupfile.unseal(data, PASS, "b.age")


def test_a_newer_format_is_left_alone(sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backupfile, "VERSION", 0)
    with pytest.raises(StateError, match="made by a newer homelab"):
        backupfile.unseal(sealed, PASS, "b.age")


def packed(**files: str) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name.replace("_", "."))
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return made.getvalue()


HEAD = "kind: homelab-wizard backup\nversion: 1\ncluster: attic\n"


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        (b"something else", "no backup of homelab"),
        (packed(state_yaml="x"), "no backup of homelab"),
        (packed(backup_yaml="kind: another\nversion: 1\n"), "no backup of homelab"),
        (packed(backup_yaml="- a list\n"), "no backup of homelab"),
        (packed(backup_yaml=HEAD, state_yaml="x"), "not whole"),
        (packed(backup_yaml=HEAD + "files: {state.yaml: {sha256: '00'}}\n"), "not whole"),
        (packed(backup_yaml=HEAD + "files: {state.yaml: {sha256: '00'}}\n", state_yaml="x"), "not whole"),
    ],
)
def test_what_is_in_it_is_what_it_says(plain: bytes, said: str) -> None:
    with pytest.raises(WizardError, match=said):
        backupfile._unpacked(plain, "b.age")
