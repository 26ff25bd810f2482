"""The gateways' certificates as cert-manager has them: names, issuer, dates, and why one is not ready."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from steps import repository_access as access
from steps.domains import single_names
from steps.flux_status import Expected, issuer_of, why_not
from steps.gitops.render import render
from steps.gitops.single_names import wanted
from steps.repository_content import settings
from steps.tls.meter import Issued
from wizard.context import Context
from wizard.question import Answers
from wizard.world import Cluster

SPACE = "gateways"
STAGING, PRODUCTION = "letsencrypt-staging", "letsencrypt-production"
CERT_MANAGER = f"/apis/cert-manager.io/v1/namespaces/{SPACE}"
ACME = f"/apis/acme.cert-manager.io/v1/namespaces/{SPACE}"
GATEWAYS = f"/apis/gateway.networking.k8s.io/v1/namespaces/{SPACE}/gateways"
SECRETS = f"/api/v1/namespaces/{SPACE}/secrets"
ISSUER, OF = "cert-manager.io/issuer-name", "cert-manager.io/certificate-name"  # annotations
BACKDATED = timedelta(hours=1)  # Let's Encrypt lets a certificate begin an hour before it is made

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Certificate:
    """One Certificate. `why` says why it is not ready; the dates are RFC 3339, empty when there are none yet."""

    name: str
    names: tuple[str, ...]
    issuer: str
    secret: str
    why: str = ""
    until: str = ""
    renewal: str = ""
    wanted: str = ""  # the issuer that its Gateway names; empty when no Gateway asked for it

    @property
    def good(self) -> bool:
        """Whether it is there, valid, and from the issuer that its Gateway names."""
        return not self.why and self.wanted in ("", self.issuer)


@dataclass(frozen=True)
class Leaf:
    """What is in a certificate itself."""

    names: tuple[str, ...]
    serial: str
    begins: datetime
    ends: datetime


def domains(ctx: Context) -> tuple[str, ...]:
    """The names that need a certificate, as the listeners of the gateways have them."""
    given = ctx.answers["domains"]
    if single_names(ctx.answers):
        repo, head = access.repo(ctx), str(ctx.state.recall("repository", "commit") or "")
        there = head if head and repo.copied and repo.has(head) else None
        made = settings(ctx, repo, there)
        return wanted(made, render(made))
    return tuple(f"*.{given[key]}" for key in ("internal_domain", "external_domain"))


def fits(names: tuple[str, ...], answers: Answers) -> bool:
    """Whether a certificate for exactly these names is one that some listener may ask for."""
    if len(names) != 1:
        return False
    below = [f".{answers['domains'][key]}" for key in ("internal_domain", "external_domain")]
    if single_names(answers):
        return not names[0].startswith("*.") and any(names[0].endswith(domain) for domain in below)
    return names[0] in [f"*{domain}" for domain in below]


def certificates(cluster: Cluster) -> list[Certificate]:
    """Every Certificate of the gateways."""
    gateways = _list(cluster, GATEWAYS)
    return [_certificate(cluster, one, gateways) for one in _list(cluster, f"{CERT_MANAGER}/certificates")]


def _certificate(cluster: Cluster, one: Object, gateways: Sequence[Object]) -> Certificate:
    spec, status, name = one.get("spec") or {}, one.get("status") or {}, str(one["metadata"]["name"])
    why = why_not("Certificate", one, Expected(""))
    if why:
        why = ". ".join([why.rstrip("."), *_trouble(cluster, name), *_meaning(cluster, one)])
    return Certificate(
        name, tuple(sorted(spec.get("dnsNames") or ())), str((spec.get("issuerRef") or {}).get("name", "")),
        str(spec.get("secretName", "")), why, str(status.get("notAfter") or ""), str(status.get("renewalTime") or ""),
        issuer_of(one, gateways),
    )  # fmt: skip


def _trouble(cluster: Cluster, certificate: str) -> Iterator[str]:
    """What the newest Order, and its Challenges, say of themselves."""
    mine = [one for one in _list(cluster, f"{ACME}/orders") if _notes(one).get(OF) == certificate]
    if not mine:
        return
    order = max(mine, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))
    state, reason = (str((order.get("status") or {}).get(key) or "") for key in ("state", "reason"))
    if state not in ("", "valid", "pending"):
        yield f"Order {order['metadata']['name']}: {state} {reason}".rstrip(". ")
    for one in _list(cluster, f"{ACME}/challenges"):
        status = one.get("status") or {}
        if order["metadata"]["name"] in _owners(one) and status.get("state") != "valid":
            name = (one.get("spec") or {}).get("dnsName")
            yield f"Challenge for {name}: {status.get('state') or 'not begun'} {status.get('reason') or ''}".rstrip(
                ". "
            )


def _meaning(cluster: Cluster, one: Object) -> Iterator[str]:
    """What the library of causes makes of a Certificate that is not ready."""
    from steps.why import walk
    from steps.why.finding import SYMPTOMS
    from steps.why.sight import read

    kinds = ("certificates", "certificaterequests", "orders", "challenges", "clusterissuers", "issuers", "events",
             "namespaces", "deployments", "replicasets", "pods", "nodes")  # fmt: skip
    found = (each for each in walk.why(read(cluster, kinds), {"kind": "Certificate", **one}))
    yield from [each.sentence.rstrip(".") for each in found if each.code not in SYMPTOMS][:1]


def issued(cluster: Cluster, authority: str) -> list[Issued]:
    """The production certificates that the cluster still knows of: each one's names, serial and time."""
    leaves = filter(None, map(read, (*_of_requests(cluster), *_of_secrets(cluster))))
    return [Issued(leaf.names, leaf.begins + BACKDATED, leaf.serial, authority) for leaf in leaves]


def _of_requests(cluster: Cluster) -> Iterator[str]:
    for one in _list(cluster, f"{CERT_MANAGER}/certificaterequests"):
        if ((one.get("spec") or {}).get("issuerRef") or {}).get("name") == PRODUCTION:
            yield (one.get("status") or {}).get("certificate") or ""


def _of_secrets(cluster: Cluster) -> Iterator[str]:
    for one in secrets(cluster):
        if _notes(one).get(ISSUER) == PRODUCTION:
            yield (one.get("data") or {}).get("tls.crt") or ""


def secrets(cluster: Cluster) -> list[Object]:
    """The TLS Secrets of the gateways."""
    found = (cluster.get(f"{SECRETS}/{one.secret}") for one in certificates(cluster) if one.secret)
    return [one for one in found if one]


def tls_secrets(cluster: Cluster) -> list[Object]:
    """The same where no Certificate speaks of them yet."""
    return [one for one in _list(cluster, SECRETS) if one.get("type") == "kubernetes.io/tls"]


def read(encoded: str) -> Leaf | None:
    """The first certificate of a chain (PEM in base64); None when there is none."""
    from cryptography import x509

    try:
        leaf = x509.load_pem_x509_certificate(base64.b64decode(encoded))
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound):
        return None
    texts = tuple(sorted(names.get_values_for_type(x509.DNSName)))
    return Leaf(texts, f"{leaf.serial_number:x}", leaf.not_valid_before_utc, leaf.not_valid_after_utc)


def _list(cluster: Cluster, path: str) -> Sequence[Object]:
    return list((cluster.get(path) or {}).get("items") or [])


def _notes(one: Object) -> Mapping[str, Any]:
    return one["metadata"].get("annotations") or {}


def _owners(one: Object) -> list[str]:
    return [str(each.get("name")) for each in one["metadata"].get("ownerReferences") or []]
