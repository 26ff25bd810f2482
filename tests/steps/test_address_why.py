"""What a person is told about the LAN and about a proposal: true, and short enough to be read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steps import address_why
from steps.lan import Lan, Place
from wizard.host.facts import Address
from wizard.net.dhcp import Offer
from wizard.net.neighbours import Neighbour

ATLAS = Place(
    "atlas", Address("eth0", "192.168.1.11", 24, True), mac="dc:a6:32:00:00:11", macs=frozenset({"dc:a6:32:00:00:11"}),
    gateways=("192.168.1.1",), resolvers=("192.168.1.1",), lease=Offer("192.168.1.1", "192.168.1.11"),
)  # fmt: skip
BOREAS = replace(ATLAS, name="boreas", card=Address("eth0", "192.168.1.12", 24, True), lease=None, resolvers=())
HERE = Place("this computer", Address("wlan0", "192.168.1.5", 24, False), resolvers=("192.168.1.53",))
HOME = Lan({"192.168.1.11": ATLAS}, HERE)
OFFER = Offer("192.168.1.1", "192.168.1.137", "f4:f2:6d:10:20:01", 24, ("192.168.1.1",), ("192.168.1.1",), 86400)


def test_the_lan_in_a_few_lines() -> None:
    home = Lan({"192.168.1.11": ATLAS, "192.168.1.12": BOREAS}, HERE)
    assert address_why.lan(home).splitlines() == [
        "In the LAN are atlas and boreas (192.168.1.0/24).",
        "This computer is in it too, as 192.168.1.5 (wlan0).",
        "The router is 192.168.1.1.",
        "The router 192.168.1.1 is the name server of atlas.",
        "A name server is in the LAN already: 192.168.1.53, which this computer uses.",
        "atlas and boreas got their addresses by DHCP from 192.168.1.1: reserve them in the router.",
    ]


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"here": Place("this computer", None, (Address("eth0", "10.0.0.7", 24, False),))},
         "This computer is not in it: a router lies between."),
        ({"boreas": replace(BOREAS, card=Address("eth0", "192.168.1.12", 16, False))},
         "In the LAN are atlas (192.168.1.0/24), boreas (192.168.0.0/16). These do not agree: one of the netmasks is"
         " wrong."),
        ({"boreas": replace(BOREAS, ipv6=("2001:db8::12/64",))},
         "There is IPv6 too (2001:db8::12/64). The cluster's addresses are IPv4 only: a device that is told a name"
         " server by IPv6 does not ask the cluster's."),
        ({"boreas": replace(BOREAS, gateways=("192.168.1.254",))}, "The routers are 192.168.1.1 and 192.168.1.254."),
        ({"boreas": replace(BOREAS, card=Address("eth0", "192.168.1.12", 24, False))},
         "atlas got its address by DHCP from 192.168.1.1: reserve them in the router."),
    ],
)  # fmt: skip
def test_what_is_odd_about_it_is_said(change: dict[str, Any], line: str) -> None:
    home = Lan({"192.168.1.11": ATLAS, "192.168.1.12": change.get("boreas", BOREAS)}, change.get("here", HERE))
    assert line in address_why.lan(home).splitlines()


def test_nothing_known_is_nothing_said() -> None:
    assert address_why.lan(Lan()) == ""
    assert address_why.dhcp(Lan(), None) == ""
    assert address_why.resolver(Lan()) == ""


@pytest.mark.parametrize(
    ("offers", "words"),
    [
        ((), ["No DHCP server answered: there is none, or it only serves machines that it knows."]),
        (
            (OFFER,),
            ["The DHCP server 192.168.1.1 (MAC address f4:f2:6d:10:20:01) offered 192.168.1.137: netmask /24, router"
             " 192.168.1.1, name server 192.168.1.1, for 24 hours.",
             "An offer does not tell the range that it comes from: the router's page does."],
        ),
        ((Offer("10.0.0.1", "10.0.0.9", "aa"),), ["The DHCP server 10.0.0.1 (MAC address aa) offered 10.0.0.9: it says"
                                                 " no more."]),
        ((replace(OFFER, routers=("192.168.1.254",)),),
         ["It names the router 192.168.1.254, but the router in use is 192.168.1.1."]),
        ((OFFER, replace(OFFER, server="192.168.1.2")), ["More than one DHCP server is a mistake in most homes: find"
                                                         " out whose they are."]),
    ],
)  # fmt: skip
def test_an_offer_is_not_taken_for_a_range(offers: tuple[Offer, ...], words: list[str]) -> None:
    told = address_why.dhcp(HOME, offers).splitlines()
    assert [line for line in words if line not in told] == []


@pytest.mark.parametrize(("seconds", "words"), [(90, "90 seconds"), (600, "10 minutes"), (7200, "2 hours"),
                                                (864000, "10 days"), (0xFFFFFFFF, "49710 days")])  # fmt: skip
def test_how_long_a_lease_lasts(seconds: int, words: str) -> None:
    assert f"for {words}." in address_why.dhcp(HOME, (replace(OFFER, lease_seconds=seconds),))


TAKEN = {
    "192.168.1.137": "what DHCP offered just now",
    "192.168.1.1": "the router",
    "192.168.1.11": "the Pi atlas",
    "8.8.8.8": "elsewhere",
}


def test_a_proposal_says_why_and_what_was_left_out() -> None:
    told = address_why.pool(
        "192.168.1.0/24", "192.168.1.100-192.168.1.199", "192.168.1.240-192.168.1.249", TAKEN, (), True
    )
    assert told.splitlines() == [
        "The highest 10 in a row, from a round number where there is one, that nobody is known to have and nobody"
        " answers for: 192.168.1.240-192.168.1.249.",
        "Left out: 192.168.1.100-192.168.1.199 (DHCP), 192.168.1.1 (the router), 192.168.1.11 (the Pi atlas),"
        " 192.168.1.254 (routers often sit there).",
    ]


def test_an_unknown_range_is_said_to_be_unknown() -> None:
    told = address_why.pool(
        "192.168.1.0/24", None, "192.168.1.240-192.168.1.249", TAKEN, ("192.168.1.137",), False
    )  # fmt: skip
    assert "(nobody could be asked)" in told
    assert "Which range the router gives out is not known: look at its page on DHCP before you go on." in told
    assert "near those that it gave out (192.168.1.137) were left out too" in told


def test_many_that_are_in_use_are_counted() -> None:
    taken = {f"192.168.1.{number}": "in use" for number in range(20, 60)}
    told = address_why.pool("192.168.1.0/24", None, "192.168.1.240-192.168.1.249", taken, (), True)
    assert "192.168.1.27 (in use), 32 more that are in use, 192.168.1.1 (routers often sit there)" in told


@pytest.mark.parametrize(
    ("network", "dhcp", "words"),
    [
        ("192.168.1.0/24", "192.168.1.2-192.168.1.254", "Make that range smaller on the router's page on DHCP,"
                                                         " 192.168.1.2-192.168.1.239 for example"),
        ("192.168.1.0/29", "192.168.1.3-192.168.1.5", "nor would a smaller one leave any"),
        ("192.168.1.0/30", None, "There are no three free addresses in a row in 192.168.1.0/30"),
    ],
)  # fmt: skip
def test_where_there_is_no_room_it_says_what_would_make_some(network: str, dhcp: str | None, words: str) -> None:
    assert words in address_why.pool(network, dhcp, None, {}, (), True)


def test_another_name_server_is_pointed_out_but_not_the_clusters_own() -> None:
    home = Lan({"192.168.1.11": ATLAS}, HERE)
    assert "go on asking 192.168.1.1 and 192.168.1.53" in address_why.resolver(home)
    announced = replace(HERE, neighbours={"192.168.1.53": Neighbour(ATLAS.mac)})
    assert "192.168.1.53" not in address_why.resolver(Lan({"192.168.1.11": ATLAS}, announced))
