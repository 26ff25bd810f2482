"""The home's names: Pi-hole's record leads to the internal gateway, and no resolver asks itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from steps.gitops import charts, sight
from steps.gitops.checks import addresses
from steps.gitops.checks.gateways import GROUP, listeners, served_by
from steps.gitops.tree import Finding, Object, Tree, get, items, texts

_RECORD = re.compile(r"address=/\.?([^/]+)/([0-9a-fA-F.:]+)$")

DUCKDNS = ".duckdns.org"
_UPDATER = re.compile("dns|cloudflare", re.IGNORECASE)  # the names of what tells a provider the home's address


def _holes(tree: Tree) -> list[Object]:
    return [one for one in tree.of("HelmRelease") if charts.chart_of(one, tree).name == "pihole"]


def _domains(tree: Tree) -> dict[str, str]:
    """The names that Gateways listen to, without the star, and the address of the Traefik that serves each."""
    given = {id(wish.one): wish.text for wish in addresses.wishes(tree) if wish.address}
    found: dict[str, str] = {}
    for gateway in tree.of("Gateway", GROUP):
        release = served_by(gateway, tree)
        if isinstance(release, Object) and id(release) in given:
            for _, listener in listeners(gateway):
                if host := str(listener.get("hostname") or "").removeprefix("*."):
                    found[host] = given[id(release)]
    return found


def _below(name: str, domains: dict[str, str]) -> str | None:
    """Where the names below `name` are served, when that is one address: Gateways may listen to single names."""
    found = {address for domain, address in domains.items() if domain.endswith(f".{name}")}
    return found.pop() if len(found) == 1 else None


def records_lead_home(tree: Tree) -> Iterator[Finding]:
    """A record of Pi-hole for a Gateway's names leads to that Gateway's address."""
    domains = _domains(tree)
    for hole in _holes(tree):
        for number, entry in enumerate(texts(get(hole.spec, "values", "dnsmasq", "customDnsEntries"))):
            way = ("spec", "values", "dnsmasq", "customDnsEntries", number)
            found = _RECORD.match(entry)
            if not found or not domains:
                continue
            name, address = found.groups()
            served = domains.get(name) or _below(name, domains)
            if served and served != address:
                what = f"{name} is served at {served}, and this record leads to {address}"
                yield hole.finding("record-astray", way, what, f"Write address=/{name}/{served}.")
            elif served is None and address in domains.values():
                what = f"no Gateway at {address} listens to {name}"
                names = ", ".join(domain for domain, at in domains.items() if at == address)
                yield hole.finding("record-astray", way, what, f"It listens to {names}.")


def resolvers_ask_others(tree: Tree) -> Iterator[Finding]:
    """Pi-hole must not ask itself, and cert-manager must not ask a resolver that answers for the home alone."""
    own = {wish.text for hole in _holes(tree) for wish in addresses.wishes(tree) if wish.one is hole}
    for one in tree.of("HelmRelease"):
        for way, asked in _asked(one, tree):
            if re.sub(r"(#|:)\d+$", "", asked) in own:
                what = f"it asks {asked}, which is Pi-hole itself"
                fix = "Name a resolver outside: 1.1.1.1 or 9.9.9.9."
                yield one.finding("resolver-loop", way, what, fix)


def _asked(one: Object, tree: Tree) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """The resolvers that a release is told to ask."""
    values: tuple[str | int, ...] = ("spec", "values")
    name = charts.chart_of(one, tree).name
    if name == "pihole":
        for key in ("DNS1", "DNS2"):
            if address := get(one.spec, "values", key):
                yield (*values, key), str(address)
    lists: dict[str, tuple[str, ...]] = {
        "pihole": ("podDnsConfig", "nameservers"),
        "cert-manager": ("config", "acmeDNS01Config", "recursiveNameservers"),
    }
    asked = get(one.spec, "values", *lists[name]) if name in lists else None
    for number, address in enumerate(texts(asked)):
        yield (*values, *lists[name], number), address


def names_not_published(tree: Tree) -> Iterator[Finding]:
    """The internal name must not lead to the home's public address, so nothing may tell a DNS provider so."""
    inner = [one for one in tree.of("Gateway", GROUP) if "internal" in f"{one.name}{one.spec.get('gatewayClassName')}"]
    names = {str(listener.get("hostname") or "").removeprefix("*.") for one in inner for _, listener in listeners(one)}
    for one in tree.objects:
        for way, container in sight.containers(one) if _UPDATER.search(one.name) else ():
            for number, env in items(container.get("env")):
                told = {part.strip().removeprefix("*.") for part in str(env.get("value")).split(",")}
                both = names & (told | {f"{part}{DUCKDNS}" for part in told}) - {""}
                if env.get("name") in ("DOMAIN", "DOMAINS", "SUBDOMAINS") and both:
                    what = f"it would give the internal name {min(both)} the home's public address"
                    yield one.finding("internal-name-public", (*way, "env", number, "value"), what, "Leave it out.")


RULES: tuple[Any, ...] = (records_lead_home, resolvers_ask_others, names_not_published)
