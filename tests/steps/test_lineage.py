"""Where nothing may be made: any named Pi that carries a cluster's data or configuration, or where an API answers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steps import lineage
from steps.control_plane import ControlPlane
from steps.facts import NodeFacts, parse
from steps.lineage import Evidence
from wizard.errors import Blocked, TrustError

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
OURS = "sha256:aa"
BARE = NodeFacts("b", hostname="b")
HEAD = NodeFacts("b", hostname="b", etcd_data=True, api_server=True, kubelet_conf=True, kubelet_config=True,
                 admin_conf=True, listens_6443=True, ca_hash=OURS, api_answers=True, addons=("node/b",))  # fmt: skip
ATLAS = replace(HEAD, address="a", hostname="a", addons=(*lineage._ADDONS, "node/a"))
KNOWN = Evidence("u", OURS)


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
