"""A real kubelet and a real flannel that an address of the VPN has led astray are put back by the step Tailnet.

Real: a systemd host, kubeadm, kubelet, flannel, headscale, tailscaled. The node is pi24, a cluster of its own. Root;
`make cluster-test`. The tests are stages of one life and run in this order.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator

import pytest

from tests.lab.cluster_lab import HOME, KUBECTL, ROOT, Wizard, build, end, lab

NODE, ADDRESS = "24", "198.18.0.34"
FLAGS = "/var/lib/kubelet/kubeadm-flags.env"
TUNNEL = "flannel.alpha.coreos.com/public-ip"
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build cluster", "tailnet repository")
    was_up = "headscale running" in lab("status")
    lab("serve")
    lab("wipe", NODE)
    lab("start", NODE)
    if not was_up:
        lab("tailnet", "up")
    yield
    for node in json.loads(lab("tailnet", "api", "GET", "/node"))["nodes"]:
        if node["name"] == "pi24":
            lab("tailnet", "api", "DELETE", f"/node/{node['id']}")
    lab("wipe", NODE)
    if not was_up:
        lab("tailnet", "down")
        end()


@pytest.fixture(scope="module")
def wizard(tmp_path_factory: pytest.TempPathFactory) -> Wizard:
    folder = tmp_path_factory.mktemp("kubelet")
    text = (ROOT / "tests/answers/lab.yaml").read_text()
    text = re.sub(r"(?m)^  hosts: .*", f"  hosts: [{ADDRESS}]", text)
    text = re.sub(r"(?m)^  control_plane: .*", f"  control_plane: {ADDRESS}", text)
    text = re.sub(r"(?m)^  auth_key: .*\n", "", text).replace("/var/lib/homelab-lab", HOME)
    answers = folder / "answers.yaml"
    answers.write_text(text)
    return Wizard(folder, str(answers), "lab")


def inside(*words: str) -> str:
    return lab("node", NODE, *words)


def reached() -> tuple[str, str]:
    """By which addresses Kubernetes and the pods' network reach the node."""
    tunnel = TUNNEL.replace(".", r"\.")
    path = f"{{.items[0].status.addresses[0].address}} {{.items[0].metadata.annotations.{tunnel}}}"
    kubelet, _, tunnel = inside(*KUBECTL.split(), "get", "nodes", "-o", f"jsonpath={path}").partition(" ")
    return kubelet, tunnel.strip()


def run(wizard: Wizard) -> str:
    code, out = wizard.run("run", "--answers", wizard.answers, "--yes", "--until", "tailnet")
    assert code == 0, out[-3000:]
    return out


def test_a_pi_joins_and_kubernetes_stays_where_it_was(wizard: Wizard, ran: Ran) -> None:
    out = run(wizard)
    assert "see that Kubernetes still reaches pi24 over the LAN: done" in out
    assert reached() == (ADDRESS, ADDRESS)
    assert "nothing is left" in out or "tailnet: done" in out
    ran("kubelet", inside("kubelet", "--version").split()[-1])
    ran("tailscale", inside("tailscale", "version").splitlines()[0])


def test_a_node_that_the_vpn_has_led_astray_is_put_back(wizard: Wizard) -> None:
    """As on a home's Pi where somebody gave kubelet the address of the VPN, and flannel followed at its next start."""
    vpn = inside("tailscale", "ip", "-4").strip()
    inside("sed", "-i", f"s/--node-ip={ADDRESS}/--node-ip={vpn}/", FLAGS)
    inside("systemctl", "restart", "kubelet")
    inside(*KUBECTL.split(), "annotate", "node", "pi24", "--overwrite", f"{TUNNEL}={vpn}")
    until(lambda: reached() == (vpn, vpn))
    out = run(wizard)
    assert f"put the way to pi24 (now {vpn}) back to the home network: done" in out
    assert f"It is reached by {ADDRESS} again." in out
    until(lambda: reached() == (ADDRESS, ADDRESS))
    assert inside("tailscale", "status", "--json").count('"BackendState": "Running"') == 1, "and still on the VPN"
    assert f"--node-ip={ADDRESS}" in inside("cat", "/etc/default/kubelet")
    assert "put the way" not in run(wizard)


def test_a_kubelet_that_was_told_nothing_is_told(wizard: Wizard) -> None:
    inside("sed", "-i", "s/--node-ip=[0-9.]*//", FLAGS)
    inside("rm", "/etc/default/kubelet")
    inside("systemctl", "restart", "kubelet")
    out = run(wizard)
    assert f"tell kubelet to stay at {ADDRESS}, whatever addresses the VPN brings: done" in out
    assert reached() == (ADDRESS, ADDRESS)


def until(probe: Callable[[], bool], seconds: float = 90) -> None:
    end_of_it = time.monotonic() + seconds
    while not probe():
        assert time.monotonic() < end_of_it, reached()
        time.sleep(1)
