"""The address plan: what MetalLB may give, who wants which address, and that none is wanted twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from steps.gitops.tree import Finding, Object, Tree, get, items, mapping, texts

WANTED = ("metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs")
SHARED = ("metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip")
Address = IPv4Address | IPv6Address


@dataclass(frozen=True, eq=False)
class Range:
    """A range of a pool, and where it is written."""

    pool: Object
    way: tuple[str | int, ...]
    text: str
    first: Address
    last: Address

    def __contains__(self, address: Address) -> bool:
        return self.first.version == address.version and int(self.first) <= int(address) <= int(self.last)


@dataclass(frozen=True, eq=False)
class Wish:
    """An address that a Service asks for. `shared` is the key of those that may have the same one."""

    one: Object
    way: tuple[str | int, ...]
    text: str
    shared: str = ""

    @property
    def address(self) -> Address | None:
        return parsed(self.text)


def parsed(text: str) -> Address | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def ranges(tree: Tree) -> Iterator[Range | Finding]:
    """Every range of every pool; a finding for one that can't be read."""
    for pool in tree.of("IPAddressPool", "metallb.io"):
        for number, entry in enumerate(texts(pool.spec.get("addresses"))):
            way = ("spec", "addresses", number)
            if "${" in entry:
                continue
            if (ends := _ends(entry)) is None:
                fix = "Write FIRST-LAST or NETWORK/BITS."
                yield pool.finding("pool-range", way, f"{entry} is no range of addresses", fix)
            else:
                yield Range(pool, way, entry, *ends)


def _ends(text: str) -> tuple[Address, Address] | None:
    try:
        if "/" in text:
            network = ip_network(text.strip(), strict=False)
            return network[0], network[-1]
        first, _, last = text.partition("-")
        ends = ip_address(first.strip()), ip_address(last.strip())
        return ends if int(ends[0]) <= int(ends[1]) and ends[0].version == ends[1].version else None
    except ValueError:
        return None


def wishes(tree: Tree) -> Iterator[Wish]:
    for one in tree.of("Service"):
        notes = mapping(one.meta.get("annotations"))
        shared = next((str(notes[key]) for key in SHARED if notes.get(key)), "")
        yield from _wish(one, ("metadata", "annotations"), notes, shared)
        if text := one.spec.get("loadBalancerIP"):
            yield Wish(one, ("spec", "loadBalancerIP"), str(text), shared)
    for one in tree.of("HelmRelease"):
        yield from _in_values(one, one.spec.get("values"), ("spec", "values"))


def _in_values(one: Object, values: Any, way: tuple[str | int, ...]) -> Iterator[Wish]:
    """Annotations and `loadBalancerIP` anywhere in a chart's values."""
    for key, value in mapping(values).items():
        if key == "annotations" and isinstance(value, dict):
            shared = next((str(value[name]) for name in SHARED if value.get(name)), "")
            yield from _wish(one, (*way, key), value, shared)
        elif key == "loadBalancerIP" and isinstance(value, str) and value:
            yield Wish(one, (*way, key), value)
        else:
            yield from _in_values(one, value, (*way, key))


def _wish(one: Object, way: tuple[str | int, ...], notes: Any, shared: str) -> Iterator[Wish]:
    for key in WANTED:
        for text in str(notes.get(key) or "").split(","):
            if text.strip() and "${" not in text:
                yield Wish(one, (*way, key), text.strip(), shared)


def in_pool(tree: Tree) -> Iterator[Finding]:
    found = list(ranges(tree))
    pools = [one for one in found if isinstance(one, Range)]
    yield from (one for one in found if isinstance(one, Finding))
    hidden = any("${" in entry for one in tree.of("IPAddressPool") for entry in texts(one.spec.get("addresses")))
    for wish in wishes(tree) if pools and not hidden else ():
        if wish.address is None:
            yield wish.one.finding("address-form", wish.way, f"{wish.text} is no address", "Write it as 192.168.1.50.")
        elif not any(wish.address in pool for pool in pools):
            what = f"the address {wish.text} is in no pool ({', '.join(pool.text for pool in pools)})"
            fix = "MetalLB would never give it: choose one of a pool's."
            yield wish.one.finding("address-outside", wish.way, what, fix)


def each_once(tree: Tree) -> Iterator[Finding]:
    seen: dict[str, Wish] = {}
    for wish in wishes(tree):
        other = seen.setdefault(wish.text, wish)
        together = wish.shared and wish.shared == other.shared
        same = other.one is wish.one and wish.one.kind == "Service"  # in both spellings
        if other is not wish and not together and not same:
            what = f"the address {wish.text} is also wanted by {other.one.name} in {other.one.file}"
            yield wish.one.finding("address-twice", wish.way, what, "Give each its own, or leave one out.")


def pools_apart(tree: Tree) -> Iterator[Finding]:
    pools = [one for one in ranges(tree) if isinstance(one, Range)]
    for number, one in enumerate(pools):
        for other in pools[:number]:
            if one.first in other or other.first in one:
                what = f"{one.text} overlaps {other.text} of {other.pool.name}"
                yield one.pool.finding("pool-overlap", one.way, what, "MetalLB refuses pools that overlap.")


def pools_announced(tree: Tree) -> Iterator[Finding]:
    """A pool that nobody announces gives addresses that nobody answers for."""
    pools = {one.name: one for one in tree.of("IPAddressPool", "metallb.io")}
    spoken = [*tree.of("L2Advertisement", "metallb.io"), *tree.of("BGPAdvertisement", "metallb.io")]
    for one in spoken:
        for number, name in enumerate(texts(one.spec.get("ipAddressPools"))):
            if name not in pools and not tree.unseen and "${" not in name:
                fix = f"Known: {', '.join(sorted(pools)) or 'none'}."
                yield one.finding("pool-missing", ("spec", "ipAddressPools", number), f"there is no pool {name}", fix)
    every = any(not one.spec.get("ipAddressPools") or one.spec.get("ipAddressPoolSelectors") for one in spoken)
    named = {name for one in spoken for name in texts(one.spec.get("ipAddressPools"))}
    for name, pool in pools.items():
        if not every and name not in named and not tree.unseen and not any("${" in one for one in named):
            fix = "Add an L2Advertisement that names it."
            yield pool.finding("pool-silent", ("metadata", "name"), "nothing announces its addresses", fix)


def words_of_today(tree: Tree) -> Iterator[Finding]:
    """Annotations that MetalLB still reads, with a warning; both spellings at once it refuses."""
    for one in (*tree.of("Service"), *tree.of("HelmRelease")):
        yield from _old_words(one, one.body, ())


def _old_words(one: Object, body: Any, way: tuple[str | int, ...]) -> Iterator[Finding]:
    if isinstance(body, list):
        for number, value in items(body):
            yield from _old_words(one, value, (*way, number))
    for key, value in mapping(body).items():
        new = key.replace("metallb.universe.tf/", "metallb.io/")
        if new != key:
            said = "and its new spelling are both set" if new in mapping(body) else "is the old spelling"
            yield one.finding("annotation-old", (*way, key), f"{key} {said}", f"Write {new} only.")
        else:
            yield from _old_words(one, value, (*way, key))


def traffic(tree: Tree) -> Iterator[Finding]:
    """An address is only asked for by a Service that gets one."""
    for one in tree.of("Service"):
        notes = mapping(one.meta.get("annotations"))
        if any(notes.get(key) for key in WANTED) and get(one.spec, "type") not in ("LoadBalancer",):
            fix = "Write type: LoadBalancer, or leave the annotation out."
            yield one.finding("address-unused", ("spec", "type"), "it asks for an address but is no LoadBalancer", fix)


RULES: tuple[Any, ...] = (in_pool, each_once, pools_apart, pools_announced, words_of_today, traffic)
