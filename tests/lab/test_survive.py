"""Three Pis that go away in the middle of their preparation, each in another way: one run ends with all prepared.

The nodes are pi14, pi15 and pi18, so that nothing else in the lab is disturbed.
"""

from __future__ import annotations

import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from steps.machines import Machines
from steps.prepare import Prepare
from tests.lab.conftest import Node, outside
from tests.lab.test_prepare import Run

pytestmark = [pytest.mark.lab, pytest.mark.timeout(900)]

PIS = (14, 15, 18)
AWAY_SECONDS = 30.0  # longer than a connection lives without an answer


@pytest.fixture(scope="module")
def pis(_on_the_workstation: None) -> Iterator[tuple[Node, ...]]:
    """Three nodes with new cards, up."""
    made = tuple(Node(number) for number in PIS)
    with ThreadPoolExecutor() as pool:
        for word in ("wipe", "start"):
            list(pool.map(Node.power, made, [word] * 3))
        yield made
        list(pool.map(Node.power, made, ["wipe"] * 3))


def pull_the_plug(node: Node) -> None:
    node.power("cut")
    time.sleep(1)
    node.power("start")


def pull_the_cable(node: Node) -> None:
    def link(state: str) -> None:
        port = ["ip", "-n", "hw-lan", "link", "set", f"vb-hw-{node.name}", state]
        subprocess.run(["nsenter", f"--net={outside()}", "--", *port], check=True)

    link("down")
    time.sleep(AWAY_SECONDS)
    link("up")


def reboot_by_itself(node: Node) -> None:
    node.shell("systemctl --no-block reboot")


class Trouble(threading.Thread):
    """Makes `happen` to the node as soon as its apt prints a line that begins with `line`."""

    def __init__(self, run: Run, node: Node, line: str, happen: Callable[[Node], None]) -> None:
        super().__init__(daemon=True)
        self.run_, self.node, self.line, self.happen = run, node, f"{node.name} {line}", happen
        self.happened = False
        self.start()

    def run(self) -> None:
        end = time.monotonic() + 400
        while not any(line.startswith(self.line) for line in list(self.run_.lines)):
            if time.monotonic() > end:
                return
            time.sleep(0.02)
        self.happen(self.node)
        self.happened = True


def test_a_power_cut_a_pulled_cable_and_a_reboot_in_one_run(pis, tmp_path, monkeypatch, ran):
    monkeypatch.setenv("HOMELAB_SUDO_PASSWORD", "raspberry")
    monkeypatch.setenv("HOME", str(tmp_path))
    run = Run(tmp_path, PIS)
    run.step(Machines())
    boots = [node("cat", "/proc/sys/kernel/random/boot_id") for node in pis]
    troubles = [
        Trouble(run, pis[0], "Unpacking containerd.io", pull_the_plug),
        Trouble(run, pis[1], "Unpacking containerd.io", pull_the_cable),
        Trouble(run, pis[2], "Unpacking kube", reboot_by_itself),
    ]
    began = time.monotonic()
    plans = run.step(Prepare())
    taken = time.monotonic() - began
    for trouble in troubles:
        trouble.join(60)
        assert trouble.happened
    assert len(plans) in (2, 3, 4)
    assert not any(
        before == node("cat", "/proc/sys/kernel/random/boot_id") for before, node in zip(boots, pis, strict=True)
    )
    for node in pis:
        back = [text for text in run.progress if text.startswith(f"{node.name} connected again after ")]
        assert len(back) in (1, 2)
        assert node("dpkg", "--audit") == ""
        assert node("systemctl", "is-active", "containerd").strip() == "active"
        ran(node.name, re.sub(r"^\S+ |; .*", "", " and ".join(back)))
    lost = [(entry["host"], entry["sentence"]) for entry in run.state.journal if entry["change"] == "connection-lost"]
    assert {host for host, _ in lost} == {node.address for node in pis}
    assert all("finished" in entry for entry in run.state.journal if entry["change"] == "connection-lost")
    run.close()
    again = Run(tmp_path, PIS)
    assert again.step(Machines()) == [()]
    assert again.step(Prepare()) == [()]
    again.close()
    ran("survived", f"a power cut, {AWAY_SECONDS:.0f} s without network and a reboot in apt: one run of {taken:.0f} s")
