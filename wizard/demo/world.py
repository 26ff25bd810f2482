"""The simulated world of `homelab demo`: simulated Pis, cluster and web, and no socket at all."""

from __future__ import annotations

import base64
import hashlib
import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import urlsplit

from wizard import assets
from wizard.demo import flux, lan, probe, programs
from wizard.demo.clock import Clock
from wizard.demo.cluster import SimApi, SimCluster
from wizard.demo.faults import Fault, Faults
from wizard.demo.forges import SimForges
from wizard.demo.pi import Machine, SimHost, shipped
from wizard.demo.router import SimRouter
from wizard.demo.web import SimWeb
from wizard.host.base import Host, HostKey, Login, Result
from wizard.host.failures import no_ssh
from wizard.net import permitted
from wizard.secret import redact
from wizard.world import Cluster, DnsAnswer, Found, Request, Response


class SimWorld:
    """A `wizard.world.World`. Whatever is simulated lives in this object and in `folder`.

    `speed` 10 lets ten simulated seconds pass in a real one, 0 never waits. `writes` names, in order, everything that
    was changed outside the wizard's own state: a check must leave it as it was.
    """

    def __init__(
        self, folder: Path, *, speed: float = 0, machines: Sequence[Machine] | None = None, faults: Sequence[Fault] = ()
    ) -> None:
        self.folder = self.home = folder
        self.faults = Faults(faults)
        self.stop = threading.Event()
        self.clock = Clock(speed, self.stop)
        self.writes: list[str] = []
        self.applied: set[str] = set()  # by Flux: the API paths of what the last commit had
        self.api = SimApi(self.clock, self.wrote)
        self.api.nudge = lambda: flux.follow(self)
        self.api.spoil = self.faults.spoil
        self.forges = SimForges(self.wrote, self.begin_repository, lambda host: _key_of(host).fingerprint)
        self.web = SimWeb(self.wrote, self.forges)
        self.router = SimRouter(self.wrote)
        self.machines = {one.address: one for one in (shipped() if machines is None else machines)}

    def wrote(self, what: str) -> None:
        """Records a write."""
        self.writes.append(redact(what))

    def now(self) -> float:
        return self.clock.now()

    def sleep(self, seconds: float) -> None:
        self.clock.sleep(seconds)
        self.api.arrived()

    def scan(self, network: str, on_found: Callable[[Found], None]) -> list[Found]:
        looked = permitted.looked_through(network)
        inside = [one.found for one in self.machines.values() if IPv4Address(one.address) in looked]
        for found in inside:
            self.clock.sleep(0.4)
            if found.banner:
                on_found(found)
        return inside

    def host_keys(self, address: str, port: int = 22) -> tuple[HostKey, ...]:
        if address[:1].isdigit():
            return self._with_ssh(address, address).host_keys
        return (_key_of(address),)  # a git server: its key is made from its name

    def connect(self, login: Login) -> Host:
        machine = self._with_ssh(login.address, login.name)
        self.clock.sleep(0.5)
        machine.admit(login)
        return SimHost(machine, login, self)

    def _with_ssh(self, address: str, name: str) -> Machine:
        machine = self.machines.get(address)
        if machine is None or not machine.banner:
            why = "No simulated Pi has this address." if machine is None else "SSH is not switched on there."
            raise no_ssh(address, 22, why, name)
        return machine

    def arp(self, addresses: Sequence[str]) -> dict[str, tuple[str, ...]]:
        self.clock.sleep(1)
        taken: dict[str, tuple[str, ...]] = {address: (one.mac,) for address, one in self.machines.items()}
        taken[lan.ROUTER] = (lan.ROUTER_MAC,)
        node = next(
            (one for one in self.machines.values() if "kubelet.conf" in one.sections.get("kubernetes", "")), None
        )
        taken |= {address: (node.mac,) for address in self.api.announced() if node}
        taken |= self.faults.taken()
        return {address: taken[address] for address in addresses if address in taken}

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        self.clock.sleep(0.1)
        if kind == "A" and IPv4Address(server.partition(":")[0]).is_private:  # Pi-hole, or the router that asks it
            return DnsAnswer("NOERROR", (probe.lookup(self, name, at_home=True),))
        return self.web.dns(name, kind)

    def upnp(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        self.clock.sleep(0.3)
        return self.router.call(router, action, values)

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
        done = programs.run(self, argv, stdin, env or {}, cwd, timeout)
        for line in (done.out + done.err).splitlines() if on_line else []:
            on_line(line)  # type: ignore[misc]
        return done

    def http(self, request: Request) -> Response:
        self.clock.sleep(0.2)
        return self.faults.http(request) or self.web.http(request)

    def cluster(self, kubeconfig: Path) -> Cluster:
        return SimCluster(self.api)

    def repository(self, url: str) -> Path:
        """The folder that stands for the git repository at `url`, where `git` is sent to as well."""
        parts = urlsplit(url)
        return self.folder / "git" / f"{parts.netloc}{parts.path}"

    def make_repository(self, url: str) -> None:
        """Begins an empty bare repository, as a person does on a git provider's page."""
        if not self.repository(url).exists():
            self.begin_repository(url)
            self.writes.clear()

    def begin_repository(self, url: str) -> None:
        """An empty bare repository at `url`."""
        git = shutil.which("git") or "git"
        programs.run(self, [git, "init", "-q", "--bare", str(self.repository(url))], b"", {}, None, 60)


def _key_of(name: str) -> HostKey:
    """A host key that is made from the name; where a forge's own is known, it claims to be that."""
    blob = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00 " + hashlib.sha256(name.encode()).digest()
    digest = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    known = assets.versions()["git-host-keys"].get(name, {})
    return HostKey("ssh-ed25519", base64.b64encode(blob).decode(), known.get("ed25519", f"SHA256:{digest}"))
