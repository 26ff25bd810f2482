"""Cloudflare: whether an API token works, and which of its zones holds a name. It only reads.

Source: https://developers.cloudflare.com/api, `/user/tokens/verify` and `/zones`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from wizard.secret import Secret, redact
from wizard.web.api import ApiError
from wizard.world import Request, World

URL = "https://api.cloudflare.com/client/v4"
RIGHTS = (
    "Make one at https://dash.cloudflare.com/profile/api-tokens with Zone / DNS / Edit and Zone / Zone / Read for this"
    " domain."
)
REFUSED = (400, 401, 403)  # 400: it does not even look like a token


@dataclass(frozen=True)
class Cloudflare:
    """A client for what `token` may see."""

    world: World
    token: Secret
    url: str = URL

    def status(self) -> str:
        """What Cloudflare says of the token: ``active``, ``disabled`` or ``expired``.

        Raises `ApiError`; its status is one of `REFUSED` for what is no token of a user. (It may be an account's own.)
        """
        return str(self._get("/user/tokens/verify").get("status", ""))

    def zone_of(self, name: str) -> str:
        """The nearest zone at or above `name`, as far as the token may see; empty when there is none."""
        while "." in name:
            zones = self._get(f"/zones?name={quote(name)}")
            if zones:
                return str(zones[0].get("name", name))
            name = name.partition(".")[2]
        return ""

    def _get(self, path: str) -> Any:
        response = self.world.http(Request("GET", f"{self.url}{path}", token=self.token))
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
