"""What is found about Pis, and by which names it can be ignored."""

from __future__ import annotations

import pytest

from steps import health
from steps.facts import NodeFacts
from steps.health import Patient
from wizard.host.facts import Address

NOW = 1_800_000_000.0
WELL = {
    "address": "10.0.0.1", "hostname": "pi1", "machine_id": "a" * 32, "arch": "arm64", "long_bits": 64, "cores": 4,
    "memory_bytes": 4 * health.GB, "disk_free_bytes": 20 * health.GB, "clock_unix": NOW, "throttled": 0,
}  # fmt: skip


def patient(control_plane: bool = True, fsync: float | None = 0.004, **facts: object) -> Patient:
    return Patient(NodeFacts(**(WELL | facts)), control_plane, NOW, fsync)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "well",
    [
        patient(),
        patient(False, memory_bytes=948_304 * 1024),  # a Pi 3
        patient(memory_bytes=1_870_000 * 1024),  # a Pi 4 with 2 GB
        patient(hostname="pi-1.home"),
        patient(clock_unix=NOW + 29),
        patient(throttled=None),
        patient(fsync=None),
        Patient(NodeFacts("10.0.0.1"), True),  # said nothing: nothing is claimed
    ],
)
def test_nothing_is_wrong(well):
    assert health.findings([well]) == []


@pytest.mark.parametrize(
    ("ill", "name", "severity"),
    [
        (patient(long_bits=32, arch="armhf"), "userland", "block"),
        (patient(long_bits=32), "userland", "block"),
        (patient(arch="riscv64"), "arch", "block"),
        (patient(memory_bytes=948_304 * 1024), "memory", "block"),
        (patient(False, memory_bytes=440_000 * 1024), "memory", "block"),
        (patient(cores=1), "cores", "block"),
        (patient(disk_free_bytes=int(7.9 * health.GB)), "disk", "warn"),
        (patient(disk_free_bytes=3 * health.GB), "disk", "block"),
        (patient(hostname="Pi_1"), "name", "block"),
        (patient(hostname="p" * 64), "name", "block"),
        (patient(clock_unix=NOW - 31), "clock", "warn"),
        (patient(clock_unix=0.1), "clock", "warn"),
        (patient(throttled=0x1), "power", "warn"),
        (patient(throttled=0x40000), "power", "warn"),
        (patient(addresses=(Address("eth0", "10.0.0.1", 24, True),)), "dhcp", "warn"),
        (patient(fsync=0.030), "fsync", "warn"),
    ],
)
def test_what_is_wrong_has_a_name_a_sentence_and_a_fix(ill, name, severity):
    (finding,) = health.findings([ill])
    assert (finding.name, finding.severity, finding.address) == (name, severity, "10.0.0.1")
    assert finding.sentence.endswith(".")
    assert finding.fix
    assert finding.name in health.NAMES
    assert health.findings([ill], [name]) == []


def test_a_worker_needs_neither_two_cores_nor_a_fast_disk():
    assert health.findings([patient(False, cores=1, fsync=0.2)]) == []


@pytest.mark.parametrize(("field", "name"), [("hostname", "hostname"), ("machine_id", "machine-id")])
def test_what_must_be_unique(field, name):
    others = {"hostname": "pi2", "machine_id": "b" * 32, "address": "10.0.0.2"}
    del others[field]
    (finding,) = health.findings([patient(), patient(False, **others)])
    assert (finding.name, finding.address) == (name, "10.0.0.2")
    assert "10.0.0.1" in finding.sentence
