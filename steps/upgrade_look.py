"""What an upgrade has to know of a cluster: read from its Pis and its API, nothing written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from steps import cluster_look, control_plane, emptying, members, nodes, pods, ranges
from steps import prepare_software as software
from steps.cluster_look import Look
from steps.facts import NodeFacts
from steps.kubernetes import Version
from steps.upgrade_plan import NodeState, State
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import Answers


def own_key(answers: Answers) -> bytes:
    """The content of the key file that signs a mirror; empty without one."""
    file = answers.get("prepare", {}).get("apt_key_file")
    return Path(file).read_bytes() if file else b""


def state(
    ctx: Context,
    machines: Mapping[str, NodeFacts],
    look: Look,
    config_map: Mapping[str, Any],
    target: Version,
    key: bytes,
) -> State:
    first = nodes.control_plane(ctx)
    written = str(ranges.cluster_configuration(config_map).get("kubernetesVersion", ""))
    settings = software.settings(at(ctx.answers, target), key)
    heads = nodes.control_planes(ctx.answers)
    api = control_plane.cluster(ctx)
    found = [
        node_state(facts, look, address in heads, _api_version(api, facts.hostname), settings)
        for address, facts in machines.items()
    ]
    return State(
        target, Version.parse(written), found, ctx.state.recall("upgrade", "target") == str(target),
        bool(ctx.state.recall("upgrade", "snapshot")), members.unhealthy(members.look(ctx, first.address)),
    )  # fmt: skip


def at(answers: Answers, target: Version) -> Answers:
    """The answers as they will be once the cluster has the version `target`. Pure."""
    return {**answers, "prepare": {**answers.get("prepare", {}), "kubernetes_version": str(target)}}


def _api_version(api: Any, name: str) -> str:
    """The version of the API server on the node `name`, by its static pod; empty when there is none."""
    pod = api.get(f"/api/v1/namespaces/kube-system/pods/kube-apiserver-{name}") or {}
    images = [str(container.get("image", "")) for container in pod.get("spec", {}).get("containers", [])]
    return images[0].rpartition(":")[2] if images else ""


def node_state(facts: NodeFacts, look: Look, head: bool, api: str, settings: software.Settings) -> NodeState:
    """What the upgrade has to know of one node. Pure. Raises `Blocked` for one that is not in the cluster."""
    node = look.nodes.get(facts.hostname)
    if node is None:
        raise Blocked(
            "This Pi is not a part of the cluster yet.", "An upgrade takes all its Pis along.",
            "Let it join first (homelab), or take it off the list: homelab node remove.", host=facts.hostname,
        )  # fmt: skip
    installed = {name: _version(facts.installed(name)) for name in software.KUBERNETES}
    return NodeState(
        facts.address, facts.hostname, head, installed["kubeadm"], installed["kubelet"], installed["kubectl"],
        _version(cluster_look.kubelet(node)), _version(api) if head else None,
        all(facts.packages.get(name, ("", False))[1] for name in software.HELD),
        all(facts.files.get(path, "") == text for path, text in settings.files.items()),
        cluster_look.node_ready(node), bool(node.get("spec", {}).get("unschedulable")),
        emptying.ours(node) == "upgrade", movable=bool(pods.places(look, facts.hostname, _back_by_then(look))),
    )  # fmt: skip


def _back_by_then(look: Look) -> list[str]:
    """The node on which an upgrade was interrupted: it is finished before the next one begins."""
    return [name for name, node in look.nodes.items() if emptying.ours(node) == "upgrade"]


def _version(text: str) -> Version | None:
    try:
        return Version.parse(text)
    except ValueError:
        return None
