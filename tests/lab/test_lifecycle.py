"""The life of a cluster on real hosts: two nodes, a third, two upgrades, a restore, a node less, nothing.

Real: systemd hosts, sshd, sudo, apt, containerd, kubeadm etcd, flannel, and every program of Kubernetes
1.36.3, 1.36.4 and 1.37.2.
The tests are stages of one life and run in this order; each needs the one before. Root; `make cluster-test`.
"""

from __future__ import annotations

# long because: one life, told from its begin to its end
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.lab.cluster_lab import HOME, LAB, ROOT, Wizard, build, end, kubectl, lab, lineage

ANSWERS = "tests/answers/lifecycle.yaml"
PIS = {1: "198.18.0.11", 2: "198.18.0.12", 3: "198.18.0.13"}
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


class Life:
    """What goes on from stage to stage."""

    def __init__(self, folder: Path, ran: Ran) -> None:
        self.folder, self.ran = folder, ran
        self.wizard = Wizard(folder, ANSWERS, "life")
        self.untouched: dict[int, str] = {}  # what reset has to give back
        self.lineage = ("", "")
        self.count = 0
        self.version, self.nodes = "1.36.3", 2  # what the cluster is to be now
        self.broken = ""

    @contextmanager
    def stage(self, words: str) -> Iterator[None]:
        assert not self.broken, f"the stage before this one failed: {self.broken}"
        self.broken, began = words, time.monotonic()
        yield
        self.broken = ""
        self.ran("stage", f"{time.monotonic() - began:6.1f} s  {words}")

    def homelab(self, *words: str, expect: int = 0) -> str:
        code, out = self.wizard.run(*words)
        assert code == expect, f"homelab {' '.join(words)} ended with {code}:\n{out[-4000:]}"
        return out

    def counts(self) -> None:
        """One more into an object of the cluster: it must be there until the end, whatever happens around it."""
        self.count += 1
        patch = json.dumps({"data": {"count": str(self.count)}})
        kubectl("patch", "configmap", "counter", "--type", "merge", "-p", patch)

    def goes_on(self) -> None:
        """The same cluster, every node Ready with its version, and what it carries still there."""
        assert lineage() == self.lineage, "this is another cluster"
        until(lambda: ready(self.version) == self.nodes, f"{self.nodes} nodes Ready with {self.version}")
        assert kubectl("get", "configmap", "counter", "-o", "jsonpath={.data.count}") == str(self.count)
        until(lambda: replicas() == 2, "both pods of the Deployment")


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build versions")
    yield
    end()


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory, ran: Ran) -> Life:
    return Life(tmp_path_factory.mktemp("life"), ran)


def until(holds: Callable[[], bool], what: str, seconds: float = 240) -> None:
    end_at = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end_at, f"not within {seconds:.0f} s: {what}\n{kubectl('get', 'nodes,pods', '-A')}"
        time.sleep(2)


def ready(version: str) -> int:
    """How many nodes are Ready, not cordoned, with a kubelet of this version; -1 while one is neither."""
    nodes = json.loads(lab("node", "1", "sh", "-c", f"{_KUBECTL} get nodes -o json || echo '{{}}'")).get("items", [])
    right = [
        node for node in nodes
        if _condition(node).get("status") == "True" and not node["spec"].get("unschedulable")
        and node["status"]["nodeInfo"]["kubeletVersion"] == f"v{version}"
    ]  # fmt: skip
    return len(right) if len(right) == len(nodes) else -1


_KUBECTL = "kubectl --kubeconfig /etc/kubernetes/admin.conf --request-timeout 5s"


def _condition(node: dict) -> dict[str, str]:
    return next((each for each in node["status"]["conditions"] if each["type"] == "Ready"), {})


def replicas() -> int:
    return int(kubectl("get", "deployment", "home", "-o", "jsonpath={.status.readyReplicas}") or 0)


def certificate() -> str:
    return lab(
        "node", "1", "openssl", "x509", "-in", "/etc/kubernetes/pki/apiserver.crt", "-noout", "-startdate", "-serial"
    )


# -- the life ----------------------------------------------------------------------------------------------------


def test_two_bare_nodes_become_a_cluster(life: Life) -> None:
    with life.stage("two bare nodes: homelab run --until snapshots, Kubernetes 1.36.3"):
        for node in PIS:
            lab("wipe", str(node))
        lab("up", str(len(PIS)))
        life.untouched = {node: checksums(node) for node in PIS}
        life.homelab("run", "--answers", ANSWERS, "--yes", "--until", "snapshots")
        life.lineage = lineage()
        kubectl("create", "configmap", "counter", "--from-literal=count=0")
        kubectl("create", "deployment", "home", "--image=registry.k8s.io/pause:3.10.2", "--replicas=2")
        life.counts()
        life.goes_on()
    with life.stage("the second time nothing is left to do"):
        out = life.homelab("plan", "--answers", ANSWERS, "--until", "snapshots")
        assert "✓ snapshots: nothing to do" in out
        stored = lab("node", "2", "ls", "/var/lib/homelab-snapshots/store").split()
        assert stored, "no snapshot in the second place"
        assert "also on pi2" in life.wizard.run("status")[1]
        life.ran("snapshot", f"{stored[-1]} on pi1 and on pi2")


def test_the_account_for_snapshots_can_do_nothing_else(life: Life) -> None:
    with life.stage("the key for snapshots opens nothing else"):
        ssh = (
            "ssh -F none -i /etc/homelab/snapshots-key -o BatchMode=yes -o StrictHostKeyChecking=yes "
            "-o UserKnownHostsFile=/etc/homelab/snapshots-known-hosts homelab-snapshots@198.18.0.12"
        )
        for words in ("cat /etc/passwd", "", "store ../x 0", "sh -c id"):
            said = lab("node", "1", "sh", "-c", f"{ssh} '{words}' </dev/null 2>&1; echo code $?")
            assert "code 2" in said
            assert not re.search("root:|uid=", said)


def test_a_third_node_joins(life: Life) -> None:
    with life.stage("homelab node add 198.18.0.13"):
        life.homelab("node", "add", PIS[3], "--yes")
        life.nodes = 3
        life.counts()
        life.goes_on()


def test_a_patch_release_is_a_small_step(life: Life) -> None:
    with life.stage("homelab node upgrade --to 1.36.4, three nodes"):
        before = certificate()
        life.homelab("node", "upgrade", "--to", "1.36.4", "--yes")
        life.version = "1.36.4"
        assert certificate() != before, "the certificates were not renewed"
        life.counts()
        life.goes_on()


def test_a_minor_release_survives_a_kill(life: Life) -> None:
    with life.stage("homelab node upgrade --to 1.37.2, three nodes, kill -9 in the middle"):
        before = certificate()
        code, out = life.wizard.run("node", "upgrade", "--to", "1.37.2", "--yes", kill_at=r"pi2: upgrade .*…$")
        assert code == -signal.SIGKILL, out[-3000:]
        life.homelab("node", "upgrade", "--to", "1.37.2", "--yes")
        life.version = "1.37.2"
        assert certificate() != before, "the certificates were not renewed"
        life.counts()
        life.goes_on()
        etcd = kubectl("get", "pod", "-n", "kube-system", "etcd-pi1", "-o", "jsonpath={.spec.containers[0].image}")
        life.ran("etcd", f"{etcd} after both upgrades")


# -- the restore, by the words of docs/restore.md ----------------------------------------------------------------


def blocks() -> list[tuple[str, list[str]]]:
    """The commands of docs/restore.md, block by block, with the machine on which they are run."""
    text = (ROOT / "docs" / "restore.md").read_text()
    found = re.findall(r"^```sh ?([a-z-]*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [(where or "control-plane", commands.splitlines()) for where, commands in found]


def fetched(life: Life, snapshot: str) -> None:
    """The snapshot comes back from the second place to /home/pi on the control plane."""
    for where, commands in blocks()[5:7]:
        for command in commands:
            carry_out(life, where, command, snapshot)


def carry_out(life: Life, where: str, command: str, snapshot: str) -> str:
    """Runs one command of the document as a person would: over SSH as pi, or on the workstation."""
    for example, real in {"192.168.1.11": PIS[1], "192.168.1.12": PIS[2], "SNAPSHOT": snapshot}.items():
        command = command.replace(example, real)
    if where == "computer":
        config = life.folder / "ssh_config"
        config.write_text(f"IdentityFile {HOME}/id_ed25519\nUserKnownHostsFile {HOME}/known_hosts\nBatchMode yes\n")
        argv = [LAB, "ws", *command.replace("scp ", f"scp -F {config} ").split()]
    else:
        command = re.sub(r"^sudo ", "sudo -S -p '' ", command)
        argv = [LAB, "ssh", "2" if where == "second-place" else "1", command]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, input="raspberry\n")
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_documented_restore_brings_the_past_back(life: Life) -> None:
    with life.stage("docs/restore.md: snapshot, rehearse, restore, look"):
        (_, listing), (_, taking), (_, rehearsing), (_, restoring), (_, looking) = blocks()[:5]
        carry_out(life, "control-plane", taking[0], "")
        snapshot = re.findall(r"etcd-\S+\.tar\.gz", carry_out(life, "control-plane", listing[0], ""))[-1]
        kubectl("create", "configmap", "later", "--from-literal=too=late")
        kubectl("patch", "configmap", "counter", "--type", "merge", "-p", '{"data": {"count": "1000000"}}')
        out = carry_out(life, "control-plane", rehearsing[0], snapshot)
        assert "The rehearsal went well. The cluster was not touched." in out
        life.ran("rehearsal", next(line for line in out.splitlines() if line.startswith("it holds")))
        assert kubectl("get", "configmap", "later", "-o", "name")
        carry_out(life, "control-plane", restoring[0], snapshot)
        assert kubectl("get", "configmap", "later", "--ignore-not-found") == ""
        life.goes_on()
        assert all(carry_out(life, "control-plane", line, snapshot) for line in looking)
        kubectl("rollout", "restart", "deployment/home")  # everybody still takes part: controllers, scheduler, kubelets
        kubectl("rollout", "status", "deployment/home", "--timeout=180s")
        life.counts()


def test_a_snapshot_comes_back_from_the_second_place(life: Life) -> None:
    with life.stage("docs/restore.md: a snapshot comes back from the second place"):
        snapshot = newest()
        kept, rehearsing = f"/var/lib/homelab/etcd-snapshots/{snapshot}", blocks()[2][1]
        lab("node", "1", "mv", kept, "/root/kept")
        fetched(life, snapshot)
        for where, commands in blocks()[7:9]:
            for command in commands:
                carry_out(life, where, command, snapshot)
        lab("node", "1", "cmp", "/root/kept", kept)
        lab("node", "1", "rm", "/root/kept")
        assert "went well" in carry_out(life, "control-plane", rehearsing[0], snapshot)


def newest() -> str:
    return lab("node", "1", "ls", "/var/lib/homelab/etcd-snapshots").split()[
        -2
    ]  # the note of the last one is behind it


# -- a node less, and the end ------------------------------------------------------------------------------------


def test_a_control_plane_with_a_new_card_comes_back(life: Life) -> None:
    with life.stage("docs/restore.md: the control plane's card is lost"):
        lab("node", "1", "systemctl", "start", "homelab-etcd-snapshot")
        snapshot = newest()
        lab("wipe", "1")
        lab("start", "1")
        life.untouched[1] = checksums(1)
        answers = life.folder / "new-card.yaml"
        given = (ROOT / ANSWERS).read_text().replace("machines:\n", "machines:\n  replaced: [198.18.0.11]\n")
        given = given.replace("[198.18.0.11, 198.18.0.12]", f"[{', '.join(list(PIS.values())[: life.nodes])}]")
        answers.write_text(given.replace("kubernetes_version: 1.36.3", f"kubernetes_version: {life.version}"))
        life.homelab(
            "run", "--answers", str(answers), "--yes", "--until", "prepare", "--allow", "machines/trust-host-key"
        )
        fetched(life, snapshot)
        for where, commands in [block for block in blocks() if block[0] == "new-card"] + blocks()[8:9]:
            for command in commands:
                carry_out(life, where, command, snapshot)
        life.goes_on()
        life.homelab("run", "--answers", str(answers), "--yes", "--until", "snapshots")
        life.counts()
        life.goes_on()


def test_the_last_control_plane_stays(life: Life) -> None:
    with life.stage("homelab node remove pi1 is refused"):
        out = life.homelab("node", "remove", "pi1", "--yes", "--allow", "node-remove/take-out", expect=1)
        assert "only control plane" in " ".join(out.split())
        life.goes_on()


def test_a_node_leaves(life: Life) -> None:
    with life.stage("homelab node remove pi3"):
        life.homelab("node", "remove", "pi3", "--yes", "--allow", "node-remove/take-out")
        life.nodes = 2
        assert "pi3" not in kubectl("get", "nodes", "-o", "name")
        assert lab("node", "3", "sh", "-c", "find /etc/kubernetes /var/lib/kubelet -type f 2>/dev/null | head") == ""
        life.counts()
        life.goes_on()


def test_a_cluster_that_nobody_remembers_is_taken_over(life: Life, tmp_path: Path) -> None:
    with life.stage("homelab node add --to 198.18.0.11, with a fresh state folder"):
        cluster = life.wizard.evidence()["cluster"]
        other = Wizard(tmp_path, ANSWERS, "life")
        words = ("node", "add", "--to", PIS[1], "--answers", ANSWERS, "--yes")
        code, out = other.run(
            *words, "--ca-hash", f"sha256:{'0' * 64}", "--uid", cluster["uid"], "--allow", "machines/adopt"
        )
        assert code == 4, out[-3000:]
        code, out = other.run(
            *words, "--ca-hash", cluster["ca_hash"], "--uid", cluster["uid"], "--allow", "machines/adopt"
        )
        assert code == 0, out[-3000:]
        assert other.evidence()["cluster"] == cluster
        forget(tmp_path / "state/homelab-wizard/life/id_ed25519")
        life.goes_on()


def forget(key: Path) -> None:
    """Takes the key of another computer's wizard off the nodes: a reset leaves what it did not bring."""
    public = subprocess.run(
        ["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True
    ).stdout.split()[1]
    for node in (1, 2):
        lab("node", str(node), "sed", "-i", f"\\|{public}|d", "/home/pi/.ssh/authorized_keys")


TOUCHED = "/etc /boot/firmware /usr/local /root /home /lib/systemd /opt /var/lib/homelab /var/lib/homelab-snapshots"
OF_THE_SYSTEM = r"/(\.updated|ld\.so\.cache|machine-id|mtab|.*-)$|/etc/(ssl/certs|alternatives)/|\.(dpkg|ucf)-"
OF_THIS_TEST = (
    r"/root/\.kube/cache/|\.sudo_as_admin_successful|/usr/local/(sbin/homelab-etcd-restore|lib/homelab/etcd-tools\.sh)$"
)
"""What the commands that were typed here left: kubectl's and sudo's own files, what was unpacked for the new card."""


def checksums(node: int) -> str:
    """Every file of the folders that homelab or a package may touch, with its checksum and mode; packages and holds."""
    script = (
        f"( find {TOUCHED} -xdev -type f 2>/dev/null | grep -vE '{OF_THE_SYSTEM}|{OF_THIS_TEST}' | sort | "
        'while read -r file; do echo "$(stat -c \'%a %U\' "$file") $(sha256sum "$file")"; done; '
        "dpkg-query -W -f '${Package} ${Version} ${db:Status-Abbrev}\\n' | grep -v ' rc'; "
        "apt-mark showhold; getent passwd ) | cat -v"
    )
    return lab("node", str(node), "sh", "-c", script)


def test_reset_leaves_the_nodes_as_they_were(life: Life) -> None:
    with life.stage("homelab reset: both nodes are bare again, by checksums"):
        life.homelab("reset", "--yes", "--allow", "reset/cluster", "--confirm", "life")
        for node in (1, 2):
            before, after = (set(text.splitlines()) for text in (life.untouched[node], checksums(node)))
            assert after - before == set(), f"pi{node} has what it had not"
            assert before - after == set(), f"pi{node} lacks what it had"
        life.ran("reset", f"{len(life.untouched[1].splitlines())} files, packages and accounts compared on each node")
