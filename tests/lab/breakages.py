"""What goes wrong in homes, made for real in the lab, one at a time: for each, how it is made and how it is mended."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.lab.cluster_lab import HOME, kubectl, lab

if TYPE_CHECKING:
    from tests.lab.whole_home import AtHome

INTERNAL, EXTERNAL, DNS, WAN = "198.18.0.201", "198.18.0.202", "198.18.0.203", "198.18.64.2"
MIRROR = "198.18.0.1:8000"
Act = Callable[["AtHome"], None]


@dataclass(frozen=True)
class Breakage:
    """`code` is the cause that must be named."""

    name: str
    code: str
    make: Act
    mend: Act


def _ns(name: str, *words: str, check: bool = True) -> str:
    argv = ["nsenter", f"--net=/run/netns/{name}", "--", *words]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, (words, done.stderr)
    return done.stdout


def _both(first: Act, second: Act) -> Act:
    def do(home: AtHome) -> None:
        first(home)
        second(home)

    return do


# -- the tailnet -------------------------------------------------------------------------------------------------


def _approve(routes: Callable[[str], bool]) -> Act:
    """Sets which of the three routes are approved, on every Pi."""

    def do(home: AtHome) -> None:
        for node in json.loads(lab("tailnet", "api", "GET", "/node"))["nodes"]:
            if offered := node.get("availableRoutes"):
                body = json.dumps({"routes": [route for route in offered if routes(route)]})
                lab("tailnet", "api", "POST", f"/node/{node['id']}/approve_routes", body)

    return do


def _laptop(*words: str) -> Act:
    return lambda home: (lab("tailnet", "laptop", "tailscale", *words), None)[1]


def _on_nodes(*words: str) -> Act:
    def do(home: AtHome) -> None:
        for node in ("1", "2"):
            lab("node", node, *words)

    return do


def _policy(text: str) -> Act:
    return lambda home: (lab("tailnet", "api", "PUT", "/policy", json.dumps({"policy": text})), None)[1]


TAGS = '"tagOwners": {"tag:homelab": ["home@"]}'
OPEN = f'{{{TAGS}, "acls": [{{"action": "accept", "src": ["*"], "dst": ["*:*"]}}]}}'
NARROW = OPEN.replace('["*:*"]', f'["{EXTERNAL}/32:*", "{DNS}/32:*", "tag:homelab:*"]')

TAILNET = (
    Breakage("the route to the private address is not approved", "route-not-approved",
             _approve(lambda route: INTERNAL not in route), _approve(lambda route: True)),
    Breakage("the route to the DNS server is not approved", "route-not-approved",
             _approve(lambda route: DNS not in route), _approve(lambda route: True)),
    Breakage("Tailscale is off on the Pis", "route-not-served",
             _on_nodes("systemctl", "stop", "tailscaled"), _on_nodes("systemctl", "start", "tailscaled")),
    Breakage("the laptop takes no routes", "routes-not-accepted",
             _laptop("set", "--accept-routes=false"), _laptop("set", "--accept-routes=true")),
    Breakage("Tailscale is off on the laptop", "vpn-off", _laptop("down"), _laptop("up")),
    Breakage("the access rules leave out the private address", "vpn-blocked", _policy(NARROW), _policy(OPEN)),
    Breakage("the laptop does not take the tailnet's DNS", "split-dns-missing",
             _laptop("set", "--accept-dns=false"), _laptop("set", "--accept-dns=true")),
)  # fmt: skip


# -- the router --------------------------------------------------------------------------------------------------


def _nat(action: str, port: int, target: str) -> list[str]:
    return ["iptables", "-t", "nat", action, "PREROUTING", "-i", "wan", "-d", WAN, "-p", "tcp", "--dport", str(port),
            "-j", "DNAT", "--to-destination", target]  # fmt: skip


def _router(*rules: Sequence[str]) -> Act:
    def do(home: AtHome) -> None:
        for rule in rules:
            _ns("hw-lan", *rule)

    return do


def _gone(*ports: int) -> tuple[Act, Act]:
    away = [_nat("-D", port, f"{EXTERNAL}:{port}") for port in ports]
    back = [_nat("-A", port, f"{EXTERNAL}:{port}") for port in ports]
    return _router(*away), _router(*back)


def _elsewhere(target: str) -> tuple[Act, Act]:
    """The two ports lead to `target`, whose port is kept unless it names one."""
    place = target if ":" in target else ""
    first = [_nat("-I", port, place or f"{target}:{port}") for port in (80, 443)]
    away = [_nat("-D", port, place or f"{target}:{port}") for port in (80, 443)]
    return _router(*first), _router(*away)


_MIRROR = ["INPUT", "-i", "wan", "-p", "tcp", "--dport", MIRROR.partition(":")[2], "-j", "ACCEPT"]
_OPEN = ["FORWARD", "-i", "wan", "-d", INTERNAL, "-j", "ACCEPT"]

ROUTER = (
    Breakage("nothing is forwarded", "not-forwarded", *_gone(80, 443)),
    Breakage("port 443 is not forwarded", "port-not-forwarded", *_gone(443)),
    Breakage("port 80 is not forwarded", "port-not-forwarded", *_gone(80)),
    Breakage("the ports lead to another device", "forwarded-elsewhere",
             _both(_router(["iptables", "-I", *_MIRROR]), _elsewhere(MIRROR)[0]),
             _both(_elsewhere(MIRROR)[1], _router(["iptables", "-D", *_MIRROR]))),
    Breakage("the ports lead to the internal Gateway", "forwarded-to-private", *_elsewhere(INTERNAL)),
    Breakage("port 6443 is forwarded", "api-open", _router(_nat("-A", 6443, "198.18.0.11:6443")),
             _router(_nat("-D", 6443, "198.18.0.11:6443"))),
    Breakage("the router routes to the private address", "private-address-open",
             _router(["iptables", "-I", *_OPEN]), _router(["iptables", "-D", *_OPEN])),
)  # fmt: skip


# -- names -------------------------------------------------------------------------------------------------------


def _asks(server: str) -> Act:
    """Which server the workstation asks for names."""

    return lambda home: home.asks(server)


PUBLIC_DNS = "198.18.64.53"


def _split_by_router(home: AtHome) -> None:
    """A router that asks Pi-hole for the private names only: the public ones then lead to the public address."""
    argv = ["dnsmasq", "--conf-file=/dev/null", "--no-hosts", "--no-resolv", "--bind-interfaces", "--user=root",
            "--listen-address=198.18.0.1", "--except-interface=lo", "--pid-file=/run/homelab-lab-router-dns.pid",
            f"--server=/lab-home-internal.duckdns.org/{DNS}", f"--server={PUBLIC_DNS}"]  # fmt: skip
    _ns("hw-lan", *argv)
    _asks("198.18.0.1")(home)


def _no_split(home: AtHome) -> None:
    _asks(DNS)(home)
    _ns("hw-lan", "sh", "-c", "kill $(cat /run/homelab-lab-router-dns.pid)", check=False)


def _duckdns(name: str, address: str) -> Act:
    def do(home: AtHome) -> None:
        script = 'curl -sf "http://198.18.64.52/update?domains=$0&ip=$1&token=$(cat "$2")"'
        assert _ns("hw-inet", "sh", "-c", script, name, address, f"{HOME}/duckdns_token").startswith("OK")

    return do


def _updater(*, rests: bool) -> Act:
    patch = json.dumps({"spec": {"suspend": rests}})
    return lambda home: (kubectl("patch", "cronjob", "-n", "duckdns", "duckdns", "--type=merge", "-p", patch), None)[1]


NAMES = (
    Breakage("the home does not ask Pi-hole", "home-dns", _asks(PUBLIC_DNS), _asks(DNS)),
    Breakage("the router does not lead back home", "hairpin-missing", _split_by_router, _no_split),
    Breakage("the updater rests, and the public name leads to an old address", "public-name-elsewhere",
             _both(_updater(rests=True), _duckdns("lab-home", "198.18.64.77")),
             _both(_duckdns("lab-home", WAN), _updater(rests=False))),
)  # fmt: skip


# -- the cluster -------------------------------------------------------------------------------------------------


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


def _thief(home: AtHome) -> None:
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


def _thief_gone(home: AtHome) -> None:
    subprocess.run(["ip", "netns", "del", "hw-thief"], check=False)
    for space, card in (("hw-ws", "eth0"), ("hw-lan", "hwbr0")):
        subprocess.run(["ip", "-n", space, "neigh", "del", EXTERNAL, "dev", card], check=False)


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


def _wants(issuer: str) -> Act:
    """Which certificates the answers want; without trust in the authority the others are those of a test service."""

    def do(home: AtHome) -> None:
        file = home.state / "homelab-wizard/proof/state.yaml"
        file.write_text(file.read_text().replace("issuer: staging", f"issuer: {issuer}"))
        if issuer == "staging":
            file.write_text(file.read_text().replace("issuer: production", "issuer: staging"))
            home.env["CURL_CA_BUNDLE"] = str(file.parents[3] / "root.pem")
        else:
            home.env.pop("CURL_CA_BUNDLE")

    return do


_HOSTS = [{"op": "replace", "path": "/spec/hostnames", "value": ["hello.lab-home-internal.duckdns.org"]}]

CLUSTER = (
    Breakage("another device takes the external address", "address-taken", _thief, _thief_gone),
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
             _both(_listener, _route), _both(_route_back, _listener_back)),
    Breakage("the certificate is from the test service", "certificate-staging",
             _wants("production"), _wants("staging")),
)  # fmt: skip

BREAKAGES = (*TAILNET, *ROUTER, *NAMES, *CLUSTER)
