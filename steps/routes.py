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
    views = members or tailnet_facts.settled(ctx, routers)
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
    pis = tailnet_facts.settled(ctx, tailnet_facts.routers(ctx.answers))
    unknown: list[str] = []

    def offered() -> list[Machine] | None:
        known = server.machines()
        found = {ctx.name_of(pi.address): _machine(known, pi) for pi in pis.values()}
        unknown[:] = [name for name, machine in found.items() if machine is None]
        machines = [machine for machine in found.values() if machine and set(wanted) <= set(machine.advertised)]
        return machines if len(machines) == len(found) else None

    machines = until(
        ctx, "the control server to know what the Pis offer", offered, deadline=SERVED, every=1,
        why=lambda: f"It does not know {' and '.join(unknown)}: deleted there?" if unknown else "",
        fix="Restart Tailscale on the Pis (sudo systemctl restart tailscaled), and run the same command again.",
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
    """The routes that no Pi sees served. What a Pi is told about itself goes stale, so the others are asked.

    Where no router is told of another one, nobody can see it; then it counts that the person was asked to approve.
    """
    routers = [views[router] for router in tailnet_facts.routers(ctx.answers)]
    if watched(routers):
        return [route for route in routes if not any(router.serves(route) for router in routers)]
    told = set(ctx.state.recall("tailnet", "asked_to_approve") or ())
    return [route for route in routes if route not in told and not any(_allowed(route, pi) for pi in routers)]


def watched(routers: Iterable[Member]) -> bool:
    """Whether one of the routers is told of another one, and so sees what that one serves. Pure."""
    pis = list(routers)
    others = [(pi, peer) for pi in pis for peer in pi.peers()]
    return any(
        set(peer.get("TailscaleIPs") or ()) & set(other.ips) for pi, peer in others for other in pis if other is not pi
    )


def _allowed(route: str, pi: Member) -> bool:
    return route in (pi.me.get("AllowedIPs") or ())


def _approve_by_hand(routes: tuple[str, ...]) -> Change:
    def do(ctx: Context) -> None:
        ctx.note("Approve the routes", how_to_approve(ctx, routes))
        names = tailnet_facts.routers(ctx.answers)
        if not watched(tailnet_facts.look(ctx, names).values()):
            ctx.state.remember("tailnet", "asked_to_approve", value=list(routes))
            return
        missing: list[str] = []

        def approved() -> bool:
            missing[:] = _by_sight(ctx, routes, tailnet_facts.look(ctx, names))
            return not missing

        until(
            ctx, "you to approve the routes", approved, deadline=BY_HAND, every=5,
            why=lambda: f"Not served yet: {', '.join(missing)}.", fix=how_to_approve(ctx, routes),
        )  # fmt: skip

    return Change("tailnet/approve", f"ask you to approve the routes {', '.join(routes)}, and wait for it", do)


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
