"""Whether the Pis are fit for a cluster: pure checks over facts, each with a name by which it can be ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steps.facts import NodeFacts

GB = 10**9
MB = 2**20
NAME_MAX = 63


@dataclass(frozen=True)
class Finding:
    """Something wrong with one Pi. ``block`` stops the step unless `name` is in machines.ignore_health."""

    name: str
    address: str
    sentence: str
    fix: str
    severity: Literal["block", "warn"] = "block"


@dataclass(frozen=True)
class Patient:
    """One Pi, and what is not in its facts: its role, this computer's clock when they were read, its disk's pace."""

    facts: NodeFacts
    control_plane: bool
    now: float = 0.0  # Unix time
    fsync_seconds: float | None = None


def findings(patients: Sequence[Patient], ignore: Sequence[str] = ()) -> list[Finding]:
    """Everything that was found, Pi by Pi, what is ignored left out."""
    found = [finding for patient in patients for check in _CHECKS.values() for finding in check(patient)]
    found += _twice(patients, "hostname", lambda facts: facts.hostname)
    found += _twice(patients, "machine-id", lambda facts: facts.machine_id)
    return [finding for finding in found if finding.name not in ignore]


def _userland(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if facts.long_bits == 32 or facts.arch in ("armhf", "armel", "i386"):
        yield Finding(
            "userland", facts.address, f"Its system is a 32-bit one ({facts.arch}).",
            "Write Raspberry Pi OS Lite (64-bit) to its card: Kubernetes has no packages for 32 bits.",
        )  # fmt: skip


def _arch(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if facts.arch not in ("arm64", "amd64", "", "armhf", "armel", "i386"):
        yield Finding("arch", facts.address, f"Its processor is a {facts.arch}.", "Use a machine with arm64 or amd64.")


def _memory(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    least = 1700 * MB if patient.control_plane else 0.9 * GB
    if facts.memory_bytes and facts.memory_bytes < least:
        role, fix = ("control plane", "make a larger Pi the control plane") if patient.control_plane else ("worker", "")
        yield Finding(
            "memory", facts.address,
            f"It has {facts.memory_bytes / MB:.0f} MB of memory; a {role} needs {least / MB:.0f}.",
            f"Use a Pi with more memory{f', or {fix}' if fix else ''}.",
        )  # fmt: skip


def _cores(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if patient.control_plane and 0 < facts.cores < 2:
        yield Finding(
            "cores", facts.address, "It has one processor core; kubeadm wants two for the control plane.",
            "Make another Pi the control plane.",
        )  # fmt: skip


def _disk(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if 0 < facts.disk_free_bytes < 8 * GB:
        yield Finding(
            "disk", facts.address, f"Only {facts.disk_free_bytes / GB:.1f} GB of its disk are free.",
            "Free some space or use a larger card: images and logs soon fill 8 GB.",
            "block" if facts.disk_free_bytes < 4 * GB else "warn",
        )  # fmt: skip


def _name(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    if facts.hostname and (len(facts.hostname) > NAME_MAX or not re.fullmatch(rf"{label}(\.{label})*", facts.hostname)):
        yield Finding(
            "name", facts.address, f"Its hostname {facts.hostname!r} can't be the name of a Kubernetes node.",
            "Use small letters, digits and dashes: sudo hostnamectl set-hostname NAME",
        )  # fmt: skip


def _clock(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    skew = facts.clock_unix - patient.now
    if facts.clock_unix and patient.now and abs(skew) > 30:
        yield Finding(
            "clock", facts.address,
            f"Its clock is {abs(skew):.0f} seconds {'ahead of' if skew > 0 else 'behind'} this computer's.",
            "Certificates depend on it. The next step switches time synchronisation on; look at this computer's "
            "clock too.", "warn",
        )  # fmt: skip


def _power(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    bits = facts.throttled or 0
    low = {0: "now", 16: "since it was started"}
    hot = {2: "now", 18: "since it was started"}
    for what, meanings, fix in (
        ("Its power supply was too weak", low, "Use the official power supply and a short cable."),
        ("It was slowed down by heat or weak power", hot, "Give it air or a fan, and the official power supply."),
    ):
        when = next((words for bit, words in meanings.items() if bits & 1 << bit), "")
        if when:
            yield Finding("power", facts.address, f"{what} ({when}).", fix, "warn")


def _dhcp(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if any(address.ip == facts.address and address.dynamic for address in facts.addresses):
        yield Finding(
            "dhcp", facts.address, "Its address comes from DHCP and may change, which would break the cluster.",
            f"Reserve {facts.address} for {facts.default_mac or 'it'} in the router.", "warn",
        )  # fmt: skip


def _fsync(patient: Patient) -> Iterator[Finding]:
    pace = patient.fsync_seconds
    if patient.control_plane and pace is not None and pace > 0.025:
        yield Finding(
            "fsync", patient.facts.address, f"A safe write to its disk takes {pace * 1000:.0f} ms; etcd wants 10.",
            "Put the control plane on an SSD or a fast card, or expect a slow API.", "warn",
        )  # fmt: skip


_CHECKS: Mapping[str, Callable[[Patient], Iterator[Finding]]] = {
    "userland": _userland, "arch": _arch, "memory": _memory, "cores": _cores, "disk": _disk, "name": _name,
    "clock": _clock, "power": _power, "dhcp": _dhcp, "fsync": _fsync,
}  # fmt: skip
NAMES = (*_CHECKS, "hostname", "machine-id")


def _twice(patients: Sequence[Patient], name: str, value: Callable[[NodeFacts], str]) -> Iterator[Finding]:
    fixes = {
        "hostname": "Give each a hostname of its own: sudo hostnamectl set-hostname NAME",
        "machine-id": "Its card is a copy: sudo rm /etc/machine-id /var/lib/dbus/machine-id; sudo "
        "systemd-machine-id-setup; sudo reboot",
    }
    first: dict[str, str] = {}
    for patient in patients:
        mine = value(patient.facts)
        if mine and mine in first:
            sentence = f"It has the same {name} as {first[mine]} ({mine})."
            yield Finding(name, patient.facts.address, sentence, fixes[name])
        first.setdefault(mine, patient.facts.address)
