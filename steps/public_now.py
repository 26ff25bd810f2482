"""The home's public address as it is now, beside the answer that says what it was: some providers change it at night.

Nobody is asked who was not asked before with the person's yes: the router by UPnP, Cloudflare, the public DNS servers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steps import dns_check, public_address, router_upnp
from steps.domain_mistakes import WITH_CERTIFICATES
from wizard.context import Context
from wizard.errors import Interrupted, WizardError
from wizard.web import cloudflare

_SEEN, _WAN, _WAN_WHY = "public address now", "router wan", "router wan why"  # in ctx.scratch


@dataclass(frozen=True)
class Told:
    """An address, who says so (words before it), and what else it may mean."""

    address: str = ""
    by: str = ""
    or_else: str = ""


@dataclass(frozen=True)
class Now:
    """`answer` is router.public_address, `told` what is known now; empty where nobody could be asked."""

    answer: str = ""
    told: Told = Told()

    @property
    def moved(self) -> bool:
        """Whether the answer is out of date, as it seems."""
        return bool(self.answer and self.told.address) and self.answer != self.told.address

    @property
    def sentence(self) -> str:
        """What changed, and what to do."""
        now, doubt = self.told, " seems to have" if self.told.or_else else " has"
        fix = f"Give {now.address} as router.public_address"
        if now.or_else:
            fix = f"If the router shows {now.address} as its own, give that as router.public_address; {now.or_else}"
        changed = f"router.public_address is {self.answer}, and {now.by} {now.address}"
        return f"Your home's public address{doubt} changed: {changed}. {fix}."


def look(ctx: Context) -> Now:
    """Looks it up, once in a run. What can't be asked is no failure."""
    if _SEEN not in ctx.scratch:
        ctx.progress(None, "looking up this home's public address")
        ctx.scratch[_SEEN] = next(filter(_public, (_asked(ctx, way) for way in (_router, _cloudflare, _name))), Told())
    return seen(ctx)


def seen(ctx: Context) -> Now:
    """What this run has seen of it already."""
    return Now(str(ctx.answers.get("router", {}).get("public_address") or ""), ctx.scratch.get(_SEEN, Told()))


def _public(told: Told) -> bool:
    try:
        return public_address.judge(told.address, "").code == "open"
    except ValueError:  # not an IPv4 address
        return False


def _asked(ctx: Context, way: Callable[[Context], Told]) -> Told:
    try:
        return way(ctx)
    except Interrupted:
        raise
    except WizardError:
        return Told()


def _router(ctx: Context) -> Told:
    return Told(wan(ctx), "the router now says")


def wan(ctx: Context) -> str:
    """The router's own address on the internet side, asked for once in a run and with a yes only; empty without."""
    if not (ctx.answers.get("domains", {}).get("wan_look") or router_upnp.wanted(ctx.answers)):
        return ""
    if _WAN not in ctx.scratch:
        ctx.progress(None, "asking the router for its address, by UPnP")
        try:
            ctx.scratch[_WAN] = router_upnp.wan(ctx)
        except Interrupted:
            raise
        except WizardError as error:
            ctx.scratch[_WAN], ctx.scratch[_WAN_WHY] = "", f"{error.what} {error.why}".strip()
    return wan_seen(ctx)


def wan_seen(ctx: Context) -> str:
    """The same, as far as this run has asked already."""
    return str(ctx.scratch.get(_WAN, ""))


def wan_told(ctx: Context) -> str:
    """What the router said when it was asked, in a sentence; empty where nobody may ask it."""
    if address := wan(ctx):
        return f"The router says that it is {address}."
    why = str(ctx.scratch.get(_WAN_WHY, ""))
    return f"The router was asked and told no address. {why}".strip() if _WAN in ctx.scratch else ""


def _cloudflare(ctx: Context) -> Told:
    """Which it told before, when the step Domains asked."""
    if ctx.answers["domains"]["provider"] != "cloudflare" or ctx.state.recall("domains", "public") is None:
        return Told()
    or_else = "if not, this computer goes out another way, such as a VPN"
    return Told(cloudflare.public_address(ctx.world), "Cloudflare sees this computer at", or_else)


def _name(ctx: Context) -> Told:
    """Where the DNS servers that the step Domains asked lead the public apps: the cluster's updater sees to that."""
    given = ctx.answers["domains"]
    if given["provider"] not in WITH_CERTIFICATES or not ctx.state.recall("domains", "proved"):
        return Told()
    name = f"hello.{given['external_domain']}"
    for server in dns_check.resolvers(ctx.answers):
        records = ctx.world.dns(server, name, "A").records
        if len(records) == 1:
            return Told(records[0], f"{name} leads to", "if not, the name is wrong: look at its updater")
    return Told()


# -- the router's address beside what was learnt ------------------------------------------------------------------


def reachable(ctx: Context) -> public_address.Verdict:
    """Whether ports can be forwarded to this home, as far as it is known; nobody is asked."""
    given = wan_seen(ctx) or str(ctx.answers.get("domains", {}).get("wan_address") or "")
    return public_address.judge(given, str(ctx.state.recall("domains", "public") or ""))


def learnt_before(ctx: Context) -> bool:
    """Whether the router has another public address than when the step Domains learnt this home's."""
    known = [ctx.state.recall("domains", key) for key in ("public", "public_wan")]
    return _public(Told(wan_seen(ctx))) and wan_seen(ctx) not in known
