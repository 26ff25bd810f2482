"""Everything outside this process, as one interface: the LAN, the Pis, programs here, the web, the cluster.

The engine and the steps reach the outside only through a `World`. There are two: `RealWorld`
(`wizard/realworld.py`) and the simulated one of `homelab demo` (`wizard/demo/`), which holds no socket at all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from wizard.host.base import Host, HostKey, Login, Result
from wizard.secret import Secret


@dataclass(frozen=True)
class Found:
    """A host that was seen on the LAN, and what it told without a log-in."""

    address: str
    banner: str = ""  # SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u7; empty when no SSH answers there
    mac: str = ""
    name: str = ""  # by mDNS: atlas
    by: tuple[str, ...] = ()  # how it was seen: "SSH", "mDNS", "the neighbour table"
    refuses: bool = False  # it is there, and refuses connections to the SSH port
    kubernetes: bool = False  # a port of Kubernetes answers there


@dataclass(frozen=True)
class Request:
    """An HTTP request. `token` becomes the bearer of the Authorization header and is never shown."""

    method: str
    url: str
    json: Any = None
    token: Secret | None = None
    secret_query: Mapping[str, Secret] = field(default_factory=dict)  # query parameters that are secrets
    secret_form: Mapping[str, Secret] = field(default_factory=dict)  # fields of a form that is sent instead of `json`
    headers: Mapping[str, str] = field(default_factory=dict)
    ca_file: str | None = None
    timeout: float = 30.0


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DnsAnswer:
    """What one DNS server said. `code` is DNS's own word for it (NOERROR, NXDOMAIN, SERVFAIL, REFUSED), empty when it
    stayed silent; `records` are addresses, names or texts."""

    code: str = ""
    records: tuple[str, ...] = ()


class Cluster(Protocol):
    """The Kubernetes API, thin: objects are plain dicts, paths are API paths (``/api/v1/nodes``)."""

    def get(self, path: str) -> dict[str, Any] | None:
        """The object or list at `path`; None when it is not there (404).

        Raises `WizardError` when the API can't be reached.
        """
        ...

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        """Server-side apply, field manager ``homelab-wizard``."""
        ...

    def delete(self, path: str) -> None:
        """Deletes; nothing happens when it is not there."""
        ...


class World(Protocol):
    home: Path  # where the person's own files are, ~/.ssh among them
    stop: threading.Event  # set when the person wants to leave: every wait and every read ends soon after

    def now(self) -> float:
        """Seconds, monotonic."""
        ...

    def sleep(self, seconds: float) -> None:
        """Sleeps, or raises `Interrupted` as soon as `stop` is set."""
        ...

    def scan(self, network: str, on_found: Callable[[Found], None]) -> list[Found]:
        """Looks for hosts on a range that the person has confirmed; at most a /20. Hits are reported as they come.

        Raspberry Pis that were seen but show no SSH are in the result, too.
        """
        ...

    def host_keys(self, address: str, port: int = 22) -> tuple[HostKey, ...]:
        """The keys a host shows (key exchange only, no log-in). Raises `Unreachable`."""
        ...

    def connect(self, login: Login) -> Host: ...

    def arp(self, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """Which MAC addresses answer for each address on the LAN; an address nobody answers for is missing."""
        ...

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        """Asks one DNS server (``1.1.1.1``, or ``127.0.0.1:5353``) for the records of `kind` (A, TXT) of `name`.

        A server that does not answer within some seconds is no error: see `DnsAnswer.code`.
        """
        ...

    def upnp(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        """Lets the home router at that address do one of UPnP's actions on its port mappings (``AddPortMapping``);
        returns what it answers.

        Raises `RouterRefused` with UPnP's number when it would not, `WizardError` when it does not answer to UPnP.
        """
        ...

    def run(
        self,
        argv: Sequence[str],
        *,
        stdin: bytes = b"",
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 600.0,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Runs a program on this computer; `env` is added to the environment.

        Raises `WizardError` when the program is missing or takes longer than `timeout` seconds.
        """
        ...  # fmt: skip

    def http(self, request: Request) -> Response:
        """Raises `WizardError` naming the cause when no answer comes; any status is an answer."""
        ...

    def cluster(self, kubeconfig: Path) -> Cluster: ...
