"""The demo's home router, as far as it speaks UPnP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from wizard.demo.lan import ROUTER
from wizard.demo.probe import PUBLIC
from wizard.errors import RouterRefused, WizardError


class SimRouter:
    """Its port mappings: by port, what it was told."""

    def __init__(self, wrote: Callable[[str], None]) -> None:
        self.wrote = wrote
        self.mappings: dict[str, dict[str, str]] = {}

    def call(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        if router != ROUTER:
            raise WizardError(f"The router {router} does not answer to UPnP.", f"The demo's router is {ROUTER}.")
        port = values.get("NewExternalPort", "")
        if action == "GetExternalIPAddress":
            return {"NewExternalIPAddress": PUBLIC}
        if action == "AddPortMapping":
            self.wrote(f"forward port {port}")
            self.mappings[port] = dict(values)
            return {}
        if port not in self.mappings:
            raise RouterRefused(action, 714)
        if action == "DeletePortMapping":
            self.wrote(f"forward port {port} no more")
            self.mappings.pop(port)
            return {}
        return self.mappings[port]
