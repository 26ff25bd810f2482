"""headscale's REST API: machines and routes. It has no call for DNS: split DNS is in its configuration file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wizard.secret import Secret
from wizard.web import api
from wizard.web.tailnet import Machine
from wizard.world import Request, World

KEY_FIX = "Make a new one on the headscale server: headscale apikeys create."
NEVER = ("", "0001-01-01T00:00:00Z")  # how a key without an end is written


@dataclass(frozen=True)
class Headscale:
    """A client for the server at `url`; `ca_file` holds its certificate authority when it is not a public one."""

    world: World
    url: str
    key: Secret
    ca_file: str | None = None

    def machines(self) -> list[Machine]:
        """Every machine. From the list: asking for one machine never shows which routes it serves."""
        return [_machine(node) for node in (self._call("GET", "/node") or {}).get("nodes", [])]

    def approve(self, machine: str, routes: Sequence[str]) -> None:
        self._call("POST", f"/node/{machine}/approve_routes", {"routes": list(routes)})

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        request = Request(method, f"{self.url}/api/v1{path}", json=body, token=self.key, ca_file=self.ca_file)
        return api.call(self.world, request, service="headscale", key_fix=KEY_FIX)


def _machine(node: dict[str, Any]) -> Machine:
    expiry = str(node.get("expiry") or "")
    return Machine(
        id=str(node["id"]), name=str(node.get("givenName") or node.get("name") or ""),
        addresses=tuple(node.get("ipAddresses") or ()), online=bool(node.get("online")),
        advertised=tuple(node.get("availableRoutes") or ()), approved=tuple(node.get("approvedRoutes") or ()),
        serving=tuple(node.get("subnetRoutes") or ()), tags=tuple(node.get("tags") or ()),
        expiry="" if expiry in NEVER else expiry,
    )  # fmt: skip
