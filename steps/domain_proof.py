"""Proves the token of the provider of names live, on the person's own names, before anything relies on it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from wizard.context import Context
from wizard.errors import WizardError
from wizard.secret import Secret
from wizard.web import cloudflare, duckdns
from wizard.web.api import ApiError


def by_duckdns(ctx: Context, token: Secret, names: Sequence[str]) -> None:
    """Sets and clears a TXT record on every name. Raises `WizardError` naming those that were refused."""
    client = duckdns.DuckDns(ctx.world, token, ctx.answers["domains"].get("duckdns_api") or duckdns.URL)
    refused = [name for name in names if not _try(ctx, client, name)]
    if refused == list(names):
        raise WizardError(
            f"DuckDNS refused the token for {' and '.join(refused)}.",
            "The token is not right, or these names belong to another account.",
            "Compare the token and the list of names at https://www.duckdns.org, and add what is missing.",
        )
    if refused:
        raise WizardError(
            f"DuckDNS refused the name {' and '.join(refused)}.",
            "The token is right: it works for the other name. This one is not in your account.",
            "Add it at https://www.duckdns.org; if somebody else has it, choose another one.",
        )


def _try(ctx: Context, client: duckdns.DuckDns, name: str) -> bool:
    ctx.progress(None, f"DuckDNS: {name}")
    if not client.set_txt(name, f"homelab-{secrets.token_hex(8)}"):
        return False
    if not client.clear_txt(name):
        raise WizardError(
            f"DuckDNS set a TXT record on {name}, but did not clear it.", "",
            "It does no harm: certificates overwrite it. Run the same command again.",
        )  # fmt: skip
    return True


def by_cloudflare(ctx: Context, token: Secret, names: Sequence[str]) -> None:
    """Asks what the token is worth and whether it shows the zone of every name. Changes nothing there.

    Raises `WizardError` that says whether the token or a name is wrong.
    """
    client = cloudflare.Cloudflare(ctx.world, token, ctx.answers["domains"].get("cloudflare_api") or cloudflare.URL)
    ctx.progress(None, "Cloudflare: the token")
    try:
        status = client.status()
    except ApiError as refused:
        if refused.status not in cloudflare.REFUSED:
            raise
        status = ""  # a token of an account's own is not known there: what it may see tells
    if status not in ("", "active"):
        raise WizardError(f"The Cloudflare token is {status}.", "", cloudflare.RIGHTS)
    unseen = []
    for name in names:
        ctx.progress(None, f"Cloudflare: {name}")
        if not client.zone_of(name):
            unseen.append(name)
    if unseen:
        raise WizardError(
            f"Cloudflare shows the token no zone for {' and '.join(unseen)}.",
            "The token works, but the domain is in another account, or the token may not read its zone.",
            cloudflare.RIGHTS,
        )
