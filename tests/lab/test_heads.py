"""One control plane becomes three on real hosts, through kills and pulled plugs, and goes on without its first.

Real: systemd hosts, sshd, sudo, apt, containerd, kubeadm, etcd, flannel. The tests are stages of one life and run in
this order; each needs the one before. Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.cluster_lab import KUBECTL, ROOT, Wizard, build, end, lab

PIS = {4: "198.18.0.14", 5: "198.18.0.15", 6: "198.18.0.16"}
INIT = (ROOT / "assets/node/control-plane/init.sh").read_text()
MEMBERS = (
    "crictl -r unix:///run/containerd/containerd.sock exec "
    "$(crictl -r unix:///run/containerd/containerd.sock ps --name '^etcd$' -q 2>/dev/null | head -n 1) etcdctl "
    "--cacert=/etc/kubernetes/pki/etcd/ca.crt --cert=/etc/kubernetes/pki/etcd/healthcheck-client.crt "
    "--key=/etc/kubernetes/pki/etcd/healthcheck-client.key --endpoints=https://127.0.0.1:2379 member list 2>/dev/null"
)
LOOK = """
import sys, threading, time
from pathlib import Path
from wizard.cluster import KubeCluster
began = time.monotonic()
nodes = KubeCluster(Path(sys.argv[1]), threading.Event()).get("/api/v1/nodes")["items"]
print(" ".join(sorted(n["metadata"]["name"] for n in nodes)), f"in {time.monotonic() - began:.1f} s")
"""
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build cluster")
    for node in PIS:
        lab("wipe", str(node))
        lab("start", str(node))
    yield
    for node in PIS:
        lab("wipe", str(node))
    end()


@pytest.fixture(scope="module")
def wizard(tmp_path_factory: pytest.TempPathFactory) -> Wizard:
    folder = tmp_path_factory.mktemp("heads")
    answers = folder / "answers.yaml"
    answers.write_text((ROOT / "tests/answers/heads.yaml").read_text())
    return Wizard(folder, str(answers), "heads")


def name_all(wizard: Wizard) -> None:
    """All three Pis in the answers, the second and the third as control planes too."""
    answers = Path(wizard.answers)
    hosts = ", ".join(PIS.values())
    text = re.sub(r"(?m)^  hosts: .*", f"  hosts: [{hosts}]", answers.read_text())
    more = f"  more_control_planes: [{PIS[5]}, {PIS[6]}]\n"
    answers.write_text(re.sub(r"(  control_plane: .*\n)(?!  more)", rf"\g<1>{more}", text))


def run(wizard: Wizard, **options: str | None) -> tuple[int, str]:
    return wizard.run("run", "--answers", wizard.answers, "--yes", "--verbose", "--until", "workers", **options)


def whole(wizard: Wizard) -> str:
    code, out = run(wizard)
    assert code == 0, out[-5000:]
    return out


def shell(node: int, text: str, *, check: bool = True) -> str:
    return lab("node", str(node), "sh", "-c", text, check=check)


def kubectl(node: int, words: str) -> str:
    return shell(node, f"{KUBECTL} --request-timeout 10s {words}")


def voters(node: int) -> list[str]:
    """The names of etcd's members that are started and have a vote."""
    rows = [line.split(", ") for line in shell(node, MEMBERS).splitlines()]
    return sorted(row[2] for row in rows if row[1] == "started" and row[5] == "false")


def lineage(node: int) -> tuple[str, str]:
    return (
        shell(node, "sha256sum </etc/kubernetes/pki/ca.crt").split()[0],
        kubectl(node, "get namespace kube-system -o 'jsonpath={.metadata.uid}'"),
    )


def until(holds: Callable[[], bool], what: str, seconds: float = 300) -> None:
    end_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_at, f"not within {seconds:.0f} s: {what}"
        time.sleep(2)


def ready(node: int) -> list[str]:
    """The names of the nodes that are Ready, as the API on this node says; empty when it does not answer."""
    said = shell(node, f"{KUBECTL} --request-timeout 5s get nodes -o json || :", check=False)
    found = json.loads(said)["items"] if said.startswith("{") else []
    conditions = {n["metadata"]["name"]: {c["type"]: c["status"] for c in n["status"]["conditions"]} for n in found}
    return sorted(name for name, each in conditions.items() if each.get("Ready") == "True")


def init_refused(node: int, *addresses: str) -> str:
    """What the script that runs kubeadm init says when it is told to on this node; it must not succeed."""
    place = "/run/init-test.sh"
    shell(node, f"cat >{place} <<'SCRIPT'\n{INIT}\nSCRIPT\n")
    said = shell(node, f"sh {place} /nowhere {' '.join(addresses)} 2>&1; echo exit $?")
    assert "exit 1" in said
    assert "kubeadm init was not run" in said
    return said


def test_one_control_plane(wizard: Wizard) -> None:
    whole(wizard)
    assert voters(4) == ["pi4"]
    assert "NoSchedule" not in kubectl(4, "get nodes -o 'jsonpath={.items[*].spec.taints}'"), "there is no worker"


def test_kubeadm_init_is_refused_on_every_sign_of_a_cluster(ran: Ran) -> None:
    assert "cluster's data in /var/lib/etcd" in init_refused(4)
    for file in ("/var/lib/kubelet/config.yaml", "/etc/kubernetes/kubelet.conf", "/etc/kubernetes/admin.conf"):
        shell(5, f"mkdir -p $(dirname {file}) && touch {file}")
        assert f"configured for a cluster already ({file})" in init_refused(5)
        shell(5, f"rm {file}")
    assert f"an API answers at {PIS[4]}:6443" in init_refused(5, PIS[5], PIS[4])
    ran("kubeadm init", "refused on etcd's data, on three kinds of configuration, and where an API answers")


def test_a_killed_wizard_finds_its_join_again(wizard: Wizard, ran: Ran) -> None:
    before = lineage(4)
    name_all(wizard)
    code, out = run(wizard, kill_at=r"pi5 \| \[etcd\] Announced new etcd member")
    assert code == -signal.SIGKILL, out[-4000:]
    code, out = run(wizard, kill_at=r"pi6 \| \[etcd\] Announced new etcd member")
    assert code == -signal.SIGKILL, out[-4000:]
    lab("cut", "6")
    assert "pi5" in voters(4)
    assert lineage(4) == before
    ran("kill -9", "the wizard, while pi5 joined and again while pi6 did: pi5 had joined by then")


def test_a_plug_pulled_in_mid_join_is_no_harm(wizard: Wizard, ran: Ran) -> None:
    lab("start", "6")
    code, out = run(wizard, kill_at=r"pi6 \| \[kubelet-start\] Waiting for the kubelet to perform the TLS")
    assert code == -signal.SIGKILL, out[-4000:]
    assert "clear away an interrupted join" in out
    lab("cut", "6")
    assert voters(4) == ["pi4", "pi5", "pi6"], "it had got its vote in the last moment"
    lab("start", "6")
    out = whole(wizard)
    assert "clear away" not in out
    assert voters(4) == voters(6) == ["pi4", "pi5", "pi6"]
    ran("power cut", "in pi6's join, before it had a vote: joined anew; after: finished with its data")


def test_three_hold_and_nothing_is_left_to_do(wizard: Wizard, ran: Ran) -> None:
    assert lineage(4) == lineage(5) == lineage(6)
    until(lambda: ready(4) == ["pi4", "pi5", "pi6"], "three nodes Ready")
    code, out = wizard.run("plan", "--answers", wizard.answers, "--until", "workers")
    assert code == 0, out
    status = wizard.run("status")[1]
    for pi in ("pi4", "pi5", "pi6"):
        (line,) = [line for line in status.splitlines() if pi in line and "certificates valid until" in line]
        ran("certificates", line)
    text = wizard.transcript.read_text()
    assert not re.search(r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", text), "a join token was shown"
    assert not re.search(r"certificateKey|certificate key:\s*[0-9a-f]{64}|(?<![:0-9a-f])[0-9a-f]{64}\n", text)


def test_without_the_first_one_the_cluster_goes_on(wizard: Wizard, ran: Ran) -> None:
    kubeconfig = str(wizard.state / "homelab-wizard/heads/kubeconfig")
    lab("cut", "4")
    until(lambda: "pi5" in ready(5), "the API answers on pi5", 120)
    kubectl(5, "create configmap while-pi4-was-off --from-literal=a=b")
    assert "while-pi4-was-off" in kubectl(6, "get configmaps")
    looked = lab("ws", "env", f"PYTHONPATH={ROOT}", sys.executable, "-c", LOOK, kubeconfig)
    assert looked.startswith("pi4 pi5 pi6 in ")
    ran("pi4 off", f"written through pi5, read through pi6; the wizard's own client: {looked.strip()}")
    lab("start", "4")
    until(lambda: ready(4) == ["pi4", "pi5", "pi6"], "three nodes Ready again")
    assert "while-pi4-was-off" in kubectl(4, "get configmaps")
    whole(wizard)
    assert voters(4) == ["pi4", "pi5", "pi6"]
