"""Which addresses the cluster takes on the LAN: proposals and mistakes. Pure arithmetic, nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from ipaddress import IPv4Address, IPv4Network
from typing import Any

from wizard.errors import Problem
from wizard.question import Answers

TAILNET = IPv4Network("100.64.0.0/10")  # every tailnet's own range
POOL_SIZE = 10
FIXED = ("internal_address", "external_address", "dns_address")


def span(text: str) -> tuple[IPv4Address, IPv4Address]:
    """First and last address of a range such as ``192.168.1.240-192.168.1.249``."""
    first, _, last = text.partition("-")
    return IPv4Address(first), IPv4Address(last)


def members(text: str) -> list[str]:
    """Every address of a range."""
    first, last = span(text)
    return [str(IPv4Address(number)) for number in range(int(first), int(last) + 1)]


def usual_routers(lan: IPv4Network) -> set[IPv4Address]:
    """Where home routers sit: the first and the last address that a host may have."""
    return {lan.network_address + 1, lan.broadcast_address - 1}


def _blocks(lan: IPv4Network, size: int) -> Iterator[range]:
    """Blocks of `size`, the highest first; those that begin at a multiple of ten are easier to remember."""
    low, high = int(lan.network_address) + 1, int(lan.broadcast_address) - 1
    starts = range(high - size + 1, low - 1, -1)
    yield from (range(start, start + size) for start in starts if (start & 0xFF) % 10 == 0)
    yield from (range(start, start + size) for start in starts)


def propose(lan: str, dhcp_range: str | None, avoid: Iterable[str]) -> str | None:
    """The highest block of the LAN that is free of DHCP, of the usual routers and of `avoid`; None when there is none.

    Ten addresses, fewer in a small LAN, at least three.
    """
    network = IPv4Network(lan)
    taken = {int(IPv4Address(address)) for address in avoid} | {int(a) for a in usual_routers(network)}
    dhcp = span(dhcp_range) if dhcp_range else None
    for size in range(min(POOL_SIZE, max(3, network.num_addresses // 4)), 2, -1):
        for block in _blocks(network, size):
            in_dhcp = dhcp and block[0] <= int(dhcp[1]) and block[-1] >= int(dhcp[0])
            if not in_dhcp and not taken.intersection(block):
                return f"{IPv4Address(block[0])}-{IPv4Address(block[-1])}"
    return None


def nth_of_pool(pool: str | None, number: int, taken: Collection[str] = ()) -> str | None:
    """The address at `number` (from 0) among those of the pool that are not in `taken`; None when there are too few."""
    free = [address for address in members(pool) if address not in taken] if pool else []
    return free[number] if number < len(free) else None


def mistakes(answers: Answers) -> list[Problem]:
    """Everything wrong with the addresses as far as they are answered."""
    given = {key: value for key, value in answers.get("addresses", {}).items() if value is not None}
    found = [*_lan_mistakes(given, answers), *_pool_mistakes(given), *_clashes(given, answers), *_fixed_mistakes(given)]
    return [Problem(f"addresses.{key}", what, fix) for key, what, fix in found]


_Found = Iterator[tuple[str, str, str]]


def _lan_mistakes(given: Mapping[str, Any], answers: Answers) -> _Found:
    if "lan" not in given:
        return
    lan = IPv4Network(given["lan"])
    cluster = answers.get("control-plane", {})
    others = [
        ("the range of the pods", cluster.get("pod_range")),
        ("the range of the services", cluster.get("service_range")),
        ("the range of every tailnet", str(TAILNET)),
    ]
    for name, text in others:
        if text and lan.overlaps(IPv4Network(text)):
            yield "lan", f"{lan} overlaps {name} ({text})", "Give the LAN's own range, or choose another one for those."
    for node in answers.get("machines", {}).get("hosts") or []:
        if IPv4Address(node) not in lan:
            yield "lan", f"the Pi {node} is not inside {lan}", "Give the range that the router and the Pis share."
    if "dhcp_range" in given and not _inside(given["dhcp_range"], lan):
        yield "dhcp_range", f"{given['dhcp_range']} is not inside the LAN {lan}", "The router's page on DHCP shows it."


def _pool_mistakes(given: Mapping[str, Any]) -> _Found:
    if "pool" not in given:
        return
    first, last = span(given["pool"])
    if "lan" in given:
        lan = IPv4Network(given["lan"])
        if not _inside(given["pool"], lan):
            yield "pool", f"{given['pool']} is not inside the LAN {lan}", "Choose addresses that the LAN can reach."
        elif lan.network_address == first or lan.broadcast_address == last:
            yield "pool", "its first or last address belongs to the LAN itself", "Leave that one out."
    if int(last) - int(first) < 2:
        yield "pool", "it must hold at least three addresses", "Internal, external and DNS take one each."
    if int(last) - int(first) > 1023:
        yield "pool", "it holds more than 1024 addresses", "Ten are plenty for a home."


def _clashes(given: Mapping[str, Any], answers: Answers) -> _Found:
    if "pool" not in given:
        return
    first, last = span(given["pool"])
    if "dhcp_range" in given:
        low, high = span(given["dhcp_range"])
        if first <= high and last >= low:
            fix = "Choose addresses outside it, or make the router's DHCP range smaller."
            yield "pool", f"it overlaps the router's DHCP range {given['dhcp_range']}", fix
    for node in answers.get("machines", {}).get("hosts") or []:
        if first <= IPv4Address(node) <= last:
            yield "pool", f"it holds the Pi {node}", "Choose addresses that no machine has."


def _fixed_mistakes(given: Mapping[str, Any]) -> _Found:
    for number, key in enumerate(FIXED):
        if key not in given:
            continue
        if "pool" in given:
            first, last = span(given["pool"])
            if not first <= IPv4Address(given[key]) <= last:
                yield key, f"{given[key]} is not inside the pool {given['pool']}", "Choose one of the pool's addresses."
        for other in FIXED[:number]:
            if given.get(other) == given[key]:
                yield key, f"{given[key]} is also the {other.replace('_', ' ')}", "Each of the three needs its own."


def _inside(text: str, lan: IPv4Network) -> bool:
    first, last = span(text)
    return first in lan and last in lan
