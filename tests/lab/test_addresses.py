"""The step Addresses on a real LAN: real kernels answer ARP, a real dnsmasq gives addresses out, a real proxy lies.

The LAN is this file's own, in network namespaces of its own: it needs root and dnsmasq, and leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import address_look
from steps.address_ask import still_free
from steps.addresses import QUESTIONS, Addresses
from tests.lab.address_lan import NET, PREFIX, Switch, Workstation, context, ip
from wizard.context import Context
from wizard.errors import Blocked

pytestmark = [pytest.mark.lab, pytest.mark.timeout(120)]
PIS = {f"{NET}.11": "pi1", f"{NET}.12": "pi2"}
ROUTER = f"{NET}.1"
LAN = f"{NET}.0/24"


def left() -> list[str]:
    """What of this file's LAN is there."""
    spaces = [path.name for path in Path("/run/netns").glob(f"{PREFIX}*")]
    links = subprocess.run(["ip", "-br", "link"], capture_output=True, text=True, check=True).stdout
    return [*spaces, *(line for line in links.splitlines() if line.startswith(("br0", "pi1", "pi2", "ws")))]


@pytest.fixture
def lan(tmp_path: Path) -> Iterator[Switch]:
    """A router, this computer (ws) and two Pis."""
    assert os.geteuid() == 0, "it makes network namespaces"
    assert shutil.which("dnsmasq"), "apt install dnsmasq-base, or: lab setup"
    assert left() == []
    switch = Switch(tmp_path)
    try:
        switch.plug("router", f"{ROUTER}/24")
        switch.plug("ws", f"{NET}.5/24", router=ROUTER)
        for address, name in PIS.items():
            switch.plug(name, f"{address}/24", router=ROUTER)
        yield switch
    finally:
        switch.down()
    assert left() == []


def plan(ctx: Context) -> list[str]:
    step = Addresses()
    return [change.id for change in step.plan(step.check(ctx), ctx.answers)]


def refused(ctx: Context) -> Blocked:
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    return caught.value


def test_a_quiet_lan(lan, tmp_path, ran):
    ctx = context(tmp_path, PIS, Workstation())
    with lan.watched() as seen:
        assert QUESTIONS["lan"].default_for(ctx) == LAN
        told = QUESTIONS["lan"].explanation_for(ctx)
        assert QUESTIONS["pool"].default_for(ctx) == f"{NET}.240-{NET}.249"
        assert plan(ctx) == ["addresses/settle"]
        still_free(ctx)
    assert f"In the LAN are pi1 and pi2 ({LAN})." in told
    assert f"This computer is in it too, as {NET}.5 (eth0)." in told
    assert f"The router is {ROUTER}." in told
    assert [line for line in seen if line.startswith("dhcp")] == [], "nobody said yes"
    asked = {line.split()[1] for line in seen}
    assert {f"{NET}.{number}" for number in range(240, 250)} <= asked
    assert len(asked) < 25, "the LAN is not swept"
    ran("addresses on a quiet LAN", f"settled; {len(asked)} addresses asked for by ARP, no DHCP")


@pytest.mark.parametrize("user", [0, 65534], ids=["as root", "without root"])
def test_one_address_that_two_machines_have(lan, tmp_path, user, ran):
    one = lan.plug("toaster", f"{NET}.241/24", mac="a8:00:00:00:00:41")
    other = lan.plug("kettle", f"{NET}.241/32", mac="b8:27:eb:00:00:41")
    error = refused(context(tmp_path, PIS, Workstation(user=user)))
    assert f"{NET}.241 is answered by two machines at once" in error.why
    assert one in error.why and f"{other} (a Raspberry Pi)" in error.why
    ran("one address twice", f"both MAC addresses named, also without root (a Pi hears both): {error.why}")


def test_an_address_that_somebody_has_moves_the_proposal(lan, tmp_path):
    mac = lan.plug("toaster", f"{NET}.244/24")
    ctx = context(tmp_path, PIS, Workstation(user=65534))
    assert QUESTIONS["pool"].default_for(ctx) == f"{NET}.230-{NET}.239"
    assert f"{NET}.244 (in use: {mac}" in QUESTIONS["pool"].explanation_for(ctx)
    assert f"{NET}.244 is in use" in Addresses().objections(ctx, ctx.answers)[0].what
    assert f"{NET}.244 is in use by the machine with the MAC address {mac}" in refused(ctx).why


def test_somebody_who_comes_between_settling_and_using(lan, tmp_path):
    ctx = context(tmp_path, PIS, Workstation())
    step = Addresses()
    for change in step.plan(step.check(ctx), ctx.answers):
        ctx.do(change)
    still_free(ctx)
    lan.plug("phone", f"{NET}.242/24")
    with pytest.raises(Blocked, match="can't be used"):
        still_free(ctx)
    lan.unplug("phone")
    still_free(ctx)


def test_what_a_pi_announces_is_the_clusters_own(lan, tmp_path):
    """As MetalLB does: it answers for addresses that the Pi does not have."""
    ctx = context(tmp_path, PIS, Workstation())
    lan.announce("pi2", f"{NET}.240")
    assert list(Workstation().arp([f"{NET}.240", f"{NET}.241"])) == [f"{NET}.240"]
    assert plan(ctx) == ["addresses/settle"]
    still_free(ctx)
    lan.plug("toaster", f"{NET}.240/24")
    with pytest.raises(Blocked) as caught:
        still_free(ctx)
    assert f"{NET}.240 is answered by two machines at once: " in caught.value.why
    assert "pi2" in caught.value.why


@pytest.mark.parametrize(("pi", "user"), [(1, 65534), (2, 0)], ids=["the one that asks", "another one"])
def test_somebody_with_a_pis_own_address(lan, tmp_path, pi: int, user: int):
    mac = lan.plug("clone", f"{NET}.1{pi}/32")
    error = refused(context(tmp_path, PIS, Workstation(user=user)))
    assert f"{NET}.1{pi} is pi{pi}'s own, and the machine with the MAC address {mac}" in error.why
    assert error.answers == ()


def test_a_router_that_answers_for_everything(lan, tmp_path, ran):
    """Linux' own proxy ARP, as repeaters and badly set up routers have it."""
    ip("-n", f"{PREFIX}router", "link", "add", "wan", "type", "veth", "peer", "name", "cable")
    for words in (
        "link set wan up", "link set cable up", "addr flush dev eth0", f"addr add {ROUTER}/32 dev eth0",
        "route add default dev wan",
    ):  # fmt: skip
        ip("-n", f"{PREFIX}router", *words.split())
    settings = "echo 1 >/proc/sys/net/ipv4/conf/eth0/proxy_arp; echo 1 >/proc/sys/net/ipv4/ip_forward"
    subprocess.run(["nsenter", f"--net=/run/netns/{PREFIX}router", "--", "sh", "-euc", settings], check=True)
    answered = Workstation().arp([f"{NET}.240", f"{NET}.77", f"{NET}.11"])
    assert len(answered[f"{NET}.11"]) == 2, "the proxy answers for a Pi as well"
    error = refused(context(tmp_path, PIS, Workstation()))
    assert "proxy ARP" in error.what
    assert answered[f"{NET}.77"][0] in error.why
    assert plan(context(tmp_path, PIS, Workstation(), arp=False)) == ["addresses/settle"]
    ran("proxy ARP", error.what)


def test_netmasks_that_do_not_agree(lan, tmp_path):
    ip("-n", f"{PREFIX}pi2", "addr", "flush", "dev", "eth0")
    ip("-n", f"{PREFIX}pi2", "addr", "add", f"{NET}.12/16", "dev", "eth0")
    ctx = context(tmp_path, PIS, Workstation())
    assert "These do not agree: one of the netmasks is wrong." in QUESTIONS["lan"].explanation_for(ctx)
    for name in ("pi1", "ws"):
        own = f"{NET}.{11 if name == 'pi1' else 5}"
        ip("-n", PREFIX + name, "addr", "flush", "dev", "eth0")
        ip("-n", PREFIX + name, "addr", "add", f"{own}/16", "dev", "eth0")
    error = refused(context(tmp_path, PIS, Workstation()))
    assert f"pi1 and pi2 are in 198.18.0.0/16, not in {LAN}" in error.why
    assert error.answers == ("addresses.lan",)


def test_this_computer_in_another_network(lan, tmp_path, ran):
    ip(
        "-n",
        f"{PREFIX}router",
        "link",
        "add",
        "to-far",
        "type",
        "veth",
        "peer",
        "name",
        "eth0",
        "netns",
        f"{PREFIX}switch",
    )
    ip("-n", f"{PREFIX}switch", "link", "set", "eth0", "up")
    ip("-n", f"{PREFIX}ws", "addr", "flush", "dev", "eth0")
    ip("-n", f"{PREFIX}ws", "addr", "add", "198.18.41.5/24", "dev", "eth0")
    ip("-n", f"{PREFIX}ws", "route", "add", LAN, "via", "198.18.41.1")
    ctx = context(tmp_path, PIS, Workstation())
    assert "This computer is not in it: a router lies between." in QUESTIONS["lan"].explanation_for(ctx)
    assert plan(ctx) == ["addresses/settle"]
    mac = lan.plug("toaster", f"{NET}.241/24")
    assert f"{NET}.241 is in use by the machine with the MAC address {mac}" in refused(ctx).why
    ran("this computer in another network", "the Pis ask instead")


def test_a_name_server_that_is_there_already(lan, tmp_path):
    lan.plug("pihole", f"{NET}.53/24")
    (tmp_path / "pi1.resolv").write_text(f"nameserver {NET}.53\nnameserver 198.18.200.1\n")
    ctx = context(tmp_path, PIS, Workstation(), pool=f"{NET}.50-{NET}.59", internal_address=f"{NET}.50",
                  external_address=f"{NET}.51", dns_address=f"{NET}.53")  # fmt: skip
    assert f"A name server is in the LAN already: {NET}.53, which pi1 uses." in QUESTIONS["lan"].explanation_for(ctx)
    assert f"{NET}.53 is the name server of pi1" in refused(ctx).why


# -- DHCP ----------------------------------------------------------------------------------------------------------


def test_an_offer_of_a_real_server(lan, tmp_path, ran):
    server = lan.dhcp("router", 100, 199, f"--dhcp-option=6,{NET}.1,{NET}.2")
    ctx = context(tmp_path, PIS, Workstation(), dhcp_look=True)
    began = time.monotonic()
    with lan.watched() as seen:
        told = QUESTIONS["dhcp_range"].explanation_for(ctx)
        assert plan(ctx) == ["addresses/settle"]
    took = time.monotonic() - began
    [offer] = address_look.offered(ctx)
    assert offer.server == ROUTER
    assert f"{NET}.100" <= offer.address <= f"{NET}.199"
    assert (offer.prefix, offer.routers, offer.resolvers) == (24, (ROUTER,), (f"{NET}.1", f"{NET}.2"))
    assert offer.lease_seconds == 3600
    assert f"offered {offer.address}: netmask /24, router {ROUTER}" in told
    assert [line for line in seen if line.startswith("dhcp")] == ["dhcp 1"], "one DISCOVER, no REQUEST"
    log = lan.stop(server)
    assert log.count("DHCPDISCOVER(") == 1 and log.count("DHCPOFFER(") == 1
    assert "DHCPREQUEST" not in log
    assert (tmp_path / "router.leases").read_text().strip() == "", "no address was taken"
    ran("a real DHCP server (dnsmasq)", f"{told.splitlines()[0]} One DISCOVER, no lease; {took:.0f} s with the rest")


def test_asking_again_and_again_is_offered_the_same(lan, tmp_path):
    lan.dhcp("router", 100, 199)
    given = set()
    for _ in range(2):
        ctx = context(tmp_path, PIS, Workstation(), dhcp_look=True)
        given |= {offer.address for offer in address_look.offers(ctx) or ()}
    assert len(given) == 1


def test_no_server_is_waited_for_ten_seconds(lan, tmp_path):
    ctx = context(tmp_path, PIS, Workstation(), dhcp_look=True)
    began = time.monotonic()
    with lan.watched() as seen:
        assert address_look.offers(ctx) == ()
    assert time.monotonic() - began < 15
    assert [line for line in seen if line.startswith("dhcp")] == ["dhcp 1", "dhcp 1"]
    assert "No DHCP server answered" in QUESTIONS["dhcp_range"].explanation_for(ctx)


def test_two_servers(lan, tmp_path, ran):
    other = lan.plug("old-router", f"{NET}.254/24")
    lan.dhcp("router", 100, 149)
    lan.dhcp("old-router", 150, 199)
    error = refused(context(tmp_path, PIS, Workstation(), dhcp_look=True))
    assert "2 DHCP servers answer on the LAN" in error.why
    assert f"{NET}.254 (MAC address {other})" in error.why and f"{ROUTER} (MAC address" in error.why
    assert error.answers == ("addresses.dhcp_look",)
    ran("two DHCP servers", error.why)


@pytest.mark.parametrize(
    ("options", "first", "words", "path"),
    [
        ((), 240, "is what DHCP offered just now", "addresses.pool"),
        (("--dhcp-option=1,255.255.0.0",), 100, "puts its clients into 198.18.0.0/16", "addresses.lan"),
        ((f"--dhcp-option=3,{NET}.245",), 100, f"{NET}.245 is the router that DHCP names", "addresses.pool"),
    ],
)
def test_what_a_server_says_is_compared(lan, tmp_path, options: tuple[str, ...], first: int, words: str, path: Any):
    lan.dhcp("router", first, first + 9, *options)
    error = refused(context(tmp_path, PIS, Workstation(), dhcp_look=True))
    assert words in error.why
    assert path in error.answers


def test_a_proposal_keeps_away_from_what_was_offered(lan, tmp_path):
    lan.dhcp("router", 236, 253)
    ctx = context(tmp_path, PIS, Workstation(), dhcp_look=True)
    ctx.answers["addresses"] = {"lan": LAN, "dhcp_look": True}
    QUESTIONS["dhcp_range"].explanation_for(ctx)
    [offer] = address_look.offered(ctx)
    pool = QUESTIONS["pool"].default_for(ctx)
    assert int(pool.rpartition(".")[2]) < int(offer.address.rpartition(".")[2]) - 30
    assert f"near those that it gave out ({offer.address})" in QUESTIONS["pool"].explanation_for(ctx)
