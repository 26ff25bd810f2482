"""`homelab node add` on simulated Pis: the new one gets work, the others none; a lost cluster is taken over."""

from __future__ import annotations

import base64

import pytest

from steps import adopt, lifecycle
from steps.control_plane import ControlPlane
from steps.machines import Machines
from steps.node_add import NodeAdd
from steps.prepare import Prepare
from steps.snapshots import Snapshots
from steps.workers import Workers
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined, TrustError
from wizard.secret import Secret

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


class Person:
    """Takes what is proposed; says no to what is dangerous when told so."""

    def __init__(self, *, bold=True):
        self.bold = bold

    def ask(self, prompt):
        assert not prompt.question.required, prompt.question.key
        return prompt.default

    def confirm(self, approval):
        return self.bold or not approval.danger

    def failed(self, step, error):
        return "stop"


@pytest.fixture
def two(pis):
    """A cluster of two, as the journey makes it."""
    stage = pis([FIRST, SECOND])
    stage.ctx.front = Person()
    for step in (Machines(), Prepare(), ControlPlane(), Workers()):
        stage.run(step)
    return stage


def add(stage, *addresses, **more):
    steps = lifecycle.begin(stage.ctx.state, {"command": "node add", "addresses": list(addresses), **more})
    done = [entry for step in steps for entry in stage.run(step)]
    lifecycle.end(stage.ctx.state)
    return done


def test_only_the_new_pi_gets_work(two):
    done = add(two, THIRD)
    assert {host for host, _ in done} == {None, THIRD}
    assert (THIRD, "workers/join") in done and (None, "node-add/list") in done
    assert two.ctx.answers["machines"]["hosts"] == [FIRST, SECOND, THIRD]
    assert "node-add" not in two.ctx.answers
    assert "castor" in two.world.api.get("/api/v1/nodes")["items"][2]["metadata"]["name"]
    assert add(two, THIRD) == [], "a second time there is nothing left to do"


def test_a_second_place_is_asked_for_once_there_is_another_pi(pis):
    one = pis([FIRST], snapshots={"to": None, "every_hours": 6, "keep": 28})
    one.ctx.front = Person()
    for step in (Machines(), Prepare(), ControlPlane(), Workers(), Snapshots()):
        one.run(step)
    add(one, SECOND)
    assert one.ctx.answers["snapshots"]["to"] == SECOND


def test_what_the_cluster_never_chose_is_not_asked_now(two):
    steps = lifecycle.begin(two.ctx.state, {"command": "node add", "addresses": [THIRD]})
    assert [step.name for step in steps] == ["node-add", "machines", "prepare", "control-plane", "workers"]
    two.run(Snapshots())
    steps = lifecycle.begin(two.ctx.state, {"command": "node add", "addresses": [THIRD]})
    assert [step.name for step in steps][-1] == "snapshots"


def test_it_gets_the_kubernetes_that_the_cluster_has(two):
    """Although the answers, or a newer release, would say another one."""
    two.ctx.keep("prepare", "kubernetes_version", "1.37.0")
    done = add(two, THIRD)
    assert done[0] == (None, "node-add/version")
    assert "kubelet 1.36.4-1.1 hi" in two.sections(THIRD)["packages"]


def test_in_the_middle_of_an_upgrade_nothing_is_added(two):
    two.ctx.keep("prepare", "kubernetes_version", "1.37.0")
    two.ctx.state.remember("upgrade", "target", value="1.37.0")
    with pytest.raises(Blocked, match=r"on its way to Kubernetes 1\.37\.0"):
        add(two, THIRD)


def test_declined_at_its_host_key_it_leaves_the_list(two):
    two.ctx.front = Person(bold=False)
    steps = lifecycle.begin(two.ctx.state, {"command": "node add", "addresses": [THIRD], "control_plane": True})
    with pytest.raises(Declined, match="trust the SSH host key"):
        Engine(steps, two.ctx, Consent(yes=True)).run()
    assert THIRD in two.ctx.answers["machines"]["hosts"]
    lifecycle.end(two.ctx.state)
    assert two.ctx.answers["machines"]["hosts"] == [FIRST, SECOND]
    assert not two.ctx.answers["machines"]["more_control_planes"] and "node-add" not in two.ctx.answers


def test_ended_later_it_stays_and_is_taken_up_again(two, effect):
    steps = lifecycle.begin(two.ctx.state, {"command": "node add", "addresses": [THIRD]})
    for step in steps[:3]:
        two.run(step)
    lifecycle.end(two.ctx.state)
    assert two.ctx.answers["node-add"]["addresses"] == [THIRD]
    assert (THIRD, "workers/join") in add(two)


def test_the_choices_leave_out_who_is_in_it_already(two):
    two.ctx.answers["node-add"] = {"network": "192.168.1.0/24"}
    offered = [choice.value for choice in NodeAdd.questions[1].choices(two.ctx)]
    assert THIRD in offered and not {FIRST, SECOND} & set(offered)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"addresses": [SECOND], "control_plane": True}, "is in the cluster as a worker"),
        ({"addresses": [THIRD, "192.168.1.14", "192.168.1.15"], "control_plane": True}, "too many"),
    ],
)
def test_what_can_not_become_a_control_plane(given, said):
    answers = {"machines": {"hosts": [FIRST, SECOND], "control_plane": FIRST}, "node-add": given}
    assert said in NodeAdd().validate(answers)[0].what


# -- taking over -------------------------------------------------------------------------------------------


@pytest.fixture
def lost(two, pis, tmp_path, monkeypatch):
    """The same cluster, on a computer that knows nothing of it."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    two.sections(FIRST)[".uid"] = uid(two)
    state = two.ctx.state
    state.evidence.clear(), state.journal.clear(), state.answers.clear(), state.done.clear()
    for name in ("kubeconfig", "id_ed25519"):
        (state.path.parent / name).unlink()
    for key, value in {"user": "pi", "password": Secret("raspberry")}.items():
        two.ctx.keep("machines", key, value)
    return two


def uid(stage):
    return stage.world.api.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]


def ca(stage):
    from wizard.host.facts import read_ca_hash

    return read_ca_hash(stage.sections(FIRST)["ca-crt"])


def test_a_lost_cluster_is_taken_over_whole_and_grows(lost):
    before = list(lost.world.writes)
    done = add(lost, THIRD, to=FIRST, ca_hash=ca(lost), uid=uid(lost))
    assert done.index((FIRST, "machines/adopt")) < done.index((None, "machines/own-key"))
    assert lost.ctx.answers["machines"]["hosts"] == [FIRST, SECOND, THIRD]
    assert lost.ctx.answers["control-plane"]["pod_range"] == "10.244.0.0/16"
    assert lost.ctx.answers["prepare"]["kubernetes_version"] == "1.36.4"
    assert lost.ctx.state.recall("cluster", "uid") == uid(lost)
    old = {(host, change) for host, change in done if host in (FIRST, SECOND)}
    assert {change for _, change in old} <= {
        "machines/trust-host-key", "machines/authorize-key", "machines/remember", "machines/adopt",
        "control-plane/certificates",
    }  # fmt: skip
    assert (THIRD, "workers/join") in done and before != lost.world.writes


def test_adopting_alone_needs_no_new_pi(lost):
    done = add(lost, to=FIRST)
    assert (FIRST, "machines/adopt") in done and not [c for _, c in done if c.startswith(("prepare", "workers"))]


def test_declined_nothing_is_changed(lost):
    lost.ctx.state.remember("machines", FIRST, "host_keys", value=[])
    add_keys(lost)
    lost.ctx.front = Person(bold=False)
    writes = list(lost.world.writes)
    steps = lifecycle.begin(lost.ctx.state, {"command": "node add", "addresses": [], "to": FIRST})
    with pytest.raises(Declined, match="take over the cluster on atlas"):
        Engine(steps, lost.ctx, Consent(yes=True)).run()
    assert lost.world.writes == writes and not lost.ctx.state.recall("cluster")


def add_keys(stage):
    import dataclasses

    keys = [dataclasses.asdict(key) for key in stage.world.host_keys(FIRST)]
    stage.ctx.state.remember("machines", FIRST, "host_keys", value=keys)


@pytest.mark.parametrize("wrong", [{"ca_hash": "sha256:00"}, {"uid": "1234"}])
def test_another_cluster_than_expected_is_refused(lost, wrong):
    with pytest.raises(TrustError, match="not the one that was expected"):
        add(lost, to=FIRST, **wrong)
    assert not lost.ctx.state.recall("cluster")
    lost.ctx.keep("machines", "adopt", wrong)  # in an answers file
    with pytest.raises(TrustError, match="not the one that was expected"):
        add(lost, to=FIRST)
    lost.ctx.forget("machines", "adopt")
    assert (FIRST, "machines/adopt") in add(lost, to=FIRST), "what was expected on a command line is not kept"


def test_a_cluster_that_does_not_answer_is_not_taken_over(lost):
    lost.sections(FIRST)["addons"] = ""
    with pytest.raises(Blocked, match="API does not answer"):
        add(lost, to=FIRST)


def test_pis_of_two_clusters_are_not_mixed(lost):
    lost.sections(SECOND)["ca-crt"] = other_ca()
    with pytest.raises(TrustError, match="two clusters"):
        add(lost, SECOND, to=FIRST)


def other_ca():
    import datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])
    now = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=3650))
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def test_a_known_cluster_is_not_pointed_at_another_one(two):
    with pytest.raises(TrustError, match="not a control plane of the cluster"):
        lifecycle.begin(two.ctx.state, {"command": "node add", "addresses": [], "to": THIRD})


def test_a_kubeconfig_that_names_the_cluster_is_found(lost, tmp_path):
    text = lost.sections(FIRST)["ca-crt"].strip("\n")
    file = lost.ctx.world.home / ".kube" / "config"
    file.parent.mkdir()
    data = base64.b64encode(text.encode()).decode()
    file.write_text(f"clusters: [{{name: x, cluster: {{server: 'https://a', certificate-authority-data: {data}}}}}]")
    assert adopt.names_ca(file, ca(lost))
    assert not adopt.names_ca(file, "sha256:00") and not adopt.names_ca(tmp_path / "none", ca(lost))
