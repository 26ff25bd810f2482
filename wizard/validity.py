"""Until when certificates and keys are valid, as the state remembers it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date

from wizard.state import State

GOOD, WARNING = "✓", "!"
RENEW = "Renew them: homelab node upgrade does; or sudo kubeadm certs renew all on each control plane, then reboot it."
SOON = 30  # days before their end from which certificates are worth a warning


def certificates(state: State, today: date, moment: Callable[[str], str]) -> list[str]:
    """How long the certificates of each control plane are valid, as last seen, and what to do before they end.

    `moment` writes a saved point in time as the reader wants it.
    """
    rows: list[tuple[str, str, str]] = []
    for address, seen in (state.recall("machines") or {}).items():
        ends = seen.get("certificates") if isinstance(seen, Mapping) else None
        if not isinstance(ends, Mapping):
            continue
        for what, end in (("certificates", "until"), ("authorities", "authorities_until")):
            day = _date(ends.get(end))
            if day is None or (what == "authorities" and (day - today).days >= SOON):
                continue  # an authority is valid for ten years: it is worth a word only at its end
            left = (day - today).days
            told = (
                f"{what} valid until {day} ({left} {'day' if left == 1 else 'days'})"
                if left >= 0
                else f"{what} EXPIRED on {day}"
            )
            seen_at = moment(max(state.done.get("control-plane", ""), str(ends.get("seen", ""))))  # done: looked again
            rows.append(
                (WARNING if left < SOON else GOOD, str(seen.get("hostname", address)), f"{told}, as seen {seen_at}")
            )
    lines = ["  ".join(row) for row in rows]
    return [*lines, *([RENEW] if any(mark == WARNING for mark, *_ in rows) else [])]


KEEP = (
    "Keys of Pis: with tailnet.api_key the wizard makes them last; or disable key expiry on the control server. "
    "A key to the API: make a new one, and give it as tailnet.api_key."
)


def tailnet_keys(state: State, today: date) -> list[str]:
    """When the Pis' keys to the tailnet and the one to its API end, and what to do before; not those that last."""
    found = [
        (str(seen.get("hostname", address)), "key to the tailnet", _entry(seen.get("tailnet"), "key_ends"))
        for address, seen in (state.recall("machines") or {}).items()
        if isinstance(seen, Mapping)
    ]
    found.append(("tailnet", "API key", _entry(state.recall("tailnet", "keys"), "api_key_ends")))
    rows: list[tuple[str, str, str]] = []
    for whose, what, end in found:
        if day := _date(end[:10]):
            left = (day - today).days
            until = f"{what} valid until {day} ({left} {'day' if left == 1 else 'days'})"
            rows.append((WARNING if left < SOON else GOOD, whose, until if left >= 0 else f"{what} ENDED on {day}"))
    lines = ["  ".join(row) for row in rows]
    return [*lines, *([KEEP] if any(mark == WARNING for mark, *_ in rows) else [])]


def _entry(seen: object, key: str) -> str:
    return str(seen.get(key) or "") if isinstance(seen, Mapping) else ""


def _date(text: object) -> date | None:
    try:
        return date.fromisoformat(str(text))
    except ValueError:
        return None
