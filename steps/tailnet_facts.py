"""What the tailnet looks like now, as each Pi sees it, and what the answers say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, summarize_address_range
from typing import Any

from steps import address_plan, nodes, ops
from wizard.context import Context
from wizard.errors import WizardError
from wizard.host import facts as read
from wizard.question import Answers

CONTROL = "https://controlplane.tailscale.com"  # Tailscale's own login server
SETTLING = 120.0  # seconds that a daemon is given; one that is silent takes 30 of them for a single look


@dataclass(frozen=True)
class Member:
    """One Pi as a part of the tailnet, by its own account. Empty where Tailscale is not installed or not running."""

    address: str
    status: Mapping[str, Any] = field(default_factory=dict)  # `tailscale status --json`
    prefs: Mapping[str, Any] = field(default_factory=dict)  # `tailscale debug prefs`
    dns: Mapping[str, Any] = field(default_factory=dict)  # `tailscale dns status --json`
    authority: str = ""  # sha256 of the certificate authority that was installed for the login server
    node_ip: str = ""  # what kubelet was told to call this node; "none": nothing; empty: it does not run
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
    def expired(self) -> bool:
        """Whether its key has ended."""
        return bool(self.me.get("Expired"))

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
    def domain(self) -> str:
        """The domain of its tailnet's names."""
        return str((self.status.get("CurrentTailnet") or {}).get("MagicDNSSuffix") or "")

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

    def resolvers(self, domain: str) -> tuple[str, ...]:
        """Which resolvers the tailnet has for `domain` (split DNS), whether this Pi uses them or not."""
        found = (self.dns.get("SplitDNSRoutes") or {}).get(domain) or ()
        return tuple(str(each.get("Addr")) for each in found)

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
        read.read_json(raw.get("dns", "")) or {}, (raw.get("authority", "").split() or [""])[0],
        raw.get("node-ip", "").strip(), silent="silent" in raw,
    )  # fmt: skip


def look(ctx: Context, addresses: Sequence[str]) -> dict[str, Member]:
    """Each Pi's own view, side by side."""

    def one(address: str) -> Member:
        ctx.progress(address, "looking at the tailnet")
        return parse(address, ops.run(ctx, address, "tailnet/look", timeout=45).out)

    return ctx.each(addresses, one)


def patiently(ctx: Context, addresses: Sequence[str]) -> dict[str, Member]:
    """Like `look`, but a daemon that has only just started, or is too busy to answer, is given a little time."""
    ends = ctx.world.now() + SETTLING
    while True:
        members = look(ctx, addresses)
        waiting = any(member.silent or member.state in ("Starting", "NoState") for member in members.values())
        if not waiting or ctx.world.now() >= ends:
            return members
        ctx.world.sleep(2)


def settled(ctx: Context, addresses: Sequence[str]) -> dict[str, Member]:
    """Like `patiently`. Raises `WizardError` for one that stays silent: taken for absent, it would join once more."""
    members = patiently(ctx, addresses)
    for address, member in members.items():
        if member.silent:
            raise WizardError(
                "Tailscale on this Pi does not answer.", "Its daemon runs, but says nothing in 10 seconds.",
                "Restart it with `sudo systemctl restart tailscaled` and run the same command again.",
                host=ctx.name_of(address),
            )  # fmt: skip
    return members


# -- what the answers say ---------------------------------------------------------------------------------


def in_use(answers: Answers) -> bool:
    """Whether there is a tailnet at all."""
    return str(answers.get("tailnet", {}).get("service") or "none") != "none"


def login_server(answers: Answers) -> str:
    """Where the Pis log in."""
    return str(answers["tailnet"].get("login_server") or CONTROL).rstrip("/")


def tags(answers: Answers) -> tuple[str, ...]:
    """The tags that the Pis are to have."""
    return tuple(answers["tailnet"].get("tags") or ())


def routers(answers: Answers) -> list[str]:
    """The Pis that lead into the home network: two where there are two, so that one may be off."""
    return nodes.addresses(answers)[:2]


def has_resolver(answers: Answers) -> bool:
    """Whether there is, or will be, a Pi-hole that the tailnet could ask for the private names."""
    return "pihole" in (answers.get("repository", {}).get("apps") or ())


def wanted_routes(answers: Answers) -> tuple[str, ...]:
    """What the routers offer: what was chosen, of the addresses; nothing until those are known."""
    given, chosen = answers.get("addresses", {}), answers.get("tailnet", {})
    if chosen.get("routes"):
        return tuple(chosen["routes"])
    fixed = [given.get(key) for key in address_plan.FIXED]
    if not all(fixed):
        return ()
    single = [f"{address}/32" for address in fixed]
    if chosen.get("reach") != "pool" or not given.get("pool"):
        return tuple(single)
    ranges = list(summarize_address_range(*address_plan.span(given["pool"])))
    outside = [route for route in single if not any(IPv4Address(route[:-3]) in network for network in ranges)]
    return (*map(str, ranges), *outside)
