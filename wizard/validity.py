"""Until when certificates and keys are valid, as the state remembers it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from wizard.state import State
from wizard.status import Level, Row

RENEW = "Renew them: homelab node upgrade does; or sudo kubeadm certs renew all on each control plane, then reboot it."
SOON = 30  # days before their end from which certificates are worth a warning
KEEP = (
    "Keys of Pis: with tailnet.api_key the wizard makes them last; or disable key expiry on the control server. "
    "A key to the API: make a new one, and give it as tailnet.api_key."
)
ANOTHER = "Make a new one that does not end, give it as domains.cloudflare_token, and run homelab again."


def ending(what: str, thing: str, day: date, today: date, fix: str, ended: str = "ENDED", more: str = "") -> Row:
    """The row of something that ends on `day`: good, to be renewed soon, or ended."""
    left = (day - today).days
    level: Level = "bad" if left < 0 else "warn" if left < SOON else "good"
    told = f"{thing} valid until {day} ({left} {'day' if left == 1 else 'days'})"
    return Row(
        level,
        what,
        f"{told if left >= 0 else f'{thing} {ended} on {day}'}{more}",
        "" if level == "good" else fix,
        ends=day.isoformat(),
    )


def certificates(state: State, today: date, moment: Callable[[str], str]) -> list[Row]:
    """How long the certificates of each control plane are valid, as last seen, and what to do before they end.

    `moment` writes a saved point in time as the reader wants it.
    """
    rows: list[Row] = []
    for address, seen in (state.recall("machines") or {}).items():
        ends = seen.get("certificates") if isinstance(seen, Mapping) else None
        if not isinstance(ends, Mapping):
            continue
        for what, end in (("certificates", "until"), ("authorities", "authorities_until")):
            day = parse(ends.get(end))
            if day is None or (what == "authorities" and (day - today).days >= SOON):
                continue  # an authority is valid for ten years: it is worth a word only at its end
            seen_at = moment(max(state.done.get("control-plane", ""), str(ends.get("seen", ""))))  # done: looked again
            name, more = str(seen.get("hostname", address)), f", as seen {seen_at}"
            rows.append(ending(name, what, day, today, RENEW, "EXPIRED", more))
    return rows


def tailnet_keys(state: State, today: date) -> list[Row]:
    """When the Pis' keys to the tailnet and the one to its API end, and what to do before; not those that last."""
    found = [
        (str(seen.get("hostname", address)), "key to the tailnet", _entry(seen.get("tailnet"), "key_ends"))
        for address, seen in (state.recall("machines") or {}).items()
        if isinstance(seen, Mapping)
    ]
    found.append(("tailnet", "API key", _entry(state.recall("tailnet", "keys"), "api_key_ends")))
    return [ending(whose, what, day, today, KEEP) for whose, what, end in found if (day := parse(end[:10]))]


def token_for_names(state: State, today: date) -> list[Row]:
    """When the token of the provider of names ends, where it does: certificates can't be renewed after that."""
    day = parse(state.recall("domains", "token_ends"))
    return [ending("names", "token of the provider", day, today, ANOTHER)] if day else []


def _entry(seen: object, key: str) -> str:
    return str(seen.get(key) or "") if isinstance(seen, Mapping) else ""


def parse(text: object) -> date | None:
    """A day written as ISO 8601; None for what is none."""
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
