"""What is left to do on one Pi before it is a part of the tailnet. Pure: facts and settings in, changes out."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from steps import ops, packages
from steps.facts import NodeFacts
from steps.packages import Repository
from steps.tailnet_facts import Member
from wizard import assets
from wizard.context import Context
from wizard.errors import WizardError
from wizard.question import Answers
from wizard.step import Change

JOIN_SECONDS = 90.0  # of which `tailscale up` may take 30


@dataclass(frozen=True)
class Settings:
    """What holds for every Pi."""

    login_server: str
    apt: str  # the packages' address before /stable
    own_key: bytes = b""
    authority: bytes = b""
    tags: tuple[str, ...] = ()


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


def changes(facts: NodeFacts, member: Member, settings: Settings) -> list[Change]:
    """Everything that is left to do on one Pi, in order; its routes come afterwards."""
    return [
        *packages.repository_changes("tailnet", repository(facts, settings.apt), facts, settings.own_key),
        *_package(facts), *_authority(facts, member, settings), *_membership(facts, member, settings),
        *_settings(facts, member),
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


def _membership(facts: NodeFacts, member: Member, settings: Settings) -> Iterator[Change]:
    if member.state in ("Running", "Starting"):
        return
    if member.state == "Stopped":
        yield Change(
            "tailnet/up", "turn Tailscale on again", lambda ctx: _up(ctx, facts.address, settings), facts.address
        )
        return

    def do(ctx: Context) -> None:
        from steps.tailnet import QUESTIONS  # the step defines the questions and builds on this module

        key = ctx.secret("tailnet", QUESTIONS["auth_key"]).reveal()
        result = ops.run(
            ctx, facts.address, "tailnet/join", settings.login_server, facts.hostname, ",".join(settings.tags),
            stdin=key.encode(), timeout=JOIN_SECONDS, check=False,
        )  # fmt: skip
        if result.code:
            raise join_failed(result.out + result.err, ctx.name_of(facts.address), settings.login_server)

    sentence = f"join the tailnet of {settings.login_server} as {facts.hostname}"
    if facts.installed("tailscale") and not facts.active("tailscaled"):
        sentence = f"start Tailscale and {sentence}, unless it still belongs to it"
    yield Change("tailnet/join", sentence, do, facts.address)


def _up(ctx: Context, address: str, settings: Settings) -> None:
    result = ops.run(ctx, address, "tailnet/up", timeout=JOIN_SECONDS, check=False)
    if result.code:
        raise join_failed(result.out + result.err, ctx.name_of(address), settings.login_server)


def _settings(facts: NodeFacts, member: Member) -> Iterator[Change]:
    """Tailscale must not become the node's resolver, nor another router's way to the node's own network."""
    if not member.joined or not (member.prefs.get("CorpDNS") or member.prefs.get("RouteAll")):
        return
    yield Change(
        "tailnet/settings", "keep this Pi's own resolver and its own way to the home network",
        lambda ctx: _run_settings(ctx, facts.address), facts.address,
    )  # fmt: skip


def _run_settings(ctx: Context, address: str) -> None:
    ops.run(ctx, address, "tailnet/settings")


_NEW_KEY = "Make a new reusable, tagged key and give it as tailnet.auth_key."
_CAUSES = (  # what Tailscale writes, what that means, what helps
    (("authkey already used", "key already used"), "The key has been used up: it is good for one machine only.",
     _NEW_KEY),
    (("authkey expired", "key expired", "key has expired"), "The key has expired.", _NEW_KEY),
    (("invalid pre auth key", "authkey not found", "invalid key", "unable to validate API key"),
     "The control server does not know the key.", f"Was it copied whole, and made on this server? {_NEW_KEY}"),
    (("NodeKeyExpired",), "The control server remembers this Pi's former registration, which has ended.",
     "Delete this machine on the control server (headscale nodes delete), and run the same command again."),
    (("requested tags",), "The key's owner may not give these tags.",
     'Add "tagOwners": {"tag:homelab": ["autogroup:admin"]} to the access rules, or choose other tags.'),
    (("CreateTUN", "/dev/net/tun"), "There is no TUN device, which a VPN needs.",
     "Load the kernel module tun on this Pi (sudo modprobe tun), and run the same command again."),
    (("x509:", "certificate signed by unknown authority"), "The Pi does not trust the login server's certificate.",
     "Give its certificate authority as tailnet.ca_file."),
    (("failed to resolve", "no such host"), "The Pi can't look up the login server's name.",
     "Check the name, and the Pi's resolver in /etc/resolv.conf."),
    (("connection refused", "i/o timeout", "no route to host", "network is unreachable"),
     "The login server does not answer.", "Is it running, and does the network let the Pi out to it?"),
)  # fmt: skip


def join_failed(output: str, host: str, server: str) -> WizardError:
    """The error for a log-in that failed, from what Tailscale wrote and said about its health. Pure."""
    for words, why, fix in _CAUSES:
        if any(word in output for word in words):
            return WizardError(f"The Pi could not join the tailnet of {server}.", why, fix, host=host)
    lines = [line.strip() for line in output.splitlines() if line.strip(' \t"[],:')]
    said = f"It says: {lines[-1][:200]}" if lines else ""
    fix = "Look at `journalctl -u tailscaled` on the Pi, and run the same command again."
    return WizardError(f"The Pi could not join the tailnet of {server}.", said, fix, host=host)
