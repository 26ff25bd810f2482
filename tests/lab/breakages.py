"""What goes wrong in homes, made for real in the lab, one at a time: for each, how it is made and how it is mended."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.lab.cluster_lab import HOME, kubectl, lab

if TYPE_CHECKING:
    from tests.lab.whole_home import AtHome

INTERNAL, EXTERNAL, DNS = "198.18.0.201", "198.18.0.202", "198.18.0.203"
WAN, MOVED = "198.18.64.2", "198.18.64.3"
MIRROR, PUBLIC_DNS = "198.18.0.1:8000", "198.18.64.53"
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


def both(first: Act, second: Act) -> Act:
    def do(home: AtHome) -> None:
        first(home)
        second(home)

    return do


def _duckdns(name: str, address: str) -> Act:
    """Where a name leads; without an address nowhere."""

    def do(home: AtHome) -> None:
        script = 'curl -sf "http://198.18.64.52/update?domains=$0&$1&token=$(cat "$2")"'
        wish = f"ip={address}" if address else "clear=true"
        assert _ns("hw-inet", "sh", "-c", script, name, wish, f"{HOME}/duckdns_token").startswith("OK")

    return do


# -- the tailnet -------------------------------------------------------------------------------------------------


def approve(routes: Callable[[str], bool]) -> Act:
    """Sets which of the three routes are approved, on every Pi."""

    def do(home: AtHome) -> None:
        for node in json.loads(lab("tailnet", "api", "GET", "/node"))["nodes"]:
            if offered := node.get("availableRoutes"):
                body = json.dumps({"routes": [route for route in offered if routes(route)]})
                lab("tailnet", "api", "POST", f"/node/{node['id']}/approve_routes", body)

    return do


def _laptop(*words: str) -> Act:
    return lambda home: (lab("tailnet", "laptop", "tailscale", *words), None)[1]


def _split(server: str) -> Act:
    """Whom the tailnet asks for the private names."""
    return lambda home: (lab("tailnet", "split", server), None)[1]


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
             approve(lambda route: INTERNAL not in route), approve(lambda route: True)),
    Breakage("the route to the DNS server is not approved", "route-not-approved",
             approve(lambda route: DNS not in route), approve(lambda route: True)),
    Breakage("Tailscale is off on the Pis", "route-not-served",
             _on_nodes("systemctl", "stop", "tailscaled"), _on_nodes("systemctl", "start", "tailscaled")),
    Breakage("the laptop takes no routes", "routes-not-accepted",
             _laptop("set", "--accept-routes=false"), _laptop("set", "--accept-routes=true")),
    Breakage("Tailscale is off on the laptop", "vpn-off", _laptop("down"), _laptop("up")),
    Breakage("the access rules leave out the private address", "vpn-blocked", _policy(NARROW), _policy(OPEN)),
    Breakage("the laptop does not take the tailnet's DNS", "split-dns-missing",
             _laptop("set", "--accept-dns=false"), _laptop("set", "--accept-dns=true")),
    Breakage("the tailnet has no split DNS", "split-dns-missing", _split("none"), _split(DNS)),
    Breakage("split DNS asks another server", "split-dns-elsewhere",
             both(_duckdns("lab-home-internal", "198.18.64.77"), _split(PUBLIC_DNS)),
             both(_split(DNS), _duckdns("lab-home-internal", ""))),
)  # fmt: skip


# -- the router --------------------------------------------------------------------------------------------------


def _nat(action: str, port: int, target: str, wan: str = WAN) -> list[str]:
    return ["iptables", "-t", "nat", action, "PREROUTING", "-i", "wan", "-d", wan, "-p", "tcp", "--dport", str(port),
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


def _moved(before: str, after: str) -> Act:
    """The router's address on the internet, with its forwarding; the public name goes with it."""
    ports = [_nat(action, port, f"{EXTERNAL}:{port}", wan) for action, wan in (("-D", before), ("-A", after))
             for port in (80, 443)]  # fmt: skip
    card = [["ip", "addr", word, f"{wan}/24", "dev", "wan"] for word, wan in (("del", before), ("add", after))]
    return both(_router(*card, *ports), _duckdns("lab-home", after))


_MIRROR = ["INPUT", "-i", "wan", "-p", "tcp", "--dport", MIRROR.partition(":")[2], "-j", "ACCEPT"]
_OPEN = ["FORWARD", "-i", "wan", "-d", INTERNAL, "-j", "ACCEPT"]

ROUTER = (
    Breakage("nothing is forwarded", "not-forwarded", *_gone(80, 443)),
    Breakage("port 443 is not forwarded", "port-not-forwarded", *_gone(443)),
    Breakage("port 80 is not forwarded", "port-not-forwarded", *_gone(80)),
    Breakage("the ports lead to another device", "forwarded-elsewhere",
             both(_router(["iptables", "-I", *_MIRROR]), _elsewhere(MIRROR)[0]),
             both(_elsewhere(MIRROR)[1], _router(["iptables", "-D", *_MIRROR]))),
    Breakage("the ports lead to the internal Gateway", "forwarded-to-private", *_elsewhere(INTERNAL)),
    Breakage("port 6443 is forwarded", "api-open", _router(_nat("-A", 6443, "198.18.0.11:6443")),
             _router(_nat("-D", 6443, "198.18.0.11:6443"))),
    Breakage("the provider gives the home another address", "public-address-changed", _moved(WAN, MOVED),
             _moved(MOVED, WAN)),
    Breakage("the router routes to the private address", "private-address-open",
             _router(["iptables", "-I", *_OPEN]), _router(["iptables", "-D", *_OPEN])),
)  # fmt: skip


# -- names -------------------------------------------------------------------------------------------------------


def _asks(server: str) -> Act:
    """Which server the workstation asks for names."""

    return lambda home: home.asks(server)


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


def _updater(*, rests: bool) -> Act:
    patch = json.dumps({"spec": {"suspend": rests}})
    return lambda home: (kubectl("patch", "cronjob", "-n", "duckdns", "duckdns", "--type=merge", "-p", patch), None)[1]


NAMES = (
    Breakage("the home does not ask Pi-hole", "home-dns", _asks(PUBLIC_DNS), _asks(DNS)),
    Breakage("the router does not lead back home", "hairpin-missing", _split_by_router, _no_split),
    Breakage("the updater rests, and the public name leads to an old address", "public-name-elsewhere",
             both(_updater(rests=True), _duckdns("lab-home", "198.18.64.77")),
             both(_duckdns("lab-home", WAN), _updater(rests=False))),
)  # fmt: skip

AWAY = (*TAILNET, *ROUTER, *NAMES)
