"""The step Prepare on simulated Pis and on facts: what is planned, what is refused, nothing to do the second time."""

from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from steps import kubernetes, prepare_software, prepare_system
from steps.facts import NodeFacts
from steps.prepare import Prepare, obstacles
from wizard import events
from wizard.demo import effects
from wizard.errors import Blocked, TrustError, WizardError

PACKAGE = kubernetes.wanted({}).package
ALL = [
    "prepare/memory-cgroup", "prepare/swap", "prepare/modules", "prepare/sysctl", "prepare/hosts",
    "prepare/repository-kubernetes", "prepare/repository-containerd", "prepare/packages", "prepare/hold",
    "prepare/containerd", "prepare/kubelet", "prepare/reboot",
]  # fmt: skip


def test_three_bare_pis_are_prepared_once(pis):
    stage = pis()
    done = stage.run(Prepare())
    for address in stage.ctx.answers["machines"]["hosts"]:
        assert [change for host, change in done if host == address] == ALL
        sections = stage.sections(address)
        assert "cgroup_enable=memory" in sections["cmdline"]
        assert sections["file /boot/firmware/cmdline.txt"].count("\n") == 1, "the kernel sees one line"
        assert sections["swaps"].count("\n") == 1, "only the head line is left"
        assert f"{stage.ctx.answers['machines']['control_plane']} homelab-api" in sections["file /etc/hosts"]
        for name in ("kubelet", "kubeadm", "kubectl"):
            assert f"{name} {PACKAGE} hi" in sections["packages"]
        assert "SystemdCgroup = true" in sections["file /etc/containerd/config.toml"]
    writes = list(stage.world.writes)
    assert stage.run(Prepare()) == []
    assert stage.world.writes == writes


def test_the_trixie_pi_loses_its_compressed_swap(pis):
    stage = pis(["192.168.1.13"])
    assert any("compressed swap" in sentence for sentence in stage.plan(Prepare()))
    stage.run(Prepare())
    assert "[Main]\nMechanism=none" in stage.sections("192.168.1.13")["file /etc/rpi/swap.conf"]


def test_packages_of_containerd_follow_the_system(pis):
    stage = pis()
    stage.run(Prepare())
    path = "file /etc/apt/sources.list.d/homelab-containerd.sources"
    assert "Suites: bookworm\n" in stage.sections("192.168.1.11")[path]
    assert "Suites: trixie\n" in stage.sections("192.168.1.13")[path]


def test_mirrors_and_settings_of_ones_own(pis, tmp_path):
    key = tmp_path / "mirror.asc"
    key.write_bytes(base64.b64decode(_of_the_demo("prepare/fetch-key-containerd")))
    stage = pis(prepare={
        "kubernetes_apt": "http://mirror.lan/k8s", "containerd_apt": "http://mirror.lan/docker",
        "apt_key_file": str(key),
        "registry_mirror": "http://mirror.lan:5000",
        "containerd_extra": {"plugins": {"io.containerd.cri.v1.runtime": {"restrict_oom_score_adj": True}}},
    })  # fmt: skip
    assert Prepare().validate(stage.ctx.answers) == []
    stage.run(Prepare())
    sections = stage.sections("192.168.1.11")
    assert "URIs: http://mirror.lan/k8s/core:/stable:/v" in sections[
        "file /etc/apt/sources.list.d/homelab-kubernetes.sources"]  # fmt: skip
    for name in ("kubernetes", "containerd"):
        assert base64.b64decode(sections[f"keyring /etc/apt/keyrings/homelab-{name}.gpg"]) == key.read_bytes()
    assert 'capabilities = ["pull", "resolve"]' in sections["file /etc/containerd/certs.d/_default/hosts.toml"]
    assert '[plugins."io.containerd.cri.v1.runtime"]\nrestrict_oom_score_adj = true' in sections[
        "file /etc/containerd/conf.d/homelab.toml"]  # fmt: skip
    assert stage.run(Prepare()) == []
    stage.ctx.keep("prepare", "registry_mirror", None)
    assert {change for _, change in stage.run(Prepare())} == {"prepare/containerd"}
    assert "file /etc/containerd/certs.d/_default/hosts.toml" not in sections


def _of_the_demo(script: str) -> str:
    return effects.of(script)[0].out


def test_another_key_than_the_pinned_one_is_not_installed(pis, effect):
    effect("prepare/fetch-key-kubernetes", out=_of_the_demo("prepare/fetch-key-containerd"))
    stage = pis(["192.168.1.11"])
    with pytest.raises(TrustError, match=r"9DC8 5822.*pinned is DE15 B144"):
        stage.run(Prepare())
    assert "keyring /etc/apt/keyrings/homelab-kubernetes.gpg" not in stage.sections("192.168.1.11")


def test_a_page_instead_of_a_key_is_named(pis, effect):
    effect("prepare/fetch-key-kubernetes", out=base64.b64encode(b"<html>Log in").decode())
    with pytest.raises(WizardError, match="captive portal"):
        pis(["192.168.1.11"]).run(Prepare())


def test_a_busy_package_system_is_named_at_the_deadline(pis, effect):
    effect("prepare/apt-lock", out="812 /usr/bin/unattended-upgrade")
    with pytest.raises(WizardError, match="process 812 /usr/bin/unattended-upgrade"):
        pis(["192.168.1.11"]).run(Prepare())


def test_a_key_file_without_a_key_is_a_mistake(pis, tmp_path: Path):
    file = tmp_path / "notes.txt"
    file.write_text("not a key")
    (problem,) = Prepare().validate({"prepare": {"apt_key_file": str(file)}})
    assert problem.path == "prepare.apt_key_file"


def test_progress_names_what_a_host_is_busy_with(pis):
    stage = pis(["192.168.1.11"])
    stage.run(Prepare())
    shown = [event.text for event in stage.seen if isinstance(event, events.Progress)]
    assert "Unpacking kubelet ..." in shown
    assert "rebooting" in shown


# -- plans from facts alone ---------------------------------------------------------------------------------

SETTINGS = prepare_software.settings({"machines": {"control_plane": "192.168.1.11"}}, b"")
BARE = NodeFacts("192.168.1.12", hostname="pi-2", arch="arm64", os_id="debian", os_codename="bookworm",
                 memory_cgroup=True, kernel="6.12.47+rpt-rpi-v8")  # fmt: skip


def ids(facts: NodeFacts) -> list[str]:
    system = prepare_system.changes(facts, SETTINGS.control_plane)
    return [change.id.partition("/")[2] for change in [*system, *prepare_software.changes(facts, SETTINGS)]]


def sentence(facts: NodeFacts, name: str) -> str:
    system = prepare_system.changes(facts, SETTINGS.control_plane)
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


def test_what_was_written_can_be_taken_back(pis):
    stage = pis()
    before = {address: dict(stage.sections(address)) for address in stage.world.machines}
    step = Prepare()
    stage.plan(step)
    changes = step.plan(step.check(stage.ctx), stage.ctx.answers)
    for change in changes:
        change.do(stage.ctx)
    for change in reversed(changes):
        if change.undo:
            change.undo(stage.ctx)
    for address, sections in before.items():
        after = stage.sections(address)
        kept = {f"file {path}" for path in (prepare_software.CONFIG,)}  # the package's own, then
        for name in {*sections, *after}:
            if name.startswith(("file ", "keyring ")) and name not in kept and not name.endswith(".before-homelab"):
                assert after.get(name, "").strip() == sections.get(name, "").strip(), name
        assert " hi" not in after["packages"]
