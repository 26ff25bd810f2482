"""Which value of which template comes from which answer. Whatever is not in this table stays as the template has it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from steps.gitops.settings import Settings

REMOVE = object()  # instead of a value: the key goes away


@dataclass(frozen=True)
class Row:
    """`file`, the object in it (``Kind`` or ``Kind/name``), the way to the value (keys and positions), the value.

    The way may lead on into a text that is YAML itself. Only a row that `adds` may name a key that the template lacks.
    """

    file: str
    object: str
    way: str
    value: Any
    adds: bool = False
    remark: str = ""  # a comment at the end of its line
    pin: str = ""  # the name of the pinned version that the value is, or ends with

    def __hash__(self) -> int:  # of what a value may be, not everything has one
        return hash((self.file, self.object, self.way))


def rows(s: Settings) -> list[Row]:
    """The whole table for `s`, rows for parts that are not chosen included."""
    return [
        Row("sops.yaml", "", "creation_rules 0 age", s.age_recipient),
        *_charts(s), *_load_balancer(s), *_traefik(s), *_gateways(s), *_certificates(s), *_apps(s), *_resolvers(s),
        *_storage(s),
    ]  # fmt: skip


def _charts(s: Settings) -> Iterator[Row]:
    source = {
        "metallb": "infrastructure/metallb", "traefik": "infrastructure/traefik",
        "cert-manager": "infrastructure/cert-manager",
        "cert-manager-webhook-duckdns": "infrastructure/cert-manager-duckdns",
        "prometheus-operator-crds": "infrastructure/prometheus-crds", "kube-prometheus-stack": "apps/monitoring",
    }  # fmt: skip
    for chart, folder in source.items():
        file, pin = f"{folder}/source.yaml", s.versions["charts"][chart]
        yield Row(file, "OCIRepository", "spec url", mirrored(pin["url"], s.chart_mirror))
        yield Row(file, "OCIRepository", "spec ref tag", str(pin["version"]), pin=chart)
        if s.chart_mirror and s.chart_mirror_insecure:
            yield Row(file, "OCIRepository", "spec insecure", True, adds=True)
    yield from _pihole_chart(s)
    kinds = "clusters/homelab/gateway-api-crds.yaml"
    yield Row(kinds, "GitRepository", "spec url", s.gateway_api_git or s.versions["gateway-api"]["git"])
    yield Row(kinds, "GitRepository", "spec ref tag", s.versions["gateway-api"]["version"], pin="gateway-api")


def _pihole_chart(s: Settings) -> Iterator[Row]:
    pin = s.versions["charts"]["pihole"]
    yield Row("apps/pihole/source.yaml", "HelmRepository", "spec url", mirrored(pin["url"], s.chart_mirror))
    yield Row("apps/pihole/release.yaml", "HelmRelease", "spec chart spec version", str(pin["version"]), pin="pihole")
    if s.chart_mirror:  # a mirror is a registry, whatever the chart's own home is
        yield Row("apps/pihole/source.yaml", "HelmRepository", "spec type", "oci", adds=True)
        if s.chart_mirror_insecure:
            yield Row("apps/pihole/source.yaml", "HelmRepository", "spec insecure", True, adds=True)


def mirrored(url: str, mirror: str | None) -> str:
    """`url` with its registry replaced by `mirror` (``oci://HOST[:PORT]``), the path kept."""
    return f"{mirror.rstrip('/')}{urlsplit(url).path}" if mirror else url


def _load_balancer(s: Settings) -> Iterator[Row]:
    release = "infrastructure/metallb/release.yaml"
    yield Row("infrastructure/metallb-config/pool.yaml", "IPAddressPool", "spec addresses 0", s.pool)
    yield Row(release, "HelmRelease", "spec values speaker ignoreExcludeLB", s.workers == 0)
    if "monitoring" not in s.apps:
        yield Row(release, "HelmRelease", "spec values prometheus", REMOVE)


def _traefik(s: Settings) -> Iterator[Row]:
    for side, address in (("internal", s.internal_address), ("external", s.external_address)):
        file = f"infrastructure/traefik/{side}.yaml"
        yield Row(file, "HelmRelease", "spec values service annotations metallb.io/loadBalancerIPs", address)
        if not s.certificates:
            yield Row(file, "HelmRelease", "spec values ports web http", REMOVE)
        if "monitoring" not in s.apps:
            yield Row(file, "HelmRelease", "spec values metrics", REMOVE)


def _gateways(s: Settings) -> Iterator[Row]:
    for side, domain in (("internal", s.internal_domain), ("external", s.external_domain)):
        file = f"infrastructure/gateways/{side}.yaml"
        shared = f"both sides share {s.duckdns_name}'s one TXT record: one certificate after the other"
        remark = shared if s.one_name else ""
        yield Row(file, "Gateway", "spec listeners 0 hostname", f"*.{domain}", remark=remark)
        if s.certificates:
            issuer = f"letsencrypt-{s.issuer}"
            yield Row(file, "Gateway", "metadata annotations cert-manager.io/cluster-issuer", issuer)
            continue
        yield Row(file, "Gateway", "metadata annotations", REMOVE)
        for key, value in (("name", "web"), ("port", 8000), ("protocol", "HTTP"), ("tls", REMOVE)):
            yield Row(file, "Gateway", f"spec listeners 0 {key}", value)


def _certificates(s: Settings) -> Iterator[Row]:
    if "monitoring" not in s.apps:
        manager = "infrastructure/cert-manager/release.yaml"
        yield Row(manager, "HelmRelease", "spec values prometheus servicemonitor", REMOVE)
    webhook = "infrastructure/cert-manager-duckdns/release.yaml"
    yield Row(webhook, "HelmRelease", "spec values clusterIssuer email", s.email)
    if s.provider == "cloudflare":  # it keeps as many TXT records as one likes
        manager, limit = "infrastructure/cert-manager/release.yaml", "spec values maxConcurrentChallenges"
        yield Row(manager, "HelmRelease", limit, REMOVE)
    yield from _issuers(s)
    yield from _updaters(s)


def _issuers(s: Settings) -> Iterator[Row]:
    for folder, issuer in product(("issuers", "issuers-cloudflare"), ("staging", "production")):
        file, kind = f"infrastructure/{folder}/letsencrypt.yaml", f"ClusterIssuer/letsencrypt-{issuer}"
        yield Row(file, kind, "spec acme email", s.email)
        if s.acme_directory:
            yield Row(file, kind, "spec acme server", s.acme_directory)
        if s.acme_ca:
            yield Row(file, kind, "spec acme caBundle", s.acme_ca, adds=True)
        if folder == "issuers-cloudflare":
            yield Row(file, kind, "spec acme solvers 0 selector dnsZones 0", s.external_domain)
            yield Row(file, kind, "spec acme solvers 0 selector dnsZones 1", s.internal_domain)


def _updaters(s: Settings) -> Iterator[Row]:
    container = "spec jobTemplate spec template spec containers 0"
    updates = {
        "duckdns": {"env 0 value": s.duckdns_api, "env 1 value": s.duckdns_name},
        "cloudflare": {"env 0 value": s.cloudflare_api, "env 2 value": s.external_domain},
    }
    for provider, values in updates.items():
        for way, value in {"image": s.versions["images"]["curl"], **values}.items():
            pin = "curl" if way == "image" else ""
            yield Row(f"apps/{provider}/updater.yaml", "CronJob", f"{container} {way}", value, pin=pin)


def _apps(s: Settings) -> Iterator[Row]:
    container = "spec template spec containers 0"
    whoami = s.versions["images"]["whoami"]
    yield Row("apps/hello/hello.yaml", "Deployment", f"{container} image", whoami, pin="whoami")
    yield from _route(s, "apps/hello/routes.yaml", "hello-external", f"hello.{s.external_domain}")
    yield from _route(s, "apps/hello/routes.yaml", "hello-internal", f"hello.{s.internal_domain}")
    inside = ["hello", *(name for app, name in (("pihole", "pihole"), ("monitoring", "grafana")) if app in s.apps)]
    for side, names, domain in (("internal", inside, s.internal_domain), ("external", ["hello"], s.external_domain)):
        yield from _route(s, "apps/hello/proof.yaml", f"proof-{side}", *(f"{name}.{domain}" for name in names))
    yield from _pihole(s)
    release, grafana = "apps/monitoring/release.yaml", f"grafana.{s.internal_domain}"
    scheme = "https" if s.certificates else "http"
    yield Row(
        release, "HelmRelease", "spec values grafana grafana.ini server root_url", f"{scheme}://{grafana}"
    )  # fmt: skip
    yield from _route(s, "apps/monitoring/route.yaml", "grafana", grafana)


def _pihole(s: Settings) -> Iterator[Row]:
    release, name = "apps/pihole/release.yaml", f"pihole.{s.internal_domain}"
    public = f"address=/{s.external_domain}/{s.external_address}"
    values: dict[str, Any] = {
        "serviceDns annotations metallb.io/loadBalancerIPs": s.dns_address,
        "virtualHost": name, "ftl webserver_domain": name,
        "dnsmasq customDnsEntries 0": f"address=/{s.internal_domain}/{s.internal_address}",
        # A domain of one's own may lead elsewhere for some names; below a DuckDNS name there is nothing else.
        "dnsmasq customDnsEntries 1": public if s.duckdns_name else REMOVE,
    }  # fmt: skip
    for way, value in values.items():
        yield Row(release, "HelmRelease", f"spec values {way}", value)
    yield from _route(s, "apps/pihole/route.yaml", "pihole", name)


def _resolvers(s: Settings) -> Iterator[Row]:
    """Pi-hole asks them, and so does everything that must never ask Pi-hole."""
    if not s.resolvers:  # the templates name some
        return
    servers, values = list(s.resolvers), "spec values"
    manager, looks = "infrastructure/cert-manager/release.yaml", "config acmeDNS01Config recursiveNameservers"
    yield Row(manager, "HelmRelease", f"{values} {looks}", [f"{server}:53" for server in servers])
    webhook, patch = "infrastructure/cert-manager-duckdns/release.yaml", "postRenderers 0 kustomize patches 0 patch"
    yield Row(webhook, "HelmRelease", f"spec {patch} spec template spec dnsConfig nameservers", servers)
    pod = "spec jobTemplate spec template spec"
    for provider in ("duckdns", "cloudflare"):
        yield Row(f"apps/{provider}/updater.yaml", "CronJob", f"{pod} dnsConfig nameservers", servers)
    pihole = "apps/pihole/release.yaml"
    yield Row(pihole, "HelmRelease", f"{values} DNS1", servers[0])
    yield Row(pihole, "HelmRelease", f"{values} DNS2", servers[1] if len(servers) > 1 else REMOVE)
    yield Row(pihole, "HelmRelease", f"{values} podDnsConfig nameservers", servers)


def _storage(s: Settings) -> Iterator[Row]:
    file, pins = "infrastructure/local-path/provisioner.yaml", s.versions["local-path"]
    container = "spec template spec containers 0 image"
    yield Row(file, "Deployment", container, pins["image"], pin="local-path")
    yield Row(file, "ConfigMap", "data helperPod.yaml spec containers 0 image", pins["helper"])


def _route(s: Settings, file: str, name: str, *hosts: str) -> Iterator[Row]:
    yield Row(file, f"HTTPRoute/{name}", "spec hostnames", list(hosts))
    if not s.certificates:
        yield Row(file, f"HTTPRoute/{name}", "spec parentRefs 0 sectionName", "web")
