"""Proves the token of the provider of names live, on the person's own names, before anything relies on it."""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from steps import dns_check
from wizard.context import Context
from wizard.errors import WizardError
from wizard.secret import Secret
from wizard.web import cloudflare, duckdns
from wizard.web.api import ApiError
from wizard.web.cloudflare import Cloudflare, Zone

SOON = timedelta(days=30)  # a token that ends this soon is warned of


def duckdns_client(ctx: Context, token: Secret) -> duckdns.DuckDns:
    return duckdns.DuckDns(ctx.world, token, ctx.answers["domains"].get("duckdns_api") or duckdns.URL)


# -- which token was proved ---------------------------------------------------------------------------------------


def remember_token(ctx: Context, token: Secret) -> None:
    """Remembers by which token it is known again. A salted hash that is slow to make gives nothing of it away."""
    salt = secrets.token_hex(16)
    ctx.state.remember("domains", "proved_with", value={"salt": salt, "scrypt": _scrypt(ctx, token, salt)})


def is_proved(ctx: Context, token: Secret) -> bool:
    """Whether this is the token that was proved last."""
    known = ctx.state.recall("domains", "proved_with") or {}
    return bool(known) and secrets.compare_digest(_scrypt(ctx, token, str(known["salt"])), str(known["scrypt"]))


def _scrypt(ctx: Context, token: Secret, salt: str) -> str:
    """In hexadecimal; made once in a run."""
    made: dict[tuple[Secret, str], str] = ctx.scratch.setdefault("domains/scrypt", {})
    if (token, salt) not in made:
        made[token, salt] = hashlib.scrypt(token.reveal().encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()
    return made[token, salt]


# -- DuckDNS -----------------------------------------------------------------------------------------------------


def by_duckdns(ctx: Context, token: Secret, names: Sequence[str]) -> None:
    """Sets a TXT record on every name, waits until DNS shows it, and clears it.

    Raises `WizardError` naming those that were refused, or who does not show it.
    """
    client = duckdns_client(ctx, token)
    refused = [name for name in names if not _try(ctx, client, name)]
    if refused == list(names):
        error = WizardError(
            f"DuckDNS refused the token for {' and '.join(refused)}.",
            "The token is not right, or these names belong to another account.",
            "Compare the token and the list of names at https://www.duckdns.org, and add what is missing.",
        )
        error.answers = ("domains.token",)
        raise error
    if refused:
        raise WizardError(
            f"DuckDNS refused the name {' and '.join(refused)}.",
            "The token is right: it works for the other name. This one is not in your account.",
            "Add it at https://www.duckdns.org; if somebody else has it, choose another one.",
        )


def _try(ctx: Context, client: duckdns.DuckDns, name: str) -> bool:
    ctx.progress(None, f"DuckDNS: {name}")
    text = _word()
    if not client.set_txt(name, text):
        return False
    try:
        dns_check.wait_for_text(ctx, f"{name}.duckdns.org", text)
    except BaseException:
        with contextlib.suppress(WizardError):
            client.clear_txt(name)
        raise
    if not client.clear_txt(name):
        raise WizardError(
            f"DuckDNS set a TXT record on {name}, but did not clear it.", "",
            "It does no harm: certificates overwrite it. Run the same command again.",
        )  # fmt: skip
    return True


def _word() -> str:
    return f"homelab-{secrets.token_hex(8)}"


# -- Cloudflare --------------------------------------------------------------------------------------------------


def by_cloudflare(ctx: Context, token: Secret, names: Sequence[str]) -> None:
    """Asks what the token is worth, and sets and removes a TXT record in the zone of every name.

    Raises `WizardError` that says which permission is missing, whether a name is wrong, or who does not show it.
    """
    client = Cloudflare(ctx.world, token, ctx.answers["domains"].get("cloudflare_api") or cloudflare.URL)
    ctx.progress(None, "Cloudflare: the token")
    known = _alive(ctx, client)
    for zone, name in _zones(client, names, known).items():
        ctx.progress(None, f"Cloudflare: {name}")
        _try_zone(ctx, client, zone, name)


def _alive(ctx: Context, client: Cloudflare) -> bool:
    """Whether Cloudflare knows the token as a user's, and active."""
    try:
        token = client.verify()
    except ApiError as refused:
        if refused.status not in cloudflare.REFUSED:
            raise
        return False  # a token of an account's own is not known there: what it may see tells
    if token.status != "active":
        raise WizardError(f"The Cloudflare token is {token.status or 'unknown'}.", "", cloudflare.RIGHTS)
    with contextlib.suppress(ValueError):
        end = datetime.fromisoformat(token.expires)
        ctx.state.remember("domains", "token_ends", value=end.date().isoformat())
        if end - datetime.now(UTC) < SOON:
            ctx.note(
                "The Cloudflare token ends soon",
                f"It is valid until {end.date().isoformat()}. Certificates can't be renewed after that: make one that"
                f" does not expire at {cloudflare.TOKENS}, or remember to replace it.",
            )  # fmt: skip
    return True


def _zones(client: Cloudflare, names: Sequence[str], known: bool) -> dict[Zone, str]:
    """The zones of all names, each with the first name that lies in it."""
    found: dict[Zone, str] = {}
    unseen = []
    for name in names:
        try:
            zone = client.zone_of(name)
        except ApiError as refused:
            if known and refused.status in cloudflare.REFUSED:
                raise _lacks("Zone / Zone / Read", name, refused) from None
            raise
        if zone is None:
            unseen.append(name)
        else:
            found.setdefault(zone, name)
    if unseen:
        raise WizardError(
            f"Cloudflare shows the token no zone for {' and '.join(unseen)}.",
            "The token works, but the domain is in another account, or the token may not read its zone.",
            cloudflare.RIGHTS,
        )
    if waiting := next((zone for zone in found if zone.status not in ("active", "")), None):
        raise WizardError(
            f"The domain {waiting.name} is at Cloudflare, but not in use there yet ({waiting.status}).",
            "The world still asks other name servers for it.",
            "Enter the two name servers that Cloudflare shows for it at your registrar; it can take a day.",
        )
    return found


def _try_zone(ctx: Context, client: Cloudflare, zone: Zone, name: str) -> None:
    probe, text = f"_homelab-check.{name}", _word()
    try:
        record = client.add_text(zone, probe, text)
    except ApiError as refused:
        if refused.status in cloudflare.REFUSED:
            raise _lacks("Zone / DNS / Edit", zone.name, refused) from None
        raise
    try:
        dns_check.wait_for_text(ctx, probe, text)
    except BaseException:
        with contextlib.suppress(WizardError):
            client.remove(zone, record)
        raise
    client.remove(zone, record)


def _lacks(right: str, name: str, refused: ApiError) -> WizardError:
    return WizardError(
        f"The Cloudflare token lacks the permission {right} for {name}.", refused.why,
        f"Edit it at {cloudflare.TOKENS}: add {right}, with this domain under Zone Resources.",
    )  # fmt: skip
