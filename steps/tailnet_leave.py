"""A Pi leaves the tailnet: others lead into the home network first, then it logs out and is deleted there.

Nothing of this may stop a removal or a reset: where the control server can't be asked, the person is told what to do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from steps import ops, routes, tailnet_facts, tailnet_identity, tailnet_keys
from steps.routes import RouteFacts
from steps.tailnet_facts import Member
from steps.tailnet_identity import Identity
from steps.tailnet_policy import how_to_remove
from wizard.context import Context
from wizard.errors import ConnectionLost, Interrupted, TrustError, WizardError
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


def look(ctx: Context, address: str, *, reachable: bool, staying: Sequence[str]) -> Leaving:
    """What has to be done so that the Pi leaves. `staying` are the Pis that stay and can be reached."""
    if not tailnet_facts.in_use(ctx.answers):
        return Leaving()
    try:
        return _looked(ctx, address, reachable=reachable, staying=staying)
    except (Interrupted, ConnectionLost, TrustError):
        raise
    except WizardError as error:
        known = tailnet_identity.recalled(ctx, address)
        return Leaving(address, ctx.name_of(address), known, why_not=" ".join(error.sentences()))


def _looked(ctx: Context, address: str, *, reachable: bool, staying: Sequence[str]) -> Leaving:
    heirs = list(staying)[:2]
    members = tailnet_facts.settled(ctx, [*([address] if reachable else []), *heirs])
    member = members.get(address, Member(address))
    identity = tailnet_identity.of(member) or tailnet_identity.recalled(ctx, address)
    if reachable and not identity:
        return Leaving()
    server, why_not = tailnet_keys.control_if_any(ctx)
    listed = tailnet_identity.find(tailnet_keys.machines(ctx, server), identity) if server else None
    joined = [heir for heir in heirs if members[heir].joined]
    left = RouteFacts()
    if joined and address in tailnet_facts.routers(ctx.answers):
        left = routes.look(ctx, {heir: members[heir] for heir in joined}, routers=joined, server=server)
    serves = bool(set(member.advertised) & set(left.routes)) if member.joined else False
    return Leaving(address, ctx.name_of(address), identity, member.joined, serves, listed, left, why_not)


def handing_over(found: Leaving) -> list[Change]:
    """The changes after which others lead into the home network, before the Pi goes. Pure."""
    changes = routes.changes(found.heirs)
    if not found.serves or not found.heirs.offered:
        return changes

    def do(ctx: Context) -> None:
        ops.run(ctx, found.address, "tailnet/advertise")
        if server := tailnet_keys.control_if_any(ctx)[0]:
            routes.until_served(ctx, server, found.heirs.routes, but=found.identity.id)

    sentence = f"let the others lead from the VPN into the home network, instead of {found.name}"
    return [*changes, Change("tailnet/hand-over", sentence, do)]


def leaving(found: Leaving) -> list[Change]:
    """The changes that take the Pi out of the tailnet. Pure."""
    changes = []
    if found.joined:
        changes.append(
            Change("tailnet/leave", "leave the tailnet", lambda ctx: leave(ctx, found.address), found.address)
        )
    if found.listed:
        changes.append(delete("tailnet/delete", [found.listed]))
    return changes


def leave(ctx: Context, address: str) -> None:
    """Logs the Pi out. Who it was is noted first, for whoever has to delete it in the tailnet."""
    member = tailnet_facts.look(ctx, [address])[address]
    if identity := tailnet_identity.of(member):
        tailnet_identity.remember(ctx, address, identity, left=True)
    ops.run(ctx, address, "reset/tailnet")


def delete(name: str, machines: Sequence[Machine]) -> Change:
    """The change that deletes `machines` on the control server. Pure."""

    def do(ctx: Context) -> None:
        if server := tailnet_keys.control(ctx):
            for machine in machines:
                server.remove(machine.id)

    named = " and ".join(f"{machine.name} ({machine.addresses[0]})" for machine in machines)
    return Change(name, f"delete {named} from the tailnet's machines", do)


def told(ctx: Context, found: Leaving) -> str:
    """What is left to the person; empty when nothing is."""
    if not found.address or found.listed:
        return ""
    by_hand = how_to_remove(ctx.answers, found.identity.name or found.name, found.identity.addresses)
    if not found.identity:
        return f"If it was in your tailnet, it still is. {by_hand}"
    if not found.why_not and ctx.answers["tailnet"].get(tailnet_keys.API_KEY):
        return ""  # the control server was asked, and has nothing of it
    reason = f" ({found.why_not})" if found.why_not else ""
    return f"It is still in the list of your tailnet's machines{reason}. {by_hand}"
