"""The way from the VPN to the cluster's addresses: routes that the routers offer and the control server approves.

Used by the step Tailnet when the addresses are known by then, by the step Addresses otherwise, and when a Pi leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from steps import ops, tailnet_facts, tailnet_identity, tailnet_keys
from steps.tailnet_facts import Member
from steps.tailnet_policy import how_to_approve
from wizard.context import Context
from wizard.errors import WizardError
from wizard.step import Change
from wizard.wait import until
from wizard.web.tailnet import ControlServer, Machine

SERVED = 30.0  # seconds from approval to traffic; 1 to 2 were seen
BY_HAND = 900.0  # seconds in which a person approves routes on a page


@dataclass(frozen=True)
class RouteFacts:
    """The routes as they must be and as they are."""

    routes: tuple[str, ...] = ()  # what must lead into the home network; empty: nothing (yet)
    offered: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # router -> what it advertises
    unapproved: tuple[str, ...] = ()  # routers whose routes are not all approved, or routes that nobody serves
    by_api: bool = False


def look(
    ctx: Context,
    members: Mapping[str, Member] | None = None,
    *,
    routers: Sequence[str] | None = None,
    fresh: Collection[str] = (),
    server: ControlServer | None = None,
    by_sight: bool = False,
) -> RouteFacts:
    """The routes now. `members` are the Pis' own views where they are known already.

    `routers` are the Pis that are to lead into the home network, when not the usual ones. Those in `fresh` are about to
    join anew, and forget what they offer. `by_sight`: the control server is not asked, though there may be a key to it.
    """  # fmt: skip
    wanted = tailnet_facts.wanted_routes(ctx.answers)
    if not tailnet_facts.in_use(ctx.answers) or not wanted:
        return RouteFacts()
    chosen = tailnet_facts.routers(ctx.answers) if routers is None else list(routers)
    views = members or tailnet_facts.settled(ctx, chosen)
    pis = {router: views[router] for router in chosen}
    server = None if by_sight else server or tailnet_keys.control(ctx)
    offered = {router: () if router in fresh else _offered(pi) for router, pi in pis.items()}
    missing = _by_api(tailnet_keys.machines(ctx, server), wanted, pis) if server else _by_sight(ctx, wanted, pis)
    return RouteFacts(wanted, offered, tuple(missing), by_api=server is not None)


def _offered(member: Member) -> tuple[str, ...]:
    """What it advertises; joining anew forgets what it offered before."""
    return member.advertised if member.joined else ()


def changes(facts: RouteFacts, *, waiting: bool = True) -> list[Change]:
    """What is left to do for the routes. Without `waiting`, what a person has to approve is only told. Pure."""
    found = []
    for router, offered in facts.offered.items():
        if set(offered) != set(facts.routes):
            found.append(_advertise(router, facts.routes))
    routers = tuple(facts.offered)
    if facts.by_api and (facts.unapproved or found):
        found.append(_approve(facts.routes, routers))
    elif not facts.by_api and not waiting and (facts.unapproved or found):
        found.append(_tell(facts.routes, routers))
    elif facts.unapproved:
        found.append(_approve_by_hand(facts.routes, routers))
    return found


def _advertise(router: str, routes: tuple[str, ...]) -> Change:
    def do(ctx: Context) -> None:
        ops.run(ctx, router, "tailnet/advertise", *routes)

    return Change("tailnet/routes", f"offer the way to {', '.join(routes)} to the VPN", do, host=router)


def _approve(routes: tuple[str, ...], routers: Sequence[str]) -> Change:
    def do(ctx: Context) -> None:
        server = tailnet_keys.control(ctx)
        if server is None:
            raise WizardError("There is no API key any more.", "", "Give tailnet.api_key again and run it again.")
        approve(ctx, server, routes, routers)

    return Change("tailnet/approve", f"approve the routes {', '.join(routes)} on the control server", do)


def approve(ctx: Context, server: ControlServer, routes: Iterable[str], routers: Sequence[str]) -> None:
    """Approves `routes` on every router and waits until each is served. Other routes that a router offers stay."""
    wanted = list(routes)
    pis = tailnet_facts.settled(ctx, routers)
    unknown: list[str] = []

    def offered() -> list[Machine] | None:
        known = server.machines()
        found = {ctx.name_of(pi.address): machine_of(known, pi) for pi in pis.values()}
        unknown[:] = [name for name, machine in found.items() if machine is None]
        machines = [machine for machine in found.values() if machine and set(wanted) <= set(machine.advertised)]
        return machines if len(machines) == len(found) else None

    machines = until(
        ctx, "the control server to know what the Pis offer", offered, deadline=SERVED, every=1,
        why=lambda: f"It does not know {' and '.join(unknown)}: deleted there?" if unknown else "",
        fix="Run the same command again: a Pi that was deleted there is told, or joins once more.",
    )  # fmt: skip
    for machine in machines:
        if not set(wanted) <= set(machine.approved):
            kept = [route for route in machine.approved if route in machine.advertised and route not in wanted]
            server.approve(machine.id, [*wanted, *kept])
    until_served(ctx, server, wanted)


def until_served(ctx: Context, server: ControlServer, routes: Sequence[str], *, but: str = "") -> None:
    """Waits until each route is served by a connected machine, another one than the one with the id `but`."""

    def missing() -> list[str]:
        return unserved([machine for machine in server.machines() if machine.id != but], routes)

    def why() -> str:
        return f"No connected machine serves {', '.join(missing())}."

    until(ctx, "the routes to be served", lambda: not missing(), deadline=SERVED, every=1, why=why,
          fix="Look at the machines on the control server: are the Pis connected?")  # fmt: skip


def until_seen(ctx: Context, routes: Sequence[str], routers: Sequence[str]) -> None:
    """Waits until one of the routers serves each route, as the others see it; where nobody can see it, it does not."""

    def missing() -> list[str]:
        pis = tailnet_facts.look(ctx, routers)
        return _by_sight(ctx, routes, pis) if watched(pis.values()) else []

    until(ctx, "the other Pis to serve the routes", lambda: not missing(), deadline=SERVED,
          fix=how_to_approve(ctx.answers, [ctx.name_of(router) for router in routers], routes))  # fmt: skip


def machine_of(known: Iterable[Machine], pi: Member) -> Machine | None:
    """What the control server knows of the Pi."""
    return tailnet_identity.find(known, tailnet_identity.of(pi))


def unserved(known: Iterable[Machine], routes: Iterable[str]) -> list[str]:
    """The routes that none of the machines serves."""
    serving = {route for machine in known if machine.online for route in machine.serving}
    return [route for route in routes if route not in serving]


def _by_api(known: Sequence[Machine], routes: Iterable[str], pis: Mapping[str, Member]) -> list[str]:
    """The routers that may not serve `routes` yet, and the routes that nobody serves, by the server's own account."""
    wanted = set(routes)
    machines = {router: machine_of(known, pi) for router, pi in pis.items()}
    waiting = [router for router, machine in machines.items() if not machine or not wanted <= set(machine.approved)]
    return [*waiting, *unserved(known, sorted(wanted))]


def _by_sight(ctx: Context, routes: Iterable[str], pis: Mapping[str, Member]) -> list[str]:
    """The routes that no Pi sees served. What a Pi is told about itself goes stale, so the others are asked.

    Where no router is told of another one, nobody can see it; then it counts that the person was asked to approve.
    """
    routers = list(pis.values())
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


def _approve_by_hand(routes: tuple[str, ...], routers: Sequence[str]) -> Change:
    def do(ctx: Context) -> None:
        by_hand = how_to_approve(ctx.answers, [ctx.name_of(router) for router in routers], routes)
        ctx.note("Approve the routes", by_hand)
        if not watched(tailnet_facts.look(ctx, routers).values()):
            ctx.state.remember("tailnet", "asked_to_approve", value=list(routes))
            return
        missing: list[str] = []

        def approved() -> bool:
            missing[:] = _by_sight(ctx, routes, tailnet_facts.look(ctx, routers))
            return not missing

        until(
            ctx, "you to approve the routes", approved, deadline=BY_HAND, every=5,
            why=lambda: f"Not served yet: {', '.join(missing)}.", fix=by_hand.partition("\n")[0],
        )  # fmt: skip

    return Change("tailnet/approve", f"ask you to approve the routes {', '.join(routes)}, and wait for it", do)


def _tell(routes: tuple[str, ...], routers: Sequence[str]) -> Change:
    def do(ctx: Context) -> None:
        ctx.note("Approve the routes", how_to_approve(ctx.answers, [ctx.name_of(router) for router in routers], routes))

    return Change("tailnet/approve", f"tell you how to approve the routes {', '.join(routes)}", do)
