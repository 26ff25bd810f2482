"""What the tailnet looks like now: each Pi's own view of it, and the control server's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any

from steps import address_plan, nodes, ops
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.host import facts as read
from wizard.question import Answers
from wizard.web.headscale import Headscale
from wizard.web.tailnet import ControlServer
from wizard.web.tailscale import Tailscale

CONTROL = "https://controlplane.tailscale.com"  # Tailscale's own login server


@dataclass(frozen=True)
class Member:
    """One Pi as a part of the tailnet, by its own account. Empty where Tailscale is not installed or not running."""

    address: str
    status: Mapping[str, Any] = field(default_factory=dict)  # `tailscale status --json`
    prefs: Mapping[str, Any] = field(default_factory=dict)  # `tailscale debug prefs`
    authority: str = ""  # sha256 of the certificate authority that was installed for the login server
    silent: bool = False  # the daemon is there but did not answer in time: nothing is known

    @property
    def state(self) -> str:
        """``Running``, ``NeedsLogin``, ``Stopped`` …"""
        return str(self.status.get("BackendState") or "")

    @property
    def joined(self) -> bool:
        """Whether it has a key that the control server knows; it may be switched off all the same."""
        return self.state in ("Running", "Stopped", "Starting")

    @property
    def me(self) -> Mapping[str, Any]:
        return self.status.get("Self") or {}

    @property
    def ips(self) -> tuple[str, ...]:
        return tuple(self.me.get("TailscaleIPs") or ())

    @property
    def name(self) -> str:
        """Its name in the tailnet, ``pi1-1`` when another machine is called pi1."""
        return str(self.me.get("DNSName") or "").split(".")[0]

    @property
    def health(self) -> tuple[str, ...]:
        """What tailscaled complains about."""
        return tuple(self.status.get("Health") or ())

    @property
    def login_server(self) -> str:
        return str(self.prefs.get("ControlURL") or CONTROL).rstrip("/")

    @property
    def advertised(self) -> tuple[str, ...]:
        return tuple(self.prefs.get("AdvertiseRoutes") or ())

    def peers(self) -> Sequence[Mapping[str, Any]]:
        """The other machines that it is told of."""
        return tuple((self.status.get("Peer") or {}).values())

    def serves(self, route: str) -> bool:
        """Whether another machine serves `route`, as this Pi is told."""
        return any(bool(route in (peer.get("PrimaryRoutes") or ())) for peer in self.peers())


def parse(address: str, output: str) -> Member:
    """What the script ``tailnet/look`` said. Pure; never raises."""
    raw = read.sections(output)
    return Member(
        address, read.read_json(raw.get("status", "")) or {}, read.read_json(raw.get("prefs", "")) or {},
        read.read_word(raw.get("authority", "")), "silent" in raw,
    )  # fmt: skip


def look(ctx: Context, addresses: Sequence[str]) -> dict[str, Member]:
    """The Pis' own view, side by side."""

    def one(address: str) -> Member:
        ctx.progress(address, "looking at Tailscale")
        return parse(address, ops.run(ctx, address, "tailnet/look", timeout=30).out)

    return ctx.each(addresses, one)


def settled(ctx: Context, addresses: Sequence[str]) -> dict[str, Member]:
    """Like `look`, but a daemon that has only just started, or is too busy to answer, is given a little time.

    Raises `WizardError` for one that stays silent: to take it for absent would mean to join a second time.
    """
    for _ in range(10):
        members = look(ctx, addresses)
        if not any(member.silent or member.state in ("Starting", "NoState") for member in members.values()):
            break
        ctx.world.sleep(2)
    for address, member in members.items():
        if member.silent:
            raise WizardError(
                "Tailscale on this Pi does not answer.", "Its daemon runs, but says nothing in 10 seconds.",
                "Restart it with `sudo systemctl restart tailscaled` and run the same command again.",
                host=ctx.name_of(address),
            )  # fmt: skip
    return members


def in_use(answers: Answers) -> bool:
    """Whether there is a tailnet at all."""
    return str(answers.get("tailnet", {}).get("service") or "none") != "none"


def routers(answers: Answers) -> list[str]:
    """The Pis that lead into the home network: two where there are two, so that one may be off."""
    return nodes.addresses(answers)[:2]


def wanted_routes(answers: Answers) -> tuple[str, ...]:
    """What the routers offer: the ranges given ahead, or the three fixed addresses; nothing until those are known."""
    given = answers.get("addresses", {})
    if chosen := answers.get("tailnet", {}).get("routes"):
        return tuple(chosen)
    fixed = [given.get(key) for key in address_plan.FIXED]
    return tuple(f"{address}/32" for address in fixed) if all(fixed) else ()


def control(ctx: Context) -> ControlServer | None:
    """The control server's API, None without a key to it."""
    from steps.tailnet import QUESTIONS  # the step defines the questions, this module reads their answers

    given = ctx.answers["tailnet"]
    if not given.get("api_key"):
        return None
    key = ctx.secret("tailnet", QUESTIONS["api_key"])
    if given["service"] == "headscale":
        return Headscale(ctx.world, given["login_server"], key, given.get("ca_file"))
    return Tailscale(ctx.world, key)


def check_kubelets(ctx: Context) -> None:
    """Raises `Blocked` when a node's address in Kubernetes is not its address on the LAN any more."""
    kubeconfig = ctx.state.path.parent / "kubeconfig"
    if not kubeconfig.exists():
        return
    known = set(nodes.addresses(ctx.answers))
    for node in (ctx.world.cluster(kubeconfig).get("/api/v1/nodes") or {}).get("items", []):
        for entry in node.get("status", {}).get("addresses") or []:
            if entry["type"] == "InternalIP" and ":" not in entry["address"] and entry["address"] not in known:
                raise moved(node["metadata"]["name"], entry["address"])


def moved(name: str, address: str) -> Blocked:
    """The error for a node that Kubernetes reaches by an address that nobody chose."""
    by = "Tailscale's" if IPv4Address(address) in address_plan.TAILNET else "another network's"
    return Blocked(
        f"Kubernetes reaches the node {name} by {address}, which is {by} address and not the chosen one.",
        "Its kubelet does not have --node-ip set, or the Pi's address has changed.",
        "Set --node-ip to the Pi's address on the LAN in /etc/default/kubelet, and restart kubelet there.",
    )
