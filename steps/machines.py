"""Machines: which Pis there are, that they are who they are, and that they are fit."""

from __future__ import annotations

import difflib
import re
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from steps import adopt, control_plane, discovery, gate, health, introduction, lineage, mend, nodes, own_key, pins
from steps import facts as node_facts
from steps.facts import NodeFacts
from steps.health_finding import Finding
from steps.lineage import Evidence
from wizard.context import Context
from wizard.errors import Problem, TrustError
from wizard.host import keyfile, trust
from wizard.question import ADDRESS, MAPPING, PATH, SECRET, TEXT, Answers, Choice, Kind, Question, list_of
from wizard.step import Change, Step

# -- questions ---------------------------------------------------------------------------------------------


def _user(raw: object) -> str:
    text = str(TEXT.parse(raw))
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", text):
        raise ValueError(f"{text!r} is not a user name such as pi")
    return text


USER = Kind("user name", _user)
JOINING = tuple(
    f"{step}/{what}" for step in ("control-plane", "workers") for what in ("init", "finish", "join", "attach")
)
ONE_OF_THEM = Kind("address", ADDRESS.parse, widget="choice")


def _chosen(ctx: Context) -> list[Choice]:
    chosen = ctx.answers.get("machines", {}).get("hosts") or []
    return [Choice(address, address, discovery.known(ctx, address)) for address in chosen]


def _network_matters(answers: Answers) -> bool:
    """Not where the Pis were named ahead; once it was answered it can be looked at again."""
    given = answers.get("machines", {})
    return not given.get("hosts") or "network" in given


def _key_is_locked(answers: Answers) -> bool:
    file = answers.get("machines", {}).get("key_file")
    return keyfile.locked(Path(file)) if file else False


QUESTIONS = {
    q.key: q
    for q in (
        Question(
            "network", "Which network are the Pis in?", discovery.NETWORK_OR_NONE, default=discovery.own_network,
            source="this computer's routes", when=_network_matters, needs_person=True, required=False,
            help=discovery.WHAT_IS_SENT,
        ),
        Question(
            "hosts", "Which hosts become the cluster?", list_of(ADDRESS), choices=discovery.hosts_found,
            source="a look at the network", follows=("machines.network",),
            help="Pis that take SSH are marked already; others can be given by their address. All must keep their "
            "addresses: reserve them in your router.",
        ),
        Question(
            "control_plane", "Which one runs the control plane?", ONE_OF_THEM, choices=_chosen,
            default=lambda ctx: (ctx.answers.get("machines", {}).get("hosts") or [None])[0],
            help="The one with the most memory and the fastest disk; 2 GB is the least.",
        ),
        Question(
            "more_control_planes", "Which others run the control plane too?", list_of(ADDRESS), required=False,
            advanced=True, help="One or two more of the Pis. With three in all the cluster goes on when one fails.",
        ),
        Question("user", "Who logs in on the Pis?", USER, default="pi", help="The user that Raspberry Pi Imager made."),
        Question(
            "key_file", "Which private key opens them?", PATH, required=False,
            help="Leave it empty when you use a password, or a key in ssh-agent.",
        ),
        Question(
            "key_passphrase", "What passphrase unlocks that key?", SECRET, required=False, when=_key_is_locked,
            help="It is kept in memory only. Leave it empty when ssh-agent holds the key unlocked.",
        ),
        Question(
            "password", "What is that user's password?", SECRET, required=False,
            help="Needed once: the wizard installs an SSH key of its own. Leave it empty when a key opens them.",
        ),
        Question(
            "sudo_password", "What password does sudo ask for?", SECRET, required=False,
            help="Leave it empty when it is the same, or when sudo asks for none.",
        ),
        Question(
            "known_hosts", "Which file holds host keys that were checked already?", PATH, required=False, advanced=True,
            help="In the form of ~/.ssh/known_hosts, which is looked into anyway.",
        ),
        Question(
            "ignore_health", "Which findings about the Pis do you accept?", list_of(TEXT), required=False,
            advanced=True, help=f"Any of: {', '.join(health.NAMES)}.",
        ),
        Question(
            "adopt", "Which cluster may be taken over?", MAPPING, required=False, advanced=True,
            help="{ca_hash: sha256:…, uid: …} of a cluster that this computer does not know; another one is refused.",
        ),
        Question(
            "replaced", "Which Pis have been re-flashed since?", list_of(ADDRESS), required=False, advanced=True,
            choices=_chosen,
            help="Their old host key and machine-id may be forgotten; the new key is asked about.",
        ),
    )
}  # fmt: skip


# -- the step ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class MachinesFacts:
    """In the first round only `pins`: a host whose key is not pinned is asked for nothing else."""

    pins: tuple[pins.Pin, ...] = ()
    machines: Mapping[str, NodeFacts] = field(default_factory=dict)
    remembered: Mapping[str, tuple[str, str]] = field(default_factory=dict)  # address -> hostname, machine-id
    own_key: str = ""  # the wizard's public key; empty until there is one
    strangers: tuple[str, ...] = ()  # hosts that do not let that key in
    twins: tuple[Finding, ...] = ()  # what Pis share and should not, because their cards are copies
    mending: Mapping[str, mend.Mending] = field(default_factory=dict)
    foundling: adopt.Foundling | None = None  # a cluster that the state does not know


class Machines(Step[MachinesFacts]):
    """Finds the Pis, pins their host keys, installs the wizard's own SSH key, looks at their health."""

    name = "machines"
    title = "Machines"
    intro = "Which Pis there are. Their SSH host keys are shown once and pinned; then they are looked at: are they fit?"
    questions = tuple(QUESTIONS.values())
    rounds = 4  # host keys, the Pis; and the same for the other Pis of a cluster that was taken over

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("machines", {})
        hosts = given.get("hosts") or []
        problems = [
            Problem("machines.hosts", f"{address} is not the address of a computer.", "Name the addresses of the Pis.")
            for address in hosts
            if (ip := IPv4Address(address)).is_loopback or ip.is_multicast or ip.is_unspecified
        ]
        first = given.get("control_plane")
        if hosts and first and first not in hosts:
            problems.append(
                Problem("machines.control_plane", f"{first} is not one of machines.hosts.", "Add it there.")
            )
        problems += _more_control_planes(given)
        for name in given.get("ignore_health") or []:
            if name not in health.NAMES:
                near = difflib.get_close_matches(name, health.NAMES, n=1)
                fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(health.NAMES)}."
                problems.append(Problem("machines.ignore_health", f"there is no finding called {name!r}.", fix))
        return problems

    def objections(self, ctx: Context, answers: Answers) -> list[Problem]:
        wanted = answers.get("machines", {}).get("hosts") or []
        out = [address for address in _joined(ctx) if address not in wanted]
        names = " and ".join(ctx.name_of(address) for address in out)
        fix = "To take one out, with its pods and its data: homelab node remove"
        return [Problem("machines.hosts", f"the cluster has {names} in it", fix)] if out else []

    def check(self, ctx: Context) -> MachinesFacts:
        hosts = nodes.addresses(ctx.answers)
        todo = tuple(pin for pin in ctx.each(hosts, lambda address: pins.needed(ctx, address)).values() if pin)
        if todo:
            return MachinesFacts(todo)
        machines = node_facts.gather(ctx)
        now = time.time()
        remembered = {address: _remembered(ctx, address) for address in hosts}
        for address, facts in machines.items():
            if facts.machine_id != mend.mending(ctx, address).get("machine_id"):
                _same_machine(ctx, address, facts.machine_id, remembered[address][1])
        introduction.tell(ctx, machines)
        found = _foundling(ctx, machines)
        twins = gate.hold(ctx, machines, now)
        key = own_key.public(ctx)
        strangers = [a for a, known in ctx.each(hosts, lambda a: own_key.lets_in(ctx, a, key)).items() if not known]
        mending = {address: mend.mending(ctx, address) for address in hosts}
        return MachinesFacts((), machines, remembered, key, tuple(strangers), tuple(twins), mending, found)

    def plan(self, facts: MachinesFacts, answers: Answers) -> list[Change]:
        if facts.pins:
            return [pins.change(pin) for pin in facts.pins]
        changes = []
        if found := facts.foundling:
            changes.append(adopt.change(found, facts.machines[found.control_plane]))
        if not facts.own_key:
            changes.append(Change("machines/own-key", "make an SSH key of the wizard's own", own_key.make))
        user = str(answers["machines"]["user"])
        names = {machine.hostname for machine in facts.machines.values()}
        for address, machine in facts.machines.items():
            if address in facts.strangers:
                changes.append(own_key.authorize(address, user))
            mending = facts.mending.get(address) or {}
            mended, after = mend.changes(machine, facts.twins, mending, names)
            changes += mended
            names.add(after.hostname)
            if not any(change.id in (mend.MACHINE_ID, mend.REBOOT) for change in mended):
                changes += _remember(after, *facts.remembered[address], mending)
        return changes


def _joined(ctx: Context) -> list[str]:
    """The Pis of the answers that were made part of the cluster from here."""
    joined = {entry.get("host") for entry in ctx.state.journal if entry["change"] in JOINING and "finished" in entry}
    return [address for address in ctx.answers.get("machines", {}).get("hosts") or [] if address in joined]


def _foundling(ctx: Context, machines: Mapping[str, NodeFacts]) -> adopt.Foundling | None:
    """The cluster on the Pis that the state knows nothing about; None when there is none, or it is known.

    Raises `WizardError` for a Pi that carries one that can't be ours.
    """
    first, found = nodes.control_plane(ctx).address, None
    evidence = control_plane.evidence_of(ctx, machines[first])
    if adopt.of_interest(machines, first, evidence):
        if problem := adopt.refusal(machines, first):
            problem.host = ctx.name_of(problem.host)
            raise problem
        found = adopt.look(ctx, machines[first])
        evidence = Evidence(found.uid, found.ca_hash)
    if problem := lineage.stranger(machines, first, evidence):
        problem.host = machines[str(problem.host)].hostname or problem.host
        raise problem
    return found


def _more_control_planes(given: Mapping[str, Any]) -> Iterator[Problem]:
    more, hosts = given.get("more_control_planes") or [], given.get("hosts") or []
    path = "machines.more_control_planes"
    for address in more:
        if hosts and address not in hosts:
            yield Problem(path, f"{address} is not one of machines.hosts.", "Add it there.")
        elif address == given.get("control_plane"):
            yield Problem(path, f"{address} is machines.control_plane already.", "Leave it out here.")
    if len(more) > 2:
        yield Problem(path, f"{len(more) + 1} control planes are too many.", "One or three; more only make it slower.")


def _remembered(ctx: Context, address: str) -> tuple[str, str]:
    return (
        str(ctx.state.recall("machines", address, "hostname") or ""),
        str(ctx.state.recall("machines", address, "machine_id") or ""),
    )


def _same_machine(ctx: Context, address: str, seen: str, remembered: str) -> None:
    if remembered and seen != remembered and not pins.is_replaced(ctx, address):
        error = TrustError(
            "This is not the machine that was approved at this address, although its host key is.",
            f"Its machine-id was {remembered}, now it is {seen or 'unknown'}. Nothing was changed on it.",
            f"If you have re-flashed it or cloned its card, {trust.REPLACED} If you have not, find out which machine "
            "this is before you go on.", host=ctx.name_of(address),
        )  # fmt: skip
        error.answers = ("machines.replaced",)
        raise error


def _remember(machine: NodeFacts, hostname: str, before: str, mending: mend.Mending) -> Iterator[Change]:
    """Remembers what answers at an address, where that is not what is remembered."""
    address = machine.address
    if (hostname, before) == (machine.hostname, machine.machine_id) and not mending:
        return

    def do(ctx: Context) -> None:
        mend.finish(ctx, address, machine.hostname, machine.machine_id)
        pins.settle(ctx, address)

    other = bool(before) and before != machine.machine_id
    sentence = f"remember {address} as {machine.hostname} by its machine-id {machine.machine_id[:12]}…"
    if other:
        sentence += f", no longer {before[:12]}…"
    own_doing = machine.machine_id == mending.get("machine_id")
    yield Change("machines/remember", sentence, do, address, danger=other and not own_doing)
