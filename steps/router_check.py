"""After the router was set: do names at home go the way they should? Looked at from this computer, told, never a block.

What can be reached from outside is measured by the proof.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from steps import address_look, nodes
from steps.lan import Place
from wizard.context import Context
from wizard.question import Answers
from wizard.world import DnsAnswer


@dataclass(frozen=True)
class PublicName:
    """What Pi-hole answers for a public name, which it knows itself where that is `written`, as it is with DuckDNS."""

    name: str  # hello.example.org
    domain: str
    wanted: str  # the external address
    answer: DnsAnswer
    written: bool
    forwarded: bool  # whether the way over the router's own address leads there at all


@dataclass(frozen=True)
class HomeDns:
    """What was answered for one private name. A server that was not asked is not in `servers`."""

    name: str  # pihole.internal.example.org
    domain: str  # what it lies below
    wanted: str  # the address that it must lead to
    resolver: str  # Pi-hole's address
    pihole: DnsAnswer
    servers: Mapping[str, DnsAnswer] = field(default_factory=dict)  # in the LAN, which this computer asks, in order
    by_dhcp: tuple[str, ...] = ()  # the DNS servers that DHCP named to this computer; empty where that can't be seen
    router: str = ""
    public: PublicName | None = None

    def right(self, answer: DnsAnswer) -> bool:
        return answer.records == (self.wanted,)


def here(ctx: Context) -> Place | None:
    """This computer's place in the LAN, looked at once in a run; None where it can't be told."""
    if "router place" not in ctx.scratch:
        pis = nodes.addresses(ctx.answers) if ctx.answers.get("machines") else []
        ctx.scratch["router place"] = address_look.here(ctx, pis[0]) if pis else None
    return ctx.scratch["router place"]  # type: ignore[no-any-return]


def gateway(ctx: Context) -> str:
    """The address of the router in the LAN; empty where it is not known."""
    place = here(ctx)
    return next(iter(place.gateways), "") if place else ""


def wanted(answers: Answers) -> bool:
    """Whether there is a Pi-hole to be asked."""
    return "pihole" in (answers.get("repository", {}).get("apps") or ())


def look(ctx: Context) -> HomeDns:
    """Asks Pi-hole, and each server that this computer asks, for a private name; Pi-hole for a public one, too."""
    given, domain = ctx.answers["addresses"], ctx.answers["domains"]["internal_domain"]
    name, resolver, place = f"pihole.{domain}", given["dns_address"], here(ctx)
    asked = dict.fromkeys([resolver, *(place.resolvers if place else ())])
    ctx.progress(None, f"looking up {name}")
    said = ctx.each(asked, lambda server: ctx.world.dns(server, name, "A"))
    return HomeDns(
        name, domain, given["internal_address"], resolver, said[resolver],
        {server: said[server] for server in (place.resolvers if place else ())},
        place.lease.resolvers if place and place.lease else (), gateway(ctx),
        _public(ctx) if said[resolver].code else None,
    )  # fmt: skip


def _public(ctx: Context) -> PublicName:
    given, addresses = ctx.answers["domains"], ctx.answers["addresses"]
    name = f"hello.{given['external_domain']}"
    return PublicName(
        name, given["external_domain"], addresses["external_address"],
        ctx.world.dns(addresses["dns_address"], name, "A"), given.get("provider") == "duckdns",
        bool(ctx.answers.get("router", {}).get("forwarded")),
    )  # fmt: skip


def findings(home: HomeDns) -> list[str]:
    """What is so and, where it is not as it should be, what to do. Pure."""
    if not home.pihole.code:
        return [
            f"Pi-hole does not answer at {home.resolver}: kubectl -n pihole get pods. Name it in the router only when"
            " it does."
        ]
    if not home.right(home.pihole):
        return [
            f"Pi-hole answers {home.name} with {_said(home.pihole)} instead of {home.wanted}: look at customDnsEntries"
            " in apps/pihole/release.yaml.",
            *_at_home(home.public),
        ]
    good = f"Pi-hole answers private names ({home.name}: {home.wanted})."
    return [good, *_at_home(home.public), *_own(home), *_second(home)]


def _at_home(public: PublicName | None) -> Iterator[str]:
    """Whether public apps are reached at home without going round over the router's own address."""
    if public is None:
        return
    line = f"address=/{public.domain}/{public.wanted} in customDnsEntries in apps/pihole/release.yaml"
    if public.answer.records == (public.wanted,):
        yield f"Pi-hole answers public names with the external address ({public.name}: {public.wanted})."
    elif public.written:
        yield (
            f"Pi-hole answers {public.name} with {_said(public.answer)} instead of {public.wanted}: at home, public"
            f" apps then need the router's NAT loopback (hairpin). It lacks {line}."
        )
    elif public.answer.records and public.forwarded:
        yield (
            f"Pi-hole leaves {public.name} to your provider of names ({_said(public.answer)}): at home, that needs the"
            f" router's NAT loopback (hairpin), or {line}."
        )
    else:
        yield (
            f"Pi-hole answers {public.name} with {_said(public.answer)}: at home, public apps are reached by name with"
            f" {line}."
        )


def _own(home: HomeDns) -> Iterator[str]:
    """Whether this computer's own look-ups lead to the private apps."""
    server = next(iter(home.servers), "")
    if not server:
        yield "Which DNS servers this computer asks could not be seen."
        return
    answer = home.servers[server]
    if server == home.resolver:
        yield "This computer asks Pi-hole first."
    elif home.right(answer):
        yield f"This computer asks {server}, which knows private names, too."
    elif home.resolver in home.by_dhcp:
        yield (
            f"DHCP named Pi-hole to this computer, but it asks {server} first: a VPN, or a setting of its own, comes"
            " before it."
        )
    elif not answer.code:
        yield f"{server}, which this computer asks first, does not answer."
    elif answer.code == "NOERROR" and not answer.records:
        yield (
            f"{server}, which this computer asks, answers {home.name} without an address. It asks Pi-hole, as it seems,"
            f" and drops private addresses: allow {home.domain} in its DNS rebind protection."
        )
    else:
        yield (
            f"{server}, which this computer asks, answers {home.name} with {_said(answer)}: it does not ask Pi-hole."
            f" Name {home.resolver} as the first DNS server in the router's DHCP settings. If that is done, this"
            " computer still has its old lease: disconnect it from the network and connect it again."
        )


def _second(home: HomeDns) -> Iterator[str]:
    """Whether the home can look up names without the Pis."""
    known = dict.fromkeys([*home.by_dhcp, *home.servers])
    if home.resolver not in known:
        return
    others = [server for server in known if server != home.resolver]
    silent = [server for server in others if server in home.servers and not home.servers[server].code]
    if not others:
        yield (
            f"Pi-hole is the only DNS server that this computer is seen to have: without the Pis it is offline. Name"
            f" {home.router or 'the address of the router'} as the second one."
        )
    elif silent == others:
        yield f"The second DNS server {silent[0]} does not answer: without the Pis this computer is offline."
    else:
        yield f"The second DNS server is {next(each for each in others if each not in silent)}."


def _said(answer: DnsAnswer) -> str:
    return ", ".join(answer.records) or (answer.code if answer.code != "NOERROR" else "no address")
