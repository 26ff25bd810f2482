"""How the repository is reached: its address, the key that opens it, the host keys that it may show."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.question import Answers
from wizard.repo import Repo
from wizard.state import write_private


def needs_ssh(answers: Answers) -> bool:
    return urlsplit(str(answers["repository"]["url"])).scheme == "ssh"


def place(answers: Answers) -> str:
    """The repository and its branch, as sentences name it: ``ssh://git@git.example.org/me/home.git@main``."""
    given = answers["repository"]
    return f"{given['url']}@{given['branch']}"


def host_and_port(answers: Answers) -> tuple[str, int]:
    parts = urlsplit(str(answers["repository"]["url"]))
    return parts.hostname or "", parts.port or 22


def key_file(ctx: Context) -> Path:
    """The private key: the person's own, or the deploy key that is made beside the state."""
    given = ctx.answers["repository"].get("key_file")
    return Path(given) if given else ctx.state.path.parent / "deploy_key"


def known_hosts(ctx: Context) -> Path:
    """The file with the host keys that the git server may show."""
    given = ctx.answers["repository"].get("known_hosts")
    return Path(given) if given else ctx.state.path.parent / "git_known_hosts"


def repo(ctx: Context) -> Repo:
    given, ssh = ctx.answers["repository"], needs_ssh(ctx.answers)
    return Repo(
        ctx.world, given["url"], given["branch"], ctx.state.path.parent / "repository.git",
        key_file(ctx) if ssh else None, known_hosts(ctx) if ssh else None,
    )  # fmt: skip


def to_pin(ctx: Context) -> tuple[HostKey, ...]:
    """The host keys that the server shows and that nobody has approved yet; empty when there is nothing to approve.

    Raises `Blocked` when the person named a file that does not know the server.
    """
    file = known_hosts(ctx)
    host, port = host_and_port(ctx.answers)
    if not needs_ssh(ctx.answers) or trust.known_hosts(file, host, port).keys:
        return ()
    if ctx.answers["repository"].get("known_hosts"):
        raise Blocked(
            f"{file} holds no host key of {host}, port {port}.", "Nothing is sent to a server that is not known.",
            "Add its key, which the provider's page on SSH shows, or leave"
            " repository.known_hosts out to be asked about the key.",
        )  # fmt: skip
    shown = ctx.world.host_keys(host, port)
    if pinned := ctx.state.recall("repository", "host_keys"):
        return _again(shown, pinned, host)
    return shown


def _again(shown: tuple[HostKey, ...], pinned: list[dict[str, str]], host: str) -> tuple[HostKey, ...]:
    """The keys to write down again after their file was lost: the approved ones, if they are still shown."""
    approved = [HostKey(key["kind"], key["base64"], key["fingerprint"]) for key in pinned]
    if not any(trust.same(one, other) for one in shown for other in approved):
        raise TrustError(
            f"{host} does not show the host key that was approved. Nothing was sent.",
            f"Key approved: {trust.describe(approved)}. Key shown now: {trust.describe(shown)}.",
            "Compare its fingerprint with the one its owner publishes before you approve a new one.",
        )
    return tuple(key for key in shown if any(trust.same(key, other) for other in approved))


def pin(ctx: Context, keys: tuple[HostKey, ...]) -> None:
    """Writes the approved host keys down, for git, for Flux and for the next run."""
    host, port = host_and_port(ctx.answers)
    name = host if port == 22 else f"[{host}]:{port}"
    lines = "".join(f"{name} {key.kind} {key.base64}\n" for key in keys)
    write_private(known_hosts(ctx), lines.encode())
    kept = [{"kind": key.kind, "base64": key.base64, "fingerprint": key.fingerprint} for key in keys]
    ctx.state.remember("repository", "host_keys", value=kept)


def known_lines(ctx: Context) -> str:
    """The approved host keys of the git server, one line each, as a `known_hosts` file has them."""
    host, port = host_and_port(ctx.answers)
    name = host if port == 22 else f"[{host}]:{port}"
    return "".join(f"{name} {key.kind} {key.base64}\n" for key in trust.known_hosts(known_hosts(ctx), host, port).keys)


def make_deploy_key(ctx: Context) -> None:
    """Makes the key pair and says where its public half belongs."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    file = key_file(ctx)
    write_private(file.with_suffix(".pub"), f"{public} homelab-wizard {ctx.state.cluster}\n".encode())
    write_private(file, private)
    ctx.note("Deploy key", instructions(ctx))


def public_key(ctx: Context) -> str:
    """The public half of the key, one line. Raises `WizardError` when the private one can't be read."""
    from cryptography.hazmat.primitives import serialization as form

    file = key_file(ctx)
    try:
        key = form.load_ssh_private_key(file.read_bytes(), None)
    except (OSError, ValueError, TypeError):
        raise WizardError(
            f"The key {file} can't be used.", "It has a passphrase, or it is no private key in OpenSSH's form.",
            "Name a key without a passphrase, or leave repository.key_file out: a key of its own is then made.",
        ) from None  # fmt: skip
    return key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()


def instructions(ctx: Context) -> str:
    """Where the deploy key has to be added."""
    return (
        f"Add this public key to {ctx.answers['repository']['url']}, with the right to write:\n\n"
        f"    {public_key(ctx)}\n\n"
        "GitHub: Settings, Deploy keys, Add deploy key, tick “Allow write access”.\n"
        "GitLab: Settings, Repository, Deploy keys, tick “Grant write permissions”.\n"
        "Gitea, Forgejo: Settings, Deploy keys, tick “Enable write access”."
    )


def heads(ctx: Context) -> dict[str, str]:
    """Every branch of the repository. Raises `Blocked` or `TrustError` saying what stands in the way."""
    try:
        found = repo(ctx).heads()
    except TrustError:
        raise
    except WizardError as error:
        fix = f"{error.fix}\n{instructions(ctx)}" if "does not accept the key" in error.what else error.fix
        raise Blocked(error.what, error.why, fix) from None
    branch = ctx.answers["repository"]["branch"]
    if found and branch not in found:
        raise Blocked(
            f"The repository has no branch {branch}.", f"It has: {', '.join(sorted(found))}.",
            "Choose one of these as repository.branch, or use an empty repository.",
        )  # fmt: skip
    return found
