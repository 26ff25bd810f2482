"""Private names over the VPN: the tailnet asks Pi-hole for them, and nobody else's resolver for anything else."""

from __future__ import annotations

from dataclasses import dataclass

from steps import tailnet_facts
from wizard.context import Context
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailscale import Tailscale


@dataclass(frozen=True)
class SplitDnsFacts:
    """What answers for the private domain in the tailnet, and whether that can be changed from here."""

    domain: str = ""  # empty: nothing to be done, there is no tailnet or no Pi-hole
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    by_api: bool = False


def look(ctx: Context) -> SplitDnsFacts:
    """Split DNS as it is now."""
    if not wanted(ctx.answers):
        return SplitDnsFacts()
    domain, resolver = ctx.answers["domains"]["internal_domain"], ctx.answers["addresses"]["dns_address"]
    server = tailnet_facts.control(ctx)
    if not isinstance(server, Tailscale):
        return SplitDnsFacts(domain, (resolver,))
    return SplitDnsFacts(domain, (resolver,), tuple(server.split_dns().get(domain, ())), by_api=True)


def wanted(answers: Answers) -> bool:
    """Whether there is a tailnet, and a Pi-hole that it could ask."""
    return tailnet_facts.in_use(answers) and "pihole" in (answers.get("repository", {}).get("apps") or ())


def changes(facts: SplitDnsFacts) -> list[Change]:
    """What is left to do. Pure."""
    if not facts.by_api or facts.found == facts.wanted:
        return []

    def do(ctx: Context) -> None:
        server = tailnet_facts.control(ctx)
        if isinstance(server, Tailscale):
            server.set_split_dns(facts.domain, facts.wanted)

    return [Change("router/split-dns", f"let the tailnet ask {facts.wanted[0]} for the names below {facts.domain}", do)]


def advice(facts: SplitDnsFacts, service: str) -> str:
    """What a person does where the API can't or may not; empty when there is nothing to do by hand."""
    if not facts.domain or facts.by_api:
        return ""
    if service == "headscale":
        return (
            f"VPN: put this into headscale's config.yaml and restart headscale:\n"
            f"  dns: {{nameservers: {{split: {{{facts.domain}: [{facts.wanted[0]}]}}}}}}"
        )
    return (
        "VPN: open https://login.tailscale.com/admin/dns, choose Add nameserver > Custom, enter"
        f" {facts.wanted[0]}, and restrict it to the domain {facts.domain}."
    )
