"""What goes wrong in the cluster itself and at its addresses, made for real. See `breakages`."""

from __future__ import annotations

import json
import subprocess
import time
from typing import TYPE_CHECKING, Any

from tests.lab.breakages import EXTERNAL, Act, Breakage, both
from tests.lab.cluster_lab import kubectl, lab

if TYPE_CHECKING:
    from tests.lab.whole_home import AtHome

ISSUER = ("clusterissuer", "letsencrypt-staging")
AUTHORITY, OTHER_AUTHORITY, CERTIFICATE = "198.18.64.50", "198.18.64.51", "websecure-external-tls"


def _scale(what: str, space: str, count: int) -> Act:
    def do(home: AtHome) -> None:
        kubectl("scale", "-n", space, what, f"--replicas={count}")
        if count:
            kubectl("rollout", "status", "-n", space, what, "--timeout=120s")

    return do


def _patched(kind: str, space: str, name: str, patch: list[dict[str, Any]]) -> tuple[Act, Act]:
    """A JSON patch on an object, and the object as it was."""
    kept: dict[str, Any] = {}

    def do(home: AtHome) -> None:
        found = json.loads(kubectl("get", kind, "-n", space, name, "-o", "json"))
        kept["spec"] = found["spec"]
        kubectl("patch", kind, "-n", space, name, "--type=json", "-p", json.dumps(patch))

    def undo(home: AtHome) -> None:
        back = [{"op": "replace", "path": "/spec", "value": kept["spec"]}]
        kubectl("patch", kind, "-n", space, name, "--type=json", "-p", json.dumps(back))

    return do, undo


def thief(home: AtHome) -> None:
    """Another device with the external address, which takes it over on the LAN."""
    ip = ["ip", "-n", "hw-lan", "link"]
    subprocess.run(["ip", "netns", "add", "hw-thief"], check=True)
    subprocess.run([*ip, "add", "thief", "type", "veth", "peer", "name", "eth0", "netns", "hw-thief"], check=True)
    subprocess.run([*ip, "set", "thief", "master", "hwbr0", "up"], check=True)
    subprocess.run(["ip", "-n", "hw-thief", "addr", "add", f"{EXTERNAL}/24", "dev", "eth0"], check=True)
    subprocess.run(["ip", "-n", "hw-thief", "link", "set", "eth0", "up"], check=True)
    subprocess.run(["ip", "-n", "hw-thief", "route", "add", "198.18.0.0/15", "via", "198.18.0.1"], check=True)
    mac = json.loads(subprocess.check_output(["ip", "-n", "hw-thief", "-j", "link", "show", "eth0"]))[0]["address"]
    for space, card in (("hw-ws", "eth0"), ("hw-lan", "hwbr0")):  # who had asked before would go on as before
        subprocess.run(
            ["ip", "-n", space, "neigh", "replace", EXTERNAL, "lladdr", mac, "dev", card, "nud", "stale"], check=True
        )


def thief_gone(home: AtHome) -> None:
    subprocess.run(["ip", "netns", "del", "hw-thief"], check=False)
    for space, card in (("hw-ws", "eth0"), ("hw-lan", "hwbr0")):
        subprocess.run(["ip", "-n", space, "neigh", "del", EXTERNAL, "dev", card], check=False)


_ANOTHER_WORD = {"name": "WHOAMI_NAME", "value": "homelab-another-one"}
_NOWHERE = [{"op": "add", "path": "/spec/template/spec/nodeSelector/lab~1nowhere", "value": "yes"}]
_TO_PUBLIC = [{"op": "add", "path": "/spec/parentRefs/-", "value": {
    "name": "traefik-external", "namespace": "gateways", "sectionName": "leak"}}]  # fmt: skip
_LEAK = {
    "name": "leak", "port": 8443, "protocol": "HTTPS", "hostname": "*.lab-home-internal.duckdns.org",
    "allowedRoutes": {"namespaces": {"from": "All"}},
    "tls": {"mode": "Terminate", "certificateRefs": [{"kind": "Secret", "name": "websecure-external-tls"}]},
}  # fmt: skip
_listener, _listener_back = _patched(
    "gateway", "gateways", "traefik-external", [{"op": "add", "path": "/spec/listeners/-", "value": _LEAK}]
)
_route, _route_back = _patched("httproute", "hello", "hello-internal", _TO_PUBLIC)


def _wants(before: str, after: str) -> Act:
    """Which certificates the answers want."""

    def do(home: AtHome) -> None:
        file = home.state / "homelab-wizard/proof/state.yaml"
        file.write_text(file.read_text().replace(f"issuer: {before}", f"issuer: {after}"))

    return do


def _ordered(authority: str) -> Act:
    """The public certificate anew, from the authority at `authority`, which the cluster has for the test service."""

    def do(home: AtHome) -> None:
        patch = json.dumps({"spec": {"acme": {"server": f"https://{authority}/dir"}}})
        kubectl("patch", *ISSUER, "--type=merge", "-p", patch)
        end = time.monotonic() + 60  # ready it still is, at the one before
        while authority not in (uri := kubectl("get", *ISSUER, "-o", "jsonpath={.status.acme.uri}")):
            assert time.monotonic() < end, uri
            time.sleep(1)
        kubectl("delete", "certificate", "-n", "gateways", CERTIFICATE)  # made anew: no failure behind it
        _lost(home)
        for condition in ("create", "jsonpath={.data.tls\\.crt}"):
            kubectl("wait", f"secret/{CERTIFICATE}", "-n", "gateways", f"--for={condition}", "--timeout=180s")

    return do


def _lost(home: AtHome) -> None:
    kubectl("delete", "secret", "-n", "gateways", CERTIFICATE, "--ignore-not-found")


def _other_authority(word: str) -> Act:
    return lambda home: (lab("acme", "other", word), None)[1]


_HOSTS = [{"op": "replace", "path": "/spec/hostnames", "value": ["hello.lab-home-internal.duckdns.org"]}]

CLUSTER = (
    Breakage("another device takes the external address", "address-taken", thief, thief_gone),
    Breakage("MetalLB announces nothing", "address-not-announced",
             *_patched("daemonset", "metallb-system", "metallb-speaker", _NOWHERE)),
    Breakage("the external Traefik is down", "gateway-down",
             _scale("deployment/traefik-external", "traefik", 0), _scale("deployment/traefik-external", "traefik", 1)),
    Breakage("Pi-hole is down", "pihole-down",
             _scale("deployment/pihole", "pihole", 0), _scale("deployment/pihole", "pihole", 1)),
    Breakage("the sample app is down", "app-down",
             _scale("deployment/hello", "hello", 0), _scale("deployment/hello", "hello", 1)),
    Breakage("the public route names another host", "route-missing",
             *_patched("httproute", "hello", "hello-external",
                       [{"op": "replace", "path": "/spec/hostnames", "value": ["other.lab-home.duckdns.org"]}])),
    Breakage("a route without hostnames catches every public name", "any-name-public",
             *_patched("httproute", "hello", "hello-external", [{"op": "remove", "path": "/spec/hostnames"}])),
    Breakage("a name is not marked as the cluster's", "name-not-marked",
             *_patched("httproute", "hello", "proof-internal", _HOSTS)),
    Breakage("a private app's route hangs on the public Gateway", "private-app-public",
             both(_listener, _route), both(_route_back, _listener_back)),
    Breakage("the certificate is from the test service", "certificate-staging",
             both(_other_authority("up"), both(_wants("staging", "production"), _ordered(OTHER_AUTHORITY))),
             both(both(_wants("production", "staging"), _ordered(AUTHORITY)), _other_authority("down"))),
    Breakage("the certificate is lost, and nobody orders another", "certificate-missing",
             both(_scale("deployment/cert-manager", "cert-manager", 0), _lost),
             _scale("deployment/cert-manager", "cert-manager", 1)),
    Breakage("another cluster has the address", "another-answers", *_patched(
        "deployment", "hello", "hello",
        [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0", "value": _ANOTHER_WORD}])),
)  # fmt: skip
