"""What is to be set in the home router, with this home's own addresses: at most one screen of 80 columns. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from steps import split_dns
from steps.split_dns import SplitDnsFacts
from wizard.question import Answers

WIDTH = 80
PORTS = (80, 443)


def instructions(answers: Answers, split: SplitDnsFacts, router: str = "") -> str:
    """Everything to be set by hand. `router` is its address in the LAN, empty where it is not known."""
    paragraphs = [*_ports(answers), *_dhcp(answers)]
    if "pihole" in (answers.get("repository", {}).get("apps") or ()):
        paragraphs += [*_dns(answers, router), *_names(answers)]
    elif answers["router"]["forwarded"]:
        paragraphs.append("NAT loopback (hairpin): needed, or public names fail at home: nobody here answers them.")
    if by_hand := split_dns.advice(split, answers.get("tailnet", {}).get("service", "none")):
        paragraphs.append(by_hand)
    return "\n".join(line for paragraph in paragraphs for line in _wrapped(paragraph))


def _wrapped(paragraph: str) -> Iterator[str]:
    """Lines that go on are set in, so that each begins with what it is about."""
    for line in paragraph.splitlines():
        own = " " * (len(line) - len(line.lstrip()))
        yield from textwrap.wrap(
            line, WIDTH, subsequent_indent=f"{own}  ", break_long_words=False, break_on_hyphens=False
        )


def _ports(answers: Answers) -> Iterator[str]:
    target, given = answers["addresses"]["external_address"], answers["router"]
    if not given["forwarded"]:
        yield "Port forwarding: none wanted now. For public apps it would be"
    elif given.get("automatic") == "upnp":
        yield "Port forwarding, for public apps: homelab asks the router, for a week at a time"
    else:
        yield "Port forwarding, for public apps: set, as you say"
    for port in PORTS:
        yield f"  TCP {port:<3} from the internet -> {target} port {port}"
    yield '  Nothing else: never port 22 or 6443, no "DMZ", no "exposed host".'


def _dhcp(answers: Answers) -> Iterator[str]:
    given = answers["addresses"]
    if given.get("dhcp_range"):
        yield f"DHCP range: {given['dhcp_range']}, as now. Never let it hold {given['pool']}."
    else:
        yield f"DHCP range: keep {given['pool']} out of it."


def _dns(answers: Answers, router: str) -> Iterator[str]:
    """How the household gets to use Pi-hole without depending on it."""
    yield "DNS servers, in the router's DHCP settings, as soon as Pi-hole answers:"
    yield f"  first   {answers['addresses']['dns_address']} (Pi-hole)"
    yield f"  second  {router or 'the address of the router itself'}{' (the router)' if router else ''}"
    yield (
        "  With the second one a power cut of the Pis does not take the home offline. Devices may ask either at any"
        " time: what the second one does not know then fails until it is tried again."
    )


def _names(answers: Answers) -> Iterator[str]:
    given, target = answers["domains"], answers["addresses"]["external_address"]
    yield (
        f"DNS rebind protection: allow {given['internal_domain']}, if the router itself asks Pi-hole: it would drop"
        " private addresses."
    )
    if given.get("provider") == "duckdns":
        yield (
            f"NAT loopback (hairpin): only for devices that don't ask Pi-hole, which answers {given['external_domain']}"
            f" with {target}."
        )
    elif answers["router"]["forwarded"]:
        yield (
            f"NAT loopback (hairpin): switch it on, since Pi-hole leaves {given.get('external_domain')} to your"
            " provider of names. Or let Pi-hole answer public names too: add the line"
            f" address=/NAME/{target} to customDnsEntries in apps/pihole/release.yaml."
        )
