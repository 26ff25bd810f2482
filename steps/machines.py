"""Machines: which Pis there are, that they are who they are, and that they are fit."""

from __future__ import annotations

import difflib
import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network

from steps import facts as node_facts
from steps import health, nodes, ops, own_key, pins
from steps.facts import NodeFacts
from wizard.context import Context
from wizard.errors import Blocked, Problem, TrustError, WizardError
from wizard.question import ADDRESS, NETWORK, PATH, SECRET, TEXT, Answers, Choice, Kind, Question, list_of
from wizard.step import Change, Step
from wizard.world import Found

# -- questions ---------------------------------------------------------------------------------------------


def _user(raw: object) -> str:
    text = str(TEXT.parse(raw))
    if not re.fullmatch(r"[a-z_][a-z0-9_-]{0,31}", text):
        raise ValueError(f"{text!r} is not a user name such as pi")
    return text


USER = Kind("user name", _user)
ONE_OF_THEM = Kind("address", ADDRESS.parse, widget="choice")


def own_network(ctx: Context) -> str | None:
    """The network that this computer is in; None when it can't be told."""
    try:
        listed = ctx.world.run(["ip", "-j", "-4", "route", "show"], timeout=10)
        return network_of(listed.out) if listed.code == 0 else None
    except WizardError:
        return None


def network_of(routes: str) -> str | None:
    """The network of the interface with the default route, from ``ip -j -4 route show``. Pure."""
    try:
        table = json.loads(routes or "[]")
    except ValueError:
        return None
    outside = next((route.get("dev") for route in table if route.get("dst") == "default"), None)
    for route in table:
        if route.get("dev") == outside and route.get("scope") == "link" and "/" in route.get("dst", ""):
            network = IPv4Network(route["dst"], strict=False)
            return str(network) if network.prefixlen >= 20 else None
    return None


def hosts_found(ctx: Context) -> list[Choice]:
    """What answers on the confirmed network, Pis chosen already. Looked for once in a run."""
    network = ctx.answers.get("machines", {}).get("network")
    if not network:
        return []
    seen: dict[str, list[Found]] = ctx.scratch.setdefault("scans", {})
    if network not in seen:
        found = ctx.world.scan(network, lambda hit: ctx.progress(None, f"found {hit.address} {hit.hint}".strip()))
        seen[network] = found
    return [Choice(hit.address, hit.address, _about(hit), "Raspberry Pi" in hit.hint) for hit in seen[network]]


def _about(hit: Found) -> str:
    return ", ".join(part for part in (hit.hint, hit.banner.removeprefix("SSH-2.0-"), hit.mac) if part)


def _chosen(ctx: Context) -> list[Choice]:
    return [Choice(address, address) for address in ctx.answers.get("machines", {}).get("hosts") or []]


def _hosts_missing(answers: Answers) -> bool:
    return not answers.get("machines", {}).get("hosts")


QUESTIONS = {
    q.key: q
    for q in (
        Question(
            "network", "Which network are the Pis in?", NETWORK, default=own_network, source="this computer's routes",
            when=_hosts_missing, needs_person=True,
            help="Every address of it is asked once whether SSH answers there; nothing else is.",
        ),
        Question(
            "hosts", "Which of these hosts become the cluster?", list_of(ADDRESS), choices=hosts_found,
            source="a look at the network", help="Choose one or more. They keep their addresses, so reserve those.",
        ),
        Question(
            "control_plane", "Which one runs the control plane?", ONE_OF_THEM, choices=_chosen,
            default=lambda ctx: (ctx.answers.get("machines", {}).get("hosts") or [None])[0],
            help="The one with the most memory and the fastest disk; 2 GB is the least.",
        ),
        Question("user", "Who logs in on the Pis?", USER, default="pi", help="The user that Raspberry Pi Imager made."),
        Question(
            "key_file", "Which private key opens them?", PATH, required=False,
            help="Leave it empty when you use a password, or a key in ssh-agent.",
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
            "replaced", "Which Pis have been re-flashed since?", list_of(ADDRESS), required=False, advanced=True,
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


class Machines(Step[MachinesFacts]):
    """Finds the Pis, pins their host keys, installs the wizard's own SSH key, looks at their health."""

    name = "machines"
    title = "Machines"
    intro = "Which Pis there are. Their SSH host keys are shown once and pinned; then they are looked at: are they fit?"
    questions = tuple(QUESTIONS.values())
    rounds = 2

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
        for name in given.get("ignore_health") or []:
            if name not in health.NAMES:
                near = difflib.get_close_matches(name, health.NAMES, n=1)
                fix = f"Did you mean {near[0]}?" if near else f"Known are: {', '.join(health.NAMES)}."
                problems.append(Problem("machines.ignore_health", f"there is no finding called {name!r}.", fix))
        return problems

    def check(self, ctx: Context) -> MachinesFacts:
        hosts = nodes.addresses(ctx.answers)
        todo = tuple(pin for pin in ctx.each(hosts, lambda address: pins.needed(ctx, address)).values() if pin)
        if todo:
            return MachinesFacts(todo)
        machines = node_facts.gather(ctx)
        now = time.time()
        remembered = {address: _remembered(ctx, address) for address in hosts}
        for address, facts in machines.items():
            _same_machine(ctx, address, facts.machine_id, remembered[address][1])
        _gate(ctx, machines, now)
        key = own_key.public(ctx)
        strangers = [a for a, known in ctx.each(hosts, lambda a: own_key.lets_in(ctx, a, key)).items() if not known]
        return MachinesFacts((), machines, remembered, key, tuple(strangers))

    def plan(self, facts: MachinesFacts, answers: Answers) -> list[Change]:
        if facts.pins:
            return [pins.change(pin) for pin in facts.pins]
        changes = []
        if not facts.own_key:
            changes.append(Change("machines/own-key", "make an SSH key of the wizard's own", own_key.make))
        user = str(answers["machines"]["user"])
        for address, machine in facts.machines.items():
            if address in facts.strangers:
                changes.append(own_key.authorize(address, user))
            if facts.remembered[address] != (machine.hostname, machine.machine_id):
                changes.append(_remember(address, machine, facts.remembered[address][1]))
        return changes


def _remembered(ctx: Context, address: str) -> tuple[str, str]:
    return (
        str(ctx.state.recall("machines", address, "hostname") or ""),
        str(ctx.state.recall("machines", address, "machine_id") or ""),
    )


def _same_machine(ctx: Context, address: str, seen: str, remembered: str) -> None:
    if remembered and seen != remembered and not pins.is_replaced(ctx, address):
        raise TrustError(
            "This is not the machine that was approved at this address, although its host key is.",
            f"Its machine-id was {remembered}, now it is {seen or 'unknown'}. Nothing was changed on it.",
            "If you have re-flashed it or cloned its card, name it under machines.replaced in the answers file. If "
            "not, find out which machine this is before you go on.", host=ctx.name_of(address),
        )  # fmt: skip


def _remember(address: str, machine: NodeFacts, before: str) -> Change:
    def do(ctx: Context) -> None:
        ctx.state.remember("machines", address, "machine_id", value=machine.machine_id)
        ctx.state.remember("machines", address, "hostname", value=machine.hostname)

    other = bool(before) and before != machine.machine_id
    sentence = f"remember {address} as {machine.hostname} by its machine-id {machine.machine_id[:12]}…"
    if other:
        sentence += f", no longer {before[:12]}…"
    return Change("machines/remember", sentence, do, address, danger=other)


# -- health ------------------------------------------------------------------------------------------------


def _gate(ctx: Context, machines: Mapping[str, NodeFacts], now: float) -> None:
    """Raises `Blocked` with everything that stands in the way; warns of the rest, once in a run."""
    answers = ctx.answers["machines"]
    first = answers["control_plane"]
    ignore: Sequence[str] = answers.get("ignore_health") or []
    pace = None if "fsync" in ignore or ctx.dry_run else _fsync(ctx, first)
    found = health.findings([health.Patient(f, a == first, now, pace) for a, f in machines.items()], ignore)
    names = {address: facts.hostname or address for address, facts in machines.items()}
    warnings = [f"{names[f.address]}: {f.sentence} {f.fix}" for f in found if f.severity == "warn"]
    if warnings and not ctx.scratch.get("health told"):
        ctx.scratch["health told"] = True
        ctx.note("Worth knowing about the Pis", "\n".join(warnings))
    if blocking := [finding for finding in found if finding.severity == "block"]:
        one = len(blocking) == 1
        raise Blocked(
            f"{'One thing stands' if one else f'{len(blocking)} things stand'} in the way on the Pis.",
            "\n".join(f"{names[f.address]}: {f.sentence} {f.fix}" for f in blocking),
            f"Put {'it' if one else 'them'} right, or accept what you can under machines.ignore_health: "
            f"{', '.join(dict.fromkeys(f.name for f in blocking))}.",
        )


def _fsync(ctx: Context, address: str) -> float | None:
    """Seconds for one safe write on the control plane's disk, measured once in a run; None when it did not say."""
    if "fsync" not in ctx.scratch:
        said = ops.run(ctx, address, "machines/fsync", check=False).out.strip()
        ctx.scratch["fsync"] = float(said) if re.fullmatch(r"\d+\.\d+", said) else None
    measured: float | None = ctx.scratch["fsync"]
    return measured
