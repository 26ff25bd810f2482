"""The step Prepare on simulated Pis and on facts: what is planned, what is refused, nothing to do the second time."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from steps import kubernetes, prepare_software
from steps.prepare import Prepare
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


def test_every_pi_knows_every_control_plane_and_a_control_plane_asks_itself_first(pis):
    first, second, third = "192.168.1.11", "192.168.1.12", "192.168.1.13"
    stage = pis()
    stage.run(Prepare())
    stage.ctx.keep("machines", "more_control_planes", [third])
    assert [change for _, change in stage.run(Prepare())] == ["prepare/hosts"] * 3, "the others are told, too"
    api = {
        address: [line.split()[0] for line in stage.sections(address)["file /etc/hosts"].splitlines()
                  if line.endswith(" homelab-api")]
        for address in (first, second, third)
    }  # fmt: skip
    assert api == {first: [first, third], second: [first, third], third: [third, first]}


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


def test_a_system_that_containerds_repository_does_not_know_yet_gets_the_packages_of_the_one_before(pis, effect):
    effect("prepare/suite", out="{arg6}")
    stage = pis(["192.168.1.13"])
    stage.run(Prepare())
    text = stage.sections("192.168.1.13")["file /etc/apt/sources.list.d/homelab-containerd.sources"]
    assert "Suites: bookworm\n" in text
    assert stage.run(Prepare()) == [], "and keeps them"


def test_no_suite_with_containerd_is_named(pis, effect):
    effect("prepare/suite", out="")
    with pytest.raises(Blocked, match=r"no package containerd.io for this system \(debian trixie\).*trixie, bookworm"):
        pis(["192.168.1.13"]).run(Prepare())


def test_a_repository_with_an_old_containerd_only_is_named(pis, effect):
    effect("prepare/packages", append={"packages": "{packages 1.0}"})
    with pytest.raises(Blocked, match=r"containerd 1\.0 is too old for Kubernetes 1\.36\. It needs 2\.2"):
        pis(["192.168.1.11"]).run(Prepare())


def test_a_boot_loader_that_reads_another_file_is_named(pis, effect):
    effect("reboot", set={"boot-id": "{uuid}"})
    with pytest.raises(Blocked, match=r"not started with what /boot/firmware/cmdline\.txt says"):
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
        assert " hi" not in after.get("packages", "")
