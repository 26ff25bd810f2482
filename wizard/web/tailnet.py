"""What Tailscale's and headscale's APIs have in common: the machines of a tailnet and the routes they may serve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Machine:
    """One machine as the control server knows it. Routes are prefixes such as ``192.168.1.201/32``."""

    id: str
    name: str  # unique in the tailnet: a second "pi1" is called "pi1-1"
    addresses: tuple[str, ...]  # inside the tailnet, the 100.x one first
    online: bool
    advertised: tuple[str, ...] = ()  # what the machine offers
    approved: tuple[str, ...] = ()  # what it may serve
    serving: tuple[str, ...] = ()  # what goes through it now; of two for one route, one stands by
    tags: tuple[str, ...] = ()
    expiry: str = ""  # when its key ends (RFC 3339); empty: never


class ControlServer(Protocol):
    """A tailnet's control server, seen through its API. Every method raises `WizardError`."""

    def machines(self) -> list[Machine]: ...

    def approve(self, machine: str, routes: Sequence[str]) -> None:
        """Sets the full list of routes that the machine with this id may serve."""
        ...
