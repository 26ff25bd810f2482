"""Keys that sign packages and end: read from what GnuPG wrote, renewed where their owner has, named where not."""

from __future__ import annotations

import base64
import dataclasses
from datetime import UTC, datetime

import pytest

from steps import openpgp, prepare_software
from steps.prepare import Prepare
from wizard.errors import Blocked

PI = "192.168.1.11"
RING = "keyring /etc/apt/keyrings/homelab-kubernetes.gpg"

# One key, with the three signatures that GnuPG made for it one after the other.
KEY = (
    "mDMEZ3SFgBYJKwYBBAHaRw8BAQdAQOFtxD+7e75kCKJcT9RgHz80W9VR6onCU/UmTEXW5ee0IGFwdCBvZiBhIHRlc3QgPGFwdEB0ZXN0LmludmFs"
    "aWQ+"
)
WITH_2025 = (
    "iJYEExYIAD4WIQTw6JycyYc7wiE5OUk19BvJ4SpoDwUCZ3SFgAIbAwUJAeCKwAULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAKCRA19BvJ4SpoD+f9"
    "AQCjwze1n+U6OfHdk6S1CAjkhlGOyx2skmwDHg8RzYbA+wD/UTYmhVHcPniaEULZn6ukjqeKvyTHprYeEzeCl6Rx6As="
)
WITH_2030 = (
    "iJYEExYIAD4CGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AWIQTw6JycyYc7wiE5OUk19BvJ4SpoDwUCaSzagAUJCWf7wAAKCRA19BvJ4SpoD/hJ"
    "AQCgkBXkI1LI/4sWv7lQCS/WPVIhs+LbDiYRwayfOrmeLgEAt8myyBzLncPGWp8LbU8SIV1GeHUZQny5jO/dVYR5cQI="
)
NEVER = (
    "iJAEExYIADgCGwMFCwkIBwIGFQoJCAsCBBYCAwECHgECF4AWIQTw6JycyYc7wiE5OUk19BvJ4SpoDwUCaS4sAAAKCRA19BvJ4SpoDzM+AP0UsNKC"
    "lLeXmNZ5ZaLvLhOJL+P6fgLgaqrS5uk13gOamwEA7T4xE7d/WZnyCTqOfow3hVeUa8Aq8Adusfxby12RigA="
)


def key(*signatures: str) -> bytes:
    return b"".join(base64.b64decode(part) for part in (KEY, *signatures))


@pytest.mark.parametrize(
    ("data", "ends"),
    [
        (key(WITH_2025), "2025-12-31 12:00"),
        (key(WITH_2030), "2030-01-01 12:00"),
        (key(NEVER), ""),
        (key(), ""),
        (key(WITH_2025, WITH_2030), "2030-01-01 12:00"),
        (key(NEVER, WITH_2030, WITH_2025), ""),  # the newest counts, wherever it stands
        (key(WITH_2025).replace(bytes.fromhex("f0e89c9c"), bytes(4)), ""),  # signed by somebody else
        (key(WITH_2025)[:-2] + b"\x00\x00", "2025-12-31 12:00"),  # whether it is right is apt's business
    ],
    ids=["ended", "renewed", "never", "unsigned", "both", "in any order", "another's", "broken"],
)
def test_when_a_key_ends(data, ends):
    (found,) = openpgp.keys(data)
    assert (f"{datetime.fromtimestamp(found.ends, UTC):%Y-%m-%d %H:%M}" if found.ends else "") == ends


@pytest.mark.parametrize(
    "body", [b"\x04", b"\x04\x13", b"\x04\x13\x16\x08\x00", b"\x04\x13\x16\x08\x00\x02\x05\x09"], ids=len
)
def test_a_signature_that_is_cut_short_says_nothing(body):
    (found,) = openpgp.keys(key() + b"\x88" + bytes([len(body)]) + body)
    assert found.ends is None


@pytest.fixture
def pinned(monkeypatch):
    """The test's own key as the pinned one of Kubernetes' packages."""
    (found,) = openpgp.keys(key())
    was = prepare_software.repositories

    def repositories(*given):
        kubernetes, *others = was(*given)
        return [dataclasses.replace(kubernetes, fingerprint=found.fingerprint), *others]

    monkeypatch.setattr(prepare_software, "repositories", repositories)


@pytest.fixture
def stage(pis, effect, pinned):
    effect("prepare/fetch-key-kubernetes", out=base64.b64encode(key(NEVER)).decode())
    made = pis([PI])
    made.run(Prepare())
    made.sections(PI)[RING] = base64.b64encode(key(WITH_2025)).decode()
    return made


def test_an_ended_copy_is_replaced_by_the_renewed_one(stage, effect):
    assert [change for _, change in stage.run(Prepare())] == ["prepare/repository-kubernetes"]
    assert base64.b64decode(stage.sections(PI)[RING]) == key(NEVER)
    assert stage.run(Prepare()) == []


def test_a_key_that_its_owner_has_not_renewed_is_named(stage, effect):
    effect("prepare/fetch-key-kubernetes", out=base64.b64encode(key(WITH_2025)).decode())
    with pytest.raises(Blocked, match=r"signs the packages of Kubernetes [\d.]+ ended on 2025-12-31"):
        stage.run(Prepare())


def test_a_mirrors_own_key_that_ended_is_named(pis, tmp_path):
    file = tmp_path / "mirror.gpg"
    file.write_bytes(key(WITH_2025))
    with pytest.raises(Blocked, match="apt_key_file is no other") as stopped:
        pis([PI], prepare={"apt_key_file": str(file)}).run(Prepare())
    assert "into that file" in stopped.value.fix
