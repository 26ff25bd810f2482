"""The picture of a key, held against the one that ssh-keygen draws."""

import subprocess

import pytest

from wizard.host import picture, trust

GITHUB = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"  # public
GITHUBS_PICTURE = """\
+--[ED25519 256]--+
|                 |
|     .           |
|      o          |
|     o o o  .    |
|     .B S oo     |
|     =+^ =...    |
|    oo#o@.o.     |
|    E+.&.=o      |
|    ooo.X=.      |
+----[SHA256]-----+"""


def test_a_picture_that_can_be_looked_up():
    assert picture.draw(trust.host_key(GITHUB)) == GITHUBS_PICTURE


@pytest.mark.parametrize(
    ("kind", "bits"), [("ed25519", "256"), ("ecdsa", "256"), ("ecdsa", "384"), ("ecdsa", "521"), ("rsa", "2048")]
)
def test_it_is_what_ssh_keygen_draws(tmp_path, kind, bits):
    for number in range(3):
        file = tmp_path / f"key{number}"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", file], check=True)
        said = subprocess.run(["ssh-keygen", "-lvf", f"{file}.pub"], capture_output=True, text=True, check=True).stdout
        line, drawn = said.rstrip("\n").split("\n", 1)
        key = trust.host_key(file.with_suffix(".pub").read_text())
        assert picture.draw(key) == drawn
        assert key.fingerprint in line


def test_it_fits_beside_a_question():
    lines = picture.draw(trust.host_key(GITHUB)).splitlines()
    assert (len(lines), {len(line) for line in lines}) == (11, {19})
