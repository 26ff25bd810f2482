"""A home in which everything is reached as it must be, and what the probes see there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from steps.reach import judge, rows
from steps.reach.causes import Evidence
from steps.reach.exposed import Exposed
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe

INTERNAL, EXTERNAL, DNS, PUBLIC = "10.0.0.50", "10.0.0.51", "10.0.0.52", "203.0.113.7"
ANSWERS: dict[str, dict[str, Any]] = {
    "tailnet": {"service": "headscale"},
    "machines": {"hosts": ["10.0.0.11"]},
    "addresses": {"internal_address": INTERNAL, "external_address": EXTERNAL, "dns_address": DNS},
    "domains": {
        "provider": "duckdns", "external_domain": "home.test", "internal_domain": "in.home.test",
        "issuer": "production",
    },
    "repository": {"apps": ["hello", "pihole"]},
    "router": {"forwarded": True, "public_address": PUBLIC},
    "proof": {"vpn_probe": "me@laptop", "outside_probe": "me@server"},
}  # fmt: skip
APPS = [
    Exposed("external", "hello", "hello.home.test"), Exposed("internal", "hello", "hello.in.home.test"),
    Exposed("internal", "grafana", "grafana.in.home.test"), Exposed("internal", "pihole", "pihole.in.home.test"),
]  # fmt: skip
NOW = datetime(2026, 11, 26, tzinfo=UTC)
NONCE, OTHER, NOT_FOUND = Seen("http", 200, nonce=True), Seen("http", 200, text="Welcome"), Seen("http", 404)
LOST, REFUSED = Seen("timeout"), Seen("refused")


def changed(**sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**part, **sections.get(name, {})} for name, part in ANSWERS.items()}


@cache
def pem(*names: str, issuer: str = "Let's Encrypt R3", days: int = 60) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = names[0] if names else "TRAEFIK DEFAULT CERT"
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(NOW - timedelta(days=400)).not_valid_after(NOW + timedelta(days=days))
    )  # fmt: skip
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode().replace("\n", "|")


def usual(probe: Probe) -> Seen:
    """What is seen where everything is as it must be."""
    match probe.kind:
        case "app" | "hairpin":
            return NONCE
        case "hidden":
            return NOT_FOUND
        case "closed":
            return LOST
        case "redirect":
            return Seen("http", 301, text=f"https://{probe.host}/")
        case "certificate":
            return Seen("trusted", 200, text=pem("*." + probe.host.partition(".")[2]))
        case _:
            return Seen("answers", text=probe.wanted[0])


def cells(seen: Mapping[str, Seen], answers: Mapping[str, Any] = ANSWERS) -> list[Cell]:
    """Everything as it must be, but for what matches."""
    given = dict(answers)

    def one(probe: Probe) -> Seen:
        text = f"{probe.vantage} {probe.kind} {probe.address or '-'} {probe.host or '-'}"
        what = next((what for pattern, what in seen.items() if re.search(pattern, text)), usual(probe))
        over_vpn = probe.vantage == "VPN" and probe.kind not in ("name", "resolver") and not what.source
        return replace(what, source="100.64.0.7") if over_vpn else what

    found = [judge.judge(probe, one(probe), given, NOW) for probe in rows.probes(given, APPS)]
    return judge.settle(found, given)


ARP = {INTERNAL: ["pi1"], EXTERNAL: ["pi1"], DNS: ["pi1"]}
HOME = Evidence(arp=ARP)
STAGED = Seen("untrusted", 200, text=pem("*.home.test", issuer="(STAGING) Let's Encrypt"))
TO_PUBLIC = {"LAN name .*hello.home": Seen("answers", text=PUBLIC)}
