"""Snapshots: etcd is saved on a timer, on the control plane and in a second place, and can be restored from there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steps import control_plane, nodes, ops, snapshot_node
from steps.snapshot_node import NodeLook, Place
from wizard import assets
from wizard.context import Context
from wizard.errors import Blocked, Problem, WizardError
from wizard.host.base import HostKey
from wizard.host.facts import read_pairs
from wizard.question import ADDRESS, INTEGER, TEXT, Answers, Kind, Question
from wizard.step import Change, Step

TAKE_SECONDS = 1500.0  # more than the unit's own TimeoutStartSec


def _place(raw: object) -> str:
    text = str(TEXT.parse(raw))
    if text.lower() == snapshot_node.NOWHERE:
        return snapshot_node.NOWHERE
    if not text.startswith("/"):
        return str(ADDRESS.parse(text))
    if not re.fullmatch(r"(/[A-Za-z0-9_-][A-Za-z0-9._-]*)+", text):
        raise ValueError(f"{text!r} is not a plain path such as /mnt/usb")
    return text


def _between(low: int, high: int) -> Kind:
    def parse(raw: object) -> int:
        number: int = INTEGER.parse(raw)
        if not low <= number <= high:
            raise ValueError(f"{number} is not between {low} and {high}")
        return number

    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Kind(f"whole number from {low} to {high}", parse, schema=schema)


def _first_other(ctx: Context) -> str | None:
    heads = nodes.control_planes(ctx.answers)
    return snapshot_node.place({"machines": ctx.answers.get("machines", {})}, heads[0]).to or None if heads else None


QUESTIONS = {
    q.key: q
    for q in (
        Question("to", "Where are snapshots of the cluster's data kept as well?", Kind("place, or none", _place),
                 default=_first_other, required=False, source="the other Pis", needs=("machines",),
                 declined=snapshot_node.NOWHERE,
                 help="One of the other Pis by its address, or a folder on another disk of the control plane. "
                      "The word none keeps them on the control plane alone."),
        Question("every_hours", "How many hours lie between two snapshots?", _between(1, 168), default=6,
                 advanced=True),
        Question("keep", "How many snapshots of each control plane are kept?", _between(2, 1000), default=28,
                 advanced=True, help="In each place; older ones are removed."),
    )
}  # fmt: skip


@dataclass(frozen=True)
class SnapshotFacts:
    """What each control plane and each receiver said."""

    looks: Mapping[str, NodeLook]  # by address
    names: Mapping[str, str] = field(default_factory=dict)
    host_keys: Mapping[str, tuple[HostKey, ...]] = field(default_factory=dict)


class Snapshots(Step[SnapshotFacts]):
    """A systemd timer on each control plane, an account that only stores, and the first snapshot seen to arrive."""

    name = "snapshots"
    title = "Snapshots"
    intro = (
        "What the cluster knows is saved every few hours, on the control plane and in a second place. "
        "A snapshot holds every Secret of the cluster: only root can read it there."
    )
    questions = tuple(QUESTIONS.values())
    skip = "Until then, nothing but its own disk keeps what the cluster knows."

    def validate(self, answers: Answers) -> list[Problem]:
        to, heads = answers.get("snapshots", {}).get("to"), nodes.control_planes(answers)
        hosts = answers.get("machines", {}).get("hosts") or []
        if not (to and hosts) or to.startswith("/") or to == snapshot_node.NOWHERE or (to in hosts and heads != [to]):
            return []
        what = f"{to} is the control plane itself" if to in hosts else f"{to} is not one of machines.hosts"
        why = (
            "its disk would take the copies along when it fails"
            if to in hosts
            else "they can only go to a Pi of this cluster"
        )
        others = ", ".join(address for address in hosts if address not in heads) or "no other Pi"
        fix = f"Name another Pi ({others}), a folder on another disk such as /mnt/usb, or none."
        return [Problem("snapshots.to", f"{what}: {why}.", fix)]

    def check(self, ctx: Context) -> SnapshotFacts:
        if not control_plane.kubeconfig_path(ctx).exists():
            raise Blocked("There is no cluster to save yet.", "The control plane comes first.",
                          "Run the step Control plane.")  # fmt: skip
        places = {head: snapshot_node.place(ctx.answers, head) for head in nodes.control_planes(ctx.answers)}
        receivers = [place.to for place in places.values() if place.kind == "ssh"]
        every = list(dict.fromkeys([*places, *receivers]))
        folder = next((place.to for place in places.values() if place.kind == "folder"), "")
        looks = ctx.each(every, lambda address: snapshot_node.look(ctx, address, folder))
        for head, place in places.items():
            if problem := refusal(looks[head], place, ctx.name_of(head)):
                raise problem
            if advice := advise(looks[head], place, ctx.name_of(head)):
                ctx.note(f"Snapshots of {ctx.name_of(head)}", advice)
        keys = {address: nodes.pinned_keys(ctx, address) for address in receivers}
        return SnapshotFacts(looks, {address: ctx.name_of(address) for address in every}, keys)

    def plan(self, facts: SnapshotFacts, answers: Answers) -> list[Change]:
        given = answers.get("snapshots", {})
        every, keep = given.get("every_hours", 6), given.get("keep", 28)
        places = {head: snapshot_node.place(answers, head) for head in nodes.control_planes(answers)}
        return [
            *_keys(facts, places),
            *(change for head in places for change in _sender(facts, head, places[head], every, keep)),
            *_receivers(facts, places, keep),
            *_taking(facts, places, every),
        ]


# -- judging ---------------------------------------------------------------------------------------------


def refusal(look: NodeLook, place: Place, name: str) -> Blocked | None:
    """Why no snapshots can be taken on the control plane `name`, or None. Pure."""
    if not look.etcd:
        return Blocked(f"There is no etcd on {name} to take snapshots of.", "Its manifest is missing.",
                       "Run the step Control plane.", host=name)  # fmt: skip
    if place.kind == "folder" and look.same_disk is not False:
        why = "It is on the same disk as etcd: both would be lost together." if look.same_disk else "There is none."
        return Blocked(
            f"The folder {place.to} on {name} is not a second place for snapshots.", why,
            "Mount another disk there (and in /etc/fstab), or name one of the other Pis in snapshots.to.", host=name,
        )  # fmt: skip
    return None


def advise(look: NodeLook, place: Place, name: str) -> str:
    """What the person should know about this control plane's snapshots; empty when all is well. Pure."""
    if place.kind == "none":
        return (
            f"They lie on {name} alone, so they are not a backup: the card takes them along when it fails. "
            "Name another Pi in snapshots.to, or the folder of another disk that is mounted there."
        )
    return f"The last one failed: {look.failed}" if look.failed else ""


def due(look: NodeLook, place: Place, receiver: NodeLook | None, every_hours: int) -> bool:
    """Whether a snapshot is to be taken now: none came to its place, it is gone from there, or it is too old. Pure."""
    name, taken = look.last.get("file", ""), look.last.get("time", "")
    if look.failed or not name or (look.last.get("PLACE"), look.last.get("TO", "")) != (place.kind, place.to):
        return True
    if receiver is not None and name not in receiver.store:
        return True
    if place.kind == "folder" and name not in look.folder:
        return True
    return look.now - int(float(taken or 0)) > (2 * every_hours + 1) * 3600


# -- changes ---------------------------------------------------------------------------------------------


def _keys(facts: SnapshotFacts, places: Mapping[str, Place]) -> list[Change]:
    without = [
        h for h, p in places.items() if p.kind == "ssh" and not facts.looks[h].files.get(snapshot_node.PUBLIC_KEY)
    ]
    if not without:
        return []

    def do(ctx: Context) -> None:
        for head in without:
            snapshot_node.make_key(ctx, head, facts.names[head])

    sentence = f"make an SSH key on {_names(facts, without)} that can do nothing but store snapshots on another Pi"
    return [Change("snapshots/key", sentence, do)]


def _sender(facts: SnapshotFacts, head: str, place: Place, every: int, keep: int) -> list[Change]:
    files = snapshot_node.sender_files(place, facts.host_keys.get(place.to, ()), every, keep)
    look = facts.looks[head]
    if not snapshot_node.differing(files, look) and look.ticking:
        return []
    where = {
        "ssh": f" and copy it to {facts.names.get(place.to, '')}",
        "folder": f" and copy it to {place.to}",
        "none": "",
    }
    hours = "hour" if every == 1 else f"{every} hours"
    sentence = f"save etcd every {hours}{where[place.kind]}, keep the newest {keep}; install homelab-etcd-restore"
    return [Change("snapshots/timer", sentence, lambda ctx: snapshot_node.install(ctx, head, files), head)]


def _receivers(facts: SnapshotFacts, places: Mapping[str, Place], keep: int) -> list[Change]:
    changes = []
    for receiver in dict.fromkeys(place.to for place in places.values() if place.kind == "ssh"):
        senders = {head: facts.names[head] for head, place in places.items() if place.to == receiver}
        keys = {name: facts.looks[head].files.get(snapshot_node.PUBLIC_KEY, "") for head, name in senders.items()}
        wanted = {
            snapshot_node.RECEIVE: (assets.text("node/snapshots/receive.sh"), "0755"),
            snapshot_node.AUTHORIZED: (snapshot_node.authorized(keys, keep), "0644"),
        }
        if all(keys.values()) and not snapshot_node.differing(wanted, facts.looks[receiver]):
            continue
        changes.append(_receiver(receiver, keys, keep))
    return changes


def _receiver(address: str, senders: Mapping[str, str], keep: int) -> Change:
    sentence = f"let {' and '.join(senders)} store snapshots here, by an account that can do nothing else"
    return Change(
        "snapshots/receiver", sentence, lambda ctx: snapshot_node.admit(ctx, address, senders, keep), address,
    )  # fmt: skip


def _taking(facts: SnapshotFacts, places: Mapping[str, Place], every: int) -> list[Change]:
    """One change for all: it needs what both ends got before."""
    late = {
        head: place for head, place in places.items()
        if due(facts.looks[head], place, facts.looks[place.to] if place.kind == "ssh" else None, every)
    }  # fmt: skip
    if not late:
        return []
    kinds = {place.kind for place in late.values()}
    arrival = "" if kinds == {"none"} else " and see that it arrives in its second place"

    def do(ctx: Context) -> None:
        for head, place in late.items():
            take(ctx, head, place)

    return [Change("snapshots/take", f"save etcd on {_names(facts, list(late))} now{arrival}", do)]


def take(ctx: Context, head: str, place: Place) -> None:
    """Takes a snapshot on `head` and sees that it came to its place whole. Raises `WizardError`."""
    ctx.progress(head, "saving etcd")
    last = read_pairs(ops.run(ctx, head, "snapshots/take", timeout=TAKE_SECONDS).out)
    if place.kind == "ssh":
        found = ops.run(ctx, place.to, "snapshots/arrived", last.get("file", ""), check=False).out.split()
        if last.get("sha256", "?") not in found:
            raise WizardError(
                f"The snapshot {last.get('file', '')} is not on {ctx.name_of(place.to)}.",
                "It was sent, but what lies there is not what was sent.",
                f"Look at the disk of {ctx.name_of(place.to)}.", host=ctx.name_of(place.to),
            )  # fmt: skip
    also = {"ssh": f"on {ctx.name_of(place.to)}", "folder": f"in {place.to}", "none": ""}[place.kind]
    ctx.state.remember("snapshots", head, value={**last, "also": also})


def _names(facts: SnapshotFacts, addresses: Sequence[str]) -> str:
    return " and ".join(facts.names[address] for address in addresses)
