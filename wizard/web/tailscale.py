"""Tailscale's API: machines, routes, and the resolvers of single domains (split DNS)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wizard.secret import Secret
from wizard.web import api
from wizard.web.tailnet import Machine
from wizard.world import Request, World

URL = "https://api.tailscale.com"
KEY_FIX = "Make a new access token at https://login.tailscale.com/admin/settings/keys; it ends after at most 90 days."


@dataclass(frozen=True)
class Tailscale:
    """A client for the tailnet that `key` belongs to."""

    world: World
    key: Secret
    url: str = URL

    def machines(self) -> list[Machine]:
        devices = (self._call("GET", "/tailnet/-/devices?fields=all") or {}).get("devices", [])
        return [_machine(device) for device in devices]

    def approve(self, machine: str, routes: Sequence[str]) -> None:
        self._call("POST", f"/device/{machine}/routes", {"routes": list(routes)})

    def split_dns(self) -> dict[str, list[str]]:
        """Which resolvers answer for which domain."""
        found = self._call("GET", "/tailnet/-/dns/split-dns") or {}
        return {domain: list(servers or []) for domain, servers in found.items()}

    def set_split_dns(self, domain: str, resolvers: Sequence[str]) -> None:
        """Sets the resolvers of one domain; those of other domains stay. An empty list removes it."""
        self._call("PATCH", "/tailnet/-/dns/split-dns", {domain: list(resolvers)})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(method, f"{self.url}/api/v2{path}", json=body, token=self.key)
        return api.call(self.world, request, service="Tailscale", key_fix=KEY_FIX)


def _machine(device: dict[str, Any]) -> Machine:
    online = bool(device.get("connectedToControl"))
    advertised = tuple(device.get("advertisedRoutes") or ())
    approved = tuple(device.get("enabledRoutes") or ())
    return Machine(
        id=str(device.get("nodeId") or device.get("id")), name=str(device.get("name") or "").split(".")[0],
        addresses=tuple(device.get("addresses") or ()), online=online, advertised=advertised, approved=approved,
        serving=tuple(route for route in approved if online and route in advertised),
        tags=tuple(device.get("tags") or ()),
        expiry="" if device.get("keyExpiryDisabled") else str(device.get("expires") or ""),
    )  # fmt: skip
