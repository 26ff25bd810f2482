"""The proof's probes in the demo: what would answer, by the routes and releases that were pushed to the repository."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.host.base import Result

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld

PUBLIC = "203.0.113.7"  # the simulated home's, as assets/machines/answers.yaml says, too


def shell(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``sh -s`` with the probe script on its input, from this computer; the script's last lines name the probes.

    Through a proxy it is somewhere outside.
    """
    if list(argv[1:]) != ["-s"]:
        raise _stranger()
    return _probes(world, stdin, "127.0.0.1" if b"\nproxy=127" in stdin else "192.168.1.5")


def ssh(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """The same on another machine: one that is called laptop is on the VPN, every other one is somewhere outside."""
    if argv[-1] != "sh -s":
        raise _stranger()
    return _probes(world, stdin, "100.64.0.9" if argv[-2].partition("@")[2].startswith("laptop") else "198.51.100.9")


def _stranger() -> WizardError:
    return WizardError("The demo does not run shell scripts.", "", "It only pretends to send the proof's probes.")


def _probes(world: SimWorld, stdin: bytes, source: str) -> Result:
    """`source`: the address that they come from, at home, in the tailnet, or elsewhere."""
    _, begin, after = stdin.decode().partition("main <<'PROBES'\n")
    if not begin:
        raise _stranger()
    world.clock.sleep(2)
    world.api.arrived()
    nonce, *lines = after.splitlines()[:-1]
    return Result(0, "".join(f"@@ {_one(world, line, nonce, source)}\n" for line in lines))


def _one(world: SimWorld, line: str, nonce: str, source: str) -> str:
    number, kind, *rest = line.split()
    word, status, said, *text = _KINDS[kind](world, rest, nonce, source.startswith(("192.168.", "100."))).split(" ", 3)
    connected = kind != "name" and word != "timeout"
    return " ".join([number, word, status, said, source if connected else "-", *text])


def _gateway(world: SimWorld, address: str, port: str, at_home: bool) -> str:
    """Which Gateway answers at the address; empty for none."""
    if at_home and address != PUBLIC:
        releases = [one for one in world.api.objects.values() if one.get("kind") == "HelmRelease"]
        return next((_name(one) for one in releases if _serves(one, address)), "")
    public = address == PUBLIC or not IPv4Address(address).is_private
    forwarded = world.faults.forwarded() and port in ("80", "443")  # the router forwards two ports, nothing else
    return "traefik-external" if public and forwarded else ""


def _http(world: SimWorld, rest: Sequence[str], nonce: str, at_home: bool) -> str:
    address, port, _, host, _ = rest
    if not (gateway := _gateway(world, address, port, at_home)):
        return "timeout 000 no"
    objects = list(world.api.objects.values())
    routes = (one["spec"] for one in objects if one.get("kind") == "HTTPRoute")
    parents = [parent["name"] for spec in routes if host in spec.get("hostnames", ()) for parent in spec["parentRefs"]]
    if gateway not in parents:
        return "http 404 no 404 page not found"
    served = any(nonce == word for one in objects if one.get("kind") == "Deployment" for word in _words(world, one))
    return f"http 200 {'yes' if served else 'no'} Name: simulated"


def _connect(world: SimWorld, rest: Sequence[str], nonce: str, at_home: bool) -> str:
    address, port = rest
    return "connected 000 no" if _gateway(world, address, port, at_home) else "timeout 000 no"


def _redirect(world: SimWorld, rest: Sequence[str], nonce: str, at_home: bool) -> str:
    address, port, host = rest
    return f"http 301 no https://{host}/" if _gateway(world, address, port, at_home) else "timeout 000 no"


def _cert(world: SimWorld, rest: Sequence[str], nonce: str, at_home: bool) -> str:
    address, port, host = rest
    if not _gateway(world, address, port, at_home):
        return "timeout 000 no"
    return f"untrusted 200 no {_certificate(host.partition('.')[2])}"


def _certificate(domain: str) -> str:
    """A wildcard certificate as the test service of Let's Encrypt gives, as PEM in one line."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key, now = generate_private_key(SECP256R1()), datetime.now(UTC)
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "(STAGING) Simulated")])
    made = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(issuer).public_key(key.public_key())
        .serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=90))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(f"*.{domain}")]), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(Encoding.PEM).decode().replace("\n", "|")


def lookup(world: SimWorld, name: str, *, at_home: bool) -> str:
    """Where `name` leads: by Pi-hole's entries, which the home and the tailnet ask, else to the public address."""
    for one in world.api.objects.values():
        entries = ((one.get("spec") or {}).get("values") or {}).get("dnsmasq", {}).get("customDnsEntries", ())
        for entry in entries if at_home else ():
            _, domain, address = str(entry).split("/")
            if name.endswith(f".{domain.strip('.')}"):
                return address
    return PUBLIC


def _lookup(world: SimWorld, rest: Sequence[str], nonce: str, at_home: bool) -> str:
    address = lookup(world, rest[0], at_home=at_home)
    return f"answers 000 no {address}" if address != PUBLIC or rest[1] == "-" else "silent 000 no"


_KINDS = {"http": _http, "connect": _connect, "redirect": _redirect, "cert": _cert, "name": _lookup}


def _words(world: SimWorld, deployment: dict[str, Any]) -> Iterator[str]:
    """What the pods of `deployment` get out of Secrets, as far as these are there and readable."""
    for container in deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        for variable in container.get("env", ()):
            if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                space = deployment["metadata"]["namespace"]
                secret = world.api.objects.get(f"/api/v1/namespaces/{space}/secrets/{ref['name']}", {})
                yield base64.b64decode(secret.get("data", {}).get(ref["key"], "")).decode()


def _name(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def _serves(release: dict[str, Any], address: str) -> bool:
    """Whether the release asks for this address, and for it alone."""
    return f'"{address}"' in json.dumps(release)
