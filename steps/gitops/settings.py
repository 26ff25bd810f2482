"""What the repository depends on: a few plain values out of the answers. The same values always make the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steps import domains
from wizard import assets
from wizard.question import Answers
from wizard.web import duckdns

APPS = ("hello", "pihole", "monitoring")


@dataclass(frozen=True)
class Settings:
    """Everything that `render` looks at. Addresses and domains are plain text; `workers` counts Pis without etcd."""

    cluster: str
    pool: str
    internal_address: str
    external_address: str
    dns_address: str
    external_domain: str
    internal_domain: str
    age_recipient: str
    apps: tuple[str, ...] = ("hello",)
    provider: str = "none"  # or duckdns
    email: str = ""
    issuer: str = "staging"  # or production
    duckdns_name: str = ""
    duckdns_api: str = ""
    workers: int = 1
    chart_mirror: str | None = None  # oci://HOST[:PORT]
    chart_mirror_insecure: bool = False
    gateway_api_git: str | None = None
    versions: Mapping[str, Any] = field(default_factory=assets.versions)

    @property
    def certificates(self) -> bool:
        """Whether apps are served over HTTPS."""
        return self.provider != "none"


def from_answers(answers: Answers, *, cluster: str, age_recipient: str) -> Settings:
    """The settings that the answers of the steps Machines, Addresses, Domains and Repository make."""
    at, name, repository = answers["addresses"], answers["domains"], answers["repository"]
    external = str(name["external_domain"])
    by_duckdns = name["provider"] == "duckdns"
    return Settings(
        cluster=cluster, age_recipient=age_recipient, pool=at["pool"],
        internal_address=at["internal_address"], external_address=at["external_address"],
        dns_address=at["dns_address"], external_domain=external, internal_domain=str(name["internal_domain"]),
        provider=str(name["provider"]), email=str(name.get("email") or ""),
        issuer=str(name.get("issuer") or "staging"),
        duckdns_name=domains.duckdns_name(external) if by_duckdns else "",
        duckdns_api=str(name.get("duckdns_api") or duckdns.URL) if by_duckdns else "",
        workers=len(answers["machines"]["hosts"]) - 1,
        apps=tuple(app for app in APPS if app in repository["apps"]),
        chart_mirror=repository.get("chart_mirror"),
        chart_mirror_insecure=bool(repository.get("chart_mirror_insecure")),
        gateway_api_git=repository.get("gateway_api_git"),
    )  # fmt: skip
