"""How the repository is reached: its address, the key that opens it, the host keys that it may show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from steps.gitops.forge import forge_of
from steps.repository_questions import FORGES, TOKENS, host, provider, token_given
from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.question import Answers
from wizard.refusals import GitRefused
from wizard.repo import Repo
from wizard.state import write_private


def address(ctx: Context) -> str:
    """The repository's SSH address. At a forge it is what was learned there; empty as long as nobody knows it."""
    given = ctx.answers["repository"]
    if provider(given) == "git":
        return str(given["url"])
    known = ctx.state.recall("repository", "forge") or {}
    if known.get("of") == _of(given):
        return str(known["url"])
    public = host(given) == FORGES[provider(given)].public
    if given.get("owner") and (public or given.get(TOKENS[provider(given)]) is None):
        return f"ssh://git@{host(given).partition('/')[0].partition(':')[0]}/{given['owner']}/{given['name']}.git"
    return str(ctx.scratch.get("forge url", ""))


def refuse_without(ctx: Context) -> None:
    """Raises `Blocked` where this computer knows of no cluster with a repository."""
    if not ctx.answers.get("repository"):
        raise Blocked("There is no cluster here yet.", "No repository was chosen.", "Run homelab first.")


def known(ctx: Context) -> str:
    """As `address`. Raises `Blocked` as long as nobody knows it."""
    if found := address(ctx):
        return found
    raise Blocked(
        "It is not known yet where the repository lies.", "Its address is learned where it is made.",
        "Run the step Repository first; it needs a token, or repository.owner.",
    )  # fmt: skip


def learn(ctx: Context, url: str) -> None:
    """Keeps the address that the forge told, for this run."""
    ctx.scratch["forge url"] = url


def settle(ctx: Context) -> None:
    """Remembers the address that the forge told, so that later runs need no token."""
    given = ctx.answers["repository"]
    if provider(given) != "git":
        url = ctx.scratch.get("forge url") or address(ctx)
        ctx.state.remember("repository", "forge", value={"of": _of(given), "url": url})


def _of(given: Mapping[str, Any]) -> str:
    """Which repository the answers mean: what was learned about another one does not count."""
    return f"{provider(given)} {host(given)} {given.get('owner') or ''} {given['name']}"


def needs_ssh(ctx: Context) -> bool:
    return urlsplit(address(ctx)).scheme != "file"


def place(url: str, answers: Answers) -> str:
    """The repository and its branch, as sentences name it: ``ssh://git@git.example.org/me/home.git@main``."""
    return f"{url}@{answers['repository']['branch']}"


def host_and_port(ctx: Context) -> tuple[str, int]:
    parts = urlsplit(address(ctx))
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
    given, ssh = ctx.answers["repository"], needs_ssh(ctx)
    return Repo(
        ctx.world, known(ctx), given["branch"], ctx.state.path.parent / "repository.git",
        key_file(ctx) if ssh else None, known_hosts(ctx) if ssh else None,
    )  # fmt: skip


def to_pin(ctx: Context) -> tuple[HostKey, ...]:
    """The host keys that the server shows and that nobody has approved yet; empty when there is nothing to approve.

    Raises `Blocked` when the person named a file that does not know the server.
    """
    file = known_hosts(ctx)
    server, port = host_and_port(ctx)
    if not needs_ssh(ctx) or trust.known_hosts(file, server, port).keys:
        return ()
    if ctx.answers["repository"].get("known_hosts"):
        raise Blocked(
            f"{file} holds no host key of {server}, port {port}.", "Nothing is sent to a server that is not known.",
            "Add its key, which the provider's page on SSH shows, or leave"
            " repository.known_hosts out to be asked about the key.",
        )  # fmt: skip
    shown = ctx.world.host_keys(server, port)
    pinned = ctx.state.recall("repository", "host_keys")
    if pinned and ctx.state.recall("repository", "host_keys_of") in (None, f"{server}:{port}"):
        return _again(shown, pinned, server)
    return shown


def _again(shown: tuple[HostKey, ...], pinned: list[dict[str, str]], server: str) -> tuple[HostKey, ...]:
    """The keys to write down again after their file was lost: the approved ones, if they are still shown."""
    approved = [HostKey(key["kind"], key["base64"], key["fingerprint"]) for key in pinned]
    if not any(trust.same(one, other) for one in shown for other in approved):
        raise TrustError(
            f"{server} does not show the host key that was approved. Nothing was sent.",
            f"Key approved: {trust.describe(approved)}. Key shown now: {trust.describe(shown)}.",
            "Compare its fingerprint with the one its owner publishes before you approve a new one.",
        )
    return tuple(key for key in shown if any(trust.same(key, other) for other in approved))


def pin(ctx: Context, keys: tuple[HostKey, ...]) -> None:
    """Writes the approved host keys down, for git, for Flux and for the next run."""
    server, port = host_and_port(ctx)
    lines = "".join(f"{_known_as(server, port)} {key.kind} {key.base64}\n" for key in keys)
    write_private(known_hosts(ctx), lines.encode())
    kept = [{"kind": key.kind, "base64": key.base64, "fingerprint": key.fingerprint} for key in keys]
    ctx.state.remember("repository", "host_keys_of", value=f"{server}:{port}")
    ctx.state.remember("repository", "host_keys", value=kept)


def known_lines(ctx: Context) -> str:
    """The approved host keys of the git server, one line each, as a `known_hosts` file has them."""
    server, port = host_and_port(ctx)
    keys = trust.known_hosts(known_hosts(ctx), server, port).keys
    return "".join(f"{_known_as(server, port)} {key.kind} {key.base64}\n" for key in keys)


def _known_as(server: str, port: int) -> str:
    return server if port == 22 else f"[{server}]:{port}"


def make_deploy_key(ctx: Context) -> None:
    """Makes the key pair and says where its public half belongs, unless a token brings it there."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption())
    public = key.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    file = key_file(ctx)
    write_private(file.with_suffix(".pub"), f"{public} homelab-wizard {ctx.state.cluster}\n".encode())
    write_private(file, private)
    if not token_given(ctx.answers["repository"]):
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


_ADDING = {  # where a person adds a deploy key, and what to tick there
    "github": ("https://{host}/{path}/settings/keys/new", "tick “Allow write access”"),
    "gitlab": ("https://{host}/{path}/-/settings/repository", "Deploy keys, tick “Grant write permissions”"),
    "gitea": ("https://{host}/{path}/settings/keys", "tick “Enable write access”"),
    "forgejo": ("https://{host}/{path}/settings/keys", "tick “Enable write access”"),
}


def instructions(ctx: Context) -> str:
    """Where the deploy key has to be added."""
    url, given = known(ctx), ctx.answers["repository"]
    where = forge_of(url, "" if provider(given) == "git" else provider(given))
    parts = urlsplit(url)
    lines = [f"Add this public key to {url}, with the right to write:", "", f"    {public_key(ctx)}", ""]
    if where in _ADDING:
        page, tick = _ADDING[where]
        path = parts.path.strip("/").removesuffix(".git")
        lines.append(
            f"At {page.format(host=parts.hostname, path=path)}, {tick}. Or answer repository.provider: {where}"
        )
        lines.append(f"and give a token as repository.{TOKENS[where]}: then homelab adds it.")
    else:
        lines.append("In the settings of the repository, or in ~/.ssh/authorized_keys of the user in its address.")
    return "\n".join(lines)


class Refused(Blocked):
    """The repository can't be reached as it must be. `kind` is that of the `Refusal`; empty for other reasons."""

    kind = ""


def heads(ctx: Context) -> dict[str, str]:
    """Every branch of the repository. Raises `Blocked` or `TrustError` saying what stands in the way."""
    try:
        found = repo(ctx).heads()
    except TrustError:
        raise
    except WizardError as error:
        raise _refused(ctx, error) from None
    branch = ctx.answers["repository"]["branch"]
    if found and branch not in found:
        blocked = Blocked(
            f"The repository has no branch {branch}.", f"It has: {', '.join(sorted(found))}.",
            "Choose one of these as repository.branch, or use an empty repository.",
        )  # fmt: skip
        blocked.answers = ("repository.branch",)
        raise blocked
    return found


def may_push(ctx: Context) -> None:
    """Raises `Blocked` when the key may read and not write: it shows before anything is made ready for a push."""
    try:
        repo(ctx).may_push()
    except GitRefused as error:
        raise _refused(ctx, error) from None


def _refused(ctx: Context, error: WizardError) -> Refused:
    kind = error.kind if isinstance(error, GitRefused) else ""
    asks = kind in ("key", "read only") and needs_ssh(ctx)
    blocked = Refused(error.what, error.why, f"{error.fix}\n{instructions(ctx)}" if asks else error.fix)
    blocked.kind = kind
    return blocked
