"""Two and three control planes on simulated Pis: one joins after the other, secrets go by standard input, and what a
power cut left is finished or begun anew, never half of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import control_plane, heads, lineage
from steps.cluster_look import Look
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts
from steps.prepare import Prepare
from steps.workers import Workers
from wizard import events, yamlfile
from wizard.errors import Blocked, CommandFailed, WizardError

FIRST, SECOND, THIRD, FOURTH = "192.168.1.11", "192.168.1.12", "192.168.1.13", "192.168.1.14"
OURS = "sha256:aa"
BARE = NodeFacts("b", hostname="b")
HEAD = NodeFacts("b", hostname="b", etcd_data=True, api_server=True, kubelet_conf=True, kubelet_config=True,
                 admin_conf=True, listens_6443=True, ca_hash=OURS, api_answers=True, addons=("node/b",))  # fmt: skip


def done(stage, step) -> list[tuple[str | None, str]]:
    return [(host, change.partition("/")[2]) for host, change in stage.run(step)]


def api(stage):
    return Look.at(control_plane.cluster(stage.ctx))


def test_three_join_one_after_the_other_and_pods_run_on_them(stage):
    three = stage(SECOND, THIRD)
    ran = done(three, ControlPlane())
    assert [each for each in ran if each[1].startswith(("init", "join", "ready"))] == [
        (FIRST, "init"), (None, "ready"), (SECOND, "join"), (None, "ready-2"), (THIRD, "join"), (None, "ready-3"),
    ]  # fmt: skip
    assert [host for host, change in ran if change == "images"] == [FIRST, SECOND, THIRD]
    assert sorted(host for host, change in ran if change == "certificates") == [FIRST, SECOND, THIRD]
    assert done(three, ControlPlane()) == []
    assert done(three, Workers()) == [], "there is no worker"
    assert sorted(name for name in api(three).nodes if api(three).ready(name)) == ["atlas", "boreas", "castor"]
    assert not any(heads.is_tainted(api(three), name) for name in api(three).nodes)


def test_the_joining_secrets_go_by_standard_input_and_are_shown_nowhere(stage, monkeypatch):
    from wizard.demo.pi import SimHost

    sent, printed = [], []
    original = SimHost.run

    def run(self, script, **more):
        sent.append(script)
        result = original(self, script, **more)
        if script.name in ("control-plane/certificates", "workers/token"):
            printed.append(result.out.strip())
        return result

    monkeypatch.setattr(SimHost, "run", run)
    two = stage(SECOND, hosts=(FIRST, SECOND))
    done(two, ControlPlane())
    (config,) = [yamlfile.load(script.stdin.decode()) for script in sent if script.name == "workers/config"]
    key, token = printed
    assert config["controlPlane"] == {
        "localAPIEndpoint": {"advertiseAddress": SECOND, "bindPort": 6443}, "certificateKey": key,
    }  # fmt: skip
    assert config["discovery"]["bootstrapToken"]["token"] == token
    assert config["discovery"]["bootstrapToken"]["caCertHashes"] == [two.ctx.state.recall("cluster", "ca_hash")]
    assert config["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": SECOND}]
    assert config["nodeRegistration"]["taints"] == [], "without workers pods run here"
    for secret in (key, token):
        assert not [script for script in sent if secret in " ".join(script.args) + script.text]
        assert secret not in repr(two.seen) + two.saved()


def test_a_worker_is_told_nothing_of_a_control_plane(stage, monkeypatch):
    from wizard.demo.pi import SimHost

    configs = []
    original = SimHost.run

    def run(self, script, **more):
        if script.name == "workers/config":
            configs.append(yamlfile.load(script.stdin.decode()))
        return original(self, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    three = stage(SECOND)
    done(three, ControlPlane())
    assert done(three, Workers()) == [(None, "token"), (THIRD, "join"), (None, "ready")]
    assert [heads.is_tainted(api(three), name) for name in ("atlas", "boreas", "castor")] == [True, True, False]
    head, worker = configs
    assert "taints" not in head["nodeRegistration"], "there is a worker for the pods: kubeadm's own taint stays"
    assert "controlPlane" not in worker


def test_two_are_told_about(stage):
    two = stage(SECOND, hosts=(FIRST, SECOND))
    done(two, ControlPlane())
    notes = [event.text for event in two.seen if isinstance(event, events.Note)]
    assert notes
    assert all("no safer than one" in note for note in notes)


def test_a_second_and_a_third_come_to_a_cluster_that_runs(stage):
    three = stage()
    done(three, ControlPlane())
    first = yamlfile.load(control_plane.kubeconfig_path(three.ctx).read_text())
    assert len(first["clusters"]) == 1
    three.ctx.keep("machines", "more_control_planes", [SECOND, THIRD])
    assert done(three, Prepare()) == [(address, "hosts") for address in (FIRST, SECOND, THIRD)]
    assert done(three, ControlPlane()) == [
        (SECOND, "images"), (THIRD, "images"), (None, "kubeconfig"), (None, "ready"),
        (SECOND, "join"), (None, "ready-2"), (THIRD, "join"), (None, "ready-3"),
        (SECOND, "certificates"), (THIRD, "certificates"),
    ]  # fmt: skip
    config = yamlfile.load(control_plane.kubeconfig_path(three.ctx).read_text())
    assert [each["cluster"]["server"] for each in config["clusters"]] == [
        f"https://{address}:6443" for address in (FIRST, SECOND, THIRD)
    ]
    assert [each["name"] for each in config["contexts"]] == ["demo", "boreas", "castor"]
    assert config["current-context"] == "demo"
    assert done(three, ControlPlane()) == []


# -- the taint -----------------------------------------------------------------------------------------------------


def test_the_taint_follows_the_workers(stage):
    one = stage(hosts=(FIRST, SECOND))
    one.ctx.keep("machines", "hosts", [FIRST])
    done(one, ControlPlane())
    assert done(one, Workers()) == []
    assert not heads.is_tainted(api(one), "atlas")

    one.ctx.keep("machines", "hosts", [FIRST, SECOND])
    assert done(one, Workers()) == [(None, "token"), (SECOND, "join"), (None, "ready"), (None, "taint")]
    assert heads.is_tainted(api(one), "atlas")
    assert done(one, Workers()) == []

    one.ctx.keep("machines", "hosts", [FIRST])
    control_plane.cluster(one.ctx).delete("/api/v1/nodes/boreas")
    assert one.plan(Workers()) == ["let pods run on atlas: there is no worker"]
    assert done(one, Workers()) == [(None, "taint")]
    assert not heads.is_tainted(api(one), "atlas")


@pytest.mark.parametrize(
    ("taints", "wanted", "planned"),
    [
        (None, True, True),
        (None, False, False),
        ([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}], True, False),
        ([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule"}], False, True),
        ([{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}], True, True),
        ([{"key": "node-role.kubernetes.io/control-plane", "effect": "NoExecute"}], True, True),
    ],
)
def test_a_taint_is_changed_only_where_it_differs(taints, wanted, planned):
    look = Look(nodes={"a": {"metadata": {"name": "a"}, "spec": {"taints": taints}}})
    assert bool(heads.taint(look, ["a", "not-there-yet"], "1.1.1.1", wanted=wanted)) is planned


# -- interrupted ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("machine", "member", "stage"),
    [
        (BARE, "", "bare"),
        (replace(BARE, units={f"{lineage.UNIT}.service": {"ActiveState": "active"}}), "", "running"),
        (HEAD, "", "up"),
        (replace(HEAD, addons=()), "", "unmarked"),  # its API answers, so it has a vote; the last phase is missing
        (replace(HEAD, api_answers=False), "voter", "starting"),
        (replace(HEAD, api_answers=False), "learner", "unfinished"),
        (replace(HEAD, api_answers=False), "unstarted", "unfinished"),
        (replace(HEAD, api_answers=False), "absent", "unfinished"),
        (replace(HEAD, api_answers=False), "", "starting"),  # etcd could not say: nothing is cleared away
        (replace(HEAD, api_answers=False), "something new", "starting"),
        (replace(BARE, admin_conf=True), "absent", "unfinished"),
        (replace(BARE, kubelet_config=True), "absent", "unfinished"),
    ],
)
def test_how_far_a_joining_control_plane_has_come(machine, member, stage):
    assert heads.stage(machine, member) == stage


LABELLED = {"b": {"metadata": {"name": "b", "labels": {"node-role.kubernetes.io/control-plane": ""}}}}


@pytest.mark.parametrize(
    ("machine", "stage", "nodes", "said"),
    [
        (BARE, "bare", {}, None),
        (BARE, "bare", {"b": {"metadata": {"name": "b"}}}, None),
        (BARE, "bare", LABELLED, "nothing of that is left"),
        (HEAD, "up", LABELLED, None),
        (replace(HEAD, api_answers=False), "unfinished", {}, None),
        (replace(BARE, admin_conf=True), "unfinished", {}, None),
        (replace(BARE, kubelet_conf=True, kubelet_config=True, ca_hash=OURS), "unfinished", {}, "is a worker"),
    ],
)
def test_what_can_not_become_a_control_plane_is_told(machine, stage, nodes, said):
    found = heads.obstacle(machine, stage, Look(nodes=nodes))
    assert (found is None) if said is None else (said in found.what and found.fix and found.why)


@pytest.fixture
def cut(stage):
    """Two control planes, the second cut off while it joined: `cut(member)` is what etcd says of it."""
    two = stage(hosts=(FIRST, SECOND))
    done(two, ControlPlane())
    two.ctx.keep("machines", "more_control_planes", [SECOND])
    done(two, Prepare())
    two.sections(SECOND)["kubernetes"] = "etcd-data\nadmin.conf\nmanifests/kube-apiserver.yaml\nkubelet-config"
    two.sections(SECOND)["ca-crt"] = two.sections(FIRST)["ca-crt"]
    return two


def test_cut_off_before_it_had_a_vote_it_joins_anew(cut, effect):
    effect("control-plane/member", out="learner")
    (sentence,) = [each for each in cut.plan(ControlPlane()) if "join" in each]
    assert sentence.startswith("clear away an interrupted join, which had no vote in etcd yet")
    assert (SECOND, "join") in done(cut, ControlPlane())
    assert cut.plan(ControlPlane()) == []


def test_cut_off_with_a_vote_it_is_waited_for_and_finished(cut, effect, monkeypatch):
    from wizard.demo.pi import SimHost

    effect("control-plane/member", out="voter")
    assert "wait until the API on boreas answers again" in cut.plan(ControlPlane())
    assert not [each for each in cut.plan(ControlPlane()) if "clear away" in each]
    hows, original = [], SimHost.run

    def run(self, script, **more):
        if script.name == "control-plane/join":
            hows.append(script.args[-1])
        if script.name == "facts" and self.address == SECOND and not hows:  # its API comes up while it is waited for
            self.machine.sections["addons"] = "daemonset.apps/kube-proxy\ndeployment.apps/coredns\napi\n"
        return original(self, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    done(cut, ControlPlane())
    assert hows == ["finish"], "its data stays"
    assert cut.plan(ControlPlane()) == []


def test_a_voter_is_never_joined_anew(cut, effect):
    """Between the plan and the change it has got its vote: the script on the first control plane refuses."""
    effect("control-plane/member", out="learner")
    planned = cut.plan(ControlPlane())
    assert any("clear away" in each for each in planned)
    effect("control-plane/member", out="learner", code=1)
    with pytest.raises(CommandFailed):
        done(cut, ControlPlane())
    assert cut.sections(SECOND)["kubernetes"].startswith("etcd-data"), "nothing was cleared away"


def test_killed_during_a_join_it_is_followed(cut):
    cut.sections(SECOND)[f"unit {lineage.UNIT}.service"] = "ActiveState=active"
    assert "wait for the kubeadm join that is at work on boreas" in cut.plan(ControlPlane())
    with pytest.raises(WizardError, match="did not succeed"):
        done(cut, ControlPlane())
    del cut.sections(SECOND)[f"unit {lineage.UNIT}.service"]
    assert (SECOND, "join") in done(cut, ControlPlane())


def test_a_worker_does_not_become_a_control_plane_by_itself(stage):
    two = stage(hosts=(FIRST, SECOND))
    done(two, ControlPlane())
    done(two, Workers())
    two.ctx.keep("machines", "more_control_planes", [SECOND])
    with pytest.raises(Blocked, match="is a worker of the cluster") as refused:
        done(two, ControlPlane())
    assert refused.value.host == "boreas"
    assert "homelab node remove boreas" in refused.value.fix
