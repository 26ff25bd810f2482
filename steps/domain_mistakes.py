"""What is wrong with the answers about names, before anybody is asked. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from wizard.errors import Problem

SUFFIX = ".duckdns.org"
EXAMPLES = ("example.com", "example.net", "example.org")  # RFC 2606, refused as contacts by name
RESERVED = ("test", "example", "invalid", "localhost", "local", "lan", "home", "internal", "arpa", "onion")
WITH_CERTIFICATES = ("duckdns", "cloudflare")


def mistakes(given: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the names as far as they are answered. Pure."""
    names = {key: given[key] for key in ("external_domain", "internal_domain") if given.get(key)}
    found = [
        Problem(f"domains.{key}", what, fix)
        for key, name in names.items()
        for what, fix in _single(name, str(given.get("provider")))
    ]
    found += _too_deep(names, given)
    found += _address(str(given.get("email") or ""), given)
    if len(names) == 2:
        found += _together(names["external_domain"], names["internal_domain"])
    return found


def _single(name: str, provider: str) -> list[tuple[str, str]]:
    found = []
    if name.endswith(".local"):
        found.append((f"{name} ends in .local, which devices look up in another way", "Choose another ending."))
    if provider == "duckdns" and not name.endswith(SUFFIX):
        found.append((f"{name} is not a DuckDNS name", f"It must end in {SUFFIX}."))
    elif provider == "duckdns" and name.removesuffix(SUFFIX).count(".") > 1:
        found.append(
            (f"{name} lies too deep for DuckDNS's certificate check", f"At most one label more: a.home{SUFFIX}.")
        )
    elif provider == "cloudflare" and name.endswith(SUFFIX):
        found.append((f"{name} is looked after by DuckDNS", "Choose duckdns, or a domain that is at Cloudflare."))
    return found


def _too_deep(names: Mapping[str, str], given: Mapping[str, Any]) -> list[Problem]:
    """DuckDNS has one label more for the check of a certificate, and the app's own name takes it."""
    if given.get("provider") != "duckdns" or given.get("certificates") != "single":
        return []
    return [
        Problem("domains.certificates", f"app.{name} lies too deep for DuckDNS's certificate check",
                f"Take wildcard, or a name such as myhome{SUFFIX} as domains.{key}.")
        for key, name in names.items() if name.endswith(SUFFIX) and "." in name.removesuffix(SUFFIX)
    ]  # fmt: skip


def _address(email: str, given: Mapping[str, Any]) -> list[Problem]:
    """Let's Encrypt refuses the account, and so every certificate, for an address that can't be one."""
    domain = email.rpartition("@")[2].lower()
    if not domain or given.get("acme_directory") or given.get("provider") not in WITH_CERTIFICATES:
        return []
    if domain in EXAMPLES or domain.rpartition(".")[2] in RESERVED:
        what = f"Let's Encrypt makes no account for {email}, since nobody can have an address at {domain}"
        return [Problem("domains.email", what, "Give one that you read.")]
    return []


def _together(external: str, internal: str) -> list[Problem]:
    if internal == external:
        return [
            Problem("domains.internal_domain", f"{internal} is also the public name",
                    "Private apps need a name of their own, or they could not be told apart.")
        ]  # fmt: skip
    if external.endswith(f".{internal}"):
        return [
            Problem("domains.internal_domain", f"{internal} holds the public name {external}",
                    "Everything below the private name is answered inside only: choose a name beside it.")
        ]  # fmt: skip
    return []


def resolver_mistakes(given: Sequence[str], pihole: str | None) -> list[Problem]:
    """What is wrong with the DNS servers; `pihole` is the address that Pi-hole is going to have."""
    found = []
    if pihole in given:
        what = f"{pihole} will be Pi-hole's own address, which would ask itself"
        found.append(Problem("domains.resolvers", what, "Name DNS servers outside this cluster."))
    if len(given) > 3:
        found.append(Problem("domains.resolvers", f"{len(given)} are more than a pod can use", "Name three at most."))
    return found
