"""What the repository depends on: a few plain values out of the answers. The same values always make the same bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steps import domains, nodes, snapshot_node
from steps.gitops.app import STORAGE, App
from steps.gitops.forge import forge_of
from steps.nodes import Node
from wizard import __version__, assets
from wizard.question import Answers
from wizard.web import cloudflare, duckdns

APPS = ("hello", "pihole", "monitoring")


@dataclass(frozen=True)
class Settings:
    """Everything that `render` looks at. Addresses and domains are plain text; `workers` counts Pis without etcd.

    Only `reached` and `measured` come from a step after Repository, which writes them there by itself.
    """

    cluster: str
    pool: str
    internal_address: str
    external_address: str
    dns_address: str
    external_domain: str
    internal_domain: str
    age_recipient: str
    apps: tuple[str, ...] = ("hello",)
    exposed: tuple[App, ...] = ()  # what `homelab app expose` has put there
    storage: bool = False  # room for apps' data is there already, and stays
    provider: str = "none"  # or duckdns, cloudflare
    email: str = ""
    issuer: str = "staging"  # or production
    single: bool = False  # a certificate for each name instead of one for all names below a domain
    duckdns_name: str = ""
    duckdns_api: str = ""
    cloudflare_api: str = ""
    acme_directory: str = ""  # empty: Let's Encrypt
    acme_ca: str = ""  # PEM in base64
    resolvers: tuple[str, ...] = ()  # empty: those of the templates
    workers: int = 1
    chart_mirror: str | None = None  # oci://HOST[:PORT]
    chart_mirror_insecure: bool = False
    gateway_api_git: str | None = None
    # What only the documents tell; an empty text is not known.
    nodes: tuple[Node, ...] = ()  # the first control plane first
    user: str = "pi"  # who logs in on the nodes
    lan: str = ""
    dhcp_range: str = ""
    tailnet: str = "none"  # tailscale, headscale
    snapshots: str = ""  # where etcd's snapshots are kept as well: the address of a node, or a folder
    git_url: str = ""
    branch: str = "main"
    forge: str = "git"  # or a key of `forge.WORKFLOWS`
    key_copy: str = ""  # where a copy of the age key is said to be
    reached: tuple[tuple[str, ...], ...] = ()  # what, and how it is from home, over the VPN, from the internet
    measured: str = ""  # the day on which that was measured
    wizard: str = __version__  # which homelab writes it, and validates it there
    versions: Mapping[str, Any] = field(default_factory=assets.versions)

    @property
    def certificates(self) -> bool:
        """Whether apps are served over HTTPS."""
        return self.provider != "none"

    @property
    def keeps_data(self) -> bool:
        """Whether something has to make room for apps' data."""
        return self.storage or any(app.size and app.storage == STORAGE for app in self.exposed)

    @property
    def one_name(self) -> bool:
        """Whether public and private names lie below one DuckDNS name, and so share its one TXT record."""
        return bool(self.duckdns_name) and domains.duckdns_name(self.internal_domain) == self.duckdns_name


def from_answers(
    answers: Answers, *, cluster: str, age_recipient: str, names: Mapping[str, str] | None = None, acme_ca: str = ""
) -> Settings:
    """The settings that the answers of the steps up to Repository make. `names` are the Pis' hostnames by address."""
    at, name, repository = answers["addresses"], answers["domains"], answers["repository"]
    external, machines = str(name["external_domain"]), answers["machines"]
    by_duckdns = name["provider"] == "duckdns"
    return Settings(
        cluster=cluster, age_recipient=age_recipient, pool=at["pool"],
        internal_address=at["internal_address"], external_address=at["external_address"],
        dns_address=at["dns_address"], external_domain=external, internal_domain=str(name["internal_domain"]),
        provider=str(name["provider"]), email=str(name.get("email") or ""),
        issuer=str(name.get("issuer") or "staging"), single=domains.single_names(answers),
        duckdns_name=domains.duckdns_name(external) if by_duckdns else "",
        duckdns_api=str(name.get("duckdns_api") or duckdns.URL) if by_duckdns else "",
        cloudflare_api=str(name.get("cloudflare_api") or cloudflare.URL) if name["provider"] == "cloudflare" else "",
        acme_directory=str(name.get("acme_directory") or ""), acme_ca=acme_ca,
        resolvers=tuple(name.get("resolvers") or ()),
        workers=sum(node.role == "worker" for node in nodes.known(answers, {})),
        apps=tuple(app for app in APPS if app in repository["apps"]),
        chart_mirror=repository.get("chart_mirror"),
        chart_mirror_insecure=bool(repository.get("chart_mirror_insecure")),
        gateway_api_git=repository.get("gateway_api_git"),
        nodes=tuple(nodes.known(answers, names or {})), user=str(machines.get("user") or "pi"),
        lan=str(at.get("lan") or ""), dhcp_range=str(at.get("dhcp_range") or ""),
        tailnet=str(answers.get("tailnet", {}).get("service") or "none"),
        snapshots=snapshot_node.place(answers, nodes.addresses(answers)[0]).to,
        git_url=str(repository.get("url") or ""), branch=str(repository.get("branch") or "main"),
        forge=forge_of(str(repository.get("url") or ""), str(repository.get("provider") or "")),
        key_copy=str(repository.get("age_key_copy") or ""),
    )  # fmt: skip
