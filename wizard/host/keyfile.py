"""Private key files: whether one is locked by a passphrase, and what is in it."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

from wizard.secret import Secret

_OPENSSH = "-----BEGIN OPENSSH "
_MAGIC = b"openssh-key-v1\0"


def locked(file: Path) -> bool:
    """Whether `file` is a private key that needs a passphrase. False for what can't be read or is no private key.

    Found out from the outside of the file, without a library: it is asked while questions are decided on.
    """
    try:
        text = file.read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return False
    if not text.lstrip().startswith(_OPENSSH):  # the older forms say it in their header
        return "BEGIN ENCRYPTED " in text or "Proc-Type: 4,ENCRYPTED" in text
    body = "".join(line for line in text.splitlines() if not line.startswith("-----"))
    try:
        blob = base64.b64decode(body)
    except binascii.Error:
        return False
    cipher = blob[len(_MAGIC) + 4 :]
    return blob.startswith(_MAGIC) and not cipher.startswith(b"none")


def unlock(file: Path, passphrase: Secret) -> str:
    """The private key in `file`, in OpenSSH's form and without a passphrase. Not for any file.

    Raises OSError, or ValueError with the reason in a few words.
    """
    from cryptography.hazmat.primitives import serialization

    data, word = file.read_bytes(), passphrase.reveal().encode()
    load = serialization.load_ssh_private_key if _OPENSSH.encode() in data else serialization.load_pem_private_key
    try:
        key = load(data, word)
    except ValueError:  # a damaged file says the same
        raise ValueError("the passphrase that was given does not unlock it") from None
    text = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    return text.decode()
