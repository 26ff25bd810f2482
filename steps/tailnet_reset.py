"""What a reset takes out of the tailnet: the Pis' machines, and the entry that asked the cluster's own resolver."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from steps import split_dns, tailnet_facts, tailnet_identity, tailnet_keys, tailnet_leave
from steps.giving_back import Left
from steps.split_dns import SplitDnsFacts
from steps.tailnet_identity import Identity
from steps.tailnet_policy import how_to_remove
from wizard.context import Context
from wizard.errors import ConnectionLost, Interrupted, TrustError, WizardError
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import ControlServer, Machine
from wizard.web.tailscale import Tailscale


@dataclass(frozen=True)
class TailnetLeft:
    """What there still is of the cluster in the tailnet, as far as the control server can be asked."""

    machines: tuple[Machine, ...] = ()
    split: SplitDnsFacts = field(default_factory=SplitDnsFacts)
    by_hand: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name and addresses of those that nobody can be asked about
    why_not: str = ""
    staying: tuple[tuple[str, tuple[str, ...]], ...] = ()  # of those that nobody looked at, and homelab did not join
    split_seen: bool = False  # whether there is an entry for the private names is known
    former: Answers | None = None  # the answers with the tailnet that it was, where there is to be none any more

    @property
    def anything(self) -> bool:
        return bool(self.machines or self.split.domain)


def look(ctx: Context, addresses: Sequence[str], pis: Iterable[Left], skipped: Sequence[str] = ()) -> TailnetLeft:
    """What is left of the Pis at `addresses`; `pis` are those that were looked at just now, `skipped` are not asked.

    Only of those that homelab takes out: one that had a Tailscale of its own before stays in the tailnet.
    """
    former = None if tailnet_facts.in_use(ctx.answers) else tailnet_identity.former(ctx)
    if former and not any(tailnet_identity.joined_here(ctx, address) for address in (*addresses, *skipped)):
        return TailnetLeft()
    leaving = [left.address for left in pis if left.tailnet]
    recalled = {a: tailnet_identity.recalled(ctx, a) for a in (*addresses, *skipped)}
    known = {a: recalled[a] for a in addresses if a in leaving or tailnet_identity.has_left(ctx, a)}
    known |= {a: recalled[a] for a in skipped if tailnet_identity.joined_here(ctx, a)}
    staying = _named(ctx, {a: recalled[a] for a in skipped if a not in known and recalled[a]})
    asking = [address for address, identity in known.items() if not identity and address not in skipped]
    known |= {a: tailnet_identity.of(member) for a, member in tailnet_facts.look(ctx, asking).items()}
    unknown = _named(ctx, {a: identity for a, identity in known.items() if not identity and a in skipped})
    left = of(ctx, {a: identity for a, identity in known.items() if identity}, former)
    return replace(left, by_hand=(*left.by_hand, *unknown), staying=staying)


def of(ctx: Context, pis: Mapping[str, Identity], former: Answers | None = None) -> TailnetLeft:
    """What is left of `pis`, as far as the control server can be asked. `former`: as for `tailnet_keys.control`."""
    server, listed, why_not = tailnet_keys.asked(ctx, former)
    if server is None:
        return TailnetLeft(by_hand=_named(ctx, pis), why_not=why_not, former=former)
    found = [tailnet_identity.find(listed, identity) for identity in pis.values()]
    machines = tuple(one for one in found if one and one.id not in tailnet_leave.left_by_hand(ctx))
    split = _split(ctx, server)
    return TailnetLeft(machines, split or SplitDnsFacts(), split_seen=split is not None, former=former)


def _split(ctx: Context, server: ControlServer) -> SplitDnsFacts | None:
    """The entry for the private names; None for a key that may not see it: the machines are taken out all the same."""
    try:
        return split_dns.ours(ctx, server) if isinstance(server, Tailscale) else None
    except (Interrupted, ConnectionLost, TrustError):
        raise
    except WizardError:
        return None


def _named(ctx: Context, pis: Mapping[str, Identity]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    return tuple((identity.name or ctx.name_of(address), identity.addresses) for address, identity in pis.items())


def changes(left: TailnetLeft) -> list[Change]:
    """What is to be deleted in the tailnet, once the Pis have logged out. Pure."""
    found = split_dns.taken_back(left.split, former=left.former)
    if left.machines:
        found.append(tailnet_leave.delete("reset/tailnet-machines", left.machines, left.former))
    return found


def told(answers: Answers, left: TailnetLeft) -> str:
    """What is left to the person; empty when nothing is. Pure."""
    answers = left.former or answers
    lines = [how_to_remove(answers, name, addresses) for name, addresses in left.by_hand]
    if lines:
        reason = f" ({left.why_not})" if left.why_not else ""
        lines.insert(0, f"Your tailnet still lists {' and '.join(name for name, _ in left.by_hand)}{reason}:")
    for name, addresses in left.staying:
        gone = how_to_remove(answers, name, addresses)
        lines.append(f"{name} stays in your tailnet: it was not homelab here that joined it. If it is gone: {gone}")
    domain = answers.get("domains", {}).get("internal_domain")
    if domain and split_dns.wanted(answers) and not left.split_seen:
        where = (
            "its config.yaml (dns: nameservers: split:)"
            if answers["tailnet"]["service"] == "headscale"
            else "https://login.tailscale.com/admin/dns"
        )
        lines.append(
            f"Your tailnet may still ask the cluster's resolver for the names below {domain}: take that out of {where}."
        )
    return "\n".join(lines)
