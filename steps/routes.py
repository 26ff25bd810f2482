"""The way from the VPN to the cluster's addresses: routes that the routers offer and the control server approves.

Used by the step Tailnet when the addresses are known by then, and by the step Addresses otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from steps import ops, tailnet_facts
from steps.tailnet_facts import Member
from wizard.context import Context
from wizard.errors import WizardError
from wizard.step import Change
from wizard.wait import until
from wizard.web.tailnet import ControlServer, Machine

SERVED = 30.0  # seconds from approval to traffic; 1 to 2 were seen
BY_HAND = 900.0  # seconds in which a person approves routes on a page
CONSOLE = "https://login.tailscale.com/admin/machines"


@dataclass(frozen=True)
class RouteFacts:
    """The routes as they must be and as they are."""

    routes: tuple[str, ...] = ()  # what must lead into the home network; empty: nothing (yet)
    offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # router -> what it advertises
    unapproved: tuple[str, ...] = ()  # routers whose routes are not all approved, or routes that nobody serves
    by_api: bool = False


def look(ctx: Context, members: Mapping[str, Member] | None = None) -> RouteFacts:
    """The routes now. `members` are the Pis' own views where they are known already."""
    wanted = tailnet_facts.wanted_routes(ctx.answers)
    if not tailnet_facts.in_use(ctx.answers) or not wanted:
        return RouteFacts()
    routers = tailnet_facts.routers(ctx.answers)
    views = members or tailnet_facts.look(ctx, routers)
    server = tailnet_facts.control(ctx)
    return RouteFacts(
        wanted, {router: _offered(views[router]) for router in routers},
        tuple(_by_api(ctx, server, wanted, views) if server else _by_sight(ctx, wanted, views)),
        by_api=server is not None,
    )  # fmt: skip


def _offered(member: Member) -> tuple[str, ...]:
    """What it advertises; joining anew forgets what it offered before."""
    return member.advertised if member.joined else ()


def changes(facts: RouteFacts) -> list[Change]:
    """What is left to do for the routes. Pure."""
    found = []
    for router, offered in facts.offered.items():
        if set(offered) != set(facts.routes):
            found.append(_advertise(router, facts.routes))
    if facts.unapproved or (found and facts.by_api):
        found.append(_approve(facts) if facts.by_api else _approve_by_hand(facts.routes))
    return found


def _advertise(router: str, routes: tuple[str, ...]) -> Change:
    def do(ctx: Context) -> None:
        ops.run(ctx, router, "tailnet/advertise", *routes)

    return Change("tailnet/routes", f"offer the way to {', '.join(routes)} to the VPN", do, host=router)


def _approve(facts: RouteFacts) -> Change:
    def do(ctx: Context) -> None:
        server = tailnet_facts.control(ctx)
        if server is None:
            raise WizardError("There is no API key any more.", "", "Give tailnet.api_key again and run it again.")
        approve(ctx, server, facts.routes)

    return Change("tailnet/approve", f"approve the routes {', '.join(facts.routes)} on the control server", do)


def approve(ctx: Context, server: ControlServer, routes: Iterable[str]) -> None:
    """Approves `routes` on every router and waits until each is served. Other routes that a router offers stay."""
    wanted = list(routes)
    pis = tailnet_facts.look(ctx, tailnet_facts.routers(ctx.answers))

    def offered() -> list[Machine] | None:
        known = server.machines()
        found = [_machine(known, pi) for pi in pis.values()]
        return [m for m in found if m] if all(m and set(wanted) <= set(m.advertised) for m in found) else None

    machines = until(
        ctx, "the control server to know what the Pis offer", offered, deadline=SERVED, every=1,
        fix="Look at the machines on the control server: are the Pis there and connected?",
    )  # fmt: skip
    for machine in machines:
        if not set(wanted) <= set(machine.approved):
            kept = [route for route in machine.approved if route in machine.advertised and route not in wanted]
            server.approve(machine.id, [*wanted, *kept])

    def served() -> bool:
        return not _unserved(server.machines(), wanted)

    def why() -> str:
        return f"No connected machine serves {', '.join(_unserved(server.machines(), wanted))}."

    until(ctx, "the routes to be served", served, deadline=SERVED, every=1, why=why,
          fix="Look at the machines on the control server: are the Pis connected?")  # fmt: skip


def _machine(known: Iterable[Machine], pi: Member) -> Machine | None:
    """What the control server knows of the Pi, recognised by its address in the tailnet, or else its name there."""
    if pi.ips:
        return next((machine for machine in known if set(machine.addresses) & set(pi.ips)), None)
    return next((machine for machine in known if machine.name == pi.name), None)


def _unserved(known: Iterable[Machine], routes: Iterable[str]) -> list[str]:
    serving = {route for machine in known if machine.online for route in machine.serving}
    return [route for route in routes if route not in serving]


def _by_api(ctx: Context, server: ControlServer, routes: Iterable[str], views: Mapping[str, Member]) -> list[str]:
    """The routers that may not serve `routes` yet, and the routes that nobody serves, by the server's own account."""
    wanted, known = set(routes), server.machines()
    machines = {router: _machine(known, views[router]) for router in tailnet_facts.routers(ctx.answers)}
    waiting = [router for router, machine in machines.items() if not machine or not wanted <= set(machine.approved)]
    return [*waiting, *_unserved(known, sorted(wanted))]


def _by_sight(ctx: Context, routes: Iterable[str], views: Mapping[str, Member]) -> list[str]:
    """The routes that no Pi sees served. A Pi's word about itself goes stale: others are asked where there are some."""
    routers = tailnet_facts.routers(ctx.answers)
    missing = []
    for route in routes:
        seen = [views[router].sees(route) for router in routers]
        told = any(route in (views[router].me.get("AllowedIPs") or ()) for router in routers)
        if not any(seen) and (any(answer is not None for answer in seen) or not told):
            missing.append(route)
    return missing


def _approve_by_hand(routes: tuple[str, ...]) -> Change:
    def do(ctx: Context) -> None:
        ctx.note("Approve the routes", how_to_approve(ctx, routes))
        missing: list[str] = []

        def approved() -> bool:
            views = tailnet_facts.look(ctx, tailnet_facts.routers(ctx.answers))
            missing[:] = _by_sight(ctx, routes, views)
            return not missing

        until(
            ctx, "you to approve the routes", approved, deadline=BY_HAND, every=5,
            why=lambda: f"Not served yet: {', '.join(missing)}.", fix=how_to_approve(ctx, routes),
        )  # fmt: skip

    return Change("tailnet/approve", f"wait until you have approved the routes {', '.join(routes)}", do)


def how_to_approve(ctx: Context, routes: Iterable[str]) -> str:
    """What a person does where no API key was given."""
    names = [ctx.name_of(router) for router in tailnet_facts.routers(ctx.answers)]
    listed = ",".join(routes)
    if ctx.answers["tailnet"]["service"] == "headscale":
        return (
            f"On the headscale server, for each of {' and '.join(names)}: look up its number with"
            f" `headscale nodes list`, then run: headscale nodes approve-routes --identifier NUMBER --routes {listed}"
        )
    return (
        f"Open {CONSOLE}; for each of {' and '.join(names)} choose the menu … > Edit route settings, and tick {listed}."
    )
