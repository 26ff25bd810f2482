"""The step Control plane on simulated Pis: made once, adopted, finished, waited for or refused; never made twice."""

from __future__ import annotations

import stat
from dataclasses import replace

import pytest

from steps import control_plane, kubeadm, lineage, ranges
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts
from steps.lineage import Evidence
from steps.prepare import Prepare
from wizard import yamlfile
from wizard.errors import Blocked, TrustError, WizardError

FIRST = "192.168.1.11"
NEW = ["images", "init", "kubeconfig", "network", "ready", "certificates"]


@pytest.fixture
def ready(pis):
    """Prepared Pis."""
    stage = pis()
    stage.run(Prepare())
    return stage


def changes(stage) -> list[str]:
    return [change.partition("/")[2] for _, change in stage.run(ControlPlane())]


def test_a_cluster_is_made_once(ready):
    assert changes(ready) == NEW
    state, path = ready.ctx.state, control_plane.kubeconfig_path(ready.ctx)
    assert state.recall("cluster", "uid") == ready.world.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
    assert state.recall("cluster", "ca_hash").startswith("sha256:")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert yamlfile.load(path.read_text())["clusters"][0]["cluster"]["server"] == f"https://{FIRST}:6443"
    writes = list(ready.world.writes)
    assert changes(ready) == []
    assert ready.world.writes == writes


def test_kubeadm_is_told_what_was_answered(ready):
    ready.ctx.keep(
        "control-plane", "kubelet_extra", {"failCgroupV1": False, "memorySwap": {"swapBehavior": "LimitedSwap"}}
    )
    changes(ready)
    init, whole, kubelet, proxy = yamlfile.load_all(ready.sections(FIRST)[f"file {control_plane.CONFIG}"])
    assert init["nodeRegistration"]["name"] == "atlas"
    assert init["nodeRegistration"]["kubeletExtraArgs"] == [{"name": "node-ip", "value": FIRST}]
    assert "taints" not in init["nodeRegistration"], "there are workers for the pods"
    assert init["bootstrapTokens"] == [{"ttl": "15m0s"}]
    assert whole["clusterName"] == "demo"
    assert whole["controlPlaneEndpoint"] == "homelab-api:6443"
    assert whole["apiServer"]["certSANs"] == ["homelab-api", "atlas", "atlas.local", FIRST]
    assert whole["networking"]["podSubnet"] == "10.244.0.0/16"
    assert kubelet["failCgroupV1"] is False
    assert kubelet["memorySwap"] == {"swapBehavior": "LimitedSwap"}
    assert kubelet["cgroupDriver"] == "systemd"
    assert proxy["mode"] == "iptables"


def test_a_single_pi_also_runs_pods(pis):
    stage = pis([FIRST])
    stage.run(Prepare())
    changes(stage)
    init, *_ = yamlfile.load_all(stage.sections(FIRST)[f"file {control_plane.CONFIG}"])
    assert init["nodeRegistration"]["taints"] == []


def test_a_lost_kubeconfig_is_fetched_again(ready):
    changes(ready)
    control_plane.kubeconfig_path(ready.ctx).unlink()
    assert changes(ready) == ["kubeconfig", "network", "ready"]


def test_killed_after_init_the_cluster_is_adopted(ready):
    """The wizard died before it could remember the cluster: its journal says that it had begun it on this machine."""
    changes(ready)
    uid = ready.ctx.state.evidence.pop("cluster")["uid"]
    control_plane.kubeconfig_path(ready.ctx).unlink()
    assert changes(ready) == ["kubeconfig", "network", "ready"]
    assert ready.ctx.state.recall("cluster", "uid") == uid


def test_killed_during_init_the_unit_is_followed(ready):
    ready.ctx.state.begin("control-plane", "control-plane/init", FIRST, "…")
    unit = f"unit {lineage.UNIT}.service"
    ready.sections(FIRST)[unit] = "ActiveState=active"
    ready.sections(FIRST)["kubernetes"] = "etcd-data"
    with pytest.raises(WizardError, match="has not finished the cluster"):  # the unit ended, and there is no API
        ready.run(ControlPlane())
    assert not ready.world.api.up, "nothing was begun a second time"


def test_power_cut_during_init_is_finished_without_a_second_init(ready):
    ready.ctx.state.begin("control-plane", "control-plane/init", FIRST, "…")
    ready.sections(FIRST)["kubernetes"] = "etcd-data\nmanifests/kube-apiserver.yaml\nadmin.conf"
    assert changes(ready) == ["finish", "kubeconfig", "network", "ready", "certificates"]
    assert changes(ready) == []


def test_a_stranger_cluster_on_any_pi_stops_everything(ready):
    for address, leftover in ((FIRST, "etcd-data"), ("192.168.1.12", "kubelet.conf"), ("192.168.1.13", "listens-6443")):
        ready.sections(address)["kubernetes"] = leftover
        with pytest.raises((TrustError, Blocked)) as refused:
            ready.run(ControlPlane())
        assert refused.value.host == ready.ctx.name_of(address)
        assert "nothing was touched" in str(refused.value) or "Remove it first" in str(refused.value)
        ready.sections(address)["kubernetes"] = ""
    assert not ready.world.api.up


def test_a_control_plane_that_lost_everything_is_not_made_anew(ready):
    changes(ready)
    for name in ("kubernetes", "addons", "ca-crt"):
        ready.sections(FIRST)[name] = ""
    with pytest.raises(Blocked, match="no longer on its control plane"):
        ready.run(ControlPlane())


def test_another_cluster_under_the_same_address_is_refused(ready):
    changes(ready)
    ready.ctx.state.remember("cluster", "uid", value="another")
    with pytest.raises(TrustError, match="not the one that was set up"):
        ready.run(ControlPlane())


def test_a_booting_control_plane_is_waited_for(ready):
    changes(ready)
    ready.sections(FIRST)["addons"] = ""
    sentences = ready.plan(ControlPlane())
    assert sentences[0] == "wait until the API on atlas answers again"
    assert not any("kubeadm init" in sentence for sentence in sentences)


def test_the_administrators_key_is_in_no_event_and_not_in_the_state(ready):
    changes(ready)
    key = "c2ltdWxhdGVkLWtleQ=="
    assert key not in repr(ready.seen)
    assert key not in ready.saved()


# -- whose cluster it is, from facts alone -------------------------------------------------------------------

OURS, THEIRS = "sha256:aa", "sha256:bb"
EMPTY = NodeFacts("a", hostname="a")
HEAD = NodeFacts("a", hostname="a", etcd_data=True, api_server=True, kubelet_conf=True, admin_conf=True,
                 listens_6443=True, ca_hash=OURS, api_answers=True, addons=lineage._ADDONS)  # fmt: skip
WORKER = NodeFacts("b", hostname="b", kubelet_conf=True, ca_hash=OURS)
KNOWN, BEGUN, NONE = Evidence("u", OURS), Evidence(begun=True), Evidence()


@pytest.mark.parametrize(
    ("head", "worker", "evidence", "refused"),
    [
        (EMPTY, None, NONE, None),
        (HEAD, None, KNOWN, None),
        (HEAD, None, BEGUN, None),
        (HEAD, WORKER, KNOWN, None),
        (HEAD, WORKER, BEGUN, None),
        (HEAD, None, NONE, TrustError),
        (EMPTY, WORKER, NONE, TrustError),
        (EMPTY, WORKER, BEGUN, TrustError),
        (EMPTY, WORKER, KNOWN, Blocked),  # the workers are there, the control plane is not
        (EMPTY, None, KNOWN, Blocked),
        (HEAD, replace(WORKER, ca_hash=THEIRS), KNOWN, TrustError),
        (HEAD, replace(WORKER, ca_hash=THEIRS), BEGUN, TrustError),
        (replace(HEAD, ca_hash=THEIRS), None, KNOWN, TrustError),
        (HEAD, replace(WORKER, etcd_data=True), KNOWN, Blocked),  # the answers name another control plane
        (EMPTY, NodeFacts("b", listens_6443=True), NONE, Blocked),  # k3s
        (HEAD, NodeFacts("b", listens_6443=True), KNOWN, Blocked),
    ],
)
def test_who_may_be_touched(head, worker, evidence, refused):
    machines = {"a": head} | ({"b": worker} if worker else {})
    error = lineage.refusal(machines, ["a"], evidence)
    assert type(error) is (refused or type(None))
    assert error is None or (error.fix and error.why and error.host in machines)


@pytest.mark.parametrize(
    ("facts", "evidence", "stage"),
    [
        (EMPTY, NONE, "bare"),
        (replace(EMPTY, api_server=True), BEGUN, "bare"),  # failed before etcd kept anything
        (replace(EMPTY, etcd_data=True, api_server=True), BEGUN, "unfinished"),
        (replace(HEAD, addons=()), BEGUN, "unfinished"),
        (replace(HEAD, units={f"{lineage.UNIT}.service": {"ActiveState": "active"}}), BEGUN, "running"),
        (HEAD, BEGUN, "up"),
        (HEAD, KNOWN, "up"),
        (replace(HEAD, addons=("deployment.apps/coredns",)), KNOWN, "up"),  # someone replaced kube-proxy since
        (replace(HEAD, api_answers=False, addons=()), KNOWN, "starting"),
    ],
)
def test_how_far_it_has_come(facts, evidence, stage):
    assert lineage.stage(facts, evidence) == stage


# -- mistakes in the answers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "others", "paths"),
    [
        ({}, {}, []),
        ({"pod_range": "192.168.0.0/16"}, {}, ["control-plane.pod_range"]),
        ({"pod_range": "10.0.0.0/8"}, {}, ["control-plane.service_range"]),
        ({"service_range": "100.64.0.0/16"}, {}, ["control-plane.service_range"]),
        ({"pod_range": "10.244.0.0/24"}, {}, ["control-plane.pod_range"]),
        ({"pod_range": "10.5.0.0/16"}, {"addresses": {"lan": "10.5.1.0/24"}}, ["control-plane.pod_range"]),
        ({"kubeadm_extra": {"ClusterConfig": {}}}, {}, ["control-plane.kubeadm_extra"]),
        ({"kubeadm_extra": {"ClusterConfiguration": {}}}, {}, []),
    ],
)
def test_ranges_and_kinds_that_can_not_be(given, others, paths):
    ranges = {"pod_range": "10.244.0.0/16", "service_range": "10.96.0.0/16"}
    machines = {"network": "192.168.1.0/24", "hosts": [FIRST], "control_plane": FIRST}
    found = ControlPlane().validate({"control-plane": ranges | given, "machines": machines, **others})
    assert sorted({problem.path for problem in found}) == paths
    assert all(problem.fix for problem in found)


@pytest.mark.parametrize("lan", ["10.0.0.0/8", "10.244.0.0/16", "10.96.0.0/12", "172.16.0.0/12", "192.168.0.0/16"])
@pytest.mark.parametrize("key", ["pod_range", "service_range"])
def test_the_range_that_is_named_instead_is_not_refused_too(key, lan):
    ranges = {"pod_range": "172.20.0.0/16", "service_range": "172.30.0.0/16"} | {key: lan}
    answers = {"control-plane": ranges, "addresses": {"lan": lan}}
    fix = next(one.fix for one in ControlPlane().validate(answers) if one.path.endswith(key))
    instead = fix.rpartition(" ")[2].rstrip(".")
    assert instead != lan
    left = ControlPlane().validate({**answers, "control-plane": ranges | {key: instead}})
    assert not [one for one in left if one.path.endswith(key)]


def test_flannel_follows_the_answers():
    settings = kubeadm.Settings(FIRST, True, "10.9.0.0/16", "10.96.0.0/16", "1.36.4", cni_version="1.0.0")
    objects = {found["kind"]: found for found in kubeadm.flannel(settings)}
    assert '"Network": "10.9.0.0/16"' in objects["ConfigMap"]["data"]["net-conf.json"]
    assert '"cniVersion": "1.0.0"' in objects["ConfigMap"]["data"]["cni-conf.json"]
    text = yamlfile.dump(objects["DaemonSet"])
    assert ":v0\n" not in text, "every image is pinned"
    assert kubeadm.flannel_digest(settings) in text
    assert kubeadm.flannel_digest(settings) != kubeadm.flannel_digest(replace(settings, pod_range="10.8.0.0/16"))
    assert kubeadm.api_path(objects["DaemonSet"]) == "/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds"


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ({}, []), ({"pod_range": "10.244.0.0/16", "service_range": "10.96.0.0/16"}, []),
        ({"pod_range": "10.8.0.0/16"}, ["pod_range"]),
        ({"pod_range": "10.8.0.0/16", "service_range": "10.9.0.0/16"}, ["pod_range", "service_range"]),
    ],
)  # fmt: skip
def test_ranges_are_those_that_the_cluster_was_made_with(answered, told):
    network = {"podSubnet": "10.244.0.0/16", "serviceSubnet": "10.96.0.0/16"}
    text = yamlfile.dump({"kind": "InitConfiguration"}, {"kind": "ClusterConfiguration", "networking": network})
    config = ranges.cluster_configuration({"data": {"ClusterConfiguration": text}})
    error = ranges.refusal(config, {"control-plane": answered})
    assert [path.partition(".")[2] for path in (error.answers if error else ())] == told
    assert error is None or all(network[ranges.RANGES[key][0]] in error.why for key in told)
    assert ranges.refusal({}, {"control-plane": answered}) is None  # an API that does not tell


def test_another_range_is_refused_once_the_cluster_was_made(ready):
    changes(ready)
    ready.ctx.answers["control-plane"]["pod_range"] = "10.8.0.0/16"
    with pytest.raises(Blocked, match="can't be changed once it was made") as refused:
        ready.run(ControlPlane())
    assert refused.value.answers == ("control-plane.pod_range",)
