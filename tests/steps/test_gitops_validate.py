"""Each mistake in a repository is found, by file and line, and by nothing but its own finding."""

from __future__ import annotations

import pytest

from steps.gitops.render import fill_secret, render, secret_files
from steps.gitops.settings import APPS, Settings
from steps.gitops.validate import validate
from wizard import yamlfile

FULL = Settings(
    cluster="attic", pool="10.0.0.60-10.0.0.69", internal_address="10.0.0.60", external_address="10.0.0.61",
    dns_address="10.0.0.62", external_domain="attic.duckdns.org", internal_domain="attic-internal.duckdns.org",
    age_recipient="age1q", apps=APPS, provider="duckdns", email="me@home.test",
    duckdns_name="attic", duckdns_api="https://www.duckdns.org",
)  # fmt: skip
SECRET = """apiVersion: v1
kind: Secret
metadata:
  name: token
  namespace: hello
stringData:
  token: abc
"""
HALF = SECRET.replace("token: abc", "token: ENC[AES256_GCM,data:x]\n  other: abc\nsops: {}")
GATEWAY = "infrastructure/gateways/internal.yaml"
TRAEFIK = "infrastructure/traefik/internal.yaml"

HELLO, ROUTES, POOL = "apps/hello/hello.yaml", "apps/hello/routes.yaml", "infrastructure/metallb-config/pool.yaml"
METALLB, CERTS = "infrastructure/metallb/release.yaml", "infrastructure/cert-manager/release.yaml"
HELLO_K, POOL_K = "clusters/attic/hello.yaml", "clusters/attic/metallb-config.yaml"

# what is wrong, in which file, what is replaced by what, a part of the finding's sentence
HERE = [
    ("unknown field", TRAEFIK, "  interval: 1h", "  intervall: 1h", "spec.intervall: there is no such field"),
    ("wrong type", HELLO_K, "prune: true", "prune: sometimes", "spec.prune"),
    ("unknown kind", GATEWAY, "kind: Gateway\n", "kind: Gatewai\n", "the kind Gatewai"),
    ("old version", TRAEFIK, "fluxcd.io/v2", "fluxcd.io/v2beta1", "Write apiVersion: helm.toolkit.fluxcd.io/v2"),
    ("chart value", TRAEFIK, "    log:", "    logs:", "spec.values.logs: there is no such field"),
    ("chart type", METALLB, "ignoreExcludeLB: false", "ignoreExcludeLB: maybe", "ignoreExcludeLB"),
    ("certificate values", CERTS, "servicemonitor:", "serviceMonitor:", "serviceMonitor: there is no such field"),
    ("built-in field", HELLO, "readinessProbe", "readynessProbe", "readynessProbe: there is no such field"),
    ("built-in type", HELLO, "replicas: 1", "replicas: one", "'one' is not of the type int"),
    ("not YAML", ROUTES, "  parentRefs:", " parentRefs:", "not YAML"),
    ("missing dependency", HELLO_K, "- name: gateways", "- name: gateway", "it depends on gateway, which is not"),
    ("cycle", "clusters/attic/metallb.yaml", "- name: prometheus-crds", "- name: metallb-config",
     "these wait for each other: metallb, metallb-config"),
    ("no path", HELLO_K, "./apps/hello", "./apps/helo", "there is no folder ./apps/helo"),
    ("no source", TRAEFIK, "    name: traefik\n", "    name: treafik\n", "there is no OCIRepository traefik/treafik"),
    ("listener port", GATEWAY, "port: 8443", "port: 443", "no entry point with the port 443"),
    ("label", GATEWAY, "homelab.local/gateway: internal", "homelab.local/gateway: inside", "no Traefik serves"),
    ("two Gateways", TRAEFIK, "    gatewayClass:\n      enabled: false", "    gatewayClass:\n      enabled: true",
     "gatewayClass.enabled must be false"),
    ("out of pool", TRAEFIK, "10.0.0.60", "10.0.0.70", "10.0.0.70 is not in the pool"),
    ("address twice", TRAEFIK, "10.0.0.60", "10.0.0.61", "is also traefik-external's"),
    ("no Gateway", ROUTES, "- name: traefik-internal", "- name: traefik", "there is no Gateway gateways/traefik"),
    ("no section", "apps/pihole/route.yaml", "sectionName: websecure", "sectionName: web", "has no listener web"),
    ("host", ROUTES, "hello.attic.duckdns.org", "hello.cellar.duckdns.org", "not a name that the Gateway"),
    ("no Secret", HELLO, "name: hello-word", "name: hello-words", "there is no Secret hello/hello-words"),
    ("no key", HELLO, "key: word", "key: name", "the Secret hello-word has no key name Its keys: word."),
    ("no retries", "apps/pihole/release.yaml", "      retries: 3\n", "      retries: 0\n",
     "upgrade is not tried again"),
    ("no strategy", "apps/pihole/release.yaml", "      name: RetryOnFailure\n      retryInterval: 2m",
     "      name: RemediateOnFailure", "install is not tried again"),
]  # fmt: skip

# mistakes that show in another file: the same, and that file
ELSEWHERE = [
    ("kind too early", POOL_K, "- name: metallb\n", "- name: traefik\n", "does not wait for", POOL),
    ("namespace", "apps/hello/namespace.yaml", "name: hello", "name: hallo", "makes the namespace hello", HELLO),
    ("entry point", TRAEFIK, "port: 8443", "port: 9443", "no entry point with the port 8443", GATEWAY),
    ("backend port", HELLO, "port: 80\n", "port: 81\n", "the Service hello has no port 80", ROUTES),
]


def with_secrets(s: Settings) -> dict[str, str]:
    """The full repository, its encrypted files stood in for by encrypted-looking ones."""
    files = render(s)
    for name, template in secret_files(s).items():
        keys = yamlfile.load(template)["stringData"]
        files[name] = fill_secret(template, dict.fromkeys(keys, "ENC[AES256_GCM,data:x]")) + "sops: {}\n"
    return files


@pytest.fixture(scope="module")
def full() -> dict[str, str]:
    return with_secrets(FULL)


def test_the_full_repository_is_valid(full: dict[str, str]) -> None:
    assert validate(full) == []


@pytest.mark.parametrize("case", [*((*row, "") for row in HERE), *ELSEWHERE], ids=lambda case: case[0])
def test_a_mistake_is_found(case: tuple[str, ...], full: dict[str, str]) -> None:
    _, file, old, new, sentence, where = case
    assert old in full[file]
    files = {**full, file: full[file].replace(old, new, 1)}
    found = validate(files)
    assert [one for one in found if one.file == (where or file) and sentence in one.sentence()], found


def test_a_finding_names_the_line(full: dict[str, str]) -> None:
    text = full[TRAEFIK].replace("10.0.0.60", "10.0.0.70").replace("    log:", "    logs:")
    found = validate({**full, TRAEFIK: text})
    assert [text.splitlines()[one.line - 1].strip() for one in found] == [
        "logs:", "metallb.io/loadBalancerIPs: 10.0.0.70",
    ]  # fmt: skip


@pytest.mark.parametrize("app", ["pihole", "hello"])
def test_an_encrypted_file_that_nothing_decrypts_is_found(app: str, full: dict[str, str]) -> None:
    name = f"clusters/attic/{app}.yaml"
    text = full[name].partition("  decryption:")[0]
    assert [finding.file for finding in validate({**full, name: text})] == [name]


@pytest.mark.parametrize(("text", "keys"), [(SECRET, "stringData.token"), (HALF, "stringData.other")])
def test_a_plain_secret_is_found(text: str, keys: str, full: dict[str, str]) -> None:
    findings = validate({**full, "apps/hello/secret.yaml": text})
    assert [finding.what for finding in findings] == [f"Secret token: {keys} is not encrypted"]
    assert "abc" not in findings[0].sentence()


def test_as_long_as_nothing_is_encrypted_no_secret_is_missed() -> None:
    assert validate(render(FULL)) == []


def test_an_object_in_two_files_is_found(full: dict[str, str]) -> None:
    files = {**full, "apps/hello/zcopy.yaml": full["apps/hello/namespace.yaml"]}
    assert [finding.file for finding in validate(files)] == ["apps/hello/zcopy.yaml"]


def test_files_that_flux_does_not_read_are_not_judged(full: dict[str, str]) -> None:
    assert validate({**full, "notes/todo.txt": "kind: [", "clusters/attic/.hidden.yaml": "kind: ["}) == []
