"""Private names over the VPN: the tailnet asks Pi-hole for them, and nobody else's resolver for anything else."""

from __future__ import annotations

from dataclasses import dataclass

from steps import tailnet_facts, tailnet_keys
from wizard.context import Context
from wizard.errors import ConnectionLost, HostError, TrustError
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import ControlServer
from wizard.web.tailscale import Tailscale


@dataclass(frozen=True)
class SplitDnsFacts:
    """What answers for the private domain in the tailnet, and whether that can be changed from here."""

    domain: str = ""  # empty: nothing to be done, there is no tailnet or no Pi-hole
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()
    by_api: bool = False


def look(ctx: Context) -> SplitDnsFacts:
    """Split DNS as it is now: by the API where that can tell, else as a Pi is told, which does not use it itself."""
    if not wanted(ctx.answers):
        return SplitDnsFacts()
    domain, resolver = _pair(ctx.answers)
    server = tailnet_keys.control(ctx)
    if isinstance(server, Tailscale):
        return SplitDnsFacts(domain, (resolver,), tuple(server.split_dns().get(domain, ())), by_api=True)
    return SplitDnsFacts(domain, (resolver,), _as_told(ctx, domain))


def _as_told(ctx: Context, domain: str) -> tuple[str, ...]:
    """The resolvers for `domain` as the first Pi that answers is told; empty when none can be asked."""
    for router in tailnet_facts.routers(ctx.answers):
        try:
            return tailnet_facts.look(ctx, [router])[router].resolvers(domain)
        except (ConnectionLost, TrustError):
            raise
        except HostError:
            continue
    return ()


def wanted(answers: Answers) -> bool:
    """Whether there is a tailnet, and a Pi-hole that it could ask."""
    return tailnet_facts.in_use(answers) and tailnet_facts.has_resolver(answers)


def _pair(answers: Answers) -> tuple[str, str]:
    return answers["domains"]["internal_domain"], answers["addresses"]["dns_address"]


def changes(facts: SplitDnsFacts) -> list[Change]:
    """What is left to do. Pure."""
    if not facts.by_api or facts.found == facts.wanted:
        return []

    def do(ctx: Context) -> None:
        server = tailnet_keys.control(ctx)
        if isinstance(server, Tailscale):
            server.set_split_dns(facts.domain, facts.wanted)

    return [Change("router/split-dns", f"let the tailnet ask {facts.wanted[0]} for the names below {facts.domain}", do)]


def advice(facts: SplitDnsFacts, service: str) -> str:
    """What a person does where the API can't or may not; empty when there is nothing to do by hand."""
    if not facts.domain or facts.by_api:
        return ""
    if facts.found == facts.wanted:
        return f"VPN: the tailnet asks {facts.wanted[0]} for the names below {facts.domain}, as it must."
    now = f" (now it asks {' and '.join(facts.found)})" if facts.found else ""
    if service == "headscale":
        return (
            f"VPN: headscale's config.yaml needs this under dns:{now}, and then a restart:\n"
            f"  nameservers: {{split: {{{facts.domain}: [{facts.wanted[0]}]}}}}"
        )
    return (
        f"VPN: open https://login.tailscale.com/admin/dns{now}, choose Add nameserver > Custom, enter"
        f" {facts.wanted[0]}, and restrict it to the domain {facts.domain}."
    )


# -- taking it back ----------------------------------------------------------------------------------------


def ours(ctx: Context, server: ControlServer | None) -> SplitDnsFacts:
    """The entry that `homelab` made and that is still there; empty when there is none, or nobody can tell."""
    given = ctx.answers
    if not isinstance(server, Tailscale) or not given.get("domains", {}).get("internal_domain"):
        return SplitDnsFacts()
    if not given.get("addresses", {}).get("dns_address"):
        return SplitDnsFacts()
    domain, resolver = _pair(given)
    found = tuple(server.split_dns().get(domain, ()))
    return SplitDnsFacts(domain, (resolver,), found, by_api=True) if found == (resolver,) else SplitDnsFacts()


def taken_back(facts: SplitDnsFacts, step: str = "reset", former: Answers | None = None) -> list[Change]:
    """What is left to do so that the tailnet no longer asks a Pi-hole that is gone, or not reached any more. Pure."""
    if not facts.domain:
        return []

    def do(ctx: Context) -> None:
        server, _ = tailnet_keys.control_if_any(ctx, former)
        if isinstance(server, Tailscale):
            server.set_split_dns(facts.domain, ())

    sentence = f"let the tailnet ask {facts.wanted[0]} no longer for the names below {facts.domain}"
    return [Change(f"{step}/split-dns", sentence, do)]
