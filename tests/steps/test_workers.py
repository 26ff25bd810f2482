"""The step Workers on simulated Pis: joined with a token that nothing shows, Ready, and joined only once."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import cluster_look, workers
from steps.cluster_look import Look
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts
from steps.lineage import UNIT
from steps.prepare import Prepare
from steps.workers import Workers
from wizard import yamlfile
from wizard.errors import Blocked, TrustError, WizardError

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


@pytest.fixture
def cluster(pis):
    """Three prepared Pis, the first of them a control plane."""
    stage = pis()
    stage.run(Prepare())
    stage.run(ControlPlane())
    return stage


def test_both_workers_join_and_are_ready(cluster):
    done = cluster.run(Workers())
    assert done[0] == (None, "workers/token")
    assert sorted(done[1:3]) == [(SECOND, "workers/join"), (THIRD, "workers/join")]
    assert done[3] == (None, "workers/ready")
    nodes = Look.at(cluster.ctx.world.cluster(cluster.ctx.state.path)).nodes
    assert sorted(nodes) == ["atlas", "boreas", "castor"]
    assert cluster.run(Workers()) == []


def test_one_pi_has_no_workers(pis):
    stage = pis([FIRST])
    stage.run(Prepare())
    stage.run(ControlPlane())
    assert stage.run(Workers()) == []


def test_without_a_cluster_the_step_before_is_named(pis):
    stage = pis()
    stage.run(Prepare())
    with pytest.raises(Blocked, match="Run the step Control plane"):
        stage.run(Workers())


def test_the_token_is_sent_on_standard_input_and_shown_nowhere(cluster, monkeypatch):
    from wizard.demo.pi import SimHost

    sent = []
    original = SimHost.run

    def run(self, script, **more):
        sent.append(script)
        return original(self, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    cluster.run(Workers())
    configs = [yamlfile.load(script.stdin.decode()) for script in sent if script.name == "workers/config"]
    assert [config["nodeRegistration"]["name"] for config in configs] in (["boreas", "castor"], ["castor", "boreas"])
    for config in configs:
        bootstrap = config["discovery"]["bootstrapToken"]
        assert bootstrap["caCertHashes"] == [cluster.ctx.state.recall("cluster", "ca_hash")]
        token = bootstrap["token"]
        assert token.startswith("demo00.")
        assert not [script for script in sent if token in " ".join(script.args) + script.text]
        assert token not in repr(cluster.seen) + cluster.saved()


def test_killed_during_a_join_it_is_followed_and_the_other_joins(cluster):
    cluster.sections(SECOND)["kubernetes"] = "bootstrap-kubelet.conf"
    cluster.sections(SECOND)[f"unit {UNIT}.service"] = "ActiveState=active"
    sentences = cluster.plan(Workers())
    assert "wait for the kubeadm join that is at work on boreas" in sentences
    with pytest.raises(WizardError, match="did not succeed"):
        cluster.run(Workers())
    del cluster.sections(SECOND)[f"unit {UNIT}.service"]
    assert [change for host, change in cluster.run(Workers()) if host == SECOND] == ["workers/join"]


def test_a_worker_of_another_cluster_is_refused(cluster):
    cluster.sections(SECOND)["kubernetes"] = "kubelet.conf"
    cluster.sections(SECOND)["ca-crt"] = OTHER_CA
    with pytest.raises(TrustError, match="belongs to another cluster") as refused:
        cluster.run(Workers())
    assert refused.value.host == "boreas"


def test_a_worker_that_never_gets_ready_is_explained(cluster, effect):
    joined = {"kubernetes": "kubelet.conf", "ca-crt": cluster.sections(FIRST)["ca-crt"]}
    effect("workers/join", set=joined)  # joins, and its kubelet never reports
    effect("workers/why", out="E1123 kubelet: no space left on device")
    with pytest.raises(WizardError, match="no space left on device") as late:
        cluster.run(Workers())
    assert "has not registered with the cluster" in late.value.why


def test_a_node_under_another_address_is_refused():
    node = {"status": {"addresses": [{"type": "InternalIP", "address": "100.101.1.2"}]}}
    machine = NodeFacts(SECOND, hostname="boreas")
    assert "100.101.1.2" in str(workers.wrong_address(Look(nodes={"boreas": node}), machine))
    assert workers.wrong_address(Look(nodes={"boreas": node}), replace(machine, address="100.101.1.2")) is None
    assert workers.wrong_address(Look(), machine) is None
    astray = workers.wrong_address(Look(nodes={"boreas": node}), machine, tailnet=True)
    assert astray is None, "the step Tailnet puts it back"


# -- why something is not ready ------------------------------------------------------------------------------------


def pod(**status) -> dict:
    return {"metadata": {"name": "p"}, "status": status}


SCHEDULED = [{"type": "PodScheduled", "status": "True"}]


@pytest.mark.parametrize(
    ("found", "event", "words"),
    [
        (pod(phase="Succeeded"), "", ""),
        (pod(conditions=[{"type": "Ready", "status": "True"}]), "", ""),
        (pod(containerStatuses=[{"state": {"waiting": {"reason": "ErrImagePull", "message": "not found"}}}]), "",
         "The pod p is held up by ErrImagePull: not found."),
        (pod(containerStatuses=[{"state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 5m0s"}},
                                 "lastState": {"terminated": {"message": "a\nE: no default route\n"}}}]), "",
         "no default route"),
        (pod(conditions=[{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available"}]), "",
         "has no node: 0/1 nodes are available"),
        (pod(conditions=SCHEDULED, containerStatuses=[{"state": {"waiting": {"reason": "ContainerCreating"}}}]),
         "failed to create sandbox", "is being started: failed to create sandbox."),
        (pod(phase="Pending"), "", "The pod p is pending."),
    ],
)  # fmt: skip
def test_why_a_pod_is_not_ready(found, event, words):
    assert words in cluster_look.why_pod(found, event)
    assert bool(words) == bool(cluster_look.why_pod(found, event))


def test_the_newest_warning_counts():
    def event(time, message, kind="Warning"):
        return {
            "metadata": {},
            "involvedObject": {"name": "p"},
            "lastTimestamp": time,
            "message": message,
            "type": kind,
        }

    found = [event("2026-11-02", "new"), event("2026-11-01", "old"), event("2026-11-03", "fine", "Normal")]
    assert cluster_look.warnings(found) == {"p": "new"}


@pytest.mark.parametrize(
    ("status", "generation", "pods"),
    [
        ({"observedGeneration": 2, "numberReady": 3, "updatedNumberScheduled": 1}, 2, 1),
        ({"observedGeneration": 1, "numberReady": 3, "updatedNumberScheduled": 3}, 2, 0),
        ({}, 1, 0),
    ],
)
def test_only_pods_of_the_newest_kind_count(status, generation, pods):
    assert cluster_look.daemonset_pods({"metadata": {"generation": generation}, "status": status}) == pods


OTHER_CA = """-----BEGIN CERTIFICATE-----
MIIBDzCBtaADAgECAgEBMAoGCCqGSM49BAMCMBAxDjAMBgNVBAMMBW90aGVyMCAX
DTI2MDEwMTAwMDAwMFoYDzIxMjUxMjA4MDAwMDAwWjAQMQ4wDAYDVQQDDAVvdGhl
cjBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABMeSzZSKE3S1JiSDGuLjrcRmltZ6
FR0/dm9v0+piuRb2hoBocsitKcs6XbUPtif0n5Lwjukau8rO/68phL6/XAwwCgYI
KoZIzj0EAwIDSQAwRgIhAL5mciBKRJro9rIOAfMCsEOTtfATsdkryjnFwxfqorVs
AiEA23kuRR4GW25PardX79Ji/W7KJ+OScoU/gEe3hI4kiVw=
-----END CERTIFICATE-----"""
