"""The rendered repository: every variant is valid, holds no example, and is the same each time."""

from __future__ import annotations

import re
from itertools import chain, combinations
from typing import Any

import pytest

from steps.gitops import components, documents
from steps.gitops.forge import WORKFLOWS
from steps.gitops.render import fill_secret, render, render_yaml, secret_files, set_value
from steps.gitops.settings import APPS, Settings, from_answers
from steps.gitops.table import Row, mirrored, rows
from steps.gitops.tree import get
from steps.gitops.validate import validate
from wizard import assets, yamlfile

BASE: dict[str, Any] = {
    "cluster": "attic", "pool": "10.0.0.60-10.0.0.69", "internal_address": "10.0.0.60",
    "external_address": "10.0.0.61", "dns_address": "10.0.0.62", "external_domain": "home.lab.test",
    "internal_domain": "internal.home.lab.test", "age_recipient": "age1q",
}  # fmt: skip
DUCKDNS: dict[str, Any] = {
    "provider": "duckdns", "email": "me@home.test", "duckdns_name": "attic", "duckdns_api": "https://www.duckdns.org",
    "external_domain": "attic.duckdns.org", "internal_domain": "attic-internal.duckdns.org",
}  # fmt: skip
CLOUDFLARE: dict[str, Any] = {
    "provider": "cloudflare", "email": "me@home.test", "cloudflare_api": "https://api.cloudflare.com/client/v4",
}  # fmt: skip
MIRROR: dict[str, Any] = {
    "chart_mirror": "oci://10.0.0.1:5000", "chart_mirror_insecure": True, "gateway_api_git": "http://10.0.0.1/gw",
}  # fmt: skip
EXAMPLES = re.compile(r"192\.168\.|myhome|example|\b0\.0\.0\b|clusters/homelab")


def settings(**changed: Any) -> Settings:
    return Settings(**{**BASE, **changed})


APP_SETS = list(chain.from_iterable(combinations(APPS, count) for count in range(len(APPS) + 1)))
VARIANTS = [  # every set of apps twice, and both ends of them with the other provider
    *(("none", {}, apps) for apps in APP_SETS),
    *(("duckdns, mirror", {**DUCKDNS, **MIRROR}, apps) for apps in APP_SETS),
    *(("cloudflare", CLOUDFLARE, apps) for apps in ((), APPS)),
]


@pytest.mark.parametrize(
    ("names", "apps"),
    [pytest.param(names, apps, id=f"{word}: {'+'.join(apps) or 'no app'}") for word, names, apps in VARIANTS],
)
def test_every_variant_is_valid(names: dict[str, Any], apps: tuple[str, ...]) -> None:
    files = render(settings(apps=apps, **names))
    assert [finding.sentence() for finding in validate(files)] == []
    assert {name: found[0] for name, text in files.items() if (found := EXAMPLES.search(text))} == {}


def test_the_same_answers_make_the_same_bytes() -> None:
    once = list(render(settings(**DUCKDNS)).items())
    render_yaml.cache_clear()
    assert list(render(settings(**DUCKDNS)).items()) == once


def docs(files: dict[str, str], name: str) -> list[Any]:
    return yamlfile.load_all(files[name])


def test_without_a_provider_everything_is_plain_http() -> None:
    files = render(settings())
    for side in ("internal", "external"):
        listener = docs(files, f"infrastructure/gateways/{side}.yaml")[1]["spec"]["listeners"][0]
        assert (listener["name"], listener["port"], listener["protocol"]) == ("web", 8000, "HTTP")
        assert "tls" not in listener
    assert "redirections" not in files["infrastructure/traefik/internal.yaml"]
    assert not [name for name in files if "cert-manager" in name or "duckdns" in name]
    assert list(secret_files(settings())) == ["apps/hello/word.sops.yaml"]
    assert not secret_files(settings(apps=()))


def test_with_duckdns_there_are_certificates_a_redirect_and_an_updater() -> None:
    s = settings(issuer="production", **DUCKDNS)
    files = render(s)
    gateway = docs(files, "infrastructure/gateways/external.yaml")[1]
    assert gateway["metadata"]["annotations"] == {"cert-manager.io/cluster-issuer": "letsencrypt-production"}
    assert gateway["spec"]["listeners"][0]["hostname"] == "*.attic.duckdns.org"
    assert gateway["spec"]["listeners"][0]["port"] == 8443
    assert "permanent: true" in files["infrastructure/traefik/external.yaml"]
    env = docs(files, "apps/duckdns/updater.yaml")[0]["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert env[0]["env"][1] == {"name": "DOMAINS", "value": "attic"}
    assert list(secret_files(s)) == [
        "apps/duckdns/token.sops.yaml", "apps/hello/word.sops.yaml",
        "infrastructure/cert-manager-duckdns/token.sops.yaml",
    ]  # fmt: skip


def test_one_duckdns_name_for_both_sides_is_told_where_it_matters() -> None:
    gateway, words = "infrastructure/gateways/internal.yaml", "# both sides share attic's one TXT record"
    assert words in render(settings(**{**DUCKDNS, "internal_domain": "internal.attic.duckdns.org"}))[gateway]
    for names in (DUCKDNS, CLOUDFLARE, {}):
        assert "TXT" not in render(settings(**names))[gateway]


def test_with_cloudflare_there_is_no_webhook_and_no_limit() -> None:
    s = settings(**CLOUDFLARE)
    files = render(s)
    assert not [name for name in files if "duckdns" in name]
    for issuer in docs(files, "infrastructure/issuers-cloudflare/letsencrypt.yaml"):
        [solver] = issuer["spec"]["acme"]["solvers"]
        assert solver["selector"]["dnsZones"] == ["home.lab.test", "internal.home.lab.test"]
        assert solver["dns01"] == {"cloudflare": {"apiTokenSecretRef": {"name": "cloudflare-token", "key": "token"}}}
    values = docs(files, "infrastructure/cert-manager/release.yaml")[0]["spec"]["values"]
    assert "maxConcurrentChallenges" not in values and "acmeDNS01Config" in values["config"]
    assert list(secret_files(s)) == [
        "apps/cloudflare/token.sops.yaml", "apps/hello/word.sops.yaml",
        "infrastructure/issuers-cloudflare/token.sops.yaml",
    ]  # fmt: skip


def test_hello_answers_under_both_names_with_a_word_that_only_the_cluster_can_read() -> None:
    files = render(settings())
    deployment = docs(files, "apps/hello/hello.yaml")[0]
    container = deployment["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--port=8080"]
    assert container["env"] == [
        {"name": "WHOAMI_NAME", "valueFrom": {"secretKeyRef": {"name": "hello-word", "key": "word"}}}
    ]
    secret = yamlfile.load(secret_files(settings())["apps/hello/word.sops.yaml"])
    assert (secret["metadata"], list(secret["stringData"])) == ({"name": "hello-word", "namespace": "hello"}, ["word"])
    assert "decryption" in docs(files, "clusters/attic/hello.yaml")[0]["spec"]
    assert container["image"] == assets.versions()["images"]["whoami"]
    hosts = {doc["spec"]["hostnames"][0]: doc["spec"]["parentRefs"][0] for doc in docs(files, "apps/hello/routes.yaml")}
    assert hosts["hello.home.lab.test"]["name"] == "traefik-external"
    assert hosts["hello.internal.home.lab.test"]["name"] == "traefik-internal"
    assert {parent["sectionName"] for parent in hosts.values()} == {"web"}


@pytest.mark.parametrize(("workers", "alone"), [(0, True), (2, False)])
def test_a_single_node_announces_addresses_itself(workers: int, alone: bool) -> None:
    release = docs(render(settings(workers=workers)), "infrastructure/metallb/release.yaml")[0]
    assert release["spec"]["values"]["speaker"]["ignoreExcludeLB"] is alone


MONITORS = {  # where a release is told to have its numbers read
    "infrastructure/metallb/release.yaml": ("prometheus", "serviceMonitor", "enabled"),
    "infrastructure/traefik/internal.yaml": ("metrics", "prometheus", "serviceMonitor", "enabled"),
    "infrastructure/traefik/external.yaml": ("metrics", "prometheus", "serviceMonitor", "enabled"),
    "infrastructure/cert-manager/release.yaml": ("prometheus", "servicemonitor", "enabled"),
}


@pytest.mark.parametrize("apps", [("hello",), ("monitoring",)], ids=["without", "with monitoring"])
def test_what_runs_is_monitored_only_where_somebody_looks(apps: tuple[str, ...]) -> None:
    files, wanted = render(settings(apps=apps, **DUCKDNS)), "monitoring" in apps
    for name, way in MONITORS.items():
        release = docs(files, name)[0]
        assert bool(get(release, "spec", "values", *way)) is wanted, name
    assert ("monitoring.coreos.com" in "".join(files.values())) is wanted
    if wanted:
        service, monitor = docs(files, "apps/monitoring/flux.yaml")
        assert service["metadata"]["labels"] == monitor["spec"]["selector"]["matchLabels"]
        assert service["spec"]["ports"][0]["name"] == monitor["spec"]["endpoints"][0]["port"]


def test_nothing_that_pihole_depends_on_asks_pihole() -> None:
    own = ("9.9.9.9", "149.112.112.112")
    files = render(settings(apps=APPS, resolvers=own, **DUCKDNS))
    servers = [found for text in files.values() for found in re.findall(r"- (\d+\.\d+\.\d+\.\d+)(?::53)?\n", text)]
    assert sorted(servers) == sorted(own * 4)  # cert-manager, its DuckDNS webhook, DuckDNS' updater, Pi-hole's own pod
    values = docs(files, "apps/pihole/release.yaml")[0]["spec"]["values"]
    assert (values["DNS1"], values["DNS2"], values["podDnsConfig"]["policy"]) == (*own, "None")
    patch = docs(files, "infrastructure/cert-manager-duckdns/release.yaml")[0]["spec"]["postRenderers"][0]
    pod = yamlfile.load(patch["kustomize"]["patches"][0]["patch"])["spec"]["template"]["spec"]
    assert (pod["dnsPolicy"], pod["dnsConfig"]["nameservers"]) == ("None", list(own))
    single = docs(render(settings(apps=APPS, resolvers=own[:1])), "apps/pihole/release.yaml")[0]["spec"]["values"]
    assert (single["DNS1"], "DNS2" in single) == (own[0], False)


def test_pihole_knows_the_private_names_and_of_public_ones_those_that_are_nobody_elses() -> None:
    def entries(**changed: Any) -> list[str]:
        files = render(settings(apps=APPS, **changed))
        known = docs(files, "apps/pihole/release.yaml")[0]["spec"]["values"]["dnsmasq"]["customDnsEntries"]
        return list(known)

    assert entries() == ["address=/internal.home.lab.test/10.0.0.60"]
    one = {**DUCKDNS, "internal_domain": "internal.attic.duckdns.org"}
    assert entries(**one) == ["address=/internal.attic.duckdns.org/10.0.0.60", "address=/attic.duckdns.org/10.0.0.61"]


def test_a_row_without_a_place_is_a_mistake() -> None:
    for way in ("spec nothing", "spec values nothing at all", "spec postRenderers 0 kustomize patches 0 patch spec no"):
        row = Row("x.yaml", "HelmRelease", way, "value")
        release = yamlfile.load_marked(assets.text("gitops/infrastructure/cert-manager-duckdns/release.yaml"))
        with pytest.raises(LookupError):
            set_value(release, way.split(" "), row)


def test_a_mirror_keeps_the_paths_of_the_charts() -> None:
    files = render(settings(apps=APPS, **MIRROR))
    traefik = docs(files, "infrastructure/traefik/source.yaml")[0]["spec"]
    assert (traefik["url"], traefik["insecure"]) == ("oci://10.0.0.1:5000/traefik/helm/traefik", True)
    pihole = docs(files, "apps/pihole/source.yaml")[0]["spec"]
    assert (pihole["url"], pihole["type"]) == ("oci://10.0.0.1:5000/pihole-kubernetes", "oci")
    assert docs(files, "clusters/attic/gateway-api-crds.yaml")[0]["spec"]["url"] == "http://10.0.0.1/gw"
    assert mirrored("oci://quay.io/a/b", None) == "oci://quay.io/a/b"


def test_dependencies_on_what_was_not_chosen_are_left_out() -> None:
    def needs(**changed: Any) -> list[str]:
        spec = docs(render(settings(**changed)), "clusters/attic/traefik.yaml")[0]["spec"]
        return [one["name"] for one in spec["dependsOn"]]

    assert needs() == ["gateway-api-crds", "metallb-config"]
    assert needs(apps=("monitoring",)) == ["gateway-api-crds", "metallb-config", "prometheus-crds"]


def test_comments_of_the_templates_are_kept() -> None:
    assert "prune: false # taking these kinds away" in render(settings())["clusters/attic/gateway-api-crds.yaml"]


def test_every_row_of_the_table_finds_its_place() -> None:
    for names in ({**DUCKDNS, **MIRROR}, CLOUDFLARE):
        known = {name for part in components.COMPONENTS for name in components.templates(part)} | {"sops.yaml"}
        assert {row.file for row in rows(settings(apps=APPS, **names))} <= known


def test_every_template_belongs_to_a_component_or_is_read() -> None:
    known = {name for part in components.COMPONENTS for name in components.templates(part)}
    root = assets.root() / components.ROOT
    there = {file.relative_to(root).as_posix() for file in root.rglob("*") if file.is_file()}
    read = {*documents.PAGES, *documents.AS_THEY_ARE, *(workflow.template for workflow in WORKFLOWS.values())}
    assert there == known | set(components.ALWAYS_THERE) | read


@pytest.mark.parametrize("name", [name for part in components.COMPONENTS for name in components.templates(part)])
def test_a_template_is_written_as_it_would_be_rendered(name: str) -> None:
    text = assets.text(f"{components.ROOT}/{name}")
    assert yamlfile.dump(*yamlfile.load_all_marked(text)) == text


def test_a_secret_is_filled_only_where_it_is_asked() -> None:
    template = secret_files(settings(apps=APPS))["apps/monitoring/grafana.sops.yaml"]
    filled = yamlfile.load(fill_secret(template, {"admin-password": "new: '#1'"}))
    assert filled["stringData"] == {"admin-user": "admin", "admin-password": "new: '#1'"}


def test_settings_come_from_the_answers() -> None:
    answers = {
        "machines": {"hosts": ["10.0.0.11", "10.0.0.12"], "control_plane": "10.0.0.11"},
        "addresses": {key: BASE[key] for key in ("pool", "internal_address", "external_address", "dns_address")},
        "domains": {
            "provider": "duckdns", "external_domain": "a.home.duckdns.org", "internal_domain": "b.duckdns.org",
            "email": "me@home.test", "issuer": None, "duckdns_api": None,
        },
        "repository": {"apps": ["monitoring", "hello"], "chart_mirror": None},
    }  # fmt: skip
    s = from_answers(answers, cluster="attic", age_recipient="age1q")
    assert (s.duckdns_name, s.issuer, s.workers, s.apps) == ("home", "staging", 1, ("hello", "monitoring"))
    assert s.certificates and s.duckdns_api == "https://www.duckdns.org"
    answers["machines"]["more_control_planes"] = ["10.0.0.12"]
    assert from_answers(answers, cluster="attic", age_recipient="age1q").workers == 0


def test_an_authority_and_resolvers_of_ones_own() -> None:
    own = {"acme_directory": "https://ca.home.test/dir", "acme_ca": "UEVN", "resolvers": ("10.0.0.5", "10.0.0.6")}
    files = render(settings(apps=APPS, **DUCKDNS, **own))
    assert validate(files) == []
    for issuer in docs(files, "infrastructure/issuers/letsencrypt.yaml"):
        acme = issuer["spec"]["acme"]
        assert (acme["server"], acme["caBundle"]) == ("https://ca.home.test/dir", "UEVN")
    asked = docs(files, "infrastructure/cert-manager/release.yaml")[0]["spec"]["values"]["config"]["acmeDNS01Config"]
    assert asked["recursiveNameservers"] == ["10.0.0.5:53", "10.0.0.6:53"]
    values = docs(files, "apps/pihole/release.yaml")[0]["spec"]["values"]
    assert (values["DNS1"], values["DNS2"]) == ("10.0.0.5", "10.0.0.6")
    assert values["podDnsConfig"]["nameservers"] == ["10.0.0.5", "10.0.0.6"]
