"""Three bare lab nodes through Machines and Prepare with the lab's own answers: real SSH, apt, systemd and reboots.

The nodes are pi11 to pi13, so that nothing else in the lab is disturbed; only the addresses differ from lab.yaml.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import facts, kubernetes, nodes
from steps.machines import Machines
from steps.prepare import Prepare
from tests.lab.conftest import HOME
from wizard import absence, answers, events
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.realworld import RealWorld
from wizard.state import State

pytestmark = [pytest.mark.lab, pytest.mark.timeout(600)]

ANSWERS = Path(__file__).resolve().parent.parent / "answers" / "lab.yaml"
SOFTWARE = (
    "systemctl --version | sed 's/ (.*//;q'; kubeadm version -o short | sed 's/^/kubeadm /'; containerd --version"
)
PACKAGE = kubernetes.wanted({}).package


class Yes:
    """A front end that approves everything."""

    def ask(self, prompt: Any) -> object:
        raise AssertionError(f"asked {prompt.question.key}")

    def confirm(self, approval: Approval) -> bool:
        return True

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


class Run:
    """One run of the wizard on the three nodes; `planned` holds what each plan of a step said."""

    def __init__(self, folder: Path, pis: tuple[int, int, int] = (11, 12, 13)) -> None:
        lines = ANSWERS.read_text().splitlines()
        for section in ("machines:", "prepare:"):
            assert section in lines, "the lab's answers have these sections"
        text = "\n".join(_section(lines, "machines") + _section(lines, "prepare"))
        file = folder / "answers.yaml"
        file.write_text(re.sub(r"198\.18\.0\.1([123])\b", lambda m: f"198.18.0.{10 + pis[int(m[1]) - 1]}", text))
        self.world = RealWorld()
        self.state = State.open(folder / "state" / "state.yaml", "lab")
        self.state.answers = answers.read(file, [Machines(), Prepare()]).answers
        bus = events.Bus()
        self.planned: list[tuple[str, ...]] = []
        self.lines: list[str] = []
        self.progress: list[str] = []  # what each host was busy with
        bus.listen(self._listen)
        self.ctx = Context(self.world, self.state, Yes(), bus)

    def _listen(self, event: events.Event) -> None:
        if isinstance(event, events.Planned):
            self.planned.append(tuple(sentence for _, sentence in event.changes))
        if isinstance(event, events.Line):
            self.lines.append(f"{event.host} {event.text}")
        if isinstance(event, events.Progress):
            self.progress.append(f"{event.host} {event.text}")

    def step(self, step: Any) -> list[tuple[str, ...]]:
        """Runs `step` and returns its plans."""
        self.planned.clear()
        Engine([step], self.ctx, Consent(yes=True)).run_step(step)
        return list(self.planned)

    def close(self) -> None:
        nodes.close_all(self.ctx)
        self.state.close()


def _section(lines: list[str], name: str) -> list[str]:
    start = lines.index(f"{name}:")
    length = next(n for n, line in enumerate([*lines[start + 1 :], "end:"]) if line and not line.startswith(" "))
    return lines[start : start + 1 + length]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepare")


@pytest.fixture
def run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """A new process' worth of wizard: what the last one knew comes from its state file."""
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    monkeypatch.setenv("HOME", str(folder))
    made = Run(folder)
    yield made
    made.close()


def test_three_pis_are_prepared_and_come_back(bare_pis, run, ran):
    run.step(Machines())
    began = time.monotonic()
    (first, *_) = run.step(Prepare())
    taken = time.monotonic() - began
    assert first.count("reboot to switch the memory cgroup on") == 3
    for node in bare_pis:
        assert "cgroup_enable=memory" in node("cat", "/proc/cmdline")
        assert re.search(r"^memory\s.*1$", node("cat", "/proc/cgroups"), re.M)
        assert node("cat", "/boot/firmware/cmdline.txt").count("\n") == 1
        assert "cgroup_enable" not in node("cat", "/boot/firmware/cmdline.txt.before-homelab")
        assert len(node("cat", "/proc/swaps").splitlines()) == 1
        assert node("dpkg", "-l", "kubelet").splitlines()[-1].split()[:3] == ["hi", "kubelet", PACKAGE]
        assert node("dpkg", "--audit") == ""
        assert node("systemctl", "is-active", "containerd").strip() == "active"
        assert node("systemctl", "is-enabled", "kubelet").strip() == "enabled"
        assert node("sysctl", "-n", "net.ipv4.ip_forward").strip() == "1"
        assert node("getent", "hosts", "homelab-api").split() == [bare_pis[0].address, "homelab-api"]
        config = node("containerd", "config", "dump")
        assert "SystemdCgroup = true" in config
        assert "restrict_oom_score_adj = true" in config, "the drop-in is added, not put in place of the rest"
        assert node("crictl", "-r", "unix:///run/containerd/containerd.sock", "info").count('"status": true') == 1
        ran(node.name, ", ".join(node("sh", "-c", SOFTWARE).split("\n")).strip(", "))
    ran("prepare", f"three nodes in {taken:.1f} s: apt from signed repositories, reboots and time included")


def test_the_second_run_plans_nothing(bare_pis, run):
    before = [node("stat", "-c", "%Z", "/etc/containerd/config.toml", "/etc/hosts", "/etc/fstab") for node in bare_pis]
    assert run.step(Machines()) == [()]
    assert run.step(Prepare()) == [()]
    after = [node("stat", "-c", "%Z", "/etc/containerd/config.toml", "/etc/hosts", "/etc/fstab") for node in bare_pis]
    assert before == after


def test_what_was_undone_by_hand_is_done_again_and_nothing_else(bare_pis, run):
    node = bare_pis[1]
    node("apt-mark", "unhold", "kubelet")
    node("systemctl", "enable", "--now", "dphys-swapfile")
    node.shell("echo '# mine' >>/etc/containerd/config.toml; sysctl -qw net.ipv4.ip_forward=0")
    (plan, *_) = run.step(Prepare())
    assert [sentence.split()[0] for sentence in plan] == ["turn", "let", "keep", "configure"]
    assert "# mine" not in node("cat", "/etc/containerd/config.toml")
    assert run.step(Prepare()) == [()]


def test_a_killed_write_between_file_and_restart_is_noticed(bare_pis, run):
    """containerd's file is newer than the process: it runs with settings that are no longer there."""
    bare_pis[2].shell("sleep 1; touch /etc/containerd/config.toml")
    (plan, *_) = run.step(Prepare())
    assert plan == ("restart containerd",)


def _ended_copy(home: Path) -> str:
    """The lab's key with an end that has passed, in base64: the same key, so of the same fingerprint."""
    shutil.copytree(HOME / "gpg", home, ignore=shutil.ignore_patterns("S.*"))
    script = """set -eu
      export GNUPGHOME=$1
      key=$(gpg --list-keys --with-colons | sed -n 's/^fpr:*\\([0-9A-F]*\\):$/\\1/p')
      gpg -q --batch --pinentry-mode loopback --passphrase '' --quick-set-expire "$key" seconds=1
      gpg --export | base64 -w 0
      gpgconf --kill all
      sleep 2"""
    return subprocess.run(["sh", "-c", script, "sh", home], check=True, capture_output=True, text=True).stdout


def test_a_key_whose_copy_has_ended_is_put_in_anew(bare_pis, run):
    node = bare_pis[0]
    with tempfile.TemporaryDirectory() as short:  # the agent's socket takes no long path
        ended = _ended_copy(Path(short) / "gpg")
    node.shell(f"echo {ended} | base64 -d >/etc/apt/keyrings/homelab-kubernetes.gpg")
    assert "EXPKEYSIG" in node.shell("apt-get update 2>&1")
    (plan, *_) = run.step(Prepare())
    assert len(plan) == 1
    assert re.fullmatch(r"put in the key of the packages of Kubernetes \S+ anew: .*", plan[0])
    assert "EXPKEYSIG" not in node.shell("apt-get update 2>&1")
    assert run.step(Prepare()) == [()]


def test_a_busy_apt_is_waited_for_and_named(bare_pis, run):
    node = bare_pis[2]
    node("apt-mark", "unhold", "kubectl")
    node("apt-get", "-qq", "remove", "-y", "kubectl")
    node.shell(f"cat >/root/lockholder.py <<'P'\n{LOCK}P")
    holder = threading.Thread(target=lambda: node("python3", "/root/lockholder.py"), daemon=True)
    holder.start()
    time.sleep(2)
    waits: list[str] = []
    run.ctx.bus.listen(lambda event: waits.append(event.why) if isinstance(event, events.Waiting) else None)
    run.step(Prepare())
    holder.join(30)
    assert any("lockholder" in why for why in waits)
    assert PACKAGE in node("dpkg", "-l", "kubectl")


LOCK = """
import fcntl, time
file = open("/var/lib/dpkg/lock-frontend", "w")
fcntl.lockf(file, fcntl.LOCK_EX)
time.sleep(8)
"""


def test_facts_are_one_quick_script(bare_pis, run, ran):
    facts.gather(run.ctx)  # connections are open from here on
    began = time.monotonic()
    found = facts.gather(run.ctx)
    taken = time.monotonic() - began
    assert [one.hostname for one in found.values()] == [node.name for node in bare_pis]
    assert all(one.memory_cgroup and one.ntp_synchronised for one in found.values())
    ran("facts", f"three nodes in {taken:.2f} s")


def test_a_power_cut_in_the_middle_of_apt(bare_pis, tmp_path, monkeypatch):
    """The plug of one Pi is pulled while apt unpacks, and it stays off: the wizard names it, the next run mends it."""
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(absence, "COME_BACK_SECONDS", 5.0)
    victim = bare_pis[0]
    victim.power("wipe")
    victim.power("start")
    run = Run(tmp_path)
    run.step(Machines())

    def pull() -> None:
        while not any(line.startswith(f"{victim.name} Unpacking containerd.io") for line in list(run.lines)):
            time.sleep(0.02)
        victim.power("cut")

    puller = threading.Thread(target=pull, daemon=True)
    puller.start()
    with pytest.raises(WizardError) as failure:
        run.step(Prepare())
    puller.join(60)
    run.close()
    assert not puller.is_alive()
    assert failure.value.host in (victim.name, victim.address)
    victim.power("start")
    again = Run(tmp_path)
    (plan, *_) = again.step(Prepare())
    assert plan[0] == "finish the package installation that was interrupted"
    assert victim("dpkg", "--audit") == ""
    assert again.step(Prepare()) == [()]
    again.close()
