"""The wizard's own SSH key: made once beside the state, installed on every Pi, so that passwords are needed once."""

from __future__ import annotations

from pathlib import Path

from steps import ops
from wizard.context import Context
from wizard.errors import WizardError
from wizard.state import write_private
from wizard.step import Change

COMMENT = "homelab-wizard"  # in authorized_keys, so that a person knows where the key came from


def file(ctx: Context) -> Path:
    """The wizard's private key, beside the state."""
    return ctx.state.path.parent / "id_ed25519"


def public(ctx: Context) -> str:
    """The wizard's public key as a line of authorized_keys; empty when there is no key yet, or a damaged one."""
    from cryptography.hazmat.primitives import serialization

    try:
        private = serialization.load_ssh_private_key(file(ctx).read_bytes(), None)
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, TypeError) as error:
        raise WizardError(
            f"The wizard's own SSH key {file(ctx)} can't be used.", f"{error}.",
            "Move it away; the wizard makes a new one and installs it, for which it needs a password or another key.",
        ) from None  # fmt: skip
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    return f"{public.decode()} {COMMENT}"


def make(ctx: Context) -> None:
    """Makes the key pair: ed25519, 0600, without a passphrase, so that a later run needs nobody at the keyboard."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519

    private = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    write_private(file(ctx), private)


def lets_in(ctx: Context, address: str, key: str) -> bool:
    if not key:
        return False
    listed = ops.run(ctx, address, "machines/authorized", str(ctx.answers["machines"]["user"])).out
    return key.split()[1] in listed.split()


def authorize(address: str, user: str) -> Change:
    def do(ctx: Context) -> None:
        ops.run(ctx, address, "machines/authorize", user, stdin=public(ctx).encode())

    return Change("machines/authorize-key", f"let the wizard's own SSH key log in as {user}", do, address)
