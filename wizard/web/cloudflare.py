"""Cloudflare: what an API token is worth, which zone holds a name, and a TXT record set there and taken away again.

Source: https://developers.cloudflare.com/api, `/user/tokens/verify`, `/zones`, `/zones/ID/dns_records`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wizard.errors import WizardError
from wizard.secret import Secret, redact
from wizard.web.api import ApiError
from wizard.world import Request, World

URL = "https://api.cloudflare.com/client/v4"
TRACE = "https://1.1.1.1/cdn-cgi/trace"  # by address, so that IPv4 is used; the cluster's updater asks it, too
TOKENS = "https://dash.cloudflare.com/profile/api-tokens"
RIGHTS = f"Make one at {TOKENS} with Zone / DNS / Edit and Zone / Zone / Read for this domain."
REFUSED = (400, 401, 403)  # 400: it does not even look like a token
TTL = 60  # seconds, the least that Cloudflare allows


@dataclass(frozen=True)
class Token:
    """What Cloudflare says of a token: ``active``, ``disabled`` or ``expired``, and when it ends (RFC 3339)."""

    status: str = ""
    expires: str = ""  # empty: never


@dataclass(frozen=True)
class Zone:
    """A domain at Cloudflare. `status` is ``active`` once its name servers are Cloudflare's."""

    id: str
    name: str
    status: str = "active"


@dataclass(frozen=True)
class Cloudflare:
    """A client for what `token` may see and do."""

    world: World
    token: Secret
    url: str = URL

    def verify(self) -> Token:
        """What Cloudflare says of the token itself.

        Raises `ApiError`; its status is one of `REFUSED` for what is no token of a user. (It may be an account's own.)
        """
        found = self._call("GET", "/user/tokens/verify")
        return Token(str(found.get("status", "")), str(found.get("expires_on") or ""))

    def zone_of(self, name: str) -> Zone | None:
        """The nearest zone at or above `name`, as far as the token may see; None when there is none."""
        while "." in name:
            zones = self._call("GET", f"/zones?name={quote(name)}")
            if zones:
                one = zones[0]
                return Zone(str(one["id"]), str(one.get("name", name)), str(one.get("status") or "active"))
            name = name.partition(".")[2]
        return None

    def add_text(self, zone: Zone, name: str, text: str) -> str:
        """Adds a TXT record and returns its id. Raises `ApiError`, 403 when the token may not."""
        record = {"type": "TXT", "name": name, "content": f'"{text}"', "ttl": TTL}
        return str(self._call("POST", f"/zones/{zone.id}/dns_records", record)["id"])

    def remove(self, zone: Zone, record: str) -> None:
        """Takes a record away."""
        self._call("DELETE", f"/zones/{zone.id}/dns_records/{record}")

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        response = self.world.http(Request(method, f"{self.url}{path}", json=body, token=self.token))
        try:
            answer = json.loads(response.body)
            said, result = answer["errors"], answer["result"]
        except (ValueError, TypeError, KeyError):
            raise ApiError(
                f"What answers at {self.url} is not Cloudflare's API.", f"Its status was {response.status}.",
                "Check the address, and try again in some minutes.",
            ) from None  # fmt: skip
        why = redact("; ".join(f"{one.get('message')} ({one.get('code')})" for one in said or []))
        if response.status in REFUSED:
            raise ApiError("Cloudflare refused the token.", f"It says: {why}." if why else "", RIGHTS,
                           status=response.status)  # fmt: skip
        if response.status != 200:
            raise ApiError(f"Cloudflare answered with status {response.status}.", f"It says: {why}." if why else "",
                           "Wait some minutes and run the same command again.", status=response.status)  # fmt: skip
        return result


def public_address(world: World) -> str:
    """The IPv4 address that requests from here come from, as Cloudflare sees them; empty when it can't be asked."""
    try:
        lines = world.http(Request("GET", TRACE, timeout=10)).body.decode("utf-8", "replace").splitlines()
    except WizardError:
        if world.stop.is_set():
            raise
        return ""
    return next((line.removeprefix("ip=").strip() for line in lines if line.startswith("ip=")), "")
