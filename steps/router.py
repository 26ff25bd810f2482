"""What only the person can do on the home router: forward two ports, and say who answers names. Shown exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Any, ClassVar

from steps import address_plan, domains, split_dns
from steps.split_dns import SplitDnsFacts
from wizard.context import Context
from wizard.question import ADDRESS, YES_NO, Answers, Choice, Kind, Question
from wizard.step import Change, Step

PRIVATE = tuple(IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
PORTS = (80, 443)
_CHOSEN = Kind(YES_NO.name, YES_NO.parse, YES_NO.show, "choice", YES_NO.schema)


def _forwarding(ctx: Context) -> tuple[Choice, ...]:
    target = ctx.answers.get("addresses", {}).get("external_address", "the external address")
    return (
        Choice(True, f"Yes: TCP 80 and 443 go to {target}", "the router's page on port forwarding or NAT"),
        Choice(False, "No: nothing shall be reached from the internet", "can be done later; public apps work at home"),
    )


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "forwarded", "Have you forwarded TCP ports 80 and 443 on your router?", _CHOSEN, choices=_forwarding,
            help="Only needed for public apps, and only these two ports.",
            default=lambda ctx: False if domains.reachable(ctx).closed else None,
            source="your router's address, to which no port can be forwarded",
        ),
        Question(
            "public_address", "What is your home's public IPv4 address?", ADDRESS, required=False,
            help="The router shows it as its WAN address. It is where the proof knocks from outside; leave it empty if"
            " nothing is forwarded.",
            default=lambda ctx: ctx.state.recall("domains", "public") or None, source="the provider of your names",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class RouterFacts:
    """What was confirmed earlier, and who answers private names in the tailnet."""

    confirmed: Mapping[str, Any]
    split: SplitDnsFacts


def settled(answers: Answers) -> dict[str, Any]:
    """What the person confirms."""
    given = answers["router"]
    return {
        "external_address": answers["addresses"]["external_address"],
        "forwarded": bool(given["forwarded"]),
        "public_address": given.get("public_address") or "",
    }


class Router(Step[RouterFacts]):
    """Says what to set where, and remembers what was confirmed; the proof then measures it."""

    name: ClassVar[str] = "router"
    title: ClassVar[str] = "Router"
    intro: ClassVar[str] = "Your router is the one device that you set up yourself. This is exactly what it needs."
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def check(self, ctx: Context) -> RouterFacts:
        facts = RouterFacts(ctx.state.recall("router", "confirmed") or {}, split_dns.look(ctx))
        if not ctx.scratch.get("router told"):
            ctx.scratch["router told"] = True
            ctx.note("Your router", instructions(ctx.answers, facts.split))
        return facts

    def plan(self, facts: RouterFacts, answers: Answers) -> list[Change]:
        wanted = settled(answers)
        found = [] if facts.confirmed == wanted else [_confirm(wanted)]
        return found + split_dns.changes(facts.split)


def _confirm(wanted: Mapping[str, Any]) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("router", "confirmed", value=dict(wanted))

    if wanted["forwarded"]:
        sentence = f"note that the router forwards TCP 80 and 443 to {wanted['external_address']}"
    else:
        sentence = "note that the router forwards nothing: public apps stay at home"
    return Change("router/confirm", sentence, do)


def instructions(answers: Answers, split: SplitDnsFacts) -> str:
    """Everything to be set by hand, with this home's own addresses. Pure."""
    addresses, given = answers["addresses"], answers["router"]
    target = addresses["external_address"]
    lines = [f"Port forwarding, for public apps: {'set, as you say' if given['forwarded'] else 'not wanted now'}."]
    lines += [f"  TCP {port} from the internet -> {target} port {port}" for port in PORTS]
    lines += ["  Nothing else, and never port 6443 or 22."]
    lines += [f"DHCP: keep {addresses['pool']} out of the router's DHCP range."]
    lines += nat_advice(given.get("public_address"))
    if "pihole" in (answers.get("repository", {}).get("apps") or ()):
        lines += dns_advice(addresses["dns_address"])
    if by_hand := split_dns.advice(split, answers.get("tailnet", {}).get("service", "none")):
        lines.append(by_hand)
    return "\n".join(lines)


def nat_advice(public: str | None) -> list[str]:
    """A warning when what is said to be the public address can't be one."""
    if not public:
        return []
    address = IPv4Address(public)
    if address in address_plan.TAILNET:
        return [
            f"{public} belongs to your provider's own NAT (CGNAT): no port can be forwarded to you. Ask the provider"
            " for a public IPv4 address, or use public apps over the VPN only."
        ]
    if any(address in network for network in PRIVATE):
        return [
            f"{public} is a private address: there is another router before yours. Forward the ports on that one too,"
            " or make it a mere modem."
        ]
    return []


def dns_advice(dns_address: str) -> list[str]:
    """How the household gets to use Pi-hole without depending on it."""
    return [
        f"DNS: in the router's DHCP settings, name {dns_address} as the DNS server, once the proof is green. Give the"
        " router's own address as the second one, so that a power cut of the Pis does not take the home offline.",
        "If names below your domain then fail, the router filters private answers: allow the domain in its DNS rebind"
        " protection.",
    ]
