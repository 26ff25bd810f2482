"""Every mistake in the addresses is named where it was made: by the answers alone, and beside the LAN as it is."""

from __future__ import annotations

from typing import Any

import pytest

from steps import address_mistakes
from steps.addresses import QUESTIONS, Addresses
from steps.lan import Lan, Place
from wizard.host.facts import Address
from wizard.net.dhcp import Offer
from wizard.question import Prompt

PIS = ["192.168.1.11", "192.168.1.12"]


def answers(**changed: Any) -> dict[str, dict[str, Any]]:
    given = {
        "lan": "192.168.1.0/24", "dhcp_look": False, "dhcp_range": "192.168.1.100-192.168.1.199",
        "pool": "192.168.1.200-192.168.1.210", "internal_address": "192.168.1.201",
        "external_address": "192.168.1.202", "dns_address": "192.168.1.203",
    }  # fmt: skip
    return {
        "machines": {"hosts": PIS},
        "control-plane": {"pod_range": "10.244.0.0/16", "service_range": "10.96.0.0/16"},
        "addresses": {key: value for key, value in {**given, **changed}.items() if value is not None},
    }


def test_good_addresses_have_no_mistake() -> None:
    assert address_mistakes.by_themselves(answers()) == []
    assert address_mistakes.by_themselves(answers(dhcp_range=None)) == []
    assert address_mistakes.by_themselves({}) == []


ALONE: list[tuple[dict[str, Any], str, str]] = [
    # the LAN
    ({"lan": "10.0.0.0/24"}, "lan", "the Pi 192.168.1.11 is not inside 10.0.0.0/24"),
    ({"lan": "192.168.1.8/30"}, "lan", "the Pi 192.168.1.12 is not inside 192.168.1.8/30"),
    ({"lan": "192.168.1.8/30"}, "lan", "has too few addresses"),
    ({"lan": "192.168.1.11/32"}, "lan", "has too few addresses"),
    ({"lan": "192.168.1.12/30"}, "lan", "the Pi 192.168.1.12 would be the network address"),
    ({"lan": "192.168.1.8/30"}, "lan", "the Pi 192.168.1.11 would be the broadcast address"),
    ({"lan": "10.240.0.0/12"}, "lan", "overlaps the range of the pods (10.244.0.0/16)"),
    ({"lan": "10.96.7.0/24"}, "lan", "overlaps the range of the services (10.96.0.0/16)"),
    ({"lan": "10.0.0.0/8"}, "lan", "overlaps the range of the pods"),
    ({"lan": "100.80.0.0/16"}, "lan", "overlaps the range of every tailnet (100.64.0.0/10)"),
    ({"lan": "192.169.1.0/24"}, "lan", "is not a home network's range"),
    ({"lan": "8.8.8.0/24"}, "lan", "is not a home network's range"),
    ({"lan": "127.0.0.0/8"}, "lan", "is not a home network's range"),
    ({"lan": "169.254.0.0/16"}, "lan", "is not a home network's range"),
    ({"lan": "224.0.0.0/24"}, "lan", "is not a home network's range"),
    # the DHCP range
    ({"dhcp_range": "192.168.2.10-192.168.2.20"}, "dhcp_range", "is not inside the LAN 192.168.1.0/24"),
    ({"dhcp_range": "192.168.1.250-192.168.2.10"}, "dhcp_range", "is not inside the LAN"),
    ({"dhcp_range": "192.168.0.250-192.168.1.10"}, "dhcp_range", "is not inside the LAN"),
    # the pool
    ({"pool": "192.168.2.200-192.168.2.210"}, "pool", "is not inside the LAN 192.168.1.0/24"),
    ({"pool": "192.168.1.250-192.168.2.5"}, "pool", "is not inside the LAN"),
    ({"pool": "192.168.0.250-192.168.1.5"}, "pool", "is not inside the LAN"),
    ({"pool": "172.17.0.10-172.17.0.20"}, "pool", "is not inside the LAN"),
    ({"pool": "192.168.1.245-192.168.1.255"}, "pool", "192.168.1.255 is the broadcast address of the LAN"),
    ({"pool": "192.168.1.0-192.168.1.9"}, "pool", "192.168.1.0 is the network address of the LAN"),
    ({"pool": "192.168.1.0-192.168.1.255"}, "pool", "192.168.1.255 is the broadcast address"),
    ({"pool": "192.168.1.200-192.168.1.201"}, "pool", "at least three"),
    ({"pool": "192.168.1.200-192.168.1.200"}, "pool", "at least three"),
    ({"pool": "192.168.1.190-192.168.1.210"}, "pool", "overlaps the router's DHCP range 192.168.1.100-192.168.1.199"),
    ({"pool": "192.168.1.120-192.168.1.130"}, "pool", "overlaps the router's DHCP range"),
    ({"pool": "192.168.1.90-192.168.1.220"}, "pool", "overlaps the router's DHCP range"),
    ({"pool": "192.168.1.199-192.168.1.210"}, "pool", "overlaps the router's DHCP range"),
    ({"pool": "192.168.1.10-192.168.1.20"}, "pool", "it holds the Pi 192.168.1.11"),
    ({"pool": "192.168.1.12-192.168.1.20"}, "pool", "it holds the Pi 192.168.1.12"),
    ({"pool": "10.244.1.0-10.244.1.9"}, "pool", "is in the range of the pods"),
    ({"pool": "10.96.0.10-10.96.0.19"}, "pool", "is in the range of the services"),
    ({"pool": "100.64.0.10-100.64.0.19"}, "pool", "is in the range of every tailnet"),
    ({"pool": "100.127.255.250-100.128.0.5"}, "pool", "is in the range of every tailnet"),
    ({"lan": "192.168.0.0/16", "pool": "192.168.8.0-192.168.20.0"}, "pool", "3073 addresses, more than 1024"),
    # the three addresses
    ({"internal_address": "192.168.1.99"}, "internal_address", "is not inside the pool"),
    ({"internal_address": "192.168.1.211"}, "internal_address", "is not inside the pool"),
    ({"external_address": "192.168.1.201"}, "external_address", "is also the internal address"),
    ({"dns_address": "192.168.1.201"}, "dns_address", "is also the internal address"),
    ({"dns_address": "192.168.1.202"}, "dns_address", "is also the external address"),
    ({"dns_address": "192.168.1.12"}, "dns_address", "is a Pi's own address"),
    ({"pool": None, "internal_address": "192.168.1.255"}, "internal_address", "is the broadcast address"),
    ({"pool": None, "dns_address": "192.168.1.0"}, "dns_address", "is the network address"),
    ({"pool": None, "external_address": "192.168.2.9"}, "external_address", "is not inside the LAN"),
    ({"pool": None, "external_address": "10.244.0.9"}, "external_address", "is in the range of the pods"),
    ({"pool": None, "external_address": "100.99.0.9"}, "external_address", "is in the range of every tailnet"),
]


@pytest.mark.parametrize(("changed", "key", "words"), ALONE)
def test_every_mistake_is_named_where_it_was_made(changed: dict[str, Any], key: str, words: str) -> None:
    found = address_mistakes.by_themselves(answers(**changed))
    assert any(problem.path == f"addresses.{key}" and words in problem.what for problem in found), found
    for problem in found:
        assert problem.fix.endswith(".")
        assert len(problem.text) < 200


# -- beside the LAN ------------------------------------------------------------------------------------------------

HERE = Place(
    "this computer", Address("wlan0", "192.168.1.5", 24, True), (Address("docker0", "172.17.0.1", 16, False),),
    gateways=("192.168.1.1",), resolvers=("192.168.1.1", "192.168.1.206"),
)  # fmt: skip


def pi(name: str, address: str, prefix: int, *others: Address) -> Place:
    return Place(name, Address("eth0", address, prefix, False), others, gateways=("192.168.1.1",))


def home(prefix: int = 24, other: int | None = None, *cards: Address, here: Place | None = HERE) -> Lan:
    return Lan({PIS[0]: pi("atlas", PIS[0], prefix, *cards), PIS[1]: pi("boreas", PIS[1], other or prefix)}, here)


def offer(address: str = "192.168.1.137", server: str = "192.168.1.1", prefix: int = 24, **more: Any) -> Offer:
    return Offer(server, address, "f4:f2:6d:10:20:01", prefix, **more)


OWN = {"pool": "192.168.1.200-192.168.1.210"}
BESIDE: list[tuple[dict[str, Any], Lan, tuple[Offer, ...], str, str]] = [
    # netmasks
    ({}, home(16), (), "lan", "atlas and boreas are in 192.168.0.0/16, not in 192.168.1.0/24"),
    ({"lan": "192.168.0.0/16"}, home(24), (), "lan", "atlas and boreas are in 192.168.1.0/24, not in 192.168.0.0/16"),
    ({"lan": "192.168.0.0/23"}, home(24), (), "lan", "are in 192.168.1.0/24, not in 192.168.0.0/23"),
    ({"lan": "192.168.0.0/20"}, home(24, 16), (), "lan", "no Pi is in 192.168.0.0/20: atlas (192.168.1.0/24), boreas"),
    ({"lan": "192.168.0.0/16", "pool": "192.168.9.10-192.168.9.19"}, home(16, 24), (), "pool",
     "boreas is in 192.168.1.0/24, and 192.168.9.10-192.168.9.19 is not inside that"),
    ({}, home(), (offer(prefix=16),), "lan", "the DHCP server 192.168.1.1 puts its clients into 192.168.0.0/16"),
    ({}, home(), (offer("10.0.0.7", "10.0.0.1"),), "lan", "puts its clients into 10.0.0.0/24, not into 192.168.1.0/24"),
    # other networks
    ({"lan": "172.16.0.0/12"}, home(), (), "lan", "172.17.0.0/16, the network of docker0 on this computer, is a part"),
    ({}, home(24, None, Address("br0", "192.168.1.130", 25, False)), (), "lan", "the network of br0 on atlas, is"),
    # DHCP
    ({"dhcp_look": True}, home(), (offer(), offer(server="192.168.1.206")), "dhcp_look",
     "2 DHCP servers answer on the LAN: 192.168.1.1 (MAC address f4:f2:6d:10:20:01) and 192.168.1.206"),
    ({}, home(), (offer("192.168.1.99"),), "dhcp_range", "192.168.1.99, which 192.168.1.1 offered just now, is not"),
    ({}, home(), (offer("192.168.1.205"),), "pool", "192.168.1.205 is what DHCP offered just now"),
    ({}, home(), (offer(routers=("192.168.1.209",)),), "pool", "192.168.1.209 is the router that DHCP names"),
    ({}, home(), (offer(resolvers=("192.168.1.208",)),), "pool", "192.168.1.208 is the name server that DHCP names"),
    ({}, home(), (offer(server="192.168.1.207"),), "pool", "192.168.1.207 is the DHCP server"),
    # what is somebody's
    ({}, home(), (), "pool", "192.168.1.206 is the name server of this computer"),
    ({"pool": "192.168.1.1-192.168.1.9"}, home(), (), "pool", "192.168.1.1 is the router"),
    ({"pool": "192.168.1.3-192.168.1.9"}, home(), (), "pool", "192.168.1.5 is this computer's own address"),
    ({"pool": "192.168.1.40-192.168.1.49"}, home(24, None, Address("wlan0", "192.168.1.42", 24, True)), (), "pool",
     "192.168.1.42 is atlas's own address"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "lan", "offers", "key", "words"), BESIDE)
def test_what_does_not_fit_the_lan_is_named(
    changed: dict[str, Any], lan: Lan, offers: tuple[Offer, ...], key: str, words: str
) -> None:
    found = address_mistakes.beside(lan, offers, lan.taken(offers), answers(**changed), {})
    assert any(problem.path == f"addresses.{key}" and words in problem.what for problem in found), found
    assert all(problem.fix.endswith(".") for problem in found)


FREE = {"pool": "192.168.1.220-192.168.1.229"}


@pytest.mark.parametrize(
    ("changed", "lan", "offers"),
    [
        (FREE, home(), ()),
        (FREE, home(), (offer(),)),
        (FREE, home(24, None, Address("wlan0", "192.168.1.42", 24, True)), ()),  # two cards in the same LAN
        (FREE, home(24, None, Address("tailscale0", "100.101.1.2", 32, False)), ()),
        (FREE, home(24, None, Address("cni0", "10.244.0.1", 24, False)), ()),
        (FREE, home(24, None, Address("wg0", "192.168.0.1", 16, False)), ()),  # the LAN's own route is the longer one
        (FREE, home(24, 16), ()),  # they disagree, and the pool is in both
        (FREE, home(here=None), ()),
        (FREE, Lan(), ()),
        ({**FREE, "dhcp_look": False}, home(), (offer(), offer(server="192.168.1.2"))),  # the person knows of both
        ({"pool": "192.168.1.190-192.168.1.199", "dhcp_range": None}, home(), (offer("192.168.1.200"),)),
    ],
)  # fmt: skip
def test_what_fits_the_lan_is_not_objected_to(changed: dict[str, Any], lan: Lan, offers: tuple[Offer, ...]) -> None:
    assert address_mistakes.beside(lan, offers, lan.taken(offers), answers(**changed), {}) == []


def test_of_what_was_settled_the_cluster_may_be_the_owner() -> None:
    """Pi-hole's address is the name server of this computer once everything runs."""
    assert address_mistakes.beside(home(), (), home().taken(), answers(), {}) != []
    assert address_mistakes.beside(home(), (), home().taken(), answers(), OWN) == []


def test_there_are_sixty_cases_and_each_question_has_some() -> None:
    keys = [key for _, key, _ in ALONE] + [key for *_, key, _ in BESIDE]
    assert len(keys) >= 60
    assert set(keys) == {question.key for question in Addresses.questions} - {"arp"}


def test_a_prompt_tells_them_while_one_types() -> None:
    """What both front ends call for each letter."""

    def judge(value: Any) -> str:
        problems = address_mistakes.by_themselves(answers(pool=value))
        return next((problem.text for problem in problems), "")

    prompt = Prompt("addresses", "Addresses", QUESTIONS["pool"], judge=judge)
    assert prompt.parse("192.168.1.200-210") == "192.168.1.200-192.168.1.210"
    told = []
    for text in ("192.168.1.300-", "192.168.1.200-19", "192.168.1.190-210", "192.168.1.200/28"):
        with pytest.raises(ValueError) as caught:
            prompt.parse(text)
        told.append(str(caught.value))
    assert "300 is larger than 255" in told[0]
    assert "ends (192.168.1.19) before it begins (192.168.1.200)" in told[1]
    assert "overlaps the router's DHCP range" in told[2]
    assert "did you mean 192.168.1.192/28" in told[3]
