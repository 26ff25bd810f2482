"""The LAN as the kernels and DHCP clients of the Pis and of this computer know it. Pure: their texts are read here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from wizard.host import facts as read
from wizard.host.facts import Address
from wizard.net import dhcp, neighbours
from wizard.net.dhcp import Offer
from wizard.net.neighbours import Neighbour


@dataclass(frozen=True)
class Place:
    """One machine's place in its networks."""

    name: str
    card: Address | None = None  # with which it is in the LAN; None where a router lies between, or it can't be told
    others: tuple[Address, ...] = ()  # its other cards
    mac: str = ""  # of `card`
    macs: frozenset[str] = frozenset()
    gateways: tuple[str, ...] = ()
    resolvers: tuple[str, ...] = ()
    neighbours: Mapping[str, Neighbour] = field(default_factory=dict)  # by address; `settled`: heard of just now
    lease: Offer | None = None
    ipv6: tuple[str, ...] = ()  # global addresses

    @property
    def network(self) -> IPv4Network | None:
        return network_of(self.card) if self.card else None


@dataclass(frozen=True)
class Lan:
    """The LAN, seen from the Pis (by address) and from this computer."""

    pis: Mapping[str, Place] = field(default_factory=dict)
    here: Place | None = None

    @property
    def places(self) -> list[Place]:
        return [*self.pis.values(), *([self.here] if self.here else [])]

    @property
    def networks(self) -> dict[IPv4Network, list[str]]:
        """The networks that the Pis say they are in, and the Pis of each; the first Pi's network comes first."""
        found: dict[IPv4Network, list[str]] = {}
        for each in self.pis.values():
            if each.network:
                found.setdefault(each.network, []).append(each.name)
        return found

    @property
    def owners(self) -> dict[str, str]:
        """Whose a MAC address is, for those of the Pis."""
        return {mac: each.name for each in self.pis.values() for mac in each.macs}

    def taken(self, offers: tuple[Offer, ...] = ()) -> dict[str, str]:
        """Addresses that are somebody's already, and whose, as far as it is known without asking."""
        found: dict[str, str] = {}
        announced = self.announced
        for address, whose in (*self._machines(), *self._by_dhcp(offers), *self._heard()):
            if address and address not in announced:
                found.setdefault(address, whose)
        return found

    @property
    def announced(self) -> set[str]:
        """Addresses that a Pi answers for and does not have: the cluster's own doing."""
        own = {card.ip for pi in self.pis.values() for card in (pi.card, *pi.others) if card}
        heard = {address for each in self.places for address, one in each.neighbours.items() if one.mac in self.owners}
        return heard - own

    def _machines(self) -> Iterator[tuple[str, str]]:
        for each in self.places:
            yield from ((card.ip, f"{each.name}'s own address") for card in (each.card, *each.others) if card)
        yield from ((address, "the router") for address in self.gateways)
        yield from ((address, f"the name server of {names[0]}") for address, names in self.resolvers.items())

    def _by_dhcp(self, offers: tuple[Offer, ...]) -> Iterator[tuple[str, str]]:
        for offer in (*self.leases, *offers):
            yield offer.server, "the DHCP server"
            yield from ((address, "the router that DHCP names") for address in offer.routers)
            yield from ((address, "the name server that DHCP names") for address in offer.resolvers)
        yield from ((offer.address, "what DHCP offered just now, so it lies in the DHCP range") for offer in offers)

    def _heard(self) -> Iterator[tuple[str, str]]:
        for each in self.places:
            for address, one in each.neighbours.items():
                if one.settled and one.mac not in self.owners:
                    yield address, f"in use: {each.name} has just heard of the MAC address {one.mac} there"

    @property
    def gateways(self) -> dict[str, list[str]]:
        """The default routers, and who uses each."""
        return _users((gateway, each.name) for each in self.places for gateway in each.gateways)

    @property
    def resolvers(self) -> dict[str, list[str]]:
        """The name servers, and who uses each."""
        return _users((resolver, each.name) for each in self.places for resolver in each.resolvers)

    @property
    def leases(self) -> tuple[Offer, ...]:
        """What DHCP gave to the Pis and to this computer."""
        return tuple(each.lease for each in self.places if each.lease)

    @property
    def given(self) -> tuple[str, ...]:
        """Addresses that DHCP gave to somebody."""
        dynamic = (each.card.ip for each in self.places if each.card and each.card.dynamic)
        return tuple(dict.fromkeys([*(lease.address for lease in self.leases), *dynamic]))


def network_of(card: Address) -> IPv4Network:
    return IPv4Network(f"{card.ip}/{card.prefix}", strict=False)


def told(networks: Mapping[IPv4Network, list[str]]) -> str:
    """``atlas and boreas (192.168.1.0/24), castor (192.168.2.0/24)``."""
    return ", ".join(f"{all_of(names)} ({network})" for network, names in networks.items())


def all_of(names: Iterable[str]) -> str:
    """``atlas, boreas and castor``."""
    *most, last = names
    return f"{', '.join(most)} and {last}" if most else last


def _users(pairs: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address, name in pairs:
        found.setdefault(address, []).append(name)
    return found


# -- reading -----------------------------------------------------------------------------------------------------


def read_place(name: str, output: str, address: str = "") -> Place:
    """What the script ``addresses/look`` printed. `address` is the machine's own in the LAN; where it is not known it
    is the one from which the machine would reach the LAN. Pure; never raises."""
    raw = read.sections(output)
    cards = read.read_addresses(raw.get("address", ""))
    own = address or _on_link_from(raw.get("way", ""))
    card = next((each for each in cards if each.ip == own), None)
    network, links = (network_of(card) if card else None), raw.get("link", "")
    leases = (*_by_network_manager(raw.get("leases", "")), *_by_networkd(raw.get("leases", "")))
    return Place(
        name, card, tuple(each for each in cards if each != card),
        read.read_mac(links, card.interface) if card else "",
        frozenset(re.findall(r"link/ether ([0-9a-f:]{17})", links)),
        _inside(network, re.findall(r"^default via ([\d.]+)", raw.get("route", ""), re.M)),
        _inside(network, re.findall(r"^nameserver\s+([\d.]+)\s*$", raw.get("resolvers", ""), re.M)),
        {ip: one for ip, one in _neighbours(raw.get("neighbours", "")).items() if one.mac and _inside(network, [ip])},
        next((lease for lease in leases if card and lease.address == card.ip), None),
        tuple(re.findall(r"inet6 ([0-9a-f:]+/\d+)", raw.get("address6", ""))),
    )  # fmt: skip


def _neighbours(text: str) -> dict[str, Neighbour]:
    try:
        return neighbours.read_ip_neigh(text)
    except (ValueError, AttributeError, TypeError):  # cut short, or something else
        return {}


def _on_link_from(way: str) -> str:
    """This computer's address in the LAN, from ``ip route get PI``; empty when a router lies between."""
    first = way.strip().partition("\n")[0]
    found = re.search(r"\bsrc ([\d.]+)", first)
    return found[1] if found and " via " not in first else ""


def _inside(network: IPv4Network | None, addresses: list[str]) -> tuple[str, ...]:
    """Those of `addresses` that are in the LAN, each once."""
    return tuple(dict.fromkeys(each for each in addresses if network and _valid(each) and IPv4Address(each) in network))


def _valid(address: str) -> bool:
    try:
        IPv4Address(address)
    except ValueError:
        return False
    return True


def _by_network_manager(text: str) -> list[Offer]:
    """Leases out of ``nmcli -t -f DHCP4 device show``: each device's options begin at number 1 again."""
    found: list[dict[str, str]] = []
    for number, key, value in re.findall(r"^DHCP4\.OPTION\[(\d+)\]:(\w+) = (.*)$", text, re.M):
        if number == "1" or not found:
            found.append({})
        found[-1][key] = value.replace("\\:", ":")
    return [
        _lease(each, "dhcp_server_identifier", "ip_address", "subnet_mask", "routers", "domain_name_servers",
               "dhcp_lease_time")
        for each in found
    ]  # fmt: skip


def _by_networkd(text: str) -> list[Offer]:
    """Leases out of systemd-networkd's files, each of which begins by ADDRESS."""
    parts = re.split(r"^(?=ADDRESS=)", text, flags=re.M)[1:]
    keys = ("SERVER_ADDRESS", "ADDRESS", "NETMASK", "ROUTER", "DNS", "LIFETIME")
    return [_lease(read.read_pairs(part), *keys) for part in parts]


def _lease(
    pairs: Mapping[str, str], server: str, address: str, mask: str, routers: str, resolvers: str, seconds: str
) -> Offer:
    def listed(key: str) -> tuple[str, ...]:
        return tuple(word for word in pairs.get(key, "").split() if _valid(word))

    return Offer(
        next(iter(listed(server)), ""), next(iter(listed(address)), ""), "", dhcp.prefix_of(pairs.get(mask, "")),
        listed(routers), listed(resolvers), read.read_number(pairs.get(seconds, "")),
    )  # fmt: skip
