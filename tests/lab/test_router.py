"""The step Router with a real router that speaks UPnP: Debian's miniupnpd, in network namespaces of this file's own.

It needs root, miniupnpd and nft (`lab setup`), and leaves nothing behind.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from steps import router_check, router_upnp
from steps.router import Router
from steps.router_check import HomeDns
from wizard import events
from wizard.context import Context
from wizard.errors import Blocked, RouterRefused, WizardError
from wizard.state import State
from wizard.world import DnsAnswer

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
ROOT = Path(__file__).resolve().parents[2]
SPACES = ("hr-router", "hr-home", "hr-net")
ROUTER, HERE, TARGET, WAN, OUTSIDE = "198.18.44.1", "198.18.44.5", "198.18.44.51", "198.18.45.1", "198.18.45.9"
SAID = (
    "198.20.0.7"  # what the router is told to say: miniupnpd serves nothing with a reserved address; nothing goes there
)
NETS = f"""
link add lan type veth peer name eth0 netns hr-home
link add wan type veth peer name eth0 netns hr-net
addr add {ROUTER}/24 dev lan
addr add {WAN}/24 dev wan
link set lan up
link set wan up
"""
TABLE = """table inet filter {
 chain forward { type filter hook forward priority 0; policy accept; jump miniupnpd; }
 chain prerouting { type nat hook prerouting priority -100; policy accept; jump prerouting_miniupnpd; }
 chain postrouting { type nat hook postrouting priority 100; policy accept; jump postrouting_miniupnpd; }
 chain miniupnpd { }
 chain prerouting_miniupnpd { }
 chain postrouting_miniupnpd { }
}
"""
CALL = """
import json, sys, threading
from wizard.errors import WizardError
from wizard.net import upnp
try:
    print(json.dumps(upnp.call(*json.load(sys.stdin), threading.Event())))
except WizardError as error:
    print(json.dumps([getattr(error, "code", 0), error.what]))
"""
SERVE = f"""
import socket
for_all = [socket.create_server(("{TARGET}", port)) for port in (80, 443, 22)]
print("ready", flush=True)
import time; time.sleep(300)
"""


NAME = "pihole.in.home.test"
LOOKUP = """
import json, sys, threading
from wizard.net import dns
answer = dns.ask(sys.argv[1], sys.argv[2], "A", threading.Event())
print(json.dumps([answer.code, answer.records]))
"""


def within(space: str, *words: str) -> list[str]:
    return ["nsenter", f"--net=/run/netns/{space}", "--", *words]


def do(*words: str, text: str = "") -> str:
    return subprocess.run(words, input=text, capture_output=True, text=True, check=True, timeout=30).stdout


class Net:
    """The router, the home behind it, and somebody on the internet."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.stop = folder, threading.Event()
        self.programs: list[subprocess.Popen[str]] = []

    def up(self) -> None:
        for space in SPACES:
            do("ip", "netns", "add", space)
            do("ip", "-n", space, "link", "set", "lo", "up")
        for line in NETS.strip().splitlines():
            do("ip", "-n", "hr-router", *line.split())
        for space, address in (("hr-home", HERE), ("hr-home", TARGET), ("hr-net", OUTSIDE)):
            do("ip", "-n", space, "addr", "add", f"{address}/24", "dev", "eth0")
            do("ip", "-n", space, "link", "set", "eth0", "up")
        do("ip", "-n", "hr-home", "route", "add", "default", "via", ROUTER)
        do(*within("hr-router", "sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward"))
        do(*within("hr-router", "nft", "-f", "-"), text=TABLE)
        self.start("hr-home", sys.executable, "-c", SERVE)

    def start(self, space: str, *words: str) -> None:
        program = subprocess.Popen(within(space, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.programs.append(program)
        assert program.stdout is not None
        for line in program.stdout:
            if any(word in line for word in ("ready", "listening on", "started, version")):
                threading.Thread(target=program.stdout.read, daemon=True).start()  # so that it never waits for us
                return
        raise AssertionError(f"{words[0]} ended with {program.wait()}")

    def serve(self, *options: str) -> None:
        """miniupnpd, which lets 80 and 443 be opened and nothing else."""
        conf = self.folder / "miniupnpd.conf"
        conf.write_text("\n".join((
            "ext_ifname=wan", "listening_ip=lan", "http_port=5555", "enable_upnp=yes", "enable_natpmp=yes",
            "uuid=1fdca770-bf3f-47db-8cb0-7d12a40fc8ed", *options, "allow 80 198.18.44.0/24 80",
            "allow 443 198.18.44.0/24 443", "deny 0-65535 0.0.0.0/0 0-65535", "",
        )))  # fmt: skip
        self.start("hr-router", "/usr/sbin/miniupnpd", "-d", "-f", str(conf), "-P", str(self.folder / "pid"))

    def upnp(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        done = subprocess.run(
            within("hr-home", sys.executable, "-c", CALL), input=json.dumps([router, action, values]), text=True,
            capture_output=True, check=True, timeout=60, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
        said: Any = json.loads(done.stdout)
        if isinstance(said, list):
            raise RouterRefused(action, said[0]) if said[0] else WizardError(said[1])
        return dict(said)

    def resolver(self, space: str, address: str, *options: str) -> None:
        """A real dnsmasq: Pi-hole, or a router's."""
        self.start(
            space, "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-hosts", "--no-resolv",
            "--user=root", "--log-facility=-", "--pid-file=", f"--listen-address={address}", "--bind-interfaces",
            *options,
        )  # fmt: skip

    def dns(self, server: str) -> DnsAnswer:
        done = do(*within("hr-home", "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", LOOKUP, server, NAME))
        code, records = json.loads(done)
        return DnsAnswer(code, tuple(records))

    def now(self) -> float:
        return time.monotonic()

    def reached(self) -> set[int]:
        """The ports that somebody on the internet gets through to."""
        probe = f"import socket; socket.create_connection(('{WAN}', PORT), 2)"
        done = {
            port: subprocess.run(within("hr-net", sys.executable, "-c", probe.replace("PORT", str(port))),
                                 capture_output=True, check=False)
            for port in (80, 443, 22, 5555)
        }  # fmt: skip
        return {port for port, one in done.items() if one.returncode == 0}

    def down(self) -> None:
        for program in self.programs:
            program.terminate()
            program.wait(10)
        for space in SPACES:
            subprocess.run(["ip", "netns", "del", space], check=False, capture_output=True)


def left() -> list[str]:
    return [path.name for path in Path("/run/netns").glob("hr-*")]


@pytest.fixture
def net(tmp_path: Path) -> Iterator[Net]:
    assert os.geteuid() == 0, "it makes network namespaces"
    assert shutil.which("nft") and Path("/usr/sbin/miniupnpd").exists(), "lab setup installs them"
    assert left() == []
    made = Net(tmp_path)
    try:
        made.up()
        yield made
    finally:
        made.down()
    assert left() == []
    assert all(program.poll() is not None for program in made.programs)


@pytest.fixture
def ctx(net: Net, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(router_check, "gateway", lambda ctx: ROUTER)
    made = Context(net, State(tmp_path / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    made.answers.update({
        "addresses": {"external_address": TARGET, "internal_address": "198.18.44.50", "dns_address": "198.18.44.53",
                      "pool": "198.18.44.50-198.18.44.59"},
        "domains": {"provider": "none", "internal_domain": "in.home.test"}, "repository": {"apps": []},
        "router": {"forwarded": True, "automatic": "upnp", "public_address": WAN},
    })  # fmt: skip
    return made


def run(ctx: Context) -> list[str]:
    step = Router()
    planned = step.plan(step.check(ctx), ctx.answers)
    for change in planned:
        ctx.do(change)
    return [change.id for change in planned]


def test_two_ports_are_opened_used_and_taken_back(net: Net, ctx: Context, ran: Any) -> None:
    net.serve("secure_mode=no", f"ext_ip={SAID}")
    assert net.reached() == set()
    assert run(ctx) == ["router/open", "router/confirm"]
    assert net.reached() == {80, 443}
    assert run(ctx) == []
    left = router_upnp.look(ctx).entries[443].seconds
    assert router_upnp.WEEK - 120 < left <= router_upnp.WEEK
    ctx.answers["router"]["forwarded"] = False
    assert run(ctx) == ["router/close", "router/confirm"]
    assert net.reached() == set()
    assert run(ctx) == []
    ran("UPnP (miniupnpd)", "80 and 443 opened, reached from outside, 22 not; taken back, closed again")


def test_what_another_device_opened_is_named(net: Net, ctx: Context) -> None:
    net.serve("secure_mode=no", f"ext_ip={SAID}")
    key = {"NewRemoteHost": "", "NewExternalPort": "443", "NewProtocol": "TCP"}
    net.upnp(ROUTER, "AddPortMapping", {
        **key, "NewInternalPort": "443", "NewInternalClient": HERE, "NewEnabled": "1",
        "NewPortMappingDescription": "nas", "NewLeaseDuration": "0",
    })  # fmt: skip
    with pytest.raises(Blocked, match=rf"forwards port 443 to {HERE} already"):
        run(ctx)
    assert net.upnp(ROUTER, "GetSpecificPortMappingEntry", key)["NewPortMappingDescription"] == "nas"


def test_a_router_that_opens_ports_only_to_who_asks(net: Net, ctx: Context, ran: Any) -> None:
    net.serve("secure_mode=yes", f"ext_ip={SAID}")
    with pytest.raises(WizardError) as caught:
        run(ctx)
    assert "UPnP error" in caught.value.what and "by hand" in caught.value.fix
    assert net.reached() == set()
    ran("UPnP with secure_mode", f"{caught.value.what} {caught.value.why}")


def test_a_router_behind_the_providers_nat(net: Net, ctx: Context, ran: Any) -> None:
    """miniupnpd then tells no address and opens nothing."""
    net.serve("secure_mode=no")
    notes: list[str] = []
    ctx.bus.listen(lambda event: notes.append(event.text) if isinstance(event, events.Note) else None)
    with pytest.raises(WizardError, match="UPnP error 501"):
        run(ctx)
    assert any("tells no public address" in text for text in notes)


def test_a_router_without_upnp(net: Net, ctx: Context) -> None:
    with pytest.raises(Blocked, match="does not answer to UPnP"):
        run(ctx)


def test_nat_pmp_opens_ports_only_to_who_asks(net: Net, ran: Any) -> None:
    """Why it is not spoken (docs/decisions/0022): the request has no field for a target."""
    net.serve("secure_mode=no", f"ext_ip={SAID}")
    ask = (
        "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
        f" s.sendto(bytes([0, 2, 0, 0, 0, 80, 0, 80, 0, 0, 0, 60]), ('{ROUTER}', 5351)); print(s.recv(64).hex())"
    )
    assert do(*within("hr-home", sys.executable, "-c", ask)).startswith("0082" + "0000")
    said = net.upnp(
        ROUTER, "GetSpecificPortMappingEntry", {"NewRemoteHost": "", "NewExternalPort": "80", "NewProtocol": "TCP"}
    )
    assert said["NewInternalClient"] == HERE != TARGET
    ran("NAT-PMP (miniupnpd)", f"the port leads to {said['NewInternalClient']}, which asked")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--server=198.18.44.51", "--stop-dns-rebind"), "allow in.home.test in its DNS rebind protection"),
        (("--server=198.18.44.51", "--stop-dns-rebind", "--rebind-domain-ok=in.home.test"), "knows private names, too"),
        (("--address=/#/203.0.113.7",), "203.0.113.7: it does not ask Pi-hole"),
        (("--local=/home.test/",), "NXDOMAIN: it does not ask Pi-hole"),
        ((), "REFUSED: it does not ask Pi-hole"),
    ],
)
def test_a_router_that_keeps_private_names_back(net: Net, ran: Any, options: tuple[str, ...], words: str) -> None:
    """A router's resolver is dnsmasq more often than not, and so is Pi-hole's."""
    net.resolver("hr-home", TARGET, "--address=/in.home.test/10.0.0.50")
    net.resolver("hr-router", ROUTER, *options)
    seen = HomeDns(NAME, "in.home.test", "10.0.0.50", TARGET, net.dns(TARGET), {ROUTER: net.dns(ROUTER)}, (), ROUTER)
    first, second = router_check.findings(seen)
    assert first.startswith("Pi-hole answers private names")
    assert words in second
    ran(f"dnsmasq {' '.join(options)}".strip(), second)
