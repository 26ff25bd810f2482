"""headscale's REST API: machines, routes, keys. It has no call for DNS: split DNS is in its configuration file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from wizard.secret import Secret
from wizard.web import api
from wizard.web.tailnet import AuthKey, KeyState, Machine
from wizard.world import Request, World

KEY_FIX = "Make a new one on the headscale server: headscale apikeys create."
NEVER = ("", "0001-01-01T00:00:00Z")  # how a key without an end is written
KEEPS = (0, 29)  # the first version known to understand disableExpiry; an older one ends the key instead
SHOWN = re.compile(r"(hskey-(api|auth)-.{12})-")  # the part of a key that its list shows


@dataclass(frozen=True)
class Headscale:
    """A client for the server at `url`; `ca_file` holds its certificate authority when it is not a public one."""

    world: World
    url: str
    key: Secret
    ca_file: str | None = None

    def lacking(self, scopes: Iterable[str]) -> list[str]:
        return []  # an API key of headscale may do everything

    def machines(self) -> list[Machine]:
        """Every machine. From the list: asking for one machine never shows which routes it serves."""
        return [_machine(node) for node in (self._call("GET", "/node") or {}).get("nodes", [])]

    def approve(self, machine: str, routes: Sequence[str]) -> None:
        self._call("POST", f"/node/{machine}/approve_routes", {"routes": list(routes)})

    def remove(self, machine: str) -> None:
        self._unless_gone("DELETE", f"/node/{machine}")

    def can_keep_keys(self) -> bool:
        return self.version() >= KEEPS

    def version(self) -> tuple[int, ...]:
        """The server's version; empty when it does not tell."""
        request = Request("GET", f"{self.url}/version", ca_file=self.ca_file)
        try:
            found = api.call(self.world, request, service="headscale", key_fix="") or {}
        except api.ApiError:
            return ()
        return tuple(int(part) for part in re.findall(r"\d+", str(found.get("version")).partition("-")[0]))

    def keep_key(self, machine: str) -> None:
        """With the query: the same call without it, or with a body instead, ends the key at once."""
        self._call("POST", f"/node/{machine}/expire?disableExpiry=true")

    def make_key(self, tags: Sequence[str], seconds: int) -> AuthKey:
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {"reusable": False, "ephemeral": False, "expiration": ends, "aclTags": list(tags)}
        made = self._call("POST", "/preauthkey", body)["preAuthKey"]
        return AuthKey(str(made["id"]), Secret(str(made["key"])))

    def revoke(self, key: AuthKey) -> None:
        self._unless_gone("POST", "/preauthkey/expire", {"id": key.id})

    def state_of(self, key: Secret) -> KeyState | None:
        shown = SHOWN.match(key.reveal())
        if shown is None:
            return None
        api_key = shown[2] == "api"
        path, name, field = ("/apikey", "apiKeys", "prefix") if api_key else ("/preauthkey", "preAuthKeys", "key")
        listed = (self._call("GET", path) or {}).get(name, [])
        found = next((each for each in listed if str(each.get(field, "")).startswith(shown[1])), None)
        if found is None:
            return None
        ends = str(found.get("expiration") or "")
        return KeyState(
            "" if ends in NEVER else ends, used=bool(found.get("used")),
            reusable=api_key or bool(found.get("reusable")), tags=tuple(found.get("aclTags") or ()),
        )  # fmt: skip

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(method, f"{self.url}/api/v1{path}", json=body, token=self.key, ca_file=self.ca_file)
        return api.call(self.world, request, service="headscale", key_fix=KEY_FIX)

    def _unless_gone(self, method: str, path: str, body: Any = None) -> None:
        try:
            self._call(method, path, body)
        except api.ApiError as error:
            if error.status != 404:
                raise


def _machine(node: dict[str, Any]) -> Machine:
    expiry = str(node.get("expiry") or "")
    return Machine(
        id=str(node["id"]), name=str(node.get("givenName") or node.get("name") or ""),
        addresses=tuple(node.get("ipAddresses") or ()), online=bool(node.get("online")),
        advertised=tuple(node.get("availableRoutes") or ()), approved=tuple(node.get("approvedRoutes") or ()),
        serving=tuple(node.get("subnetRoutes") or ()), tags=tuple(node.get("tags") or ()),
        expiry="" if expiry in NEVER else expiry,
    )  # fmt: skip
