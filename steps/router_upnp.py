"""Port forwarding that homelab asks the router for, by UPnP: only with a person's yes, only two ports, taken back.

NAT-PMP and PCP are not spoken: they open ports to the asking computer only. See docs/decisions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from steps import public_address, router_check
from steps.router_advice import PORTS
from wizard import ipv4
from wizard.context import Context
from wizard.errors import Blocked, RouterRefused, WizardError
from wizard.question import Answers
from wizard.step import Change

WEEK = 604800  # seconds; the longest that version 2 of UPnP's gateway knows
NAME = "homelab"  # by which our entries are told from others in the router's table
BY_HAND = "Forward the ports by hand and set router.automatic to none."
UNKNOWN, ONLY_FOREVER = 714, 725


@dataclass(frozen=True)
class Entry:
    """Where the router forwards one port to."""

    target: str
    port: str
    name: str
    seconds: int  # that are left; 0: it has no end

    @property
    def lasts(self) -> bool:
        return self.seconds == 0 or self.seconds > WEEK / 2

    def leads_to(self, target: str, port: int) -> bool:
        return (self.target, self.port) == (target, str(port))


@dataclass(frozen=True)
class UpnpFacts:
    """What the router says; without `router` nobody asked it."""

    router: str = ""
    entries: Mapping[int, Entry] = field(default_factory=dict)
    opened: bool = False  # homelab has asked for forwarding before, and has not taken it back
    fresh: bool = False  # ... in this very run: asking again would change nothing


def wanted(answers: Answers) -> bool:
    given = answers.get("router", {})
    return bool(given.get("forwarded")) and given.get("automatic") == "upnp"


def look(ctx: Context) -> UpnpFacts:
    """Asks the router where it forwards the ports to. Raises `Blocked` where it can't, or for somebody else's entry."""
    opened = bool(ctx.state.recall("router", "upnp"))
    if not wanted(ctx.answers):
        return UpnpFacts(opened=opened)
    router, target = router_check.gateway(ctx), ctx.answers["addresses"]["external_address"]
    if not router:
        raise Blocked("Which device is the router could not be seen from this computer.", "", BY_HAND)
    ctx.progress(None, f"asking the router {router} by UPnP")
    try:
        _judge(ctx, wan(ctx))
        entries = {port: found for port in PORTS if (found := _entry(ctx, router, port))}
    except WizardError as error:
        if isinstance(error, Blocked):
            raise
        raise Blocked(error.what, error.why, BY_HAND) from None
    for port, entry in entries.items():
        if not entry.leads_to(target, port) and entry.name != NAME:
            raise Blocked(
                f"The router forwards port {port} to {entry.target} already.",
                f"Its table calls that {entry.name!r}." if entry.name else "",
                f"Take that away in the router if it is not needed, or else: {BY_HAND}",
            )  # fmt: skip
    fresh = bool(ctx.scratch.get("upnp opened"))
    if fresh and (short := [each.seconds for each in entries.values() if each.seconds and not each.lasts]):
        ctx.note(
            "Port forwarding ends soon",
            f"The router keeps it for {min(short) // 60} minutes, not for the week that it was asked for. {BY_HAND}",
        )
    return UpnpFacts(router, entries, opened, fresh)


def wan(ctx: Context) -> str:
    """The address that the router has on the internet side; empty where it tells none. Raises `WizardError`."""
    router = router_check.gateway(ctx)
    said = ctx.world.upnp(router, "GetExternalIPAddress", {}).get("NewExternalIPAddress", "") if router else ""
    try:
        return ipv4.address(said)
    except ValueError:  # empty, or something else
        return ""


def _judge(ctx: Context, wan: str) -> None:
    """What the router's own address means. Raises `Blocked` where nothing that it opens can be reached."""
    verdict = public_address.judge(wan, str(ctx.state.recall("domains", "public") or ""))
    if verdict.code in ("cgnat", "none"):
        raise Blocked("No port can be forwarded to this home.", verdict.text, public_address.WAYS)
    text = verdict.text if wan else "The router tells no public address of its own: it may have none."
    if text and not ctx.scratch.get("upnp told"):
        ctx.scratch["upnp told"] = True
        ctx.note("Your router's address", text)


def _entry(ctx: Context, router: str, port: int) -> Entry | None:
    try:
        said = ctx.world.upnp(router, "GetSpecificPortMappingEntry", _key(port))
    except RouterRefused as error:
        if error.code == UNKNOWN:
            return None
        raise
    seconds = said.get("NewLeaseDuration", "")
    return Entry(
        said.get("NewInternalClient", ""), said.get("NewInternalPort", ""), said.get("NewPortMappingDescription", ""),
        int(seconds) if seconds.isdigit() else 0,
    )  # fmt: skip


def _key(port: int) -> dict[str, str]:
    return {"NewRemoteHost": "", "NewExternalPort": str(port), "NewProtocol": "TCP"}


def changes(facts: UpnpFacts, answers: Answers) -> list[Change]:
    """What is left to do. Pure."""
    if not wanted(answers):
        return [closing("router/close")] if facts.opened else []
    target = answers["addresses"]["external_address"]
    todo = [port for port in PORTS if not _holds(facts, target, port)]
    if not todo:
        return []
    names = " and ".join(map(str, todo))
    return [
        Change(
            "router/open", f"ask the router {facts.router} by UPnP to forward TCP {names} to {target} for a week",
            lambda ctx: _open(ctx, facts, target, todo),
            detail="It ends by itself after a week, or when the router restarts, unless homelab run asks for it again.",
        )
    ]  # fmt: skip


def _holds(facts: UpnpFacts, target: str, port: int) -> bool:
    """Whether the entry is right, and stays so for a while."""
    entry = facts.entries.get(port)
    return bool(entry and entry.leads_to(target, port) and (entry.lasts or facts.fresh))


def _open(ctx: Context, facts: UpnpFacts, target: str, ports: list[int]) -> None:
    """Adds the entries, or none: what was added is taken back when another one fails."""
    ctx.state.remember("router", "upnp", value={"router": facts.router, "target": target})
    ctx.scratch["upnp opened"] = True
    added: list[int] = []
    try:
        for port in ports:
            if port in facts.entries:  # one of ours, to another address or soon at its end
                ctx.world.upnp(facts.router, "DeletePortMapping", _key(port))
            _add(ctx, facts.router, target, port)
            added.append(port)
    except RouterRefused as error:
        for port in added:
            ctx.world.upnp(facts.router, "DeletePortMapping", _key(port))
        raise WizardError(error.what, error.why, BY_HAND) from None


def _add(ctx: Context, router: str, target: str, port: int) -> None:
    values = {
        **_key(port), "NewInternalPort": str(port), "NewInternalClient": target, "NewEnabled": "1",
        "NewPortMappingDescription": NAME, "NewLeaseDuration": str(WEEK),
    }  # fmt: skip
    try:
        ctx.world.upnp(router, "AddPortMapping", values)
    except RouterRefused as error:
        if error.code != ONLY_FOREVER:
            raise
        ctx.world.upnp(router, "AddPortMapping", {**values, "NewLeaseDuration": "0"})


def closing(id: str) -> Change:  # noqa: A002  (as a change's own)
    return Change(id, "take back the port forwarding that homelab asked the router for", close)


def close(ctx: Context) -> None:
    """Deletes our entries, as far as they are still ours. A router that can't be asked is told, and no failure."""
    known = ctx.state.recall("router", "upnp") or {}
    router, target = str(known.get("router", "")), str(known.get("target", ""))
    try:
        for port in PORTS if router else ():
            entry = _entry(ctx, router, port)
            if entry and entry.leads_to(target, port) and entry.name == NAME:
                ctx.world.upnp(router, "DeletePortMapping", _key(port))
    except WizardError as error:
        ctx.note(
            "Port forwarding was not taken back",
            f"{error.what} {error.why}\nIt ends by itself within a week, unless the router knows no end: look at its"
            f" table of port mappings for {NAME}.",
        )
    ctx.state.remember("router", "upnp", value=None)
