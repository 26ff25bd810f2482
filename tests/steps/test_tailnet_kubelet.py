"""Kubernetes stays with the Pis' own addresses: told before, looked at after, put back when it went astray."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steps import tailnet_kubelet
from steps.tailnet import QUESTIONS, Tailnet
from steps.tailnet_facts import Member, parse
from steps.tailnet_kubelet import FLANNEL, Astray, astray, moved, pinned
from wizard.errors import Blocked, WizardError
from wizard.secret import Secret

FIRST, SECOND = "192.168.1.11", "192.168.1.12"
KNOWN = {"atlas": FIRST, "boreas": SECOND}


def node(name: str, *addresses: str, tunnel: str = "") -> dict[str, Any]:
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    listed.append({"type": "Hostname", "address": name})
    meta: dict[str, Any] = {"name": name, "annotations": {FLANNEL: tunnel} if tunnel else {}}
    return {"kind": "Node", "metadata": meta, "status": {"addresses": listed}}


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (node("atlas", FIRST, tunnel=FIRST), []),
        (node("atlas", FIRST, "fd00::11"), []),
        (node("atlas"), []),  # it has not told its address yet
        (node("atlas", "100.64.0.2"), [Astray("atlas", FIRST, "100.64.0.2", "Kubernetes")]),
        (node("atlas", FIRST, tunnel="100.64.0.2"), [Astray("atlas", FIRST, "100.64.0.2", "the pods' network")]),
        (node("atlas", FIRST, tunnel="10.9.9.9"), []),  # flannel on a network that nobody asked about
        (node("atlas", "100.64.0.2", tunnel="100.64.0.2"),
         [Astray("atlas", FIRST, "100.64.0.2", by) for by in ("Kubernetes", "the pods' network")]),
    ],
)  # fmt: skip
def test_who_is_reached_over_the_tailnet(listed: dict[str, Any], found: list[Astray]) -> None:
    assert list(astray([listed], KNOWN)) == found


@pytest.mark.parametrize(
    ("listed", "words"),
    [
        (node("atlas", "192.168.1.77"), "another network's address"),
        (node("stranger", "100.64.0.9"), "Tailscale's address"),
    ],
)
def test_an_address_that_nobody_chose_blocks(listed: dict[str, Any], words: str) -> None:
    with pytest.raises(Blocked, match=words) as caught:
        list(astray([listed], KNOWN))
    assert "--node-ip" in caught.value.fix
    assert moved("x", "10.0.0.1").fix


@pytest.mark.parametrize(
    ("printed", "node_ip", "left"),
    [
        ("@@ node-ip\nnone\n", "none", ["tailnet/node-ip"]),
        ("@@ node-ip\n192.168.1.11\n", FIRST, []),
        ("@@ node-ip\n\n", "", []),  # no kubelet runs
    ],
)
def test_kubelet_is_told_its_address_where_it_was_not(printed: str, node_ip: str, left: list[str]) -> None:
    member = parse(FIRST, printed)
    assert member.node_ip == node_ip
    assert [change.id for change in pinned(member)] == left


# -- on simulated Pis -----------------------------------------------------------------------------------------


@pytest.fixture
def stage(pis: Callable[..., Any]) -> Any:
    """Three Pis with a cluster whose API says what `put` makes it say."""
    given = {question.key: question.default for question in QUESTIONS.values()}
    made = pis(tailnet=given | {"api_key": Secret("tskey-api-k1-x")})
    (made.ctx.state.path.parent / "kubeconfig").write_text("")
    made.world.api.up = True
    return made


def put(stage: Any, listed: dict[str, Any]) -> None:
    stage.world.api.put(f"/api/v1/nodes/{listed['metadata']['name']}", listed)


def test_a_node_that_is_astray_already_is_put_back(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run(Tailnet())
    put(stage, node("boreas", "100.64.0.2", tunnel="100.64.0.2"))
    pod = {
        "kind": "Pod",
        "metadata": {"name": "flannel-b", "namespace": "kube-flannel"},
        "spec": {"nodeName": "boreas"},
    }
    stage.world.api.put("/api/v1/namespaces/kube-flannel/pods/flannel-b", pod)
    mending(stage, monkeypatch, until=10)
    assert (None, "tailnet/put-back") in stage.run(Tailnet())
    assert stage.world.writes[-4:] == [
        f"{SECOND} tailnet/down", f"{SECOND} tailnet/node-ip",
        "delete /api/v1/namespaces/kube-flannel/pods/flannel-b", f"{SECOND} tailnet/up",
    ]  # fmt: skip
    assert "It is reached by 192.168.1.12 again" in repr(stage.seen)
    assert stage.run(Tailnet()) == []


def mending(stage: Any, monkeypatch: pytest.MonkeyPatch, *, until: float, again: bool = False) -> None:
    """kubelet tells its own address once it was told to, in a while; `again`: the VPN's as soon as that is on."""
    real, began = stage.world.sleep, stage.world.now()

    def sleep(seconds: float) -> None:
        real(seconds)
        done = [line for line in stage.world.writes if line.startswith(SECOND)]
        if done and done[-1].endswith("tailnet/up") and again:
            put(stage, node("boreas", "100.64.0.2"))
        elif f"{SECOND} tailnet/node-ip" in done and stage.world.now() > began + until:
            put(stage, node("boreas", SECOND, tunnel=SECOND))

    monkeypatch.setattr(stage.world, "sleep", sleep)


def test_a_node_that_moves_when_its_pi_joins_is_put_back(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    put(stage, node("boreas", SECOND))
    mending(stage, monkeypatch, until=30)
    monkeypatch.setattr(tailnet_kubelet, "look", moving(stage, tailnet_kubelet.look))
    assert (None, "tailnet/kubelets") in stage.run(Tailnet())
    assert f"{SECOND} tailnet/down" in stage.world.writes and "A node was put back" in repr(stage.seen)


def moving(stage: Any, real: Callable[..., Any]) -> Callable[..., Any]:
    """The first look after joining sees that the node has moved."""
    seen: list[int] = []

    def look(ctx: Any) -> Any:
        joined = f"{SECOND} tailnet/join" in stage.world.writes
        if joined and not seen:
            seen.append(1)
            put(stage, node("boreas", "100.64.0.2"))
        return real(ctx)

    return look


def test_a_node_that_can_not_be_kept_is_left_without_the_vpn(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.run(Tailnet())
    put(stage, node("boreas", "100.64.0.2"))
    mending(stage, monkeypatch, until=0, again=True)
    with pytest.raises(WizardError, match="as soon as Tailscale is on") as caught:
        stage.run(Tailnet())
    assert caught.value.host == "boreas" and "turned off" in caught.value.fix
    assert stage.world.writes[-1] == f"{SECOND} tailnet/down"


def test_a_node_that_does_not_come_back_is_told(stage: Any) -> None:
    stage.run(Tailnet())
    put(stage, node("boreas", "100.64.0.2"))
    with pytest.raises(WizardError, match="boreas to be reached over the LAN again, in vain"):
        stage.run(Tailnet())
    assert stage.world.writes[-1] == f"{SECOND} tailnet/node-ip", "Tailscale stays off"


def test_without_a_cluster_nothing_is_looked_at(pis: Callable[..., Any]) -> None:
    assert tailnet_kubelet.look(pis().ctx) == []
    assert Member("a").node_ip == ""
