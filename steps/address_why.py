"""What a person is told about the LAN and about a proposal: why these addresses, and what was left out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network

from steps import address_plan
from steps.lan import Lan, Place, all_of, told
from wizard.net.dhcp import Offer

SHOWN = 8  # addresses that are named one by one
RANGE_UNKNOWN = "Which range the router gives out is not known: look at its page on DHCP before you go on."


def lan(home: Lan) -> str:
    """The LAN as its machines see it."""
    lines = []
    if networks := home.networks:
        odd = " These do not agree: one of the netmasks is wrong." if len(networks) > 1 else ""
        lines.append(f"In the LAN are {told(networks)}.{odd}")
    if home.here:
        own = home.here.card
        lines.append(
            f"This computer is in it too, as {own.ip} ({own.interface})." if own
            else "This computer is not in it: a router lies between."
        )  # fmt: skip
    if home.gateways:
        lines.append(f"The router{'s are' if len(home.gateways) > 1 else ' is'} {all_of(home.gateways)}.")
    lines += [_resolver(address, users, address in home.gateways) for address, users in home.resolvers.items()]
    if leased := [place for place in home.pis.values() if place.lease or (place.card and place.card.dynamic)]:
        lines.append(_leases(leased))
    prefixes = sorted({address for place in home.pis.values() for address in place.ipv6})
    if prefixes:
        lines.append(
            f"There is IPv6 too ({prefixes[0]}). The cluster's addresses are IPv4 only: a device that is told a name"
            " server by IPv6 does not ask the cluster's."
        )
    return "\n".join(lines)


def _resolver(address: str, users: list[str], router: bool) -> str:
    if router:
        return f"The router {address} is the name server of {all_of(users)}."
    return f"A name server is in the LAN already: {address}, which {all_of(users)} {'use' if users[1:] else 'uses'}."


def _leases(pis: Sequence[Place]) -> str:
    servers = dict.fromkeys(place.lease.server for place in pis if place.lease and place.lease.server)
    by = f" from {all_of(servers)}" if servers else ""
    names = all_of([place.name for place in pis])
    return f"{names} got {'their addresses' if pis[1:] else 'its address'} by DHCP{by}: reserve them in the router."


def dhcp(home: Lan, offers: tuple[Offer, ...] | None) -> str:
    """What DHCP offered, and what that does not tell. Empty where nobody was asked."""
    if offers is None:
        return ""
    if not offers:
        return "No DHCP server answered: there is none, or it only serves machines that it knows."
    lines = [_offer(offer) for offer in offers]
    for router in dict.fromkeys(router for offer in offers for router in offer.routers):
        if home.gateways and router not in home.gateways:
            lines.append(f"It names the router {router}, but the router in use is {all_of(home.gateways)}.")
    if len(offers) > 1:
        lines.append("More than one DHCP server is a mistake in most homes: find out whose they are.")
    return "\n".join([*lines, "An offer does not tell the range that it comes from: the router's page does."])


def _offer(offer: Offer) -> str:
    about = filter(None, [
        f"netmask /{offer.prefix}" if offer.prefix else "",
        f"router{_s(offer.routers)} {all_of(offer.routers)}" if offer.routers else "",
        f"name server{_s(offer.resolvers)} {all_of(offer.resolvers)}" if offer.resolvers else "",
        f"for {_period(offer.lease_seconds)}" if offer.lease_seconds else "",
    ])  # fmt: skip
    server = f"The DHCP server {offer.server} (MAC address {offer.mac})"
    return f"{server} offered {offer.address}: {', '.join(about) or 'it says no more'}."


def _s(several: Sequence[str]) -> str:
    return "s" if several[1:] else ""


def _period(seconds: int) -> str:
    for unit, size in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} seconds"


def pool(
    network: str,
    dhcp_range: str | None,
    proposed: str | None,
    taken: Mapping[str, str],
    given: tuple[str, ...],
    asked: bool,
) -> str:
    """Why `proposed` is proposed; where it is None, why nothing is and what would help. `asked`: by ARP, there."""
    if proposed is None:
        return _no_room(network, dhcp_range, taken)
    count = len(address_plan.members(proposed))
    lines = [
        f"The highest {count} in a row, from a round number where there is one, that nobody is known to have"
        f" {'and nobody answers for' if asked else '(nobody could be asked)'}: {proposed}."
    ]
    lines.append(f"Left out: {_left_out(IPv4Network(network), dhcp_range, taken)}.")
    if not dhcp_range:
        near = f" Addresses near those that it gave out ({', '.join(given)}) were left out too." if given else ""
        lines.append(f"{RANGE_UNKNOWN}{near}")
    return "\n".join(lines)


def _left_out(network: IPv4Network, dhcp_range: str | None, taken: Mapping[str, str]) -> str:
    parts = [f"{dhcp_range} (DHCP)"] if dhcp_range else []
    first, last = address_plan.span(dhcp_range) if dhcp_range else (network[-1], network[0])
    known = sorted(each for each in map(IPv4Address, taken) if each in network and not first <= each <= last)
    parts += [f"{address} ({taken[str(address)]})" for address in known[:SHOWN]]
    parts += [f"{len(known) - SHOWN} more that are in use"] if known[SHOWN:] else []
    usual = [str(each) for each in sorted(address_plan.usual_routers(network)) if each not in known]
    return ", ".join([*parts, *(f"{address} (routers often sit there)" for address in usual)])


def _no_room(network: str, dhcp_range: str | None, taken: Mapping[str, str]) -> str:
    if not dhcp_range:
        return f"There are no three free addresses in a row in {network}. Give other machines other addresses first."
    smaller = address_plan.shrunk(network, dhcp_range, taken)
    if not smaller:
        return f"Outside the DHCP range there is no room in {network}, nor would a smaller one leave any."
    return (
        f"The router gives out {dhcp_range} by DHCP, which leaves no three addresses free. Make that range smaller on"
        f" the router's page on DHCP, {smaller} for example, then go back and give that. A device that has an address"
        " beyond it gets another one when its lease ends."
    )


def fixed(address: str | None, first: bool) -> str:
    """Why an address of the pool is proposed."""
    if address is None:
        return "The pool has no free address left."
    return f"{address} is the {'first' if first else 'next'} address of the pool; nobody is known to have it."


def resolver(home: Lan) -> str:
    """What is to be known before another name server comes into the LAN."""
    others = [address for address in home.resolvers if address not in home.announced]
    if not others:
        return ""
    return f"Your devices go on asking {all_of(others)} until the router names this one."
