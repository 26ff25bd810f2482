"""`homelab node remove` on simulated Pis: alive, dead, refused; and everything forgotten only at the end."""

from __future__ import annotations

import json

import pytest

from steps import lifecycle, members, nodes
from steps.control_plane import ControlPlane
from steps.members import Member
from steps.node_remove import NodeRemove
from steps.prepare import Prepare
from steps.workers import Workers
from wizard.engine import Consent, Engine
from wizard.errors import BadInput, Blocked, CommandFailed, ConnectionLost, Declined, Unreachable, WizardError

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


@pytest.fixture
def three(pis):
    stage = pis()
    for step in (Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    return stage


def remove(stage, word):
    lifecycle.begin(stage.ctx.state, {"command": "node remove", "node": word})
    try:
        return stage.run(NodeRemove())
    finally:
        lifecycle.end(stage.ctx.state)


def names(stage):
    return sorted(node["metadata"]["name"] for node in stage.world.api.get("/api/v1/nodes")["items"])


@pytest.mark.parametrize("word", ["castor", THIRD])
def test_a_worker_leaves(three, word):
    done = remove(three, word)
    assert done == [
        (None, "node-remove/take-out"), (THIRD, "node-remove/reset"), (None, "node-remove/delete"),
        (None, "node-remove/forget"),
    ]  # fmt: skip
    assert names(three) == ["atlas", "boreas"]
    assert three.sections(THIRD)["kubernetes"] == ""
    assert three.ctx.answers["machines"]["hosts"] == [FIRST, SECOND]
    assert three.ctx.state.recall("machines", THIRD) is None and "node" not in three.ctx.answers["node-remove"]
    for step in (Prepare(), ControlPlane(), Workers()):
        assert three.run(step) == [], "the others are as they were"


def test_snapshots_no_longer_go_where_nobody_is(three):
    three.ctx.keep("snapshots", "to", THIRD)
    remove(three, THIRD)
    assert "to" not in three.ctx.answers["snapshots"] and "lose their second place" in repr(three.seen)


def test_its_pods_move_first_and_what_is_lost_is_said(three, effect):
    put_pod(three, "web-1", "castor", owner="ReplicaSet", volumes=[{"name": "cache", "emptyDir": {}}])
    put_pod(three, "by-hand", "castor")
    put_pod(three, "everywhere", "castor", owner="DaemonSet")
    for number, node in enumerate(("castor", "boreas")):
        terms = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]
        spec = {"claimRef": {"namespace": f"app-{node}", "name": "data"}}
        three.world.api.put(f"/api/v1/persistentvolumes/pvc-{number}", {
            "kind": "PersistentVolume", "metadata": {"name": f"pvc-{number}"},
            "spec": {**spec, "nodeAffinity": {"required": {"nodeSelectorTerms": terms}}},
        })  # fmt: skip
    three.ctx.answers["node-remove"] = {"node": THIRD}
    first, second, *_ = NodeRemove().plan(NodeRemove().check(three.ctx), three.ctx.answers)
    assert "What app-castor keeps (data) lies on this Pi alone" in first.detail and "app-boreas" not in first.detail
    assert first.danger and "default/by-hand was started by hand" in first.detail
    assert "default/web-1 keeps data on this node only (cache)" in first.detail and "everywhere" not in first.detail
    assert second.sentence == "move 2 pods away from castor"


def put_pod(stage, name, node, owner=None, **spec):
    owners = [{"kind": owner, "name": "x"}] if owner else []
    meta = {"name": name, "namespace": "default", "ownerReferences": owners, "labels": {"app": "web"}}
    body = {"kind": "Pod", "metadata": meta, "spec": {"nodeName": node, **spec}, "status": {"phase": "Running"}}
    stage.world.api.put(f"/api/v1/namespaces/default/pods/{name}", body)


def test_pods_that_do_not_go_are_named_and_it_can_be_run_again(three, effect):
    put_pod(three, "web-1", "castor", owner="ReplicaSet")
    said = 'error when evicting pods/"web-1" -n "default" (will retry after 5s): Cannot evict pod as it would violate '
    effect("cluster/drain", lines=(said + "the pod's disruption budget.",), code=1)
    with pytest.raises(CommandFailed, match="Not every pod left castor") as failed:
        remove(three, "castor")
    assert "default/web-1: Cannot evict pod" in failed.value.why and "kubectl uncordon castor" in failed.value.fix
    assert three.ctx.state.recall("machines", THIRD, "host_keys") and "castor" in names(three)
    assert three.world.api.get("/api/v1/nodes/castor")["spec"]["unschedulable"]
    effect("cluster/drain", lines=("node/castor drained",))
    del three.world.api.objects["/api/v1/namespaces/default/pods/web-1"]
    assert (None, "node-remove/forget") in remove(three, None), "what was begun is what goes on"


def test_declined_nothing_is_changed_and_nothing_pending(three):
    three.ctx.front.confirm = lambda approval: not approval.danger
    lifecycle.begin(three.ctx.state, {"command": "node remove", "node": "castor"})
    writes = list(three.world.writes)
    with pytest.raises(Declined, match="take castor out of the cluster for good"):
        Engine([NodeRemove()], three.ctx, Consent(yes=True)).run_step(NodeRemove())
    lifecycle.end(three.ctx.state)
    assert three.world.writes == writes and "node-remove" not in three.ctx.answers


@pytest.mark.parametrize("change", ["take-out", "reset", "delete"])
def test_killed_at_any_change_it_goes_on(three, change):
    """A kill comes after a change was made and before the next one."""
    lifecycle.begin(three.ctx.state, {"command": "node remove", "node": "castor"})
    step = NodeRemove()
    for each in step.plan(step.check(three.ctx), three.ctx.answers):
        three.ctx.do(each)
        if each.id == f"node-remove/{change}":
            break
    three.run(step)
    assert names(three) == ["atlas", "boreas"] and three.sections(THIRD)["kubernetes"] == ""
    assert three.ctx.answers["machines"]["hosts"] == [FIRST, SECOND]


def test_a_dead_pi_leaves_too_and_its_card_is_warned_of(three, monkeypatch):
    put_pod(three, "web-1", "castor", owner="ReplicaSet")
    kill(three, monkeypatch, THIRD)
    done = remove(three, "castor")
    assert done == [
        (None, "node-remove/take-out"), (None, "node-remove/drain"), (None, "node-remove/delete"),
        (None, "node-remove/forget"),
    ]  # fmt: skip
    assert "write the card anew" in repr(three.seen)
    assert names(three) == ["atlas", "boreas"]


def kill(stage, monkeypatch, address):
    connect = stage.world.connect
    stage.ctx.scratch.pop("hosts", None)

    def refuse(login):
        if login.address == address:
            raise Unreachable("Nothing answers on the SSH port.", host=login.name)
        return connect(login)

    monkeypatch.setattr(stage.world, "connect", refuse)


def test_a_pi_that_reboots_while_it_is_looked_at_is_not_taken_for_dead(three, monkeypatch):
    host = nodes.host(three.ctx, THIRD)
    run, losses = host.run, [ConnectionLost("It broke.", host="castor", address=THIRD, come_back=lambda: None)]

    def breaking(script, **more):
        if losses:
            raise losses.pop()
        return run(script, **more)

    monkeypatch.setattr(host, "run", breaking)
    assert (THIRD, "node-remove/reset") in remove(three, "castor")
    assert losses == []


def test_the_only_control_plane_stays(three):
    with pytest.raises(Blocked, match="only control plane"):
        remove(three, "atlas")


def test_the_last_place_for_pods_asks_by_itself(pis):
    stage = pis([FIRST, SECOND])
    for step in (Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    taint(stage, "atlas")
    stage.ctx.answers["node-remove"] = {"node": SECOND}
    plan = NodeRemove().plan(NodeRemove().check(stage.ctx), stage.ctx.answers)
    assert [change.id for change in plan if change.danger] == ["node-remove/take-out", "node-remove/no-place"]
    assert "let pods run on atlas" in plan[1].sentence
    remove(stage, SECOND)
    assert not stage.world.api.get("/api/v1/nodes/atlas")["spec"]["taints"]


def taint(stage, name):
    key = "node-role.kubernetes.io/control-plane"
    stage.world.api.put(f"/api/v1/nodes/{name}", {"spec": {"taints": [{"key": key, "effect": "NoSchedule"}]}})


def test_an_unknown_name_lists_those_that_are_known(three):
    with pytest.raises(BadInput) as refused:
        remove(three, "pollux")
    assert "atlas (192.168.1.11), boreas (192.168.1.12), castor (192.168.1.13)" in str(refused.value)


def test_one_that_never_joined_is_only_taken_off_the_list(three):
    three.ctx.keep("machines", "hosts", [FIRST, SECOND, THIRD, "192.168.1.99"])
    done = remove(three, "192.168.1.99")
    assert [change for _, change in done] == ["node-remove/take-out", "node-remove/forget"]
    assert three.ctx.answers["machines"]["hosts"] == [FIRST, SECOND, THIRD]


# -- several control planes: the simulation has one, so what etcd says is given here -----------------------


@pytest.fixture
def heads(three, effect):
    """atlas and boreas both run the control plane."""
    three.ctx.keep("machines", "more_control_planes", [SECOND])
    for section in ("kubernetes", "addons"):
        three.sections(SECOND)[section] = three.sections(FIRST)[section]
    effect("cluster/etcd", out=etcd({FIRST: True, SECOND: True}))
    return three


def etcd(healthy):
    listed = [
        {"ID": number, "name": address, "clientURLs": [f"https://{address}:2379"]}
        for number, address in enumerate(healthy, 10)
    ]
    said = [{"endpoint": f"https://{address}:2379", "health": ok} for address, ok in healthy.items()]
    return f"@@ members\n{json.dumps({'members': listed})}\n@@ health\n{json.dumps(said)}\n"


def test_the_first_control_plane_hands_over(heads, effect, monkeypatch):
    from wizard.demo.pi import SimHost

    original, asked = SimHost.run, []

    def run(self, script, **more):
        asked.append((self.address, script.name, *script.args))
        if script.name == "cluster/etcd" and "remove" in script.args:
            effect("cluster/etcd", out=etcd({SECOND: True}))
        return original(self, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    done = [change for _, change in remove(heads, "atlas")]
    assert done.index("node-remove/first") < done.index("node-remove/reset") < done.index("node-remove/etcd")
    assert heads.ctx.answers["machines"]["control_plane"] == SECOND
    assert not heads.ctx.answers["machines"]["more_control_planes"]
    assert (SECOND, "cluster/etcd", "remove", "a") in asked
    assert f"https://{SECOND}:6443" in (heads.ctx.state.path.parent / "kubeconfig").read_text()
    assert f"{SECOND} homelab-api" in heads.sections(THIRD)["file /etc/hosts"]
    assert f"{FIRST} homelab-api" not in heads.sections(THIRD)["file /etc/hosts"]


def test_etcd_that_keeps_a_member_is_an_error(heads):
    with pytest.raises(WizardError, match="etcd still counts boreas"):
        remove(heads, "boreas")
    assert heads.ctx.state.recall("machines", SECOND, "host_keys"), "forgotten only when it has gone"


def test_a_lost_quorum_is_refused(heads, effect):
    effect("cluster/etcd", out=etcd({FIRST: True, SECOND: False}))
    with pytest.raises(Blocked, match="would stop the cluster") as refused:
        remove(heads, "boreas")
    assert "Only 1 of etcd's 2 members answer" in refused.value.why


def test_without_another_control_plane_that_answers_nothing_is_done(heads):
    heads.sections(FIRST)["addons"] = ""
    with pytest.raises(Blocked, match="No control plane answers that would stay"):
        remove(heads, "boreas")


@pytest.mark.parametrize(
    ("healthy", "leaving", "said"),
    [
        ("+", "a", ""),
        ("++", "a", ""),
        ("+-", "a", "Only 1 of etcd's 2"),
        ("+-", "b", "Only 1 of etcd's 2"),
        ("+++", "a", ""),
        ("++-", "c", ""),
        ("++-", "a", "Without it only 1 of etcd's 2 members would answer (down: c)"),
        ("+--", "c", "Only 1 of etcd's 3"),
        ("++-", "x", ""),
    ],
)
def test_quorum(healthy, leaving, said):
    found = [Member(name, name, name, sign == "+") for name, sign in zip("abc", healthy, strict=False)]
    assert members.loses_quorum(found, leaving).startswith(said)
    assert bool(members.loses_quorum(found, leaving)) == bool(said) or len(found) == 1


def test_etcd_is_read_as_etcdctl_prints_it():
    found = members.read(etcd({FIRST: True, SECOND: False}))
    assert found == (Member("a", FIRST, FIRST, True), Member("b", SECOND, SECOND, False))
    with pytest.raises(ValueError, match="Expecting value"):
        members.read("")
