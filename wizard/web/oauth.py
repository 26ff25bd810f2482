"""Tailscale's OAuth clients: a secret that does not end is changed for an API token that is good for an hour."""

from __future__ import annotations

from dataclasses import dataclass, replace

from wizard.secret import Secret
from wizard.web import api
from wizard.world import Request, World

PREFIX = "tskey-client-"
PAGE = "https://login.tailscale.com/admin/settings/trust-credentials"
KEY_FIX = f"Copy the whole secret (tskey-client-…), or make a new OAuth client at {PAGE}."


@dataclass(frozen=True)
class Grant:
    """A token, and what the OAuth client behind it may do."""

    token: Secret
    seconds: float  # how long the token is good for, from when it was made
    scopes: frozenset[str] | None = None  # None: it was not told
    tags: tuple[str, ...] = ()  # keys that it makes must carry exactly these, or ones that these own


def is_client(key: Secret) -> bool:
    """Whether `key` is the secret of an OAuth client."""
    return key.reveal().startswith(PREFIX)


def token(world: World, secret: Secret, url: str) -> Grant:
    """A new token. The client's id is a part of the secret, and the service does not look at it anyway."""
    client = secret.reveal().removeprefix(PREFIX).partition("-")[0]
    form = {"client_id": Secret(client), "client_secret": secret}
    request = Request("POST", f"{url}/api/v2/oauth/token", secret_form=form)
    try:
        found = api.call(world, request, service="Tailscale", key_fix=KEY_FIX) or {}
    except api.ApiError as error:
        if error.status in (400, 401, 403):
            raise api.ApiError(
                "Tailscale refused the OAuth client's secret.", error.why, KEY_FIX, status=error.status
            ) from None
        raise
    scopes = found.get("scope")
    grant = Grant(Secret(str(found.get("access_token") or "")), float(found.get("expires_in") or 3600))
    return replace(
        grant, scopes=frozenset(scopes.split()) if isinstance(scopes, str) else None,
        tags=tuple(str(found.get("tags") or "").split()),
    )  # fmt: skip
