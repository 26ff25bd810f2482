"""A home with certificates for the tests of `steps/tls`: git and sops are real, cert-manager is played."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from steps.flux import Flux
from steps.flux_status import CLUSTER_ISSUER
from steps.repository import Repository
from steps.tls import look
from steps.tls.meter import Issued
from tests.steps.flux_world import PARTS, READY, FluxWorld, Objects, git, place
from tests.steps.repository_home import DUCKDNS, TOKEN, Front, new
from wizard import events
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.secret import Secret
from wizard.state import State

SIDES = {"internal": "*.attic-internal.duckdns.org", "external": "*.attic.duckdns.org"}
NAMES = (SIDES["external"],)
NOW, HOUR = datetime.now(UTC).replace(microsecond=0), timedelta(hours=1)


def issued(*hours: float, names: tuple[str, ...] = NAMES, authority: str = "") -> list[Issued]:
    """Certificates made so many hours ago."""
    return [Issued(names, NOW - hour * HOUR, f"{hour}{authority}{names}", authority) for hour in hours]


@cache
def _key() -> Any:
    return generate_private_key(SECP256R1())


def pair(name: str, *, days: int = 90, made: datetime = NOW) -> tuple[str, str]:
    """A certificate and its key, each PEM in base64; it ends `days` after `made`, and begins an hour before that."""
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "played")])
    found = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer).public_key(_key().public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(made - look.BACKDATED)
        .not_valid_after(made + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=True).sign(_key(), hashes.SHA256())
    )  # fmt: skip
    private = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return base64.b64encode(found.public_bytes(Encoding.PEM)).decode(), base64.b64encode(private).decode()


def put_secret(api: Objects, side: str, issuer: str, **kind: Any) -> str:
    """The Secret of one gateway as cert-manager writes it; its API path."""
    crt, key = pair(SIDES[side], **kind)
    name = f"websecure-{side}-tls"
    api.objects[f"{look.SECRETS}/{name}"] = {
        "kind": "Secret", "type": "kubernetes.io/tls", "data": {"tls.crt": crt, "tls.key": key},
        "metadata": {
            "name": name, "namespace": "gateways", "uid": "1", "resourceVersion": "7",
            "annotations": {look.ISSUER: issuer, look.OF: name, "kubectl.kubernetes.io/x": "y"},
        },
    }  # fmt: skip
    return f"{look.SECRETS}/{name}"


def put_certificate(api: Objects, side: str, issuer: str, why: str = "") -> None:
    """One Certificate, ready unless `why` says why not."""
    name = f"websecure-{side}-tls"
    ready = {**READY, "status": "False", "reason": "Issuing", "message": why} if why else READY
    api.objects[f"{look.CERT_MANAGER}/certificates/{name}"] = {
        "metadata": {"name": name, "namespace": "gateways", "generation": 1,
                     "ownerReferences": [{"kind": "Gateway", "name": f"traefik-{side}"}]},
        "spec": {"dnsNames": [SIDES[side]], "secretName": name, "issuerRef": {"name": issuer}},
        "status": {"conditions": [ready], "notAfter": f"{NOW + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}",
                   "renewalTime": f"{NOW + timedelta(days=60):%Y-%m-%dT%H:%M:%SZ}"},
    }  # fmt: skip


class TlsWorld(FluxWorld):
    """cert-manager makes what the Gateways in the repository ask for, as soon as Flux has brought them."""

    parts = (*PARTS, "cert-manager", "cert-manager-duckdns", "issuers", "duckdns")
    trouble = ""  # why it does not

    def reconcile(self) -> None:
        super().reconcile()
        for side in SIDES:
            text = git(self.folder / "far.git", "show", f"main:infrastructure/gateways/{side}.yaml")
            issuer = look.PRODUCTION if f"cluster-issuer: {look.PRODUCTION}" in text else look.STAGING
            secret = self.api.objects.get(f"{look.SECRETS}/websecure-{side}-tls")
            if not self.trouble and (secret is None or secret["metadata"]["annotations"][look.ISSUER] != issuer):
                put_secret(self.api, side, issuer)
            put_certificate(self.api, side, issuer, self.trouble)
            gateway = self.api.objects[place("gateways", f"traefik-{side}", "gateways")]
            gateway["metadata"]["annotations"] = {CLUSTER_ISSUER: issuer}
        for issuer in (look.STAGING, look.PRODUCTION):
            meta = {"name": issuer, "namespace": "cert-manager"}
            path = f"/api/v1/namespaces/cert-manager/secrets/{issuer}"
            self.api.objects.setdefault(path, {"metadata": meta, "data": {"tls.key": pair("account")[1]}})


class Follows(Objects):
    """A cluster that Flux' nudge brings to the newest commit at once."""

    def __init__(self, world: TlsWorld) -> None:
        super().__init__()
        self.world = world

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        super().apply(path, body)
        if path.endswith("/gitrepositories/flux-system"):
            self.world.reconcile()


def home(folder: Path, *, issuer: str = "staging", heard: list[events.Event] | None = None) -> Context:
    """A prepared home: a kubeconfig is there, the repository is empty. Nothing is asked."""
    made = new(folder)
    made.answers["domains"] = {**DUCKDNS, "issuer": issuer}
    made.answers["flux"] = {"download_mirror": None, "checksums_file": None}
    return again(folder, made.answers, heard)


def again(folder: Path, answers: Any, heard: list[events.Event] | None = None) -> Context:
    """A new cluster with a state that begins anew, beside what earlier ones left in the folder."""
    world = TlsWorld(folder)
    world.api = Follows(world)
    state = State(folder / "state" / "state.yaml", "attic")
    state.answers = {step: dict(part) for step, part in answers.items()}
    state.save()
    (folder / "state" / "kubeconfig").write_text("x")
    bus = events.Bus()
    bus.listen((heard if heard is not None else []).append)
    ctx = Context(world, state, Front(), bus)
    ctx.keep("domains", "token", Secret(TOKEN))
    return ctx


def world(ctx: Context) -> TlsWorld:
    assert isinstance(ctx.world, TlsWorld)
    return ctx.world


def run(ctx: Context, *steps: Any) -> list[str]:
    """Runs the steps and returns the changes they made."""
    before = len(ctx.state.journal)
    Engine(steps, ctx, Consent(yes=True)).run()
    return [entry["change"] for entry in ctx.state.journal[before:]]


def built(ctx: Context) -> Context:
    run(ctx, Repository(), Flux())
    return ctx


def asked(ctx: Context, issuer: str = look.STAGING, why: str = "") -> Context:
    """A cluster with both certificates, and no repository."""
    for side in SIDES:
        put_certificate(world(ctx).api, side, issuer, why)
        put_secret(world(ctx).api, side, issuer)
    return ctx
