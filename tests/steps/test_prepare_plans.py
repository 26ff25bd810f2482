"""What Prepare plans, and what it refuses, from facts alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import kubernetes, prepare_software, prepare_system
from steps.facts import NodeFacts
from steps.prepare import obstacles
from wizard import assets
from wizard.errors import Blocked

PACKAGE = kubernetes.wanted({}).package
SETTINGS = prepare_software.settings({"machines": {"control_plane": "192.168.1.11"}}, b"")
BARE = NodeFacts("192.168.1.12", hostname="pi-2", arch="arm64", os_id="debian", os_codename="bookworm",
                 memory_cgroup=True, kernel="6.12.47+rpt-rpi-v8")  # fmt: skip


def ids(facts: NodeFacts) -> list[str]:
    system = prepare_system.changes(facts, SETTINGS.control_planes)
    return [change.id.partition("/")[2] for change in [*system, *prepare_software.changes(facts, SETTINGS)]]


def sentence(facts: NodeFacts, name: str) -> str:
    system = prepare_system.changes(facts, SETTINGS.control_planes)
    found = [*system, *prepare_software.changes(facts, SETTINGS)]
    return next(change.sentence for change in found if change.id == f"prepare/{name}")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"units": {}}, "install chrony and wait"),
        ({"units": {"systemd-timesyncd.service": {"ActiveState": "inactive"}}}, "start systemd-timesyncd and wait"),
        ({"units": {"systemd-timesyncd.service": {"ActiveState": "inactive", "ConditionTimestampMonotonic": "4711"}}},
         "install chrony and wait"),
        ({"units": {"systemd-timesyncd.service": {"ActiveState": "active"}}}, "wait until systemd-timesyncd"),
        ({"units": {"chrony.service": {"ActiveState": "active"}}}, "wait until chrony"),
    ],
)  # fmt: skip
def test_how_the_clock_is_set(facts, expected):
    assert sentence(replace(BARE, **facts), "time").startswith(expected)


def test_a_clock_in_step_is_left_alone():
    running = {"systemd-timesyncd.service": {"ActiveState": "active"}}
    assert "time" not in ids(replace(BARE, units=running, ntp_synchronised=True))


@pytest.mark.parametrize(
    ("facts", "planned"),
    [
        ({}, False),
        ({"files": {"/etc/fstab": "UUID=1 none swap sw 0 0"}}, True),
        ({"files": {"/etc/fstab": "# UUID=1 none swap sw 0 0\nUUID=2 / ext4 defaults 0 1"}}, False),
        ({"swaps": ("/dev/zram0",)}, True),
        ({"files": {"/etc/rpi/swap.conf": "[Main]\n#Mechanism=auto"}}, True),
        ({"files": {"/etc/rpi/swap.conf": "[Main]\nMechanism=none"}}, False),
        ({"units": {"dphys-swapfile.service": {"UnitFileState": "enabled"}}}, True),
        ({"units": {"dphys-swapfile.service": {"UnitFileState": "disabled"}}}, False),
    ],
)
def test_when_swap_is_turned_off(facts, planned):
    assert ("swap" in ids(replace(BARE, **facts))) is planned


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({}, True),
        ({"packages": {"containerd.io": ("2.2.0-1~debian.12~bookworm", False)}}, False),
        ({"packages": {"containerd.io": ("1.7.28-1~debian.12~bookworm", True)}}, True),
        ({"packages": {"containerd.io": ("2.3.4-1", True)}}, False),
    ],
)
def test_when_containerd_is_installed(facts, expected):
    assert ("containerd.io" in prepare_software.missing(replace(BARE, **facts), SETTINGS)) is expected


@pytest.mark.parametrize("minor", [f"{major}.{minor}" for major, minor in kubernetes.MINORS])
def test_every_known_minor_has_its_pins(minor):
    given = {"machines": {"control_plane": "192.0.2.1"}, "prepare": {"kubernetes_version": f"{minor}.1"}}
    settings = prepare_software.settings(given, b"")
    assert settings.minor == minor
    assert "pause:0.0" not in settings.files[prepare_software.CONFIG]


@pytest.mark.parametrize(
    ("system", "release", "older"),
    [
        ("debian", "12", ()), ("debian", "13", ("bookworm",)), ("debian", "14", ("trixie", "bookworm")),
        ("ubuntu", "24.04", ("jammy",)), ("ubuntu", "26.04", ("noble", "jammy")),
        ("ubuntu", "25.10", ("noble", "jammy")), ("debian", "", ()), ("fedora", "44", ()),
    ],
)  # fmt: skip
def test_suites_that_do_as_well(system, release, older):
    facts = replace(BARE, os_id=system, os_version=release)
    known = assets.versions()["containerd"]["suites"]
    assert prepare_software.older_suites(facts, known) == older


def test_a_node_of_a_cluster_keeps_its_kubernetes_version():
    old = {name: ("1.35.0-1.1", True) for name in ("kubelet", "kubeadm", "kubectl")}
    assert f"kubelet={PACKAGE}" in prepare_software.missing(replace(BARE, packages=old), SETTINGS)
    joined = prepare_software.missing(replace(BARE, packages=old, kubelet_conf=True), SETTINGS)
    assert not [name for name in joined if name.startswith("kube")]


def test_debians_containerd_is_replaced_and_the_sentence_says_so():
    facts = replace(BARE, packages={"containerd": ("1.6.20~ds1-1+deb12u1", False)})
    assert "in place of containerd" in sentence(facts, "packages")


@pytest.mark.parametrize("change", [{"containerd_stale": True}, {"files": {}}, {"units": {}}])
def test_when_containerd_is_restarted(change):
    right = replace(
        BARE, files={path: text for path, text in SETTINGS.files.items() if text},
        units={"containerd.service": {"ActiveState": "active", "UnitFileState": "enabled"}},
    )  # fmt: skip
    assert "containerd" not in ids(right)
    assert "containerd" in ids(replace(right, **change))


def test_an_interrupted_installation_is_mended_first():
    assert ids(replace(BARE, dpkg_unfinished="iF  kubelet"))[0] == "dpkg"


def test_cloud_inits_template_for_hosts_is_written_too():
    facts = replace(BARE, files={prepare_system.CLOUD_HOSTS: "127.0.1.1 {{fqdn}} {{hostname}}", "/etc/hosts": ""})
    assert "hosts" in ids(facts)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"arch": "armhf"}, "64-bit"),
        ({"os_id": "fedora"}, "Debian"),
        ({"memory_cgroup": False}, "no cmdline.txt"),
        ({"memory_cgroup": False, "cmdline_file": "/boot/cmdline.txt", "files": {"/boot/cmdline.txt": "DO NOT EDIT"}},
         "sudo mount /boot/firmware"),
        ({"memory_cgroup": False, "cmdline_file": "/boot/cmdline.txt", "files": {"/boot/cmdline.txt": "quiet"}},
         "left alone"),
        ({"memory_cgroup": False, "cmdline_file": "/boot/cmdline.txt", "files": {"/boot/cmdline.txt": "root=/dev/sda2"},
          "cmdline": "root=/dev/sda2 cgroup_enable=memory"}, "built without it"),
    ],
)  # fmt: skip
def test_what_only_the_person_can_change(facts, words):
    (blocked,) = obstacles(replace(BARE, **facts))
    assert isinstance(blocked, Blocked)
    assert words in str(blocked)
    assert blocked.fix


@pytest.mark.parametrize(
    ("line", "blocked"),
    [
        ("/etc/apt/sources.list.d/docker.list:deb https://download.docker.com/linux/debian bookworm stable", True),
        ("/etc/apt/sources.list.d/docker.sources:URIs: https://download.docker.com/linux/debian/", True),
        ("/etc/apt/sources.list.d/homelab-containerd.sources:URIs: https://download.docker.com/linux/debian", False),
        ("/etc/apt/sources.list:deb http://mirror.example.org/debian bookworm main", False),
    ],
)  # fmt: skip
def test_a_repository_that_is_there_already_under_another_key(line, blocked):
    found = prepare_software.conflict(replace(BARE, apt_sources=(line,)), SETTINGS)
    assert bool(found) is blocked
