"""Whether one Pi's hardware is fit: pure checks, each with the name by which it can be ignored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from steps.health_finding import GB, MB, Finding, Patient

FSYNC_SECONDS = 0.025  # etcd wants 10 ms; above this its leader is lost now and then
USUAL_PAGE = 4096  # bytes


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


def _fsync(patient: Patient) -> Iterator[Finding]:
    pace = patient.fsync_seconds
    if patient.control_plane and pace is not None and pace > FSYNC_SECONDS:
        yield Finding(
            "fsync", patient.facts.address, f"A safe write to its disk takes {pace * 1000:.0f} ms; etcd wants 10.",
            "Put the control plane on an SSD or a fast card, or expect a slow API.", "warn",
        )  # fmt: skip


def _under_voltage(patient: Patient) -> Iterator[Finding]:
    if when := _when(patient, 0):
        yield Finding(
            "under-voltage", patient.facts.address, f"Its power supply was too weak ({when}).",
            "Use the official power supply and a short cable: a Pi that browns out damages its card.", "warn",
        )  # fmt: skip


def _throttling(patient: Patient) -> Iterator[Finding]:
    whens = {_when(patient, bit) for bit in (1, 2, 3)}  # its frequency capped, throttled, at the soft limit for heat
    if when := next((when for when in ("now", "since it was started") if when in whens), ""):
        yield Finding(
            "throttling", patient.facts.address, f"It was slowed down by heat or weak power ({when}).",
            "Give it air or a fan, and the official power supply.", "warn",
        )  # fmt: skip


def _when(patient: Patient, bit: int) -> str:
    """When the firmware saw what `bit` of ``vcgencmd get_throttled`` stands for; empty when it has not."""
    bits = patient.facts.throttled or 0
    return "now" if bits & 1 << bit else "since it was started" if bits & 1 << bit + 16 else ""


def _page_size(patient: Patient) -> Iterator[Finding]:
    facts = patient.facts
    if facts.page_size > USUAL_PAGE:
        kernel = (
            "add the line kernel=kernel8.img to /boot/firmware/config.txt" if facts.is_pi else "boot another kernel"
        )
        yield Finding(
            "page-size", facts.address, f"Its kernel uses memory pages of {facts.page_size // 1024} KB.",
            "The cluster itself runs on it, but images built for pages of 4 KB (those with jemalloc, some databases) "
            f"do not start. To be rid of that, {kernel} and reboot it.", "warn",
        )  # fmt: skip


CHECKS: Mapping[str, Callable[[Patient], Iterator[Finding]]] = {
    "userland": _userland, "arch": _arch, "memory": _memory, "cores": _cores, "disk": _disk, "fsync": _fsync,
    "under-voltage": _under_voltage, "throttling": _throttling, "page-size": _page_size,
}  # fmt: skip
