"""The repository at GitHub, GitLab, Gitea or Forgejo: made with a token, and opened for the deploy key.

The token is needed until the deploy key opens the repository, and never again: from then on everything goes over SSH.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from steps import repository_access as access
from steps.repository_questions import BY_KEY, FORGES, TOKENS, host, provider
from wizard import assets
from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.step import Change
from wizard.web.api import ApiError
from wizard.web.forge import DeployKey, Forge, Project
from wizard.web.github import GitHub


@dataclass(frozen=True)
class Far:
    """What has to be made at the forge. `url` is empty as long as only a repository that exists will tell it."""

    path: str  # me/homelab
    host: str
    private: bool
    exists: bool
    key: str = ""  # what is wrong with the deploy key: "missing", "read only"; empty: nothing
    own: str = ""  # the person's own key file; empty: one of the wizard's making

    @property
    def whole(self) -> bool:
        return self.exists and not self.key


def client(ctx: Context) -> Forge:
    """The client for the forge that the answers name, with its token."""
    given = ctx.answers["repository"]
    token = ctx.secret("repository", BY_KEY[TOKENS[provider(given)]])
    return FORGES[provider(given)](ctx.world, host(given), token, given.get("ca_file"))


# -- looking -----------------------------------------------------------------------------------------------------


def look(ctx: Context) -> Far:
    """The forge as it is. Raises `Blocked` for a token that is not enough and for what only the person can change."""
    forge = client(ctx)
    try:
        return _look(ctx, forge)
    except ApiError as error:
        blocked = Blocked(error.what, error.why, error.fix)
        if error.status in (0, 401, 403):  # trying again asks for another token
            blocked.answers = (f"repository.{TOKENS[provider(ctx.answers['repository'])]}",)
        raise blocked from None
    except (KeyError, TypeError, AttributeError):
        raise Blocked(
            f"What answers at {forge.base} is not {forge.title}.", "Its answers have another shape.",
            "Check repository.provider and repository.host.",
        ) from None  # fmt: skip


def _look(ctx: Context, forge: Forge) -> Far:
    given = ctx.answers["repository"]
    account = forge.account()
    owner, name = str(given.get("owner") or account.login), str(given["name"])
    project = forge.project(owner, name)
    if lacking := forge.lacking(account, owner, create=project is None):
        raise ApiError(
            f"The token for {forge.host} lacks {' and '.join(lacking)}.",
            f"It has: {', '.join(account.scopes or ()) or 'nothing'}.", forge.token_advice(),
        )  # fmt: skip
    url = project.ssh_url if project else f"ssh://git@{forge.host}/{owner}/{name}.git"
    access.learn(ctx, url if project or forge.host == forge.public else "")
    own, wanted = str(given.get("key_file") or ""), bool(given.get("private", True))
    if project is None:
        return Far(f"{owner}/{name}", forge.host, wanted, exists=False, key="missing", own=own)
    for problem in _obstacles(forge, project, str(given["branch"]), wanted):
        raise problem
    if not project.empty and not ctx.state.recall("repository", "commit"):
        ctx.note(
            f"{project.path} at {forge.host}", "It is not empty. What is there stays as it is: homelab adds its own"
            " files beside it, and names what is in the way.",
        )  # fmt: skip
    key = _mine(ctx, forge.keys(project))
    state = "missing" if key is None else "" if key.writable else "read only"
    return Far(project.path, forge.host, project.private, exists=True, key=state, own=own)


def _obstacles(forge: Forge, project: Project, branch: str, private: bool) -> Iterator[Blocked]:
    """What only the person can change at a repository that is there."""
    at = f"{project.path} at {forge.host}"
    if project.archived:
        yield Blocked(f"{at} is archived.", "Nothing can be written to it.",
                      "Take it out of the archive in its settings, or choose another repository.name.")  # fmt: skip
    if not project.manages:
        yield Blocked(f"The token's user may not add a deploy key to {at}.",
                      "That takes the rights of an administrator (GitLab: a maintainer).",
                      "Have them given, or have the deploy key added by its owner.")  # fmt: skip
    if private and not project.private:
        yield Blocked(f"Everybody can read {at}.",
                      "It will hold addresses and names of your home; its secrets are encrypted.",
                      "Make it private in its settings, or answer repository.private: false.")  # fmt: skip
    if why := forge.guarded(project, branch):
        yield Blocked(f"The branch {branch} of {at} is protected.", why,
                      "Let the deploy key push to it, or choose another repository.branch.")  # fmt: skip


def _mine(ctx: Context, keys: Sequence[DeployKey]) -> DeployKey | None:
    if not access.key_file(ctx).exists():
        return None
    public = access.public_key(ctx)
    return next((key for key in keys if key.same(public)), None)


# -- changing ----------------------------------------------------------------------------------------------------


def creation(far: Far) -> list[Change]:
    """Before anything else: as long as it fails, nothing is half done."""
    if far.exists:
        return []
    kind = "private" if far.private else "public"
    return [Change("repository/create", f"create the {kind} repository {far.path} at {far.host}", _create)]


def opening(far: Far) -> list[Change]:
    """The deploy key, once there is one."""
    if not far.key:
        return []
    which = f"the key {far.own} as a deploy key" if far.own else "the deploy key"
    sentence = f"add {which} that may write to {far.path} at {far.host}"
    if far.key == "read only":
        sentence = (
            f"let the deploy key write to {far.path} at {far.host}: it is removed and added anew, with that right"
        )
    return [Change("repository/grant", sentence, _grant)]


def _create(ctx: Context) -> None:
    forge, given = client(ctx), ctx.answers["repository"]
    account = forge.account()
    owner, name = str(given.get("owner") or account.login), str(given["name"])
    made = forge.project(owner, name) or forge.create(
        account, owner, name, private=bool(given.get("private", True))
    )  # fmt: skip
    access.learn(ctx, made.ssh_url)
    access.settle(ctx)


def _grant(ctx: Context) -> None:
    forge, given = client(ctx), ctx.answers["repository"]
    account = forge.account()
    owner = str(given.get("owner") or account.login)
    project = forge.project(owner, str(given["name"]))
    if project is None:
        raise WizardError(
            f"{owner}/{given['name']} at {forge.host} is gone.", "It was there a moment ago.",
            "Run the same command again.",
        )  # fmt: skip
    keys = forge.keys(project)
    old = _mine(ctx, keys)
    if old and not old.writable:
        forge.remove_key(project, old)
    if not (old and old.writable):
        taken = {key.title for key in keys if key is not old}
        forge.add_key(project, _title(ctx, taken), access.public_key(ctx))
    access.learn(ctx, project.ssh_url)
    access.settle(ctx)
    ctx.note(f"The token for {forge.host}", _farewell(forge, account.expires))


def _title(ctx: Context, taken: set[str]) -> str:
    """A name that no other key has: Gitea wants that, and people need it to tell which key may go."""
    title = f"homelab-wizard {ctx.state.cluster}"
    if title not in taken:
        return title
    return f"{title} {trust.host_key(access.public_key(ctx)).fingerprint.removeprefix('SHA256:')[:8]}"


def _farewell(forge: Forge, expires: str) -> str:
    if isinstance(forge, GitHub):
        ends = f" It ends by itself on {expires}." if expires else ""
        return (
            f"homelab does not need it any more and has not kept it.{ends} When you delete it, GitHub deletes the"
            " deploy key that was added with it: then homelab, and Flux on the cluster, need a new one."
        )
    return "homelab does not need it any more and has not kept it. You may revoke it."


# -- host keys ---------------------------------------------------------------------------------------------------


def vouched(ctx: Context, server: str, shown: Sequence[HostKey]) -> tuple[HostKey, ...]:
    """Those of the `shown` keys that the forge itself publishes; empty when it publishes none that could be had.

    Raises `TrustError` when it publishes keys and shows none of them.
    """
    published = _published(ctx, server)
    good = tuple(key for key in shown if key.fingerprint in published)
    if published and not good:
        raise TrustError(
            f"{server} shows a host key that is not the one it publishes. Nothing was sent.",
            f"Key shown: {trust.describe(shown)}. Published: {', '.join(published)}.",
            "Something answers in its place: check the network. If its keys were changed, its page on SSH says so.",
        )  # fmt: skip
    return good


def _published(ctx: Context, server: str) -> tuple[str, ...]:
    """GitHub publishes its host keys by its API, over https; others on a page, from which they were taken over."""
    if server == GitHub.public:
        try:
            return GitHub(ctx.world, server).fingerprints()
        except (WizardError, AttributeError):  # then the person is asked, as for any other server
            return ()
    pinned: dict[str, str] = assets.versions()["git-host-keys"].get(server, {})
    return tuple(pinned.values())
