"""Whether one Pi's system is fit: pure checks, each with the name by which it can be ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from steps import packages
from steps.facts import NodeFacts
from steps.health_finding import Finding, Patient

NAME_MAX = 63
CLOCK_SECONDS = 30.0
DAY = 86400.0
COMMAND_MAX = 60


def _name(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    label = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
    if facts.hostname and (len(facts.hostname) > NAME_MAX or not re.fullmatch(rf"{label}(\.{label})*", facts.hostname)):
        yield Finding(
            "name", facts.address, f"Its hostname {facts.hostname!r} can't be the name of a Kubernetes node.",
            "Use small letters, digits and dashes: sudo hostnamectl set-hostname NAME",
        )  # fmt: skip


def _clock(patient: Patient) -> Iterator[Finding]:
    """A Pi without a clock of its own wakes up weeks behind, and Prepare sets it: that is worth a warning only.

    A day off although a time server has set it is another thing: Prepare would find nothing to do, and either this
    computer's clock is wrong or that server is. Every certificate would then be refused by one side.
    """
    facts = patient.facts
    skew = facts.clock_unix - patient.now
    if not facts.clock_unix or not patient.now or abs(skew) <= CLOCK_SECONDS:
        return
    much = f"{abs(skew) / DAY:.0f} days" if abs(skew) >= 2 * DAY else f"{abs(skew):.0f} seconds"
    sentence = f"Its clock is {much} {'ahead of' if skew > 0 else 'behind'} this computer's"
    if facts.ntp_synchronised and abs(skew) > DAY:
        yield Finding(
            "clock", facts.address, f"{sentence}, and it says that a time server has set it.",
            "One of the two is wrong. Set this computer's clock right; if it is, name another time server on the Pi, "
            "in /etc/systemd/timesyncd.conf.",
        )  # fmt: skip
    else:
        yield Finding(
            "clock", facts.address, f"{sentence}.",
            "Certificates depend on it. The next step switches time synchronisation on; look at this computer's "
            "clock too.", "warn",
        )  # fmt: skip


def _modules(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    names = [word for word in facts.modules_missing if not word.startswith("/")]
    if not names:
        return
    folder = next((word for word in facts.modules_missing if word.startswith("/")), "")
    what = f"the kernel module{'s' if len(names) > 1 else ''} {', '.join(names)}"
    if folder:
        why, fix = f", and {folder} is gone", "Its kernel was updated since it was started. Reboot it: sudo reboot"
    elif _has_extra_package(facts):
        why, fix = "", "sudo apt install linux-modules-extra-raspi, then sudo reboot"
    else:
        why, fix = "", "Update its system and reboot it: sudo apt full-upgrade, then sudo reboot"
    yield Finding("kernel-modules", facts.address, f"Its kernel ({facts.kernel}) can't load {what}{why}.", fix)


def _has_extra_package(facts: NodeFacts) -> bool:
    """Ubuntu kept half of the kernel's modules for Pis in a package of its own, from 20.10 until before 24.04."""
    return facts.os_id == "ubuntu" and facts.is_pi and (20, 10) <= packages.version(facts.os_version) < (24, 4)


def _wifi(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if facts.default_interface.startswith("wl"):
        yield Finding(
            "wifi", facts.address, f"Its way out is Wi-Fi ({facts.default_interface}).",
            "Connect it by cable: over a Pi's Wi-Fi the load balancer's addresses often do not answer, and etcd "
            "stalls.", "warn",
        )  # fmt: skip


def _dhcp(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if any(address.ip == facts.address and address.dynamic for address in facts.addresses):
        yield Finding(
            "dhcp", facts.address, "Its address comes from DHCP and may change, which would break the cluster.",
            f"Reserve {facts.address} for {facts.default_mac or 'it'} in the router.", "warn",
        )  # fmt: skip


def _apt_lock(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if facts.apt_lock_holder:
        number, _, command = facts.apt_lock_holder.partition(" ")
        command = command if len(command) <= COMMAND_MAX else command[:COMMAND_MAX] + "…"
        yield Finding(
            "apt-lock", facts.address, f"Its package system is in use by {command or 'a program'} (process {number}).",
            "Leave it on: the next step waits until that has come to its end. To see what it does: "
            f"ps -fp {number}", "warn",
        )  # fmt: skip


CHECKS: Mapping[str, Callable[[Patient], Iterator[Finding]]] = {
    "name": _name, "clock": _clock, "kernel-modules": _modules, "wifi": _wifi, "dhcp": _dhcp, "apt-lock": _apt_lock,
}  # fmt: skip
