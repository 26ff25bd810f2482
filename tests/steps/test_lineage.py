"""Where nothing may be made: any named Pi that carries a cluster's data or configuration, or where an API answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import lineage
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts, parse
from steps.lineage import Evidence
from steps.machines import Machines
from steps.prepare import Prepare
from wizard.errors import Blocked, TrustError

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
OURS = "sha256:aa"
BARE = NodeFacts("b", hostname="b")
HEAD = NodeFacts("b", hostname="b", etcd_data=True, api_server=True, kubelet_conf=True, kubelet_config=True,
                 admin_conf=True, listens_6443=True, ca_hash=OURS, api_answers=True, addons=("node/b",))  # fmt: skip
ATLAS = replace(HEAD, address="a", hostname="a", addons=(*lineage._ADDONS, "node/a"))
KNOWN = Evidence("u", OURS)
NO_MORE = {"key_file": None, "sudo_password": None}  # all that Machines would ask


@pytest.mark.parametrize(
    ("second", "named", "evidence", "refused"),
    [
        (BARE, True, KNOWN, None),
        (HEAD, True, KNOWN, None),
        (HEAD, False, KNOWN, Blocked),  # a control plane that the answers call a worker
        (replace(HEAD, ca_hash="sha256:bb"), True, KNOWN, TrustError),
        (NodeFacts("b", etcd_data=True), True, KNOWN, TrustError),  # data of nobody knows whom
        (NodeFacts("b", listens_6443=True), True, KNOWN, Blocked),  # k3s
        (HEAD, True, Evidence(), TrustError),
        (NodeFacts("b", kubelet_config=True), True, Evidence(), TrustError),
    ],
)
def test_control_planes_that_are_named_are_right(second, named, evidence, refused):
    error = lineage.refusal({"a": ATLAS, "b": second}, ["a", "b"] if named else ["a"], evidence)
    assert type(error) is (refused or type(None))


@pytest.mark.parametrize(
    "leftover", ["etcd-data", "kubelet.conf", "bootstrap-kubelet.conf", "kubelet-config", "admin.conf", "listens-6443"]
)
@pytest.mark.parametrize("address", [FIRST, SECOND, THIRD])
def test_nothing_is_made_where_any_named_pi_carries_something(stage, leftover, address):
    three = stage(SECOND)
    three.sections(address)["kubernetes"] = leftover
    with pytest.raises((TrustError, Blocked)) as refused:
        three.run(ControlPlane())
    assert refused.value.host == three.ctx.name_of(address)
    assert not three.world.api.up


@pytest.mark.parametrize("leftover", ["listens-6443", "etcd-data", "kubelet.conf"])
@pytest.mark.parametrize("address", [FIRST, THIRD])
def test_a_pi_of_another_cluster_is_refused_before_anything_is_written(pis, leftover, address):
    stage = pis(machines=NO_MORE)
    stage.sections(address)["kubernetes"] = leftover
    with pytest.raises((TrustError, Blocked)) as refused:
        stage.run(Machines())
    assert refused.value.host == stage.ctx.name_of(address)
    assert refused.value.answers == ("machines.hosts",)
    assert not stage.world.writes and not stage.ctx.state.journal


def test_beside_a_cluster_that_is_taken_over_a_stranger_is_refused(pis):
    made = pis([FIRST, SECOND], machines=NO_MORE)
    for step in (Prepare(), ControlPlane()):
        made.run(step)
    del made.ctx.state.evidence["cluster"], made.ctx.state.journal[:]
    made.sections(SECOND)["kubernetes"] = "listens-6443"
    with pytest.raises(Blocked, match="Another Kubernetes"):
        made.run(Machines())


def test_a_control_plane_that_was_lost_may_be_restored():
    """What is pinned is gone from it; that is no reason to keep the wizard's key away."""
    assert lineage.stranger({"a": NodeFacts("a"), "b": replace(HEAD, api_server=False)}, "a", KNOWN) is None


def test_init_is_told_every_address_at_which_no_api_may_answer(stage, monkeypatch):
    from wizard.demo.pi import SimHost

    seen, original = [], SimHost.run
    monkeypatch.setattr(
        SimHost, "run", lambda self, script, **more: seen.append(script) or original(self, script, **more)
    )
    stage(SECOND).run(ControlPlane())
    (init,) = [script for script in seen if script.name == "control-plane/init"]
    assert list(init.args[-3:]) == [FIRST, SECOND, THIRD]


def test_facts_of_a_control_plane():
    facts = parse("b", "@@ kubernetes\nkubelet-config\n@@ addons\nnode/b\napi\n")
    assert facts.kubelet_config
    assert facts.in_a_cluster
    assert facts.addons == ("node/b",)
    assert facts.api_answers
