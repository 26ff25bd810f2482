"""What is left to do on one Pi before it is a part of the tailnet. Pure: facts and settings in, changes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from steps import ops, packages, tailnet_keys, tailnet_kubelet
from steps.facts import NodeFacts
from steps.packages import Repository
from steps.tailnet_facts import Member
from steps.tailnet_why import join_failed
from wizard import assets
from wizard.context import Context
from wizard.errors import WizardError
from wizard.host.base import Result
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import Machine

JOIN_SECONDS = 90.0  # of which `tailscale up` may take 30
FORWARD = "net.ipv4.ip_forward"


@dataclass(frozen=True)
class Settings:
    """What holds for every Pi."""

    login_server: str
    apt: str  # the packages' address before /stable
    own_key: bytes = b""
    authority: bytes = b""
    tags: tuple[str, ...] = ()  # asked for when joining; empty where they come with the key


@dataclass(frozen=True)
class Listed:
    """What the control server has on one Pi. Without a key to its API nothing is known."""

    known: bool = False
    machine: Machine | None = None  # it, as it is registered now
    former: Machine | None = None  # a registration of before, which the Pi itself no longer holds
    ours: bool = False  # the Pi has this registration by homelab's doing
    renewed: bool = False  # the API can make a key that has ended count again

    @property
    def deleted(self) -> bool:
        """Whether the Pi believes in a registration that it got from homelab, and that is gone there."""
        return self.known and self.ours and self.machine is None


def repository_base(answers: Answers) -> str:
    """Where Tailscale's packages come from: the person's mirror, or Tailscale."""
    return str(answers["tailnet"].get("tailscale_apt") or assets.versions()["tailscale"]["apt"])


def repository(facts: NodeFacts, apt: str) -> Repository:
    """Tailscale's packages for this Pi's system."""
    base = f"{apt}/stable/{facts.os_id}"
    return Repository(
        "tailscale", "Tailscale", base, facts.os_codename, "main", f"{base}/{facts.os_codename}.noarmor.gpg",
        assets.versions()["tailscale"]["key"],
    )  # fmt: skip


def changes(facts: NodeFacts, member: Member, settings: Settings, listed: Listed = Listed()) -> list[Change]:
    """Everything that is left to do on one Pi, in order; its routes come afterwards."""
    return [
        *packages.repository_changes("tailnet", repository(facts, settings.apt), facts, settings.own_key),
        *_package(facts), *_authority(facts, member, settings), *tailnet_kubelet.pinned(member), *_forwarding(facts),
        *_membership(facts, member, settings, listed), *_settings(facts, member),
    ]  # fmt: skip


def _package(facts: NodeFacts) -> Iterator[Change]:
    wanted = str(assets.versions()["tailscale"]["version"])
    if facts.packages.get("tailscale") == (wanted, True):
        return

    def do(ctx: Context) -> None:
        packages.wait_until_free(ctx, facts.address)
        ops.detached(ctx, facts.address, packages.UNIT, "tailnet/package", wanted)

    yield Change("tailnet/package", f"install Tailscale {wanted} and keep that version", do, facts.address)


def _authority(facts: NodeFacts, member: Member, settings: Settings) -> Iterator[Change]:
    if not settings.authority or member.authority == hashlib.sha256(settings.authority).hexdigest():
        return

    def do(ctx: Context) -> None:
        ops.run(ctx, facts.address, "tailnet/authority", stdin=settings.authority)

    sentence = "trust the certificate authority of the login server"
    yield Change("tailnet/authority", sentence, do, facts.address)


def _forwarding(facts: NodeFacts) -> Iterator[Change]:
    """The step Prepare switched it on; something else has switched it off since."""
    if facts.sysctl.get(FORWARD) != "0":
        return

    def do(ctx: Context) -> None:
        ops.run(ctx, facts.address, "tailnet/forwarding")

    yield Change("tailnet/forwarding", "let the kernel forward packets again", do, facts.address)


# -- membership -------------------------------------------------------------------------------------------


def _membership(facts: NodeFacts, member: Member, settings: Settings, listed: Listed) -> Iterator[Change]:
    address = facts.address
    if not member.state and facts.installed("tailscale") and not facts.active("tailscaled"):
        yield Change("tailnet/start", "start Tailscale's daemon", lambda ctx: _start(ctx, address, settings), address)
        return  # the next look tells whether it still belongs to the tailnet
    if member.expired and listed.renewed:
        return
    if member.state == "Stopped":
        yield Change("tailnet/up", "turn Tailscale on again", lambda ctx: _up(ctx, address, settings), address)
        return
    gone = member.state == "Running" and listed.deleted
    if member.state in ("Running", "Starting") and not gone:
        return
    if listed.former:
        yield _forget(address, listed.former)
    sentence = f"join the tailnet of {settings.login_server} as {facts.hostname}"
    if gone:
        sentence += " once more: the control server has deleted this Pi"
    yield Change("tailnet/join", sentence, lambda ctx: _join(ctx, facts, settings, again=gone), address)


def _start(ctx: Context, address: str, settings: Settings) -> None:
    _explained(ctx, address, settings, ops.run(ctx, address, "tailnet/start", check=False))


def _up(ctx: Context, address: str, settings: Settings) -> None:
    _explained(ctx, address, settings, ops.run(ctx, address, "tailnet/up", timeout=JOIN_SECONDS, check=False))


def _explained(ctx: Context, address: str, settings: Settings, result: Result) -> None:
    if result.code:
        raise join_failed(result.out + result.err, ctx.name_of(address), settings.login_server)


def _forget(address: str, former: Machine) -> Change:
    """The control server would not let the Pi in again, or give it another name."""

    def do(ctx: Context) -> None:
        if server := tailnet_keys.control(ctx):
            server.remove(former.id)

    sentence = f"delete its former registration on the control server ({former.name}, {former.addresses[0]})"
    return Change("tailnet/forget", sentence, do, address)


def _join(ctx: Context, facts: NodeFacts, settings: Settings, *, again: bool) -> None:
    """A key that was made for this Pi is made a second time: an address that changes meanwhile uses it up."""
    args = (settings.login_server, facts.hostname, ",".join(settings.tags), *(["again"] if again else []))
    name = ctx.name_of(facts.address)
    for _ in range(2):
        with tailnet_keys.for_joining(ctx, name) as (key, own):
            stdin = key.reveal().encode()
            result = ops.run(ctx, facts.address, "tailnet/join", *args, stdin=stdin, timeout=JOIN_SECONDS, check=False)
        said = (result.out + result.err).partition('"Health"')[0]  # that may be of an attempt before
        if not (result.code and own and "already used" in said):
            _explained(ctx, facts.address, settings, result)
            return
    raise _ended_registration(name, settings.login_server)


def _ended_registration(host: str, server: str) -> WizardError:
    """headscale does not let a tagged machine renew a registration that has ended: each key counts as used."""
    return WizardError(
        f"The Pi could not join the tailnet of {server}.",
        "The control server remembers this Pi's former registration, which has ended.",
        "Delete this machine on the control server (headscale nodes list, then headscale nodes delete --identifier"
        " NUMBER), and run the same command again.", host=host,
    )  # fmt: skip


def _settings(facts: NodeFacts, member: Member) -> Iterator[Change]:
    """Tailscale must not become the node's resolver, nor another router's way to the node's own network."""
    if not member.joined or not (member.prefs.get("CorpDNS") or member.prefs.get("RouteAll")):
        return

    def do(ctx: Context) -> None:
        ops.run(ctx, facts.address, "tailnet/settings")

    sentence = "keep this Pi's own resolver and its own way to the home network"
    yield Change("tailnet/settings", sentence, do, facts.address)
