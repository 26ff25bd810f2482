"""The cluster's addresses on the LAN: chosen from what is free, checked by asking the LAN who has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from steps import address_ask, address_look, address_mistakes, address_plan, address_why, nodes, routes
from steps.lan import Lan
from wizard.context import Context
from wizard.errors import Blocked, Interrupted, Problem, WizardError
from wizard.question import ADDRESS, NETWORK, RANGE, YES_NO, Answers, Question
from wizard.step import Change, Step

KEYS = ("lan", "pool", *address_plan.FIXED)
DISCOVER = (
    "One of the Pis then sends a DHCPDISCOVER, again after five seconds if nobody answers, and takes no address. An"
    " offer tells the router, the netmask and one address that DHCP gives out; two offers, that two servers do."
)


# -- what is proposed ----------------------------------------------------------------------------------------------


def _given(ctx: Context) -> dict[str, Any]:
    return ctx.answers.get("addresses", {})


def _look(ctx: Context) -> Lan:
    """The LAN as far as it can be seen; why it can't be is for `check` to say."""
    try:
        return address_look.look(ctx)
    except Interrupted:
        raise
    except WizardError:
        return Lan()


def _lan(ctx: Context) -> str | None:
    """The network that the Pis are in by their own account; else the one that was looked at for them."""
    known = next(iter(_look(ctx).networks), None)
    return str(known) if known else ctx.answers.get("machines", {}).get("network")


def _why_lan(ctx: Context) -> str:
    told = address_why.lan(_look(ctx))
    ctx.scratch["addresses-shown"] = bool(told)
    return told


def _dhcp(ctx: Context) -> str:
    return address_why.dhcp(_look(ctx), address_look.offers(ctx))


def _taken(ctx: Context) -> dict[str, str]:
    """Addresses that are somebody's, as far as this run has seen."""
    known = address_look.seen(ctx).taken(address_look.offered(ctx))
    return {**ctx.scratch.get("addresses-heard", {}), **known}


def _avoid(ctx: Context) -> set[str]:
    return {*nodes.addresses(ctx.answers), *_taken(ctx)}


def _dhcp_gave(ctx: Context) -> tuple[str, ...]:
    offered = (offer.address for offer in address_look.offered(ctx))
    return tuple(dict.fromkeys([*address_look.seen(ctx).given, *offered]))


def _pool(ctx: Context) -> str | None:
    """The planner's proposal, moved on while somebody on the LAN already has one of its addresses."""
    lan, home = _given(ctx).get("lan") or _lan(ctx), _look(ctx)
    for _ in range(5 if lan else 0):
        pool = address_plan.propose(str(lan), _given(ctx).get("dhcp_range"), _avoid(ctx), _dhcp_gave(ctx))
        if not pool or not _somebody_in(ctx, home, pool):
            return pool
    return None


def _somebody_in(ctx: Context, home: Lan, pool: str) -> bool:
    """Asks who has the addresses of a proposal, and remembers it for this run. False where nobody can be asked."""
    ctx.progress(None, f"asking the LAN who has {pool}")
    try:
        views = address_ask.ask(ctx, home, address_plan.members(pool)).views
    except Interrupted:
        raise
    except WizardError:
        ctx.scratch["addresses-unasked"] = True
        return False
    heard = ctx.scratch.setdefault("addresses-heard", {})
    for address, macs in ((address, macs) for view in views.values() for address, macs in view.items()):
        heard[address] = f"in use: {' and '.join(address_ask.told(ctx, mac) for mac in macs)} answers there"
    return any(views.values())


def _why_pool(ctx: Context) -> str:
    lan = _given(ctx).get("lan")
    if not lan:
        return ""
    dhcp, gave = _given(ctx).get("dhcp_range"), _dhcp_gave(ctx)
    proposed = address_plan.propose(str(lan), dhcp, _avoid(ctx), gave)
    pis = {pi: f"the Pi {ctx.name_of(pi)}" for pi in nodes.addresses(ctx.answers)}
    asked = "addresses-unasked" not in ctx.scratch
    return address_why.pool(str(lan), dhcp, proposed, {**_taken(ctx), **pis}, gave, asked)


def _next(ctx: Context) -> str | None:
    given = _given(ctx)
    used = [*(given[key] for key in address_plan.FIXED if given.get(key)), *_taken(ctx)]
    return address_plan.nth_of_pool(given.get("pool"), 0, used)


def _why_next(ctx: Context) -> str:
    return address_why.fixed(_next(ctx), "internal_address" not in _given(ctx))


def _why_dns(ctx: Context) -> str:
    return " ".join(filter(None, [_why_next(ctx), address_why.resolver(address_look.seen(ctx))]))


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "lan", "Which range of addresses does your home network use?", NETWORK, default=_lan,
            source="what the Pis say, or else the range that was looked at for them",
            explain=_why_lan,
            help="The whole of it, as the router has it. Nothing is sent for this: the Pis and this computer know it.",
        ),
        Question(
            "dhcp_look", "May the LAN's DHCP servers be asked for an offer?", YES_NO, default=False, help=DISCOVER,
        ),
        Question(
            "dhcp_range", "Which addresses does your router give out by DHCP?", RANGE, required=False, explain=_dhcp,
            help="The router's page on LAN or DHCP shows it, for example 192.168.1.100-192.168.1.199. With it, no guest"
            " is ever given an address of the cluster. Leave it empty if you can't find out.",
        ),
        Question(
            "pool", "Which addresses may the cluster take for its services?", RANGE, default=_pool, explain=_why_pool,
            help="They must lie outside the DHCP range; no machine may have one of them.",
            source="the highest block that is free",
        ),
        Question(
            "internal_address", "Which address do the private apps get?", ADDRESS, default=_next, explain=_why_next,
            help="Reached from home and over the VPN only.", source="the first free address of the pool",
        ),
        Question(
            "external_address", "Which address do the public apps get?", ADDRESS, default=_next, explain=_why_next,
            help="The router forwards ports 80 and 443 to it, if you want that.",
            source="the next free address of the pool",
        ),
        Question(
            "dns_address", "Which address does the DNS server get?", ADDRESS, default=_next, explain=_why_dns,
            help="Pi-hole's, if you choose it. It is kept free in any case.",
            source="the next free address of the pool",
        ),
        Question(
            "arp", "Ask the LAN who has these addresses?", YES_NO, default=True, advanced=True,
            help="By ARP, from this computer and from a Pi. Say no only where neither can; then nothing is checked.",
        ),
    )
}  # fmt: skip


# -- the step ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class AddressFacts:
    """What was settled earlier, and the routes that lead to these addresses over the VPN."""

    settled: Mapping[str, Any]
    routes: routes.RouteFacts


def values(answers: Answers) -> dict[str, str]:
    """The answers that were checked against the LAN."""
    given = answers["addresses"]
    return {key: given[key] for key in KEYS}


def _settled(ctx: Context) -> dict[str, Any]:
    return ctx.state.recall("addresses", "checked") or {}


class Addresses(Step[AddressFacts]):
    """Settles the addresses. What the cluster itself announces is recognised by the Pis' own MAC addresses."""

    name: ClassVar[str] = "addresses"
    title: ClassVar[str] = "Addresses"
    intro: ClassVar[str] = (
        "Private apps, public apps and the DNS server get one fixed address each on your home network. Nobody else may"
        " have them, so the network is looked at and asked first."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        return address_mistakes.by_themselves(answers)

    def objections(self, ctx: Context, answers: Answers) -> list[Problem]:
        home, offers = address_look.seen(ctx), address_look.offered(ctx)
        return address_mistakes.beside(home, offers, _taken(ctx), answers, _settled(ctx))

    def check(self, ctx: Context) -> AddressFacts:
        try:
            self._look(ctx)
        except Blocked:
            address_look.forget(ctx)
            ctx.scratch.pop("addresses-heard", None)
            raise
        return AddressFacts(_settled(ctx), routes.look(ctx))

    def _look(self, ctx: Context) -> None:
        settled, home = _settled(ctx), address_look.look(ctx)
        if settled != values(ctx.answers):
            told = [address_why.lan(home), address_why.dhcp(home, address_look.offers(ctx))]
            _show(ctx, "\n".join(filter(None, told)))
        offers = address_look.offered(ctx)
        refuse(address_mistakes.beside(home, offers, home.taken(offers), ctx.answers, settled))
        if ctx.answers["addresses"].get("arp", True):
            address_ask.refuse_conflicts(ctx, home)
        else:
            ctx.scratch.pop(address_ask.ASKED, None)
            ctx.note("Addresses", "Nobody was asked who has these addresses: addresses.arp is no.")

    def plan(self, facts: AddressFacts, answers: Answers) -> list[Change]:
        wanted = values(answers)
        found = [] if facts.settled == wanted else [_settle(wanted)]
        return found + routes.changes(facts.routes)


def _show(ctx: Context, text: str) -> None:
    """Tells what the LAN looks like, the first time in a run."""
    if text and not ctx.scratch.get("addresses-shown"):
        ctx.scratch["addresses-shown"] = True
        ctx.note("The LAN as it was seen", text)


def refuse(problems: list[Problem]) -> None:
    """Raises `Blocked` for answers that do not fit the LAN; trying again asks for them again."""
    if problems:
        one = len(problems) == 1
        error = Blocked(
            "An answer about the addresses does not fit the LAN." if one
            else f"{len(problems)} answers about the addresses do not fit the LAN.",
            " ".join(f"{problem.path}: {problem.what}." for problem in problems),
            " ".join(dict.fromkeys(problem.fix for problem in problems)),
        )  # fmt: skip
        error.answers = tuple(dict.fromkeys(problem.path for problem in problems))
        raise error


def _settle(wanted: Mapping[str, str]) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("addresses", "checked", value=dict(wanted))
        asked = ctx.scratch.get(address_ask.ASKED) or {"by": [], "lacking": "Nobody was asked who has them."}
        ctx.state.remember("addresses", "asked", value=asked)

    return Change(
        "addresses/settle",
        f"settle on {wanted['internal_address']} for private apps, {wanted['external_address']} for public apps and"
        f" {wanted['dns_address']} for DNS",
        do,
    )
