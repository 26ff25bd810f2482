"""Clusters that differ in everything that the documents tell, and the repositories that are rendered for them."""

from __future__ import annotations

from functools import cache
from typing import Any

from steps.gitops.render import render, secret_files
from steps.gitops.settings import APPS, Settings
from steps.nodes import Node

NAMES = ("vega", "sirius", "rigel", "deneb", "altair", "spica", "mira", "pollux")
LONG = tuple(f"raspberrypi-on-the-shelf-behind-the-door-{number}" for number in range(8))


def pis(count: int, heads: int = 1, names: tuple[str, ...] = NAMES) -> tuple[Node, ...]:
    roles = ["control-plane"] * heads + ["worker"] * (count - heads)
    return tuple(Node(f"10.7.0.{21 + at}", role, names[at]) for at, role in enumerate(roles))  # type: ignore[arg-type]


BASE: dict[str, Any] = {
    "cluster": "attic", "pool": "10.7.0.60-10.7.0.69", "internal_address": "10.7.0.61",
    "external_address": "10.7.0.62", "dns_address": "10.7.0.63", "external_domain": "home.lab.test",
    "internal_domain": "private.home.lab.test", "age_recipient": "age1q", "nodes": pis(3), "user": "ann",
    "git_url": "ssh://git@git.lab.test/ann/home.git",
}  # fmt: skip
DUCKDNS: dict[str, Any] = {
    "provider": "duckdns", "email": "ann@home.test", "duckdns_name": "attic",
    "duckdns_api": "https://www.duckdns.org", "external_domain": "attic.duckdns.org",
    "internal_domain": "attic-private.duckdns.org",
}  # fmt: skip
KNOWN: dict[str, Any] = {
    "lan": "10.7.0.0/24", "dhcp_range": "10.7.0.100-10.7.0.199", "tailnet": "tailscale", "snapshots": "10.7.0.22",
    "key_copy": "/run/media/ann/stick",
}  # fmt: skip
PROOF: dict[str, Any] = {
    "measured": "2026-11-26",
    "reached": (
        ("hello (public)", "answers", "answers", "answers (a phone, 2026-11-26)"),
        ("grafana (private)", "answers", "not measured", "closed"), ("API server", "–", "–", "closed"),
    ),
}  # fmt: skip
VARIANTS: dict[str, dict[str, Any]] = {
    "one Pi, nothing known": {"nodes": pis(1), "apps": ("hello",)},
    "no app": {"apps": (), "forge": "gitea", **KNOWN},
    "everything": {"apps": APPS, "forge": "github", **DUCKDNS, **KNOWN, **PROOF},
    "production": {"apps": APPS, "issuer": "production", "forge": "forgejo", **DUCKDNS, **KNOWN, "tailnet": "none"},
    "single names": {"apps": APPS, "single": True, **DUCKDNS, **KNOWN},
    "headscale, no hello": {"apps": APPS[1:], **KNOWN, "tailnet": "headscale", "snapshots": "/srv/disk"},
    "eight Pis": {"nodes": pis(8, 3), "apps": APPS, "forge": "gitlab", **DUCKDNS, **KNOWN},
    "root, no Pi-hole": {"user": "root", "apps": ("hello", "monitoring"), **DUCKDNS, "tailnet": "headscale"},
    "cloudflare": {
        "apps": APPS, "provider": "cloudflare", "email": "ann@home.test", **KNOWN,
        "cloudflare_api": "https://api.cloudflare.com/client/v4",
    },
    "long names": {
        "nodes": pis(8, 3, LONG), "apps": APPS, **KNOWN, "cluster": "the-cluster-of-the-last-house-in-the-long-street",
        "external_domain": "a-rather-long-name-for-a-home-on-a-hill.example-of-a-domain.lab.test",
        "internal_domain": "private.a-rather-long-name-for-a-home-on-a-hill.example-of-a-domain.lab.test",
        "git_url": "ssh://git@forge.lab.test:2222/the-people-from-the-house/everything-that-runs-there.git",
    },
    "no names yet": {"nodes": pis(2, 1, ("", "")), "apps": ("hello",)},
}  # fmt: skip


def settings(name: str) -> Settings:
    return Settings(**{**BASE, **VARIANTS[name]})


@cache
def repository(name: str) -> dict[str, str]:
    """Path -> text, encrypted files as their templates have them."""
    return {**render(settings(name)), **secret_files(settings(name))}
