"""What a reset takes out of the tailnet: the Pis' machines, and the entry that asked the cluster's own resolver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from steps import split_dns, tailnet_facts, tailnet_identity, tailnet_keys, tailnet_leave
from steps.giving_back import Left
from steps.split_dns import SplitDnsFacts
from steps.tailnet_policy import how_to_remove
from wizard.context import Context
from wizard.errors import ConnectionLost, Interrupted, TrustError, WizardError
from wizard.question import Answers
from wizard.step import Change
from wizard.web.tailnet import Machine


@dataclass(frozen=True)
class TailnetLeft:
    """What there still is of the cluster in the tailnet, as far as the control server can be asked."""

    machines: tuple[Machine, ...] = ()
    split: SplitDnsFacts = field(default_factory=SplitDnsFacts)
    by_hand: tuple[tuple[str, tuple[str, ...]], ...] = ()  # name and addresses of those that nobody can be asked about
    why_not: str = ""

    @property
    def anything(self) -> bool:
        return bool(self.machines or self.split.domain)


def look(ctx: Context, addresses: Sequence[str], pis: Iterable[Left]) -> TailnetLeft:
    """What is left of the Pis at `addresses`; `pis` are those that were looked at just now.

    Only of those that homelab takes out: one that had a Tailscale of its own before stays in the tailnet.
    """
    if not tailnet_facts.in_use(ctx.answers):
        return TailnetLeft()
    leaving = [left.address for left in pis if left.tailnet]
    known = {
        a: tailnet_identity.recalled(ctx, a) for a in addresses if a in leaving or tailnet_identity.has_left(ctx, a)
    }
    server, why_not = tailnet_keys.control_if_any(ctx)
    if server:
        try:
            unknown = [address for address, identity in known.items() if not identity]
            known |= {a: tailnet_identity.of(member) for a, member in tailnet_facts.look(ctx, unknown).items()}
            listed = server.machines()
            found = [tailnet_identity.find(listed, identity) for identity in known.values()]
            return TailnetLeft(tuple(one for one in found if one), split_dns.ours(ctx, server))
        except (Interrupted, ConnectionLost, TrustError):
            raise
        except WizardError as error:
            why_not = " ".join(error.sentences())
    named = ((identity.name or ctx.name_of(address), identity.addresses) for address, identity in known.items())
    return TailnetLeft(by_hand=tuple(named), why_not=why_not)


def changes(left: TailnetLeft) -> list[Change]:
    """What is to be deleted in the tailnet, once the Pis have logged out. Pure."""
    found = split_dns.taken_back(left.split)
    if left.machines:
        found.append(tailnet_leave.delete("reset/tailnet-machines", left.machines))
    return found


def told(answers: Answers, left: TailnetLeft) -> str:
    """What is left to the person; empty when nothing is. Pure."""
    lines = [how_to_remove(answers, name, addresses) for name, addresses in left.by_hand]
    if lines:
        reason = f" ({left.why_not})" if left.why_not else ""
        lines.insert(0, f"Your tailnet still lists the Pis{reason}:")
    domain = answers.get("domains", {}).get("internal_domain")
    by_api = not left.by_hand and answers.get("tailnet", {}).get("service") == "tailscale"
    if domain and split_dns.wanted(answers) and not by_api:
        where = (
            "its config.yaml (dns: nameservers: split:)"
            if answers["tailnet"]["service"] == "headscale"
            else "https://login.tailscale.com/admin/dns"
        )
        lines.append(f"It may still ask the cluster's resolver for the names below {domain}: take that out of {where}.")
    return "\n".join(lines)
