"""`homelab node upgrade` on simulated Pis."""

from __future__ import annotations

import pytest

from steps import lifecycle
from steps.control_plane import ControlPlane
from steps.kubernetes import Version
from steps.node_upgrade import NodeUpgrade, config
from steps.prepare import Prepare
from steps.workers import Workers
from wizard import yamlfile
from wizard.errors import BadInput, Blocked, WizardError

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
TARGET = "1.37.2"


@pytest.fixture
def three(pis):
    stage = pis()
    for step in (Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    return stage


def upgrade(stage, to=TARGET):
    lifecycle.begin(stage.ctx.state, {"command": "node upgrade", "to": to})
    return stage.run(NodeUpgrade())


def versions(stage):
    listed = stage.world.api.get("/api/v1/nodes")["items"]
    return {node["metadata"]["name"]: node["status"]["nodeInfo"]["kubeletVersion"] for node in listed}


def test_all_three_one_after_the_other(three):
    done = upgrade(three)
    assert versions(three) == dict.fromkeys(("atlas", "boreas", "castor"), "v1.37.2")
    assert done[0] == (FIRST, "node-upgrade/snapshot") and done[-1] == (None, "node-upgrade/end")
    hosts = [host for host, _ in done if host]
    assert hosts == sorted(hosts), "no two Pis at a time, the control plane first"
    assert [change for host, change in done if host == SECOND] == [
        "node-upgrade/repository-kubernetes", "node-upgrade/kubeadm", "node-upgrade/node", "node-upgrade/drain",
        "node-upgrade/kubelet", "node-upgrade/back",
    ]  # fmt: skip
    for address in (FIRST, SECOND, THIRD):
        assert "/v1.37/deb/" in three.sections(address)["file /etc/apt/sources.list.d/homelab-kubernetes.sources"]
        assert "kubelet 1.37.2-1.1 hi" in three.sections(address)["packages"], "held again"
    assert three.ctx.answers["prepare"]["kubernetes_version"] == TARGET
    nodes = three.world.api.get("/api/v1/nodes")["items"]
    assert not [node for node in nodes if node["spec"].get("unschedulable")]
    assert upgrade(three) == []
    for step in (Prepare(), ControlPlane(), Workers()):
        assert three.run(step) == []


@pytest.mark.parametrize("count", [1, 2, 4, 6, 7, 8, 9, 12, 16, 20])
def test_killed_after_any_change_it_goes_on(three, count):
    lifecycle.begin(three.ctx.state, {"command": "node upgrade", "to": TARGET})
    step = NodeUpgrade()
    three.ctx.step = step.name
    plan = step.plan(step.check(three.ctx), three.ctx.answers)
    for each in plan[:count]:
        three.ctx.do(each)
    done = upgrade(three, None if count > 1 else TARGET)
    assert len(done) < len(plan)
    assert set(versions(three).values()) == {"v1.37.2"} and done[-1] == (None, "node-upgrade/end")


def test_taken_up_again_the_interrupted_node_counts_as_a_place_for_the_pods_of_the_next(pis):
    stage = pis()
    for step in (Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    key = "node-role.kubernetes.io/control-plane"
    stage.world.api.put("/api/v1/nodes/atlas", {"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}})
    lifecycle.begin(stage.ctx.state, {"command": "node upgrade", "to": TARGET})
    step = NodeUpgrade()
    plan = step.plan(step.check(stage.ctx), stage.ctx.answers)
    for each in plan[: next(n for n, c in enumerate(plan) if (c.host, c.id) == (SECOND, "node-upgrade/kubelet"))]:
        stage.ctx.do(each)
    unschedulable = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
    stage.world.api.put("/api/v1/nodes/boreas", {"spec": {"taints": [unschedulable]}})
    assert (THIRD, "node-upgrade/drain") in upgrade(stage, None)


def test_what_a_person_cordoned_stays_cordoned(three):
    three.world.api.put("/api/v1/nodes/castor", {"spec": {"unschedulable": True}})
    upgrade(three)
    nodes = {node["metadata"]["name"]: node.get("spec", {}) for node in three.world.api.get("/api/v1/nodes")["items"]}
    assert nodes["castor"]["unschedulable"] and not nodes["boreas"].get("unschedulable")


def test_without_another_place_nothing_is_emptied(pis):
    stage = pis([FIRST])
    for step in (Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    lifecycle.begin(stage.ctx.state, {"command": "node upgrade", "to": TARGET})
    sentences = stage.plan(NodeUpgrade())
    assert not [said for said in sentences if "move its pods" in said]
    assert any("its pods have nowhere to go and stay" in said for said in sentences)
    assert any("its API is away for a minute" in said for said in sentences)


def test_the_pin_is_the_default_and_older_is_refused(three):
    assert upgrade(three, None) == [], "the cluster has the pinned version already"
    with pytest.raises(Blocked, match=r"1\.36\.3 is older than what this cluster runs"):
        upgrade(three, "1.36.3")


@pytest.mark.parametrize("to", ["1.38.0", "1.36", "latest"])
def test_a_version_that_is_not_known_is_refused(three, to):
    with pytest.raises(BadInput):
        upgrade(three, to)


def test_a_failing_kubeadm_says_why_and_leaves_the_rest_alone(three, effect):
    said = "[ERROR ControlPlaneNodesReady]: there are NotReady control-planes in the cluster: [atlas]"
    effect("node-upgrade/apply", lines=(said,), code=1)
    with pytest.raises(WizardError) as failed:
        upgrade(three)
    assert "NotReady control-planes" in failed.value.why
    assert set(versions(three).values()) == {"v1.36.4"}


def test_an_unready_node_stops_it(three):
    bad = {"conditions": [{"type": "Ready", "status": "False"}]}
    three.world.api.objects["/api/v1/nodes/castor"]["status"] |= bad
    with pytest.raises(Blocked, match="castor is not Ready"):
        upgrade(three)


def test_kubeadm_is_told_by_a_file_what_may_be_ignored():
    told = yamlfile.load(config({"control-plane": {"ignore_preflight": ["SystemVerification"]}}, Version(1, 37, 2)))
    assert told["kind"] == "UpgradeConfiguration" and told["apiVersion"] == "kubeadm.k8s.io/v1beta4"
    assert told["apply"] == {"kubernetesVersion": "v1.37.2", "ignorePreflightErrors": ["SystemVerification"]}
    assert told["node"] == {"ignorePreflightErrors": ["SystemVerification"]}
    assert yamlfile.load(config({}, Version(1, 37, 2)))["node"] == {}


def test_looking_writes_nothing_and_thinking_is_pure(three):
    lifecycle.begin(three.ctx.state, {"command": "node upgrade", "to": TARGET})
    step = NodeUpgrade()
    writes, before = list(three.world.writes), three.saved()
    facts = step.check(three.ctx)
    plans = [[(c.id, c.host, c.sentence) for c in step.plan(facts, three.ctx.answers)] for _ in range(2)]
    assert plans[0] == plans[1] and (three.world.writes, three.saved()) == (writes, before)
    assert len(set(plans[0])) == len(plans[0])
