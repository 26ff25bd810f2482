"""Which addresses the cluster takes on the LAN: what is proposed. Pure arithmetic, nothing is sent."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from ipaddress import IPv4Address, IPv4Network

TAILNET = IPv4Network("100.64.0.0/10")  # every tailnet's own range
POOL_SIZE, LEAST = 10, 3
NEAR = 32  # how far from an address that DHCP gave out its range is taken to reach, where nobody has told it
FIXED = ("internal_address", "external_address", "dns_address")

Span = tuple[int, int]  # first and last address, as numbers


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


def propose(lan: str, dhcp_range: str | None, avoid: Iterable[str], given: Iterable[str] = ()) -> str | None:
    """The highest block of the LAN that is free of DHCP, of the usual routers and of `avoid`; None when there is none.

    Ten addresses, fewer in a small LAN, at least three. `given` are addresses that DHCP has given out, where its range
    is not known: the block keeps away from them as far as there is room.
    """
    network = IPv4Network(lan)
    fixed = [IPv4Address(address) for address in avoid] + list(usual_routers(network))
    taken = [(int(address), int(address)) for address in fixed]
    if dhcp_range:
        taken.append((int(span(dhcp_range)[0]), int(span(dhcp_range)[1])))
    wanted = min(POOL_SIZE, max(LEAST, network.num_addresses // 4))
    points = [] if dhcp_range else [int(IPv4Address(address)) for address in given]
    far = min(NEAR, network.num_addresses // 8)
    for radius, least in ((far, max(LEAST, wanted // 2)), (far // 4, max(LEAST, wanted // 2)), (0, LEAST)):
        around = [(point - radius, point + radius) for point in points]
        for size in range(wanted, least - 1, -1):
            if (start := _start(network, [*taken, *around], size)) is not None:
                return f"{IPv4Address(start)}-{IPv4Address(start + size - 1)}"
    return None


def _start(network: IPv4Network, taken: list[Span], size: int) -> int | None:
    """Where the highest free block of `size` begins: at a multiple of ten, easier to remember, where there is one."""
    for low, high in _free(network, taken):
        start = high - size + 1
        start -= (start & 0xFF) % 10
        if start >= low:
            return start
    return next((high - size + 1 for low, high in _free(network, taken) if high - size + 1 >= low), None)


def _free(network: IPv4Network, taken: list[Span]) -> Iterator[Span]:
    """What is left of the network, the highest first, in pieces that hold no address ending in .0 or .255.

    Those are addresses like others in a network larger than a /24; some devices believe they are not.
    """
    low, high = int(network.network_address) + 1, int(network.broadcast_address) - 1
    for first, last in sorted(taken, key=lambda each: each[1], reverse=True):
        if low <= last < high:
            yield from _pieces(last + 1, high)
        if last >= low:
            high = min(high, first - 1)
    yield from _pieces(low, high)


def _pieces(low: int, high: int) -> Iterator[Span]:
    while low <= high:
        block = high & ~0xFF
        if max(low, block + 1) <= min(high, block + 254):
            yield max(low, block + 1), min(high, block + 254)
        high = block - 1


def shrunk(lan: str, dhcp_range: str, avoid: Iterable[str]) -> str | None:
    """A smaller DHCP range that leaves room for a pool; None where even that does not help."""
    block = propose(lan, None, avoid)
    if block is None:
        return None
    (low, high), (first, last) = span(dhcp_range), span(block)
    below, above = (low, first - 1), (last + 1, high)
    start, end = max((below, above), key=lambda each: int(each[1]) - int(each[0]))
    return f"{start}-{end}" if start <= end else None


def nth_of_pool(pool: str | None, number: int, taken: Collection[str] = ()) -> str | None:
    """The address at `number` (from 0) among those of the pool that are not in `taken`; None when there are too few."""
    free = [address for address in members(pool) if address not in taken] if pool else []
    return free[number] if number < len(free) else None
