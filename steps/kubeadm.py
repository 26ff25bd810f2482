"""What kubeadm and flannel are told. Pure: answers in, YAML and objects out; the shapes are in `assets/kubeadm`."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from steps import kubernetes as versions
from steps import nodes
from steps.nodefiles import API_NAME
from wizard import assets, yamlfile
from wizard.errors import Problem
from wizard.question import Answers

DIGEST = "homelab-wizard/digest"  # annotation: which manifest the running flannel came from
KINDS = ("InitConfiguration", "ClusterConfiguration", "JoinConfiguration")
TAILNET = "100.64.0.0/10"


@dataclass(frozen=True)
class Settings:
    """What the answers say about the cluster."""

    control_plane: str  # the address of the first one
    workers: bool  # whether there are any; without, pods run on the control plane
    pod_range: str
    service_range: str
    kubernetes: str  # its version
    kubelet_extra: Mapping[str, Any] = field(default_factory=dict)
    kube_proxy_extra: Mapping[str, Any] = field(default_factory=dict)
    kubeadm_extra: Mapping[str, Any] = field(default_factory=dict)  # by kind
    ignore_preflight: Sequence[str] = ()
    cni_version: str = ""

    @classmethod
    def read(cls, answers: Answers) -> Settings:
        """The settings of the answers."""
        given, machines = answers["control-plane"], answers["machines"]
        workers = set(machines["hosts"]) - set(nodes.control_planes(answers))
        return cls(
            machines["control_plane"], bool(workers), given["pod_range"], given["service_range"],
            str(versions.wanted(answers)),
            given.get("kubelet_extra") or {}, given.get("kube_proxy_extra") or {}, given.get("kubeadm_extra") or {},
            given.get("ignore_preflight") or (), given.get("cni_version") or "",
        )  # fmt: skip


def merged(base: Any, extra: Any) -> Any:
    """`extra` laid over `base`: mappings merge, everything else replaces."""
    if isinstance(base, Mapping) and isinstance(extra, Mapping):
        return {**base, **{key: merged(base.get(key), value) for key, value in extra.items()}}
    return extra


def init_config(settings: Settings, cluster: str, hostname: str) -> str:
    """The configuration for ``kubeadm init``. It holds no secret."""
    init, _, kubelet, proxy = yamlfile.load_all(assets.text("kubeadm/init.yaml"))
    address = settings.control_plane
    init["localAPIEndpoint"]["advertiseAddress"] = address
    _register(init, settings, hostname, address)
    _allow_pods(init, settings)
    extra = settings.kubeadm_extra
    return yamlfile.dump(
        merged(init, extra.get("InitConfiguration", {})), _whole(settings, cluster, hostname),
        merged(kubelet, settings.kubelet_extra), merged(proxy, settings.kube_proxy_extra),
    )  # fmt: skip


def cluster_config(settings: Settings, cluster: str, hostname: str) -> str:
    """What holds for the whole cluster, by itself: enough to know which images a control plane needs."""
    return yamlfile.dump(_whole(settings, cluster, hostname))


def _whole(settings: Settings, cluster: str, hostname: str) -> Any:
    _, whole, *_ = yamlfile.load_all(assets.text("kubeadm/init.yaml"))
    whole["clusterName"] = cluster
    whole["kubernetesVersion"] = f"v{settings.kubernetes}"
    whole["apiServer"]["certSANs"] = [API_NAME, hostname, f"{hostname}.local", settings.control_plane]
    whole["networking"] |= {"podSubnet": settings.pod_range, "serviceSubnet": settings.service_range}
    return merged(whole, settings.kubeadm_extra.get("ClusterConfiguration", {}))


def join_config(
    settings: Settings, hostname: str, address: str, token: str, ca_hash: str, certificate_key: str = ""
) -> str:
    """The configuration for ``kubeadm join``: as a control plane with `certificate_key`, else as a worker.

    It holds the token and that key: secrets.
    """
    (join,) = yamlfile.load_all(assets.text("kubeadm/join.yaml"))
    if certificate_key:
        endpoint = {"advertiseAddress": address, "bindPort": 6443}
        join["controlPlane"] = {"localAPIEndpoint": endpoint, "certificateKey": certificate_key}
        join["timeouts"] |= {"controlPlaneComponentHealthCheck": "8m0s", "etcdAPICall": "5m0s"}
        _allow_pods(join, settings)
    join["discovery"]["bootstrapToken"] |= {"token": token, "caCertHashes": [ca_hash]}
    _register(join, settings, hostname, address)
    return yamlfile.dump(merged(join, settings.kubeadm_extra.get("JoinConfiguration", {})))


def _register(config: dict[str, Any], settings: Settings, hostname: str, address: str) -> None:
    registration = config["nodeRegistration"]
    registration["name"] = hostname
    registration["kubeletExtraArgs"] = [{"name": "node-ip", "value": address}]
    if settings.ignore_preflight:
        registration["ignorePreflightErrors"] = list(settings.ignore_preflight)


def _allow_pods(config: dict[str, Any], settings: Settings) -> None:
    """Without workers pods run on the control plane; with them kubeadm keeps them off by itself."""
    if not settings.workers:
        config["nodeRegistration"]["taints"] = []


# -- the pod network -------------------------------------------------------------------------------------


def flannel(settings: Settings) -> list[dict[str, Any]]:
    """flannel's objects, in the order in which they are applied; the last one carries the digest of all."""
    pins = assets.versions()["flannel"]
    found: list[dict[str, Any]] = yamlfile.load_all(assets.text("kubeadm/flannel.yaml"))
    objects = {found_object["kind"]: found_object for found_object in found}
    data = objects["ConfigMap"]["data"]
    data["net-conf.json"] = _json(data["net-conf.json"], Network=settings.pod_range)
    if settings.cni_version:
        data["cni-conf.json"] = _json(data["cni-conf.json"], cniVersion=settings.cni_version)
    pod = objects["DaemonSet"]["spec"]["template"]["spec"]
    plugin, conf = pod["initContainers"]
    plugin["image"], conf["image"], pod["containers"][0]["image"] = pins["plugin_image"], pins["image"], pins["image"]
    digest = hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:16]
    # on the pods too: flannel reads its configuration only when it starts
    for part in (objects["DaemonSet"], objects["DaemonSet"]["spec"]["template"]):
        part["metadata"]["annotations"] = {DIGEST: digest}
    return found


def flannel_digest(settings: Settings) -> str:
    """What `DIGEST` says on a flannel that is as these settings want it."""
    return str(flannel(settings)[-1]["metadata"]["annotations"][DIGEST])


def _json(text: str, **values: str) -> str:
    return json.dumps(json.loads(text) | values, indent=2) + "\n"


_PLURALS = {
    "Namespace": ("/api/v1", "namespaces"),
    "ServiceAccount": ("/api/v1", "serviceaccounts"),
    "ConfigMap": ("/api/v1", "configmaps"),
    "ClusterRole": ("/apis/rbac.authorization.k8s.io/v1", "clusterroles"),
    "ClusterRoleBinding": ("/apis/rbac.authorization.k8s.io/v1", "clusterrolebindings"),
    "DaemonSet": ("/apis/apps/v1", "daemonsets"),
}


def api_path(found: Mapping[str, Any]) -> str:
    """Where the API keeps one of flannel's objects."""
    group, plural = _PLURALS[found["kind"]]
    namespace = found["metadata"].get("namespace")
    middle = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{middle}/{plural}/{found['metadata']['name']}"


# -- mistakes in the answers -----------------------------------------------------------------------------


def mistakes(answers: Answers) -> list[Problem]:
    """Ranges that overlap each other, the LAN or a VPN, or are too small; kinds that kubeadm does not know."""
    given = answers.get("control-plane", {})
    ranges = {key: ipaddress.IPv4Network(given[key]) for key in ("pod_range", "service_range") if given.get(key)}
    problems: list[Problem] = []
    for key, (low, high) in {"pod_range": (8, 22), "service_range": (12, 24)}.items():
        if key in ranges and not low <= ranges[key].prefixlen <= high:
            fix = f"Choose a network from /{low} to /{high}, such as {_example(key, answers)}."
            problems.append(Problem(f"control-plane.{key}", f"{ranges[key]} has a size that does not work.", fix))
    pairs = [(key, *other) for key in ranges for other in _others(answers)]
    if len(ranges) == 2:
        pairs.append(("service_range", "the range of the pods", ranges["pod_range"]))
    for key, what, network in pairs:
        if ranges[key].overlaps(network):
            fix = f"Choose another private range, such as {_example(key, answers)}."
            problems.append(Problem(f"control-plane.{key}", f"{ranges[key]} overlaps {what} ({network}).", fix))
    unknown = [kind for kind in given.get("kubeadm_extra") or {} if kind not in KINDS]
    for kind in unknown:
        fix = f"Name settings by their kind: {', '.join(KINDS)}."
        problems.append(Problem("control-plane.kubeadm_extra", f"kubeadm has no configuration {kind!r}.", fix))
    return problems


_EXAMPLES = {
    "pod_range": ("10.244.0.0/16", "172.20.0.0/16", "192.168.128.0/18"),
    "service_range": ("10.96.0.0/16", "172.30.0.0/16", "192.168.192.0/18"),
}


def _example(key: str, answers: Answers) -> str:
    """A range for `key` that would be taken beside the other answers."""
    given = answers.get("control-plane", {})
    taken = [network for _, network in _others(answers)]
    taken += [ipaddress.IPv4Network(given[other]) for other in _EXAMPLES if other != key and given.get(other)]
    fitting = (text for text in _EXAMPLES[key] if not any(ipaddress.IPv4Network(text).overlaps(one) for one in taken))
    return next(fitting, "a part of 10.0.0.0/8 that nothing else uses")


def _others(answers: Answers) -> list[tuple[str, ipaddress.IPv4Network]]:
    """What neither pods nor services may overlap."""
    found = [("the addresses of tailnets", ipaddress.IPv4Network(TAILNET))]
    for what, step, key in (("the Pis' network", "machines", "network"), ("the LAN", "addresses", "lan")):
        if value := answers.get(step, {}).get(key):
            found.append((what, ipaddress.IPv4Network(value)))
    machines = answers.get("machines", {}).get("hosts") or []
    return found + [("a Pi's address", ipaddress.IPv4Network(address)) for address in machines]
