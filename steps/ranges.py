"""The ranges of pods and services are written into every part of a cluster when it is made: they can't change later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard import yamlfile
from wizard.errors import Blocked
from wizard.question import Answers
from wizard.world import Cluster

CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"
RANGES = {"pod_range": ("podSubnet", "pods"), "service_range": ("serviceSubnet", "services")}


def cluster_configuration(config_map: Mapping[str, Any]) -> Mapping[str, Any]:
    """kubeadm's ClusterConfiguration out of its ConfigMap; empty when it is not there. Pure."""
    text = str((config_map.get("data") or {}).get("ClusterConfiguration", ""))
    found = [one for one in yamlfile.load_all(text) if isinstance(one, Mapping)]
    return next((one for one in found if one.get("kind") == "ClusterConfiguration"), {})


def refusal(config: Mapping[str, Any], answers: Answers) -> Blocked | None:
    """Why the answered ranges are not those of the cluster with this configuration; None when they are. Pure."""
    network, given = config.get("networking") or {}, answers.get("control-plane", {})
    other = {
        key: (what, str(network[name]))
        for key, (name, what) in RANGES.items()
        if network.get(name) and given.get(key) and str(network[name]) != given[key]
    }
    if not other:
        return None
    has = " and ".join(f"{what} have {range_} in it" for what, range_ in other.values())
    wanted = " and ".join(f"control-plane.{key} says {given[key]}" for key in other)
    error = Blocked(
        "The ranges of a cluster can't be changed once it was made.", f"It is there, and {has}; {wanted}.",
        "Keep the ranges that it has. Only a new cluster can have others: homelab reset ends this one.",
    )  # fmt: skip
    error.answers = tuple(f"control-plane.{key}" for key in other)
    return error


def check(cluster: Cluster, answers: Answers) -> None:
    """Raises `Blocked` when the running cluster has other ranges than the answers say."""
    if problem := refusal(cluster_configuration(cluster.get(CONFIG_MAP) or {}), answers):
        raise problem
