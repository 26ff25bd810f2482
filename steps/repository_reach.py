"""The way to the repository: made at its forge if need be, its host key trusted, its deploy key in place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from steps import repository_access as access
from steps import repository_forge as forge
from steps.repository_forge import Far
from steps.repository_questions import token_given
from wizard.context import Context
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.step import Change

_WITH_A_TOKEN = ("key", "missing", "read only")  # what the forge may set right; see `wizard.refusals`


@dataclass(frozen=True)
class Place:
    """Where the repository is and what is missing on the way. `url` is empty as long as nobody knows it.

    `heads` are its branches and their commits; None as long as nobody could look. `vouched`: the forge publishes the
    host key. `far` is the forge, if it was asked.
    """

    url: str = ""
    branch: str = "main"
    heads: Mapping[str, str] | None = None
    unpinned: Sequence[HostKey] = ()
    vouched: bool = False
    deploy_key: bool = True
    far: Far | None = None

    @property
    def named(self) -> str:
        return f"{self.url}@{self.branch}"

    @property
    def host(self) -> str:
        return urlsplit(self.url).hostname or ""


def look(ctx: Context) -> Place:
    """Looks over SSH; where that does not go, at the forge, if there is a token for it.

    Raises `Blocked` or `TrustError` for what only the person can change.
    """
    key_there = not access.needs_ssh(ctx) or access.key_file(ctx).exists()
    here = Place(access.address(ctx), str(ctx.answers["repository"]["branch"]), deploy_key=key_there)
    here = _with_host_key(ctx, here) if here.url else here
    refused = None
    if here.url and key_there and not here.unpinned:
        try:
            return replace(here, heads=access.heads(ctx))
        except access.Refused as error:
            if not (token_given(ctx.answers["repository"]) and error.kind in _WITH_A_TOKEN):
                raise
            refused = error
    if not token_given(ctx.answers["repository"]):
        access.known(ctx)
        return here
    far = forge.look(ctx)
    if refused and far.whole:
        raise refused
    if not here.url and access.address(ctx):
        here = _with_host_key(ctx, replace(here, url=access.address(ctx)))
    return replace(here, far=far)


def _with_host_key(ctx: Context, here: Place) -> Place:
    shown = access.to_pin(ctx)
    good = forge.vouched(ctx, here.host, shown) if shown else ()
    return replace(here, unpinned=good or shown, vouched=bool(good))


def writing(ctx: Context, here: Place) -> Place:
    """`here`, once it is known whether the key that may read may also write, which nothing shows before a push.

    Raises `Blocked` when it may not and no token helps.
    """
    if here.heads is None:  # nobody could even read
        return here
    try:
        access.may_push(ctx)
    except access.Refused as error:
        if not (token_given(ctx.answers["repository"]) and error.kind in _WITH_A_TOKEN):
            raise
        far = forge.look(ctx)
        if far.whole:
            raise
        return replace(here, far=far)
    return here


def changes(here: Place) -> list[Change]:
    """What has to be made so that the repository can be written to, the repository itself first. Pure."""
    made = forge.creation(here.far) if here.far else []
    if keys := tuple(here.unpinned):
        sentence = f"trust the git server {here.host}, which shows the key {trust.describe(keys)}"
        if here.vouched:
            sentence += ", as it publishes it"
        pin = Change(
            "repository/host-key", sentence, lambda ctx: access.pin(ctx, keys), danger=not here.vouched,
            because="Only you can tell whether this is your git server",
        )  # fmt: skip
        made.append(pin)
    if not here.deploy_key:
        where = here.named if here.url else f"{here.far.path} at {here.far.host}" if here.far else ""
        sentence = f"make an SSH key for {where}, kept beside the state"
        made.append(Change("repository/deploy-key", sentence, access.make_deploy_key))
    return made + (forge.opening(here.far) if here.far else [])
