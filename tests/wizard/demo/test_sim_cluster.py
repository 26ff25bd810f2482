"""The simulated Kubernetes API: there once it was begun, objects that become ready in their time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wizard.demo.world import SimWorld
from wizard.errors import WizardError

NODE = "/api/v1/nodes/atlas"


def test_no_api_answers_before_it_was_begun_and_never_twice(world: SimWorld, tmp_path: Path) -> None:
    cluster = world.cluster(tmp_path / "kubeconfig")
    with pytest.raises(WizardError, match="can't be reached"):
        cluster.get("/api/v1/nodes")
    world.api.event({"up": True})
    assert cluster.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]  # type: ignore[index]
    with pytest.raises(WizardError, match="initialised twice"):
        world.api.event({"up": True})


@pytest.fixture
def cluster(world: SimWorld, tmp_path: Path) -> Any:
    world.api.event({"up": True})
    return world.cluster(tmp_path / "kubeconfig")


def test_objects_are_applied_listed_and_deleted(world: SimWorld, cluster: Any) -> None:
    first = "/api/v1/namespaces/default/configmaps/one"
    cluster.apply(first, {"kind": "ConfigMap", "data": {"a": "1"}, "metadata": {"labels": {"app": "x"}}})
    cluster.apply(first, {"data": {"b": "2"}})
    found = cluster.get(first)
    assert found["data"] == {"a": "1", "b": "2"}
    found["data"]["a"] = "changed by the caller"
    assert cluster.get(first)["data"]["a"] == "1"
    for path in (
        "/api/v1/configmaps",
        "/api/v1/namespaces/default/configmaps",
        "/api/v1/configmaps?labelSelector=app=x",
    ):
        assert [item["metadata"]["name"] for item in cluster.get(path)["items"]] == ["one"], path
    assert cluster.get("/api/v1/configmaps?labelSelector=app=y") == {"kind": "List", "items": []}
    cluster.delete(first)
    cluster.delete(first)
    assert cluster.get(first) is None
    assert len(world.writes) == 4


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("/api/v1/nodes", True), ("/api/v1/namespaces", True), ("/api/v1/namespaces/x", False),
        ("/api/v1/nodes/atlas", False),
        ("/apis/apps/v1/namespaces/x/deployments", True), ("/apis/rbac.authorization.k8s.io/v1/clusterroles", True),
        ("/apis/gateway.networking.k8s.io/v1/gateways", False),
        ("/apis/helm.toolkit.fluxcd.io/v2/namespaces/x/helmreleases", False),
    ],
)  # fmt: skip
def test_an_empty_list_is_not_an_unknown_kind(cluster: Any, path: str, there: bool) -> None:
    assert (cluster.get(path) is not None) == there
    group = path.split("/")[2]
    crd = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{path.rpartition('/')[2]}.{group}"
    cluster.apply(crd, {"kind": "CustomResourceDefinition"})
    if "." in group:
        assert cluster.get(path) == {"kind": "List", "items": []}


def test_nodes_become_ready_once_the_network_is_there(world: SimWorld, cluster: Any) -> None:
    def ready() -> bool:
        conditions = cluster.get(NODE).get("status", {}).get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    world.api.event({"path": NODE, "body": {"kind": "Node"}, "after": 5})
    assert cluster.get(NODE) is None
    world.sleep(5)
    world.sleep(60)
    assert not ready()
    cluster.apply("/apis/apps/v1/namespaces/kube-flannel/daemonsets/kube-flannel-ds", {"kind": "DaemonSet"})
    assert not ready()
    world.sleep(60)
    assert ready()
