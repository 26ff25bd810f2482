"""What no two Pis may have in common: a card that was copied shows here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from steps.health_finding import Finding, Patient

Severity = Literal["block", "warn", "mend"]


def _host_keys(patient: Patient) -> set[str]:
    return {*patient.facts.host_keys, *patient.pinned}


VALUES: Mapping[str, Callable[[Patient], set[str]]] = {
    "hostname": lambda patient: {patient.facts.hostname},
    "machine-id": lambda patient: {patient.facts.machine_id},
    "mac": lambda patient: {patient.facts.default_mac},
    "host-key": _host_keys,
}
FIXES = {
    "hostname": "Give it a hostname of its own: sudo hostnamectl set-hostname NAME",
    "machine-id": "Its card is a copy: sudo rm /etc/machine-id /var/lib/dbus/machine-id; sudo "
    "systemd-machine-id-setup; sudo reboot",
    "mac": "Switches and the pod network mix the two up. Remove what sets it (smsc95xx.macaddr= in cmdline.txt, a "
    "cloned MAC in NetworkManager or netplan) from one of them and reboot that one.",
    "host-key": "Its card is a copy: sudo rm /etc/ssh/ssh_host_*; sudo ssh-keygen -A; sudo systemctl restart ssh; then "
    "name it under machines.replaced",
}


def findings(patients: Sequence[Patient]) -> Iterator[Finding]:
    """Each value that an earlier Pi has as well, found at the later one: the one that would be changed.

    Those that are in a cluster come first, since their names and ids are known there already.
    """
    ordered = sorted(patients, key=lambda patient: not patient.facts.in_a_cluster)
    seen: dict[tuple[str, ...], str] = {}
    for patient in list(ordered):
        facts = patient.facts
        itself = (facts.boot_id, facts.machine_id, facts.default_mac)  # containers of one machine share the first
        if facts.boot_id and itself in seen:
            ordered.remove(patient)
            yield _same_one(facts.address, seen[itself])
        seen.setdefault(itself, facts.address)
    for name, values in VALUES.items():
        owners: dict[str, str] = {}
        for patient in ordered:
            mine = sorted(value for value in values(patient) if value)
            if shared := next((value for value in mine if value in owners), ""):
                yield _finding(name, patient, owners[shared], shared)
            for value in mine:
                owners.setdefault(value, patient.facts.address)


def _finding(name: str, patient: Patient, first: str, value: str) -> Finding:
    shown = "" if name == "host-key" else f" ({value})"
    words = {"mac": "MAC address", "host-key": "SSH host key"}.get(name, name)
    sentence = f"It has the same {words} as {first}{shown}."
    return Finding(name, patient.facts.address, sentence, FIXES[name], _severity(name, patient))


def _same_one(address: str, first: str) -> Finding:
    """One Pi with two addresses, by cable and by Wi-Fi say: nothing of it is a copy of anything."""
    return Finding(
        "machine-id", address, f"It is the very machine that answers at {first}.",
        "Leave one of the two addresses out of machines.hosts; the one of the cable is the better one.",
    )  # fmt: skip


def _severity(name: str, patient: Patient) -> Severity:
    """A MAC address is not the wizard's to change, nor is the name of a Pi that works in a cluster already."""
    if name == "mac" or (name != "host-key" and patient.facts.in_a_cluster):
        return "block"
    return "mend"
