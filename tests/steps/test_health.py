"""What is found about Pis, and by which names it can be ignored: each red once at least, and green beside it."""

from __future__ import annotations

import pytest

from steps import health, nodefiles
from steps.facts import NodeFacts
from steps.health_finding import GB, Patient
from steps.health_system import DAY
from wizard import assets
from wizard.host.facts import Address

NOW = 1_800_000_000.0
KERNEL = "/lib/modules/6.12.47+rpt-rpi-v8"
WELL = {
    "address": "10.0.0.1", "hostname": "pi1", "machine_id": "a" * 32, "arch": "arm64", "long_bits": 64, "cores": 4,
    "memory_bytes": 4 * GB, "disk_free_bytes": 20 * GB, "clock_unix": NOW, "throttled": 0, "page_size": 4096,
    "default_interface": "eth0", "default_mac": "dc:a6:32:00:00:01", "host_keys": ("ssh-ed25519 one", "ssh-rsa one"),
    "boot_id": "b1", "is_pi": True, "os_id": "debian", "os_version": "12", "kernel": "6.12.47+rpt-rpi-v8",
    "modules": frozenset(nodefiles.MODULES),
}  # fmt: skip
OTHER = {
    "address": "10.0.0.2", "hostname": "pi2", "machine_id": "b" * 32, "default_mac": "dc:a6:32:00:00:02",
    "host_keys": ("ssh-ed25519 two", "ssh-rsa two"), "boot_id": "b2",
}  # fmt: skip
JAMMY = {"os_id": "ubuntu", "os_version": "22.04", "modules_missing": ("vxlan",)}
DYNAMIC, STATIC = (Address("eth0", "10.0.0.1", 24, dynamic) for dynamic in (True, False))


def patient(control_plane: bool = True, fsync: float | None = 0.004, pinned: tuple[str, ...] = (), **facts) -> Patient:
    return Patient(NodeFacts(**(WELL | facts)), control_plane, NOW, fsync, pinned)


WELLS = {
    "userland": [patient(long_bits=0), patient(arch="amd64")],
    "arch": [patient(arch="")],
    "memory": [patient(False, memory_bytes=948_304 * 1024), patient(memory_bytes=1_870_000 * 1024)],  # Pi 3; Pi 4, 2 GB
    "cores": [patient(cores=2), patient(False, cores=1), patient(cores=0)],
    "disk": [patient(disk_free_bytes=8 * GB), patient(disk_free_bytes=0)],
    "fsync": [patient(fsync=None), patient(False, fsync=0.2), patient(fsync=0.025)],
    "under-voltage": [patient(throttled=None)],
    "throttling": [patient(throttled=0x10)],  # a bit that means nothing
    "page-size": [patient(page_size=0)],
    "name": [patient(hostname="pi-1.home"), patient(hostname="p" * 63), patient(hostname="")],
    "clock": [patient(clock_unix=NOW + 29), patient(clock_unix=NOW - 30, ntp_synchronised=True)],
    "kernel-modules": [patient(modules_missing=(KERNEL,))],  # gone, but all are loaded
    "wifi": [patient(default_interface="end0"), patient(default_interface="")],
    "dhcp": [patient(addresses=(STATIC, Address("wlan0", "10.0.0.7", 24, True)))],
    "apt-lock": [patient(apt_lock_holder="")],
}
ILLS = [  # what is ill, the finding's name, its severity, and words of its sentence and its fix
    (patient(long_bits=32, arch="armhf"), "userland", "block", "32-bit", "(64-bit)"),
    (patient(long_bits=32), "userland", "block", "32-bit", "(64-bit)"),
    (patient(arch="riscv64"), "arch", "block", "riscv64", "arm64"),
    (patient(memory_bytes=948_304 * 1024), "memory", "block", "926 MB", "larger Pi the control plane"),
    (patient(False, memory_bytes=440_000 * 1024), "memory", "block", "430 MB", "more memory"),
    (patient(cores=1), "cores", "block", "one processor core", "another Pi"),
    (patient(disk_free_bytes=int(7.9 * GB)), "disk", "warn", "7.9 GB", "larger card"),
    (patient(disk_free_bytes=3 * GB), "disk", "block", "3.0 GB", "larger card"),
    (patient(fsync=0.030), "fsync", "warn", "30 ms", "SSD"),
    (patient(throttled=0x1), "under-voltage", "warn", "(now)", "power supply"),
    (patient(throttled=0x10000), "under-voltage", "warn", "(since it was started)", "power supply"),
    (patient(throttled=0x2), "throttling", "warn", "(now)", "fan"),
    (patient(throttled=0x40000), "throttling", "warn", "(since it was started)", "fan"),
    (patient(throttled=0x80004), "throttling", "warn", "(now)", "fan"),
    (patient(page_size=16384), "page-size", "warn", "16 KB", "kernel=kernel8.img"),
    (patient(page_size=65536, is_pi=False), "page-size", "warn", "64 KB", "another kernel"),
    (patient(hostname="Pi_1"), "name", "block", "'Pi_1'", "hostnamectl"),
    (patient(hostname="p" * 64), "name", "block", "ppp", "hostnamectl"),
    (patient(clock_unix=NOW - 31), "clock", "warn", "31 seconds behind", "time synchronisation"),
    (patient(clock_unix=0.1), "clock", "warn", "20833 days behind", "time synchronisation"),
    (patient(clock_unix=NOW + 31, ntp_synchronised=True), "clock", "warn", "31 seconds ahead", "this computer's"),
    (patient(clock_unix=NOW + DAY + 1, ntp_synchronised=True), "clock", "block", "time server has set it", "timesyncd"),
    (patient(modules_missing=("vxlan",)), "kernel-modules", "block", "module vxlan.", "full-upgrade"),
    (patient(modules_missing=("overlay", "vxlan", KERNEL)), "kernel-modules", "block", f"{KERNEL} is gone", "Reboot"),
    (patient(**JAMMY), "kernel-modules", "block", "vxlan", "linux-modules-extra-raspi"),
    (patient(**JAMMY | {"os_version": "24.04"}), "kernel-modules", "block", "vxlan", "full-upgrade"),
    (patient(**JAMMY | {"is_pi": False}), "kernel-modules", "block", "vxlan", "full-upgrade"),
    (patient(default_interface="wlan0"), "wifi", "warn", "wlan0", "cable"),
    (patient(default_interface="wlx00c0ca123456"), "wifi", "warn", "wlx00c0ca123456", "cable"),
    (patient(addresses=(DYNAMIC,)), "dhcp", "warn", "DHCP", "Reserve 10.0.0.1 for dc:a6:32:00:00:01"),
    (patient(apt_lock_holder="812 /usr/bin/apt-get upgrade"), "apt-lock", "warn", "/usr/bin/apt-get upgrade", "812"),
]  # fmt: skip


@pytest.mark.parametrize("well", [patient(), *(one for those in WELLS.values() for one in those)])
def test_nothing_is_wrong(well):
    assert health.findings([well]) == []


def test_of_a_pi_that_says_nothing_nothing_is_claimed():
    assert health.findings([Patient(NodeFacts("10.0.0.1"), True), Patient(NodeFacts("10.0.0.2"), False)]) == []


@pytest.mark.parametrize(("ill", "name", "severity", "said", "advised"), ILLS)
def test_what_is_wrong_has_a_name_a_sentence_and_a_fix(ill, name, severity, said, advised):
    (finding,) = health.findings([ill])
    assert (finding.name, finding.severity, finding.address) == (name, severity, "10.0.0.1")
    assert finding.sentence.endswith(".")
    assert said in finding.sentence
    assert advised in finding.fix
    assert health.findings([ill], [name]) == []


def test_weak_power_that_slows_it_down_is_two_findings():
    found = health.findings([patient(throttled=0x50005)])
    assert [finding.name for finding in found] == ["under-voltage", "throttling"]


TWINS = [  # the field that both have, the finding's name, its severity
    ("hostname", "hostname", "mend"),
    ("machine_id", "machine-id", "mend"),
    ("default_mac", "mac", "block"),
    ("host_keys", "host-key", "mend"),
]


@pytest.mark.parametrize(("field", "name", "severity"), TWINS)
def test_what_must_be_unique(field, name, severity):
    pair = [patient(), patient(False, **(OTHER | {field: WELL[field]}))]
    (finding,) = health.findings(pair)
    assert (finding.name, finding.address, finding.severity) == (name, "10.0.0.2", severity)
    assert "10.0.0.1" in finding.sentence
    assert finding.fix
    assert health.findings(pair, [name]) == []
    assert health.findings([patient(), patient(False, **OTHER)]) == []


def test_of_three_copies_the_second_and_the_third_are_named():
    copies = [patient(), *(patient(False, **(OTHER | {"address": f"10.0.0.{n}", "boot_id": n})) for n in (2, 3))]
    found = health.findings(copies)
    assert [(one.name, one.address) for one in found] == [
        (name, "10.0.0.3") for name in ("hostname", "machine-id", "mac", "host-key")
    ]


def test_one_key_in_common_is_enough_and_what_was_pinned_counts_too():
    shared = {"host_keys": ("ssh-rsa one", "ssh-ed25519 two")}
    for pair in (
        [patient(), patient(False, **(OTHER | shared))],
        [patient(pinned=("ssh-ed25519 x",)), patient(False, pinned=("ssh-ed25519 x",), **OTHER)],
    ):
        assert [finding.name for finding in health.findings(pair)] == ["host-key"]


def test_a_pi_that_is_in_a_cluster_keeps_what_it_has():
    copy = {"host_keys": WELL["host_keys"], "hostname": "pi1"}
    found = health.findings([patient(), patient(False, kubelet_conf=True, **(OTHER | copy))])
    assert {finding.address for finding in found} == {"10.0.0.1"}, "the other one is the one to change"
    both = health.findings([patient(kubelet_conf=True), patient(False, kubelet_conf=True, **(OTHER | copy))])
    assert [(one.name, one.severity) for one in both] == [("hostname", "block"), ("host-key", "mend")]


def test_one_pi_under_two_addresses_is_no_copy_of_itself():
    (finding,) = health.findings([patient(), patient(False, address="10.0.0.2")])
    assert (finding.name, finding.address, finding.severity) == ("machine-id", "10.0.0.2", "block")
    assert "very machine that answers at 10.0.0.1" in finding.sentence


@pytest.mark.parametrize("same", [{"machine_id": "a" * 32}, {"default_mac": "dc:a6:32:00:00:01"}])
def test_two_containers_of_one_machine_are_two(same):
    (finding,) = health.findings([patient(), patient(False, **(OTHER | {"boot_id": "b1"} | same))])
    assert finding.sentence.startswith("It has the same")


def test_every_name_is_shown_red_and_green_here():
    red = {name for _, name, *_ in ILLS} | {name for _, name, _ in TWINS}
    assert red == set(health.NAMES)
    assert {*WELLS, *(name for _, name, _ in TWINS)} == set(health.NAMES)


def test_the_facts_ask_for_every_module_that_prepare_loads():
    script = assets.text("node/facts.sh")
    assert f"for name in {' '.join(nodefiles.MODULES)}; do" in script
