"""Real sops and real age keys: what goes in comes out, and only with the key."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from wizard import sops, yamlfile
from wizard.errors import WizardError
from wizard.realworld import RealWorld

CONFIG = """creation_rules:
  - path_regex: \\.sops\\.yaml$
    encrypted_regex: ^(data|stringData)$
    age: {recipient}
"""
PLAIN = """apiVersion: v1
kind: Secret
metadata:
  name: token
stringData:
  token: "it's: #1"
"""
PATH = "apps/duckdns/token.sops.yaml"


@pytest.fixture
def key(tmp_path: Path) -> tuple[Path, str]:
    file = tmp_path / "age.key"
    return file, sops.make_key(file)


def test_the_key_is_private_and_its_recipient_can_be_read_again(key: tuple[Path, str]) -> None:
    file, recipient = key
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert recipient.startswith("age1") and sops.recipient_of(file) == recipient


def test_a_secret_survives_the_round_trip_and_only_its_values_are_hidden(key: tuple[Path, str]) -> None:
    file, recipient = key
    locked = sops.encrypt(RealWorld(), CONFIG.format(recipient=recipient), PATH, PLAIN)
    shown = yamlfile.load(locked)
    assert shown["metadata"] == {"name": "token"}
    assert shown["stringData"]["token"].startswith("ENC[AES256_GCM,")
    assert "it's" not in locked
    opened = sops.decrypt(RealWorld(), PATH, locked, file)
    assert opened is not None and yamlfile.load(opened) == yamlfile.load(PLAIN)


def test_another_key_opens_nothing(key: tuple[Path, str], tmp_path: Path) -> None:
    locked = sops.encrypt(RealWorld(), CONFIG.format(recipient=key[1]), PATH, PLAIN)
    other = tmp_path / "other.key"
    sops.make_key(other)
    assert sops.decrypt(RealWorld(), PATH, locked, other) is None


def test_a_file_outside_the_rules_is_not_encrypted_and_not_shown(key: tuple[Path, str]) -> None:
    with pytest.raises(WizardError, match="could not be encrypted") as caught:
        sops.encrypt(RealWorld(), CONFIG.format(recipient=key[1]), "apps/hello/hello.yaml", PLAIN)
    assert "it's" not in str(caught.value)


def test_a_file_without_a_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "age.key").write_text("# nothing here\n")
    with pytest.raises(WizardError, match="no age key"):
        sops.recipient_of(tmp_path / "age.key")
    with pytest.raises(WizardError, match="no age key"):
        sops.recipient_of(tmp_path / "missing.key")
