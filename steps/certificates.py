"""Until when a control plane's certificates are valid: remembered as evidence, so that `status` can tell."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from steps import facts as node_facts
from steps.facts import NodeFacts
from wizard.context import Context
from wizard.errors import Blocked
from wizard.host.certificates import first_end
from wizard.step import Change

RENEW = "sudo kubeadm certs renew all, on the Pi, and reboot it"


@dataclass(frozen=True)
class Ends:
    """The day on which the first of the certificates ends, and the first of the authorities; empty when unknown."""

    certificates: str = ""
    authorities: str = ""

    @classmethod
    def of(cls, machine: NodeFacts) -> Ends:
        """As the Pi's own files say."""
        found = machine.certificates
        return cls(_day(first_end(found, authority=False)), _day(first_end(found, authority=True)))

    @classmethod
    def recalled(cls, ctx: Context, address: str) -> Ends:
        """As the state remembers."""
        seen = ctx.state.recall("machines", address, "certificates") or {}
        return cls(str(seen.get("until", "")), str(seen.get("authorities_until", "")))


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).date().isoformat() if seconds else ""


def expired(machine: NodeFacts) -> Blocked | None:
    """A control plane whose certificates have ended: nothing can talk to it any more. Pure."""
    end = first_end(machine.certificates, authority=False)
    if not end or not machine.clock_unix or machine.clock_unix < end:
        return None
    return Blocked(
        "The certificates of this control plane have expired.", f"The first of them ended on {_day(end)}.",
        f"Renew them: {RENEW}. Then run the same command again.", host=machine.address,
    )  # fmt: skip


def remembering(
    machines: Mapping[str, NodeFacts], remembered: Mapping[str, Ends], new: Mapping[str, bool]
) -> Iterator[Change]:
    """A change for each control plane whose certificates are not those that are remembered, or are still to be made."""
    for address, machine in machines.items():
        if new[address] or remembered.get(address, Ends()) != Ends.of(machine):
            sentence = f"remember until when the certificates on {machine.hostname} are valid"
            yield Change("control-plane/certificates", sentence, _remember(address), address)


def _remember(address: str) -> Callable[[Context], None]:
    def do(ctx: Context) -> None:
        ends = Ends.of(node_facts.gather_one(ctx, address))
        seen = datetime.now(UTC).isoformat(timespec="seconds")
        value = {"until": ends.certificates, "authorities_until": ends.authorities, "seen": seen}
        ctx.state.remember("machines", address, "certificates", value=value)

    return do
