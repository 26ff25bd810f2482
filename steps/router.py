"""What only the person can do on the home router: forward two ports, and say who answers names. Shown exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from steps import public_address, public_now, router_check, router_upnp, split_dns
from steps.router_advice import instructions
from steps.router_upnp import UpnpFacts
from steps.split_dns import SplitDnsFacts
from wizard.context import Context
from wizard.errors import Problem
from wizard.question import ADDRESS, CHOICE, YES_NO, Answers, Choice, Kind, Question
from wizard.step import Change, Step

_CHOSEN = Kind(YES_NO.name, YES_NO.parse, YES_NO.show, "choice", YES_NO.schema)


def _forwarding(ctx: Context) -> tuple[Choice, ...]:
    target = ctx.answers.get("addresses", {}).get("external_address", "the external address")
    return (
        Choice(True, f"Yes: TCP 80 and 443 go to {target}", "the router's page on port forwarding or NAT"),
        Choice(False, "No: nothing shall be reached from the internet", "can be done later; public apps work at home"),
    )


def _public(ctx: Context) -> str | None:
    """What this run has seen, else what the step Domains learnt from who looks after the names."""
    known = public_now.seen(ctx).told.address or str(ctx.state.recall("domains", "public") or "")
    usable = ctx.answers.get("router", {}).get("forwarded") and not public_address.judge(known, "").closed
    return known or None if usable else None


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "forwarded", "Have you forwarded TCP ports 80 and 443 on your router?", _CHOSEN, choices=_forwarding,
            explain=lambda ctx: public_now.reachable(ctx).text, needs=("addresses", "domains"),
            help="Only needed for public apps, and only these two ports. Homelab can also ask the router for it: answer"
            " Yes, and choose so next.",
            default=lambda ctx: False if public_now.reachable(ctx).closed else None,
            source="your router's address, to which no port can be forwarded",
        ),
        Question(
            "automatic", "Who sets that in the router?", CHOICE, default="none",
            when=lambda answers: bool(answers.get("router", {}).get("forwarded")),
            choices=(
                Choice("none", "I do, by hand", "it lasts: the router's page on port forwarding or NAT"),
                Choice("upnp", "homelab asks the router, by UPnP", "where it may; for a week at a time"),
            ),
        ),
        Question(
            "public_address", "What is your home's public IPv4 address?", ADDRESS, required=False, default=_public,
            source="the provider of your names", needs=("domains",),
            help="The router shows it as its WAN address. It is where the proof knocks from outside; leave it empty if"
            " nothing is forwarded.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class RouterFacts:
    """What was confirmed earlier, who answers private names in the tailnet, and what the router says of its ports."""

    confirmed: Mapping[str, Any]
    split: SplitDnsFacts
    upnp: UpnpFacts


def settled(answers: Answers) -> dict[str, Any]:
    """What the person confirms."""
    given = answers["router"]
    return {
        "external_address": answers["addresses"]["external_address"],
        "forwarded": bool(given["forwarded"]),
        "public_address": given.get("public_address") or "",
    }


class Router(Step[RouterFacts]):
    """Says what to set where, remembers what was confirmed, and looks whether names then go the right way."""

    name: ClassVar[str] = "router"
    title: ClassVar[str] = "Router"
    intro: ClassVar[str] = "Your router is the one device that you set up yourself. This is exactly what it needs."
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())
    skip: ClassVar[str] = "The cluster runs; from the internet nothing is reached, and names may not work at home."

    def validate(self, answers: Answers) -> list[Problem]:
        return not_public(answers.get("router", {}).get("public_address"))

    def check(self, ctx: Context) -> RouterFacts:
        split = split_dns.look(ctx)
        if not ctx.scratch.get("router told"):
            ctx.scratch["router told"] = True
            ctx.note("Your router", instructions(ctx.answers, split, router_check.gateway(ctx)))
        facts = RouterFacts(ctx.state.recall("router", "confirmed") or {}, split, router_upnp.look(ctx))
        if ctx.answers["router"]["forwarded"] and "router moved" not in ctx.scratch:
            ctx.scratch["router moved"] = True
            if (now := public_now.look(ctx)).moved:
                ctx.note("Your home's address", now.sentence)
        if facts.confirmed == settled(ctx.answers) and not ctx.scratch.get("router checked"):
            ctx.scratch["router checked"] = True
            if router_check.wanted(ctx.answers):
                ctx.note("Names at home", "\n".join(router_check.findings(router_check.look(ctx))))
        return facts

    def plan(self, facts: RouterFacts, answers: Answers) -> list[Change]:
        wanted = settled(answers)
        confirming = [] if facts.confirmed == wanted else [_confirm(wanted)]
        return [*router_upnp.changes(facts.upnp, answers), *confirming, *split_dns.changes(facts.split)]


def _confirm(wanted: Mapping[str, Any]) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("router", "confirmed", value=dict(wanted))

    if wanted["forwarded"]:
        sentence = f"note that the router forwards TCP 80 and 443 to {wanted['external_address']}"
    else:
        sentence = "note that the router forwards nothing: public apps stay at home"
    return Change("router/confirm", sentence, do)


def not_public(address: str | None) -> list[Problem]:
    """What is wrong with an address at which the internet can't reach this home. Pure."""
    code = public_address.judge(address or "", "").code
    if code == "cgnat":
        what = f"{address} belongs to your provider's own NAT (CGNAT): no port can be forwarded to you"
    elif code == "behind":
        what = (
            f"{address} is a private address, so there is another router before yours (double NAT): forward the"
            " ports on that one too, and give its WAN address"
        )
    elif code == "none":
        what = f"{address} says that your router has no public IPv4 address (DS-Lite)"
    else:
        return []
    return [Problem("router.public_address", what, f"Or leave it empty. {public_address.WAYS}")]
