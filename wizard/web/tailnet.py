"""What Tailscale's and headscale's APIs have in common: machines, the routes they may serve, and keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from wizard.secret import Secret


@dataclass(frozen=True)
class Machine:
    """One machine as the control server knows it. Routes are prefixes such as ``192.168.1.201/32``."""

    id: str  # never given to another one; a machine knows its own (`Self.ID` in its status)
    name: str  # unique in the tailnet: a second "pi1" is called "pi1-1"
    addresses: tuple[str, ...]  # inside the tailnet, the 100.x one first
    online: bool
    advertised: tuple[str, ...] = ()  # what the machine offers
    approved: tuple[str, ...] = ()  # what it may serve
    serving: tuple[str, ...] = ()  # what goes through it now; of two for one route, one stands by
    tags: tuple[str, ...] = ()
    expiry: str = ""  # when its key ends (RFC 3339); empty: never
    domain: str = ""  # of the tailnet's names, such as tail1234.ts.net; empty: the server does not tell


@dataclass(frozen=True)
class AuthKey:
    """A key that was just made. Whoever has it can join one machine to the tailnet."""

    id: str
    key: Secret


@dataclass(frozen=True)
class KeyState:
    """What the control server tells about a key, without the key itself."""

    ends: str = ""  # RFC 3339; empty: never, or not told
    invalid: bool = False  # it was revoked, or has ended
    used: bool = False
    reusable: bool = True
    tags: tuple[str, ...] = ()


class ControlServer(Protocol):
    """A tailnet's control server, seen through its API. Every method raises `WizardError`."""

    def lacking(self, scopes: Iterable[str]) -> list[str]:
        """Which of these rights (Tailscale's scopes) the API key does not have, as far as it tells by itself."""
        ...

    def machines(self) -> list[Machine]: ...

    def approve(self, machine: str, routes: Sequence[str]) -> None:
        """Sets the full list of routes that the machine with this id may serve."""
        ...

    def remove(self, machine: str) -> None:
        """Deletes the machine with this id; nothing happens when there is none."""
        ...

    def can_keep_keys(self) -> bool:
        """Whether `keep_key` can be used."""
        ...

    def keep_key(self, machine: str) -> None:
        """From now on the key of the machine with this id does not end; one that has ended counts again."""
        ...

    def make_key(self, tags: Sequence[str], seconds: int) -> AuthKey:
        """A key that joins a single machine, with these tags and without anybody's approval, within `seconds`."""
        ...

    def revoke(self, key: AuthKey) -> None:
        """Makes the key worthless; one that is used up or gone already is left as it is."""
        ...

    def state_of(self, key: Secret) -> KeyState | None:
        """What is known of an auth key or of the API key itself; None when nothing is."""
        ...
