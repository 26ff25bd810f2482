"""A Pi leaves the tailnet: others lead into the home network first, then it logs out and is deleted there.

Nothing of this may stop a removal or a reset: where the control server can't be asked, the person is told what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from steps import ops, routes, tailnet_facts, tailnet_identity, tailnet_keys
from steps.routes import RouteFacts
from steps.tailnet_facts import Member
from steps.tailnet_identity import Identity
from steps.tailnet_policy import how_to_approve, how_to_remove
from wizard.context import Context
from wizard.errors import ConnectionLost, Interrupted, TrustError, WizardError
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import Machine


@dataclass(frozen=True)
class Leaving:
    """What the tailnet has on a Pi that leaves. Empty: nothing."""

    address: str = ""  # of the Pi at home; empty: there is no tailnet, or it was never a part of it
    name: str = ""
    identity: Identity = field(default_factory=Identity)
    joined: bool = False  # it can be reached, and holds a registration
    serves: bool = False  # it offers routes
    listed: Machine | None = None  # what the control server has of it
    heirs: RouteFacts = field(default_factory=RouteFacts)  # the routes of those that stay
    why_not: str = ""  # why the control server was not asked
    former: Answers | None = None  # the answers with the tailnet that it was, where there is to be none any more


def look(ctx: Context, address: str, *, reachable: bool, staying: Sequence[str]) -> Leaving:
    """What has to be done so that the Pi leaves. `staying` are the Pis that stay and can be reached."""
    known = tailnet_identity.recalled(ctx, address)
    given_up = not tailnet_facts.in_use(ctx.answers)
    if given_up and not (known and tailnet_identity.joined_here(ctx, address)):
        return Leaving()
    try:
        return _looked(ctx, address, reachable=reachable, staying=staying)
    except (Interrupted, ConnectionLost, TrustError):
        raise
    except WizardError as error:
        former = tailnet_identity.former(ctx) if given_up else None
        return Leaving(address, ctx.name_of(address), known, why_not=" ".join(error.sentences()), former=former)


def _looked(ctx: Context, address: str, *, reachable: bool, staying: Sequence[str]) -> Leaving:
    former = None if tailnet_facts.in_use(ctx.answers) else tailnet_identity.former(ctx)
    handed = not former and address in tailnet_facts.routers(ctx.answers)
    members = tailnet_facts.patiently(ctx, [*([address] if reachable else []), *(staying if handed else ())])
    member, known = members.get(address, Member(address)), tailnet_identity.recalled(ctx, address)
    if former and not tailnet_identity.is_same(tailnet_identity.of(member), known):
        member = Member(address)  # its owner has joined it anew since: that is no concern of homelab's
    identity = tailnet_identity.of(member) or known
    if reachable and not identity and not member.silent:
        return Leaving()
    server, machines, why_not = tailnet_keys.asked(ctx, former)
    heirs = [heir for heir in staying if handed and members[heir].joined][:2]
    left = RouteFacts()
    if heirs:
        by_sight = server is None or bool(server.lacking(["devices:routes"]))
        views = {heir: members[heir] for heir in heirs}
        left = routes.look(ctx, views, routers=heirs, server=server, by_sight=by_sight)
    joined = member.joined or bool(member.silent and known)  # a daemon that is silent can be logged out all the same
    serves = bool(set(member.advertised) & set(left.routes)) if member.joined else False
    listed = tailnet_identity.find(machines, identity)
    return Leaving(address, ctx.name_of(address), identity, joined, serves, listed, left, why_not, former)


def handing_over(found: Leaving) -> list[Change]:
    """The changes after which others lead into the home network, before the Pi goes. Pure."""
    heirs, routers = found.heirs, tuple(found.heirs.offered)

    def by_hand(ctx: Context) -> str:
        return how_to_approve(ctx.answers, [ctx.name_of(router) for router in routers], heirs.routes)

    changes = [
        going_on(change, by_hand) if change.id == "tailnet/approve" else change
        for change in routes.changes(heirs, waiting=False)
    ]
    if not found.serves or not routers:
        return changes

    def do(ctx: Context) -> None:
        ops.run(ctx, found.address, "tailnet/advertise")
        if heirs.by_api and (server := tailnet_keys.control(ctx)):
            routes.until_served(ctx, server, heirs.routes, but=found.identity.id)
        else:
            routes.until_seen(ctx, heirs.routes, routers)

    sentence = f"let the others lead from the VPN into the home network, instead of {found.name}"
    return [*changes, going_on(Change("tailnet/hand-over", sentence, do), by_hand)]


def going_on(change: Change, by_hand: Callable[[Context], str]) -> Change:
    """`change`, after which it goes on even where it is refused: the person is told what is left `by_hand`."""

    def do(ctx: Context) -> None:
        try:
            change.do(ctx)
        except (Interrupted, ConnectionLost, TrustError):
            raise
        except WizardError as error:
            ctx.note("In the tailnet, this is left to you", f"{' '.join(error.sentences())}\n{by_hand(ctx)}")

    return replace(change, do=do)


def leaving(found: Leaving) -> list[Change]:
    """The changes that take the Pi out of the tailnet. Pure."""
    changes = []
    if found.joined:
        changes.append(
            Change("tailnet/leave", "leave the tailnet", lambda ctx: leave(ctx, found.address), found.address)
        )
    if found.listed:
        changes.append(delete("tailnet/delete", [found.listed], found.former))
    return changes


def leave(ctx: Context, address: str) -> None:
    """Logs the Pi out. Who it was is noted first, for whoever has to delete it in the tailnet."""
    member = tailnet_facts.look(ctx, [address])[address]
    if identity := tailnet_identity.of(member) or tailnet_identity.recalled(ctx, address):
        tailnet_identity.remember(ctx, address, identity, left=True)
    ops.run(ctx, address, "reset/tailnet")


def delete(name: str, machines: Sequence[Machine], former: Answers | None = None) -> Change:
    """The change that deletes `machines` on the control server. What it refuses is left to the person. Pure."""

    def do(ctx: Context) -> None:
        if server := tailnet_keys.control(ctx, former):
            for machine in machines:
                server.remove(machine.id)

    def by_hand(ctx: Context) -> str:
        left_by_hand(ctx).update(machine.id for machine in machines)
        return "\n".join(how_to_remove(former or ctx.answers, machine.name, machine.addresses) for machine in machines)

    named = " and ".join(f"{machine.name} ({machine.addresses[0]})" for machine in machines)
    return going_on(Change(name, f"delete {named} from the tailnet's machines", do), by_hand)


def left_by_hand(ctx: Context) -> set[str]:
    """The ids of the machines that the person was told to delete in this run: they are not tried again."""
    found: set[str] = ctx.scratch.setdefault("tailnet machines left by hand", set())
    return found


def told(ctx: Context, found: Leaving) -> str:
    """What is left to the person; empty when nothing is."""
    if not found.address or found.listed:
        return ""
    answers = found.former or ctx.answers
    by_hand = how_to_remove(answers, found.identity.name or found.name, found.identity.addresses)
    if not found.identity:
        return f"If it was in your tailnet, it still is. {by_hand}"
    if not found.why_not and answers["tailnet"].get(tailnet_keys.API_KEY):
        return ""  # the control server was asked, and has nothing of it
    reason = f" ({found.why_not})" if found.why_not else ""
    return f"It is still in the list of your tailnet's machines{reason}. {by_hand}"
