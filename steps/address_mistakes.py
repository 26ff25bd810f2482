"""Mistakes in the addresses, by the answers alone and beside the LAN as it was seen. Pure: told while one types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from steps.address_plan import FIXED, LEAST, TAILNET, span
from steps.lan import Lan, all_of, network_of, told
from wizard.errors import Problem
from wizard.net.dhcp import Offer
from wizard.question import Answers

MOST = 1024
SMALLEST = 29  # the prefix of a LAN that can hold a router, a Pi and three addresses

_Found = Iterator[tuple[str, str, str]]  # question, what is wrong, what to do


def by_themselves(answers: Answers) -> list[Problem]:
    """Everything wrong with the addresses as far as they are answered."""
    given = _given(answers)
    return _problems(_lan(given, answers), _dhcp(given), _pool(given, answers), _fixed(given, answers))


def beside(
    home: Lan, offers: tuple[Offer, ...], taken: Mapping[str, str], answers: Answers, settled: Mapping[str, Any]
) -> list[Problem]:
    """What in the answers does not fit the LAN. `taken` are addresses that somebody has, and whose they are; of those
    that were `settled` earlier the cluster may be the one."""
    given = _given(answers)
    own = {str(address) for address in _numbers(settled.get("pool"))}
    others = {address: whose for address, whose in taken.items() if address not in own}
    return _problems(
        _another_lan(given, home, offers), _two_servers(given, offers), _another_range(given, offers),
        _somebodys(given, home, others),
    )  # fmt: skip


def _given(answers: Answers) -> dict[str, Any]:
    return {key: value for key, value in answers.get("addresses", {}).items() if value is not None}


def _problems(*found: _Found) -> list[Problem]:
    return [Problem(f"addresses.{key}", what, fix) for each in found for key, what, fix in each]


def _numbers(text: str | None) -> list[IPv4Address]:
    if not text:
        return []
    first, last = span(text)
    return [IPv4Address(number) for number in range(int(first), int(last) + 1)]


def _pis(answers: Answers) -> list[IPv4Address]:
    return [IPv4Address(pi) for pi in answers.get("machines", {}).get("hosts") or []]


def _elsewhere(answers: Answers) -> list[tuple[str, IPv4Network]]:
    """Ranges that are used for something else, and for what."""
    cluster = answers.get("control-plane", {})
    named = [
        ("the range of the pods", cluster.get("pod_range")),
        ("the range of the services", cluster.get("service_range")),
        ("the range of every tailnet", str(TAILNET)),
    ]
    return [(name, IPv4Network(text)) for name, text in named if text]


# -- by the answers alone ----------------------------------------------------------------------------------------


def _lan(given: Mapping[str, Any], answers: Answers) -> _Found:
    if "lan" not in given:
        return
    lan = IPv4Network(given["lan"])
    if lan.is_loopback or lan.is_link_local or lan.is_multicast or not (lan.is_private or lan.overlaps(TAILNET)):
        yield "lan", f"{lan} is not a home network's range", "Those begin with 192.168., 10., or 172.16. to 172.31."
    elif lan.prefixlen > SMALLEST:
        yield "lan", f"{lan} has too few addresses", f"A /{SMALLEST} is the smallest that a cluster fits into."
    for name, other in _elsewhere(answers):
        if lan.overlaps(other):
            yield "lan", f"{lan} overlaps {name} ({other})", "Give the LAN's own range, or other ones for those."
    for pi in _pis(answers):
        if pi not in lan:
            yield "lan", f"the Pi {pi} is not inside {lan}", "Give the range that the router and all Pis share."
        elif pi in (lan.network_address, lan.broadcast_address):
            yield "lan", f"the Pi {pi} would be {_edge(pi, lan)} of {lan}", "Give the range as the Pis have it."


def _edge(address: IPv4Address, lan: IPv4Network) -> str:
    return "the network address" if address == lan.network_address else "the broadcast address"


def _dhcp(given: Mapping[str, Any]) -> _Found:
    if "dhcp_range" in given and "lan" in given:
        lan, (first, last) = IPv4Network(given["lan"]), span(given["dhcp_range"])
        if first not in lan or last not in lan:
            fix = "The router's page on DHCP shows it."
            yield "dhcp_range", f"{given['dhcp_range']} is not inside the LAN {lan}", fix


def _pool(given: Mapping[str, Any], answers: Answers) -> _Found:
    if "pool" not in given:
        return
    first, last = span(given["pool"])
    count = int(last) - int(first) + 1
    if count < LEAST:
        yield "pool", "it must hold at least three addresses", "Internal, external and DNS take one each."
    if count > MOST:
        yield "pool", f"it holds {count} addresses, more than {MOST}", "Ten are plenty for a home."
    yield from _outside("pool", given["pool"], first, last, given, answers)
    if "dhcp_range" in given:
        low, high = span(given["dhcp_range"])
        if first <= high and last >= low:
            fix = "Choose addresses outside it, or make the router's DHCP range smaller."
            yield "pool", f"it overlaps the router's DHCP range {given['dhcp_range']}", fix
    for pi in _pis(answers):
        if first <= pi <= last:
            yield "pool", f"it holds the Pi {pi}", "Choose addresses that no machine has."


def _outside(
    key: str, text: str, first: IPv4Address, last: IPv4Address, given: Mapping[str, Any], answers: Answers
) -> _Found:
    """Addresses that are none of the LAN's own, and what they are instead."""
    lan = IPv4Network(given["lan"]) if "lan" in given else None
    other = next((f"{name} ({net})" for name, net in _elsewhere(answers) if first <= net[-1] and last >= net[0]), "")
    if other:
        yield key, f"{text} is in {other}", "Choose addresses of the LAN."
    elif lan and (first not in lan or last not in lan):
        yield key, f"{text} is not inside the LAN {lan}", "Choose addresses that the LAN can reach."
    elif lan:
        for edge in (lan.network_address, lan.broadcast_address):
            if first <= edge <= last:
                yield key, f"{edge} is {_edge(edge, lan)} of the LAN, which no machine may have", "Leave it out."


def _fixed(given: Mapping[str, Any], answers: Answers) -> _Found:
    for number, key in enumerate(FIXED):
        if key not in given:
            continue
        address = IPv4Address(given[key])
        if "pool" in given:
            first, last = span(given["pool"])
            if not first <= address <= last:
                yield key, f"{address} is not inside the pool {given['pool']}", "Choose one of the pool's addresses."
        else:
            yield from _outside(key, str(address), address, address, given, answers)
        if address in _pis(answers):
            yield key, f"{address} is a Pi's own address", "Choose an address that no machine has."
        for other in FIXED[:number]:
            if given.get(other) == given[key]:
                yield key, f"{address} is also the {other.replace('_', ' ')}", "Each of the three needs its own."


# -- beside the LAN ----------------------------------------------------------------------------------------------


def _another_lan(given: Mapping[str, Any], home: Lan, offers: tuple[Offer, ...]) -> _Found:
    if "lan" not in given:
        return
    lan = IPv4Network(given["lan"])
    networks = home.networks
    if len(networks) == 1 and lan not in networks:
        (network, names), *_ = networks.items()
        yield "lan", f"{all_of(names)} {_are(names)} in {network}, not in {lan}", (
            f"Give {network}. Where that is wrong, correct the netmask on the Pis or in the router's DHCP settings."
        )  # fmt: skip
    elif networks and lan not in networks:
        yield "lan", f"no Pi is in {lan}: {told(networks)}", "Give the range that the router and all Pis share."
    for offer in offers:
        if offer.network and offer.network != lan and lan in networks:
            yield "lan", f"the DHCP server {offer.server} puts its clients into {offer.network}, not into {lan}", (
                "Correct the netmask in the router's DHCP settings, or find out whose DHCP server that is."
            )  # fmt: skip
    for place in home.places:
        for card in place.others:
            network = network_of(card)
            if network.subnet_of(lan) and network != lan and network.prefixlen < 32:
                yield "lan", f"{network}, the network of {card.interface} on {place.name}, is a part of {lan}", (
                    "Give that one another range: it hides the LAN's own machines there."
                )  # fmt: skip


def _are(names: list[str]) -> str:
    return "are" if len(names) > 1 else "is"


def _two_servers(given: Mapping[str, Any], offers: tuple[Offer, ...]) -> _Found:
    servers = {offer.server: offer.mac for offer in offers}
    if given.get("dhcp_look") and len(servers) > 1:
        which = all_of([f"{server} (MAC address {mac})" for server, mac in servers.items()])
        yield "dhcp_look", f"{len(servers)} DHCP servers answer on the LAN: {which}", (
            "Switch one of them off, since each may give away what the other has given. Where both are wanted and have "
            "shared the LAN out, set addresses.dhcp_look to no."
        )  # fmt: skip


def _another_range(given: Mapping[str, Any], offers: tuple[Offer, ...]) -> _Found:
    if "dhcp_range" in given:
        first, last = span(given["dhcp_range"])
        for offer in offers:
            if not first <= IPv4Address(offer.address) <= last:
                yield "dhcp_range", f"{offer.address}, which {offer.server} offered just now, is not in it", (
                    "Look at the router's page on DHCP again: the whole range is needed."
                )  # fmt: skip


def _somebodys(given: Mapping[str, Any], home: Lan, taken: Mapping[str, str]) -> _Found:
    """Addresses of the pool that are out of reach of a Pi, or somebody's."""
    if "pool" not in given:
        return
    pool = _numbers(given["pool"])
    for network, names in home.networks.items():
        if not (pool[0] in network and pool[-1] in network):
            yield "pool", f"{all_of(names)} {_are(names)} in {network}, and {given['pool']} is not inside that", (
                "Choose addresses that are in every Pi's own network."
            )  # fmt: skip
    for address in map(str, pool[:MOST]):
        if address in taken:
            yield "pool", f"{address} is {taken[address]}", "Choose addresses that nobody has."
