"""What is worth knowing about a tailnet that works: other names, complaints, keys that will end. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from steps.facts import NodeFacts
from steps.tailnet_facts import Member
from wizard.web.tailnet import Machine

SOON = 30  # days before its end from which a key is worth a warning
_NO_COMPLAINTS = (  # what tailscaled says though all is as it is meant to be, or is told elsewhere
    "--accept-routes is false", "Tailscale is starting", "Tailscale is stopped", "You are logged out", "locked out",
    "IP forwarding is disabled",  # which the step switches on; it says so for a long time after that, too
)  # fmt: skip

Told = tuple[str, str]  # title and text


def advice(
    machines: Mapping[str, NodeFacts], members: Mapping[str, Member], known: Sequence[Machine], today: date
) -> list[Told]:
    """What a person should know of the Pis. `known` are the control server's machines, as far as it was asked."""
    found: list[Told] = []
    for address, member in members.items():
        if member.state == "Running":
            found += [
                *_name(machines[address].hostname, member, known),
                *_complaints(machines[address].hostname, member),
            ]
        found += _key(machines[address].hostname, member, today)
    return found


def _name(name: str, member: Member, known: Sequence[Machine]) -> Iterator[Told]:
    if not member.name or member.name == name.lower():
        return
    other = next((machine for machine in known if machine.name == name.lower()), None)
    who = "another machine had the name"
    if other:
        state = "connected" if other.online else "not connected"
        who = f"the machine {other.name} ({other.addresses[0]}, {state}) had the name"
    yield (
        f"{name} has another name in the tailnet",
        f"It is called {member.name} there: {who} {name} first, perhaps this Pi's former installation, or the Pi was"
        " renamed. Remove the old one on the control server and rename this one.",
    )


def _complaints(name: str, member: Member) -> Iterator[Told]:
    lines = [line for line in member.health if not any(word in line for word in _NO_COMPLAINTS)]
    if lines:
        yield f"Tailscale on {name} complains", "\n".join(lines)


def _key(name: str, member: Member, today: date) -> Iterator[Told]:
    ends = str(member.me.get("KeyExpiry") or "")[:10]
    if ends and not member.expired:
        yield (
            f"{name}'s key for the tailnet ends{_in_days(ends, today)}",
            f"On {ends} it leaves the tailnet, unless its key expiry is disabled on the control server; with"
            " tailnet.api_key the wizard does that.",
        )


def api_key(ends: str, today: date) -> Iterator[Told]:
    """A warning that the key to the API ends soon."""
    if ends and (date.fromisoformat(ends[:10]) - today).days <= SOON:
        yield (
            f"The key to the tailnet's API ends{_in_days(ends[:10], today)}",
            f"After {ends[:10]} Pis can't be added, and routes not be approved with it. Make a new one and give it as"
            " tailnet.api_key; an OAuth client of Tailscale does not end.",
        )


def _in_days(day: str, today: date) -> str:
    left = (date.fromisoformat(day) - today).days
    return f" in {left} day{'' if left == 1 else 's'}" if 0 <= left <= SOON else ""
