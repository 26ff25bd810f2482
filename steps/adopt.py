"""Taking over a cluster that the state does not know: which one it is, whether it may be, and what is remembered of it.

Read from its control plane, before anything is written anywhere: `machines/adopt` is asked for by itself.
"""

from __future__ import annotations

import base64
import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from steps import cluster_look, control_plane, kubernetes, ops, packages, prepare_software
from steps.facts import NodeFacts
from steps.lineage import Evidence
from steps.nodefiles import API_NAME
from steps.ranges import cluster_configuration
from wizard import userfile, yamlfile
from wizard.context import Context
from wizard.errors import Blocked, TrustError, WizardError
from wizard.host.facts import read_ca_hash, sections
from wizard.question import Answers
from wizard.state import write_private
from wizard.step import Change


@dataclass(frozen=True)
class Foundling:
    """A cluster as its own control plane describes it."""

    control_plane: str  # its address
    ca_hash: str
    uid: str
    heads: Mapping[str, str]  # address -> name, of the nodes that run the control plane
    workers: Mapping[str, str]
    version: str
    endpoint: str  # how its nodes reach the API
    pod_range: str
    service_range: str
    kubeconfig: str = ""  # the person's own file that names this cluster, too


def of_interest(machines: Mapping[str, NodeFacts], first: str, evidence: Evidence) -> bool:
    """Whether the Pi that is to be the control plane carries a cluster that the state does not know. Pure."""
    known = bool(evidence.ca_hash) or evidence.begun
    return not known and machines[first].admin_conf and bool(machines[first].ca_hash)


def refusal(machines: Mapping[str, NodeFacts], first: str) -> WizardError | None:
    """Why the cluster on `first` can't be taken over by its looks; None when it may. Pure."""
    head = machines[first]
    for machine in machines.values():
        if machine.ca_hash and machine.ca_hash != head.ca_hash:
            return TrustError(
                "These Pis belong to two clusters.",
                f"The CA of {machine.hostname} is {machine.ca_hash}, that of {head.hostname} is {head.ca_hash}.",
                "Choose the Pis of one cluster.", host=machine.address,
            )  # fmt: skip
    if not head.api_answers:
        return Blocked(
            "This Pi carries a cluster that this state does not know, and its API does not answer.",
            "A cluster that can't say what it is can't be taken over; making one may have been interrupted here.",
            "Start it (sudo systemctl status kubelet, on the Pi), or go on with the state that made it (--state FILE). "
            "If it is no longer wanted: sudo kubeadm reset, on this Pi.", host=first,
        )  # fmt: skip
    return None


def look(ctx: Context, first: NodeFacts) -> Foundling:
    """Asks the cluster on `first` what it is. Raises `WizardError` for one that this wizard could not go on with."""
    found = read(first, ops.run(ctx, first.address, "machines/cluster", timeout=90).out)
    if problem := unfit(found) or unexpected(found, expected(ctx.answers)):
        problem.host = ctx.name_of(first.address)
        raise problem
    own = next((str(file) for file in _kubeconfigs(ctx) if names_ca(file, found.ca_hash)), "")
    return Foundling(**{**found.__dict__, "kubeconfig": own})


def read(first: NodeFacts, output: str) -> Foundling:
    """The cluster out of the output of the script `machines/cluster`. Pure."""
    raw = sections(output)
    heads: dict[str, str] = {}
    workers: dict[str, str] = {}
    for node in json.loads(raw["nodes"]).get("items", []):
        address, name = cluster_look.internal_ip(node), str(node["metadata"]["name"])
        (heads if cluster_look.CONTROL_PLANE in node["metadata"].get("labels", {}) else workers)[address] = name
    config = cluster_configuration(json.loads(raw["config"]))
    network = config.get("networking", {})
    return Foundling(
        first.address, first.ca_hash, raw["uid"].strip(), heads, workers,
        str(config.get("kubernetesVersion", "")).removeprefix("v"), str(config.get("controlPlaneEndpoint", "")),
        str(network.get("podSubnet", "")), str(network.get("serviceSubnet", "")),
    )  # fmt: skip


def unfit(found: Foundling) -> WizardError | None:
    """Why this wizard can't go on with the cluster; None when it can. Pure."""
    if found.endpoint.partition(":")[0] != API_NAME:
        return Blocked(
            "This cluster was not made by homelab.",
            f"Its nodes reach their API as {found.endpoint or 'an address'}, not as {API_NAME}; more will differ.",
            "Look after it with what made it, or choose other Pis.",
        )  # fmt: skip
    if found.control_plane not in found.heads:
        return Blocked(
            "This Pi is not known to its own cluster under this address.",
            f"Its control planes are {', '.join(f'{name} ({a})' for a, name in found.heads.items()) or 'unknown'}.",
            "Name the control plane by the address that the cluster knows it by.",
        )  # fmt: skip
    try:
        kubernetes.VERSION.parse(found.version)
    except ValueError as error:
        return Blocked(
            "This cluster's Kubernetes is not one that this release knows.", f"{error}.", "Use another release."
        )
    return None


def expected(answers: Answers) -> Mapping[str, Any]:
    """Which cluster the person named beforehand: on the command line, else in the answers. Pure."""
    named = answers.get("node-add", {}).get("expected") or {}
    return named or answers.get("machines", {}).get("adopt") or {}


def unexpected(found: Foundling, named: Mapping[str, Any]) -> TrustError | None:
    """A cluster that is not the one that the person named beforehand. Pure."""
    for key, what in (("ca_hash", "CA"), ("uid", "UID")):
        if named.get(key) and named[key] != getattr(found, key):
            return TrustError(
                "This Pi's cluster is not the one that was expected.",
                f"Its {what} is {getattr(found, key)}, expected was {named[key]}. Nothing was changed.",
                "Find out which cluster this is before you go on.",
            )  # fmt: skip
    return None


def _kubeconfigs(ctx: Context) -> Sequence[Path]:
    named = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return [*named, ctx.world.home / ".kube" / "config"]


def names_ca(file: Path, ca_hash: str) -> bool:
    """Whether the kubeconfig `file` names a cluster with this CA."""
    try:
        clusters = yamlfile.load(userfile.read_text(file))["clusters"]
        held = [base64.b64decode(each["cluster"].get("certificate-authority-data", "")) for each in clusters]
        return ca_hash in [read_ca_hash(text.decode()) for text in held]
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


# -- the change --------------------------------------------------------------------------------------------


def change(found: Foundling, machine: NodeFacts) -> Change:
    """Takes the cluster over: it is remembered, and all its nodes become Pis of the answers."""
    sentence = f"take over the cluster on {machine.hostname}: CA {found.ca_hash}, UID {found.uid}"
    known = (
        f"Your own {found.kubeconfig} names this cluster, too."
        if found.kubeconfig
        else "No kubeconfig of yours names it."
    )
    members = [f"{name} ({address}): control plane" for address, name in found.heads.items()]
    members += [f"{name} ({address}): worker" for address, name in found.workers.items()]
    detail = "\n".join([f"Kubernetes {found.version}. {known}", *members])
    return Change(
        "machines/adopt", sentence, lambda ctx: _take(ctx, found, machine), machine.address, danger=True, detail=detail
    )


def _take(ctx: Context, found: Foundling, machine: NodeFacts) -> None:
    """Answers first, evidence last: a kill in between leaves a cluster that is still to be taken over."""
    for step, given in learnt(found, machine, ctx.answers).items():
        for key, value in given.items():
            ctx.keep(step, key, value)
    signing = foreign_key(machine)
    if signing and not ctx.answers.get("prepare", {}).get("apt_key_file"):
        file = ctx.state.path.parent / "mirror-key.gpg"
        write_private(file, signing)
        ctx.keep("prepare", "apt_key_file", str(file))
    control_plane.fetch_kubeconfig(ctx, found.control_plane)
    if (seen := ctx.state.recall("cluster", "uid")) != found.uid:
        raise TrustError(
            "The API that answers is not the one that was asked.", f"Its UID is {seen}, expected was {found.uid}.",
            "Find out which cluster this is before you go on.", host=machine.hostname,
        )  # fmt: skip


def learnt(found: Foundling, machine: NodeFacts, answers: Answers) -> Answers:
    """The answers that the cluster itself gives. Pure. What the person has answered about its making is left alone."""
    machines = answers.get("machines", {})
    members = [found.control_plane, *found.heads, *found.workers]
    heads = [address for address in found.heads if address != found.control_plane]
    result: Answers = {
        "machines": {"hosts": list(dict.fromkeys([*members, *(machines.get("hosts") or [])]))},
        "control-plane": {"pod_range": found.pod_range, "service_range": found.service_range},
        "prepare": {"kubernetes_version": found.version},
    }
    more = list(dict.fromkeys([*heads, *(machines.get("more_control_planes") or [])]))
    if more:
        result["machines"]["more_control_planes"] = more
    given = answers.get("prepare", {})
    result["prepare"] |= {key: value for key, value in _sources(machine).items() if not given.get(key)}
    return result


def _sources(machine: NodeFacts) -> dict[str, Any]:
    """Where the Pi's software comes from, as far as its files say it and it is not the usual place."""
    pinned = prepare_software.settings({"machines": {"control_plane": machine.address}}, b"")
    files, found = machine.files, {}
    for key, name, divider, usual in (
        ("kubernetes_apt", "kubernetes", "/core:/", pinned.kubernetes_apt),
        ("containerd_apt", "containerd", "/linux/", pinned.containerd_apt),
    ):
        text = files.get(f"/etc/apt/sources.list.d/homelab-{name}.sources", "")
        uri = next((line.partition(" ")[2] for line in text.splitlines() if line.startswith("URIs: ")), "")
        if divider in uri and (base := uri.partition(divider)[0]) != usual:
            found[key] = base
    mirror = list(_toml(files.get(prepare_software.MIRROR, "")).get("host", {}))
    extra = {key: value for key, value in _toml(files.get(prepare_software.EXTRA, "")).items() if key != "version"}
    return found | ({"registry_mirror": mirror[0]} if mirror else {}) | ({"containerd_extra": extra} if extra else {})


def _toml(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return {}


def foreign_key(machine: NodeFacts) -> bytes:
    """The key that signs the Pi's Kubernetes packages when it is not the pinned one: a mirror's. Else empty. Pure."""
    settings = prepare_software.settings({"machines": {"control_plane": machine.address}}, b"")
    repository = prepare_software.repositories(machine, settings)[0]
    seen = packages.installed(machine, repository)
    if not seen or repository.fingerprint in seen:
        return b""
    return base64.b64decode(machine.keyrings[repository.keyring_path])
