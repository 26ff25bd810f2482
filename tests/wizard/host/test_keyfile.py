"""Which private keys are locked, told by looking at the file only."""

import subprocess

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_ssh_private_key

from wizard.host import keyfile
from wizard.secret import Secret


@pytest.mark.parametrize("kind", ["ed25519", "ecdsa", "rsa"])
@pytest.mark.parametrize("form", [(), ("-m", "PEM"), ("-m", "PKCS8")], ids=["openssh", "pem", "pkcs8"])
@pytest.mark.parametrize("passphrase", ["", "open-sesame"])
def test_keys_as_ssh_keygen_makes_them(tmp_path, kind, form, passphrase):
    file = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", kind, *form, "-N", passphrase, "-f", file]
    subprocess.run(command, check=True)
    assert keyfile.locked(file) == bool(passphrase)
    if passphrase:
        public = load_ssh_private_key(keyfile.unlock(file, Secret(passphrase)).encode(), None).public_key()
        assert (
            public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH).split()[1]
            == (file.with_suffix(".pub").read_bytes().split()[1])
        )
        with pytest.raises(ValueError, match="does not unlock") as refused:
            keyfile.unlock(file, Secret("close-sesame"))
        assert "sesame" not in str(refused.value)


@pytest.mark.parametrize("text", [b"", b"no key", b"\xff\xfe", b"-----BEGIN OPENSSH x-----\n!!!\n", b"a" * 100])
def test_what_is_no_private_key_is_not_locked(tmp_path, text):
    (tmp_path / "key").write_bytes(text)
    assert not keyfile.locked(tmp_path / "key")


def test_what_can_not_be_read_is_not_locked(tmp_path):
    assert not keyfile.locked(tmp_path / "none")
    assert not keyfile.locked(tmp_path)
