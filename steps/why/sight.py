"""What diagnosers may look at: the cluster's objects, and what somebody brings along. Pure but for `read`.

Lists are read once, side by side. What is not known is None and never taken for "nothing is wrong".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from wizard.errors import Interrupted, Unavailable, WizardError
from wizard.world import Cluster, DnsAnswer

Object = Mapping[str, Any]
_GROUPS = {
    "": ("nodes", "pods", "events", "services", "persistentvolumeclaims", "namespaces"),
    "apps/v1": ("deployments", "replicasets", "daemonsets", "statefulsets"),
    "batch/v1": ("jobs",),
    "storage.k8s.io/v1": ("storageclasses",),
    "discovery.k8s.io/v1": ("endpointslices",),
    "coordination.k8s.io/v1": ("leases",),
    "kustomize.toolkit.fluxcd.io/v1": ("kustomizations",),
    "source.toolkit.fluxcd.io/v1": ("gitrepositories", "ocirepositories", "helmrepositories", "helmcharts"),
    "helm.toolkit.fluxcd.io/v2": ("helmreleases",),
    "cert-manager.io/v1": ("certificates", "certificaterequests", "clusterissuers", "issuers"),
    "acme.cert-manager.io/v1": ("orders", "challenges"),
    "gateway.networking.k8s.io/v1": ("gatewayclasses", "gateways", "httproutes"),
    "metallb.io/v1beta1": ("ipaddresspools", "l2advertisements", "servicel2statuses"),
}
PATHS = {
    plural: f"/apis/{group}/{plural}" if group else f"/api/v1/{plural}"
    for group, plurals in _GROUPS.items()
    for plural in plurals
}
KINDS = {
    "nodes": "Node", "pods": "Pod", "events": "Event", "services": "Service", "persistentvolumeclaims":
    "PersistentVolumeClaim", "namespaces": "Namespace", "deployments": "Deployment", "replicasets": "ReplicaSet",
    "daemonsets": "DaemonSet", "statefulsets": "StatefulSet", "jobs": "Job", "storageclasses": "StorageClass",
    "endpointslices": "EndpointSlice", "leases": "Lease", "kustomizations": "Kustomization", "gitrepositories":
    "GitRepository", "ocirepositories": "OCIRepository", "helmrepositories": "HelmRepository", "helmcharts":
    "HelmChart", "helmreleases": "HelmRelease", "certificates": "Certificate", "certificaterequests":
    "CertificateRequest", "clusterissuers": "ClusterIssuer", "issuers": "Issuer", "orders": "Order", "challenges":
    "Challenge", "gatewayclasses": "GatewayClass", "gateways": "Gateway", "httproutes": "HTTPRoute", "ipaddresspools":
    "IPAddressPool", "l2advertisements": "L2Advertisement", "servicel2statuses": "ServiceL2Status",
}  # fmt: skip
SIDE_BY_SIDE = 8


@dataclass(frozen=True)
class NodeView:
    """What a node told over SSH: its units' states, the last errors of their journals; `reached` is False without an
    answer."""

    reached: bool = True
    units: Mapping[str, str] = field(default_factory=dict)  # kubelet -> active, inactive, failed, activating
    journal: Mapping[str, Sequence[str]] = field(default_factory=dict)  # unit -> last lines that tell of errors
    disk: int | None = None  # percent of / that is used
    why: str = ""  # why it was not reached


@dataclass(frozen=True)
class TailnetView:
    """A Pi's place in the tailnet: its own account, and what the control server allows. None: not known."""

    state: str = ""  # Running, NeedsLogin, Stopped …; empty: no Tailscale, or its daemon is off
    health: Sequence[str] = ()
    ends: str = ""  # RFC 3339; empty: never
    expired: bool = False
    offered: frozenset[str] = frozenset()
    wanted: frozenset[str] = frozenset()
    approved: frozenset[str] | None = None
    served: frozenset[str] | None = None  # by any machine that is connected
    takes_dns: bool = False
    takes_routes: bool = False
    silent: bool = False
    online: bool | None = None  # as the control server sees it


@dataclass
class Sight:
    """Everything that was seen at one moment."""

    lists: Mapping[str, Sequence[Object]] = field(default_factory=dict)  # plural -> objects
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    unread: Mapping[str, str] = field(default_factory=dict)  # plural -> why it could not be read
    unknown: frozenset[str] = frozenset()  # plurals that the API does not serve
    views: Mapping[str, NodeView] = field(default_factory=dict)  # by the node's name
    names: Mapping[str, str] = field(default_factory=dict)  # a node's address -> its name, as the answers have them
    texts: Mapping[str, Mapping[str, DnsAnswer]] = field(default_factory=dict)  # name -> DNS server -> its TXT answer
    arp: Mapping[str, Sequence[str]] | None = None  # address -> MAC addresses; None: nobody was asked
    macs: Mapping[str, str] = field(default_factory=dict)  # MAC address -> node, of those that may answer
    tailnet: Mapping[str, TailnetView] | None = None  # by the node's name; None: there is none, or not looked at
    pinned: Mapping[str, str] = field(default_factory=dict)  # what the answers want: kubernetes, flux …

    def all(self, plural: str) -> Sequence[Object]:
        return self.lists.get(plural, ())

    def one(self, plural: str, namespace: str, name: str) -> Object | None:
        return next((each for each in self.all(plural) if place(each) == (namespace, name)), None)

    def warnings(self, kind: str, namespace: str, name: str) -> list[Object]:
        """Warning events about one object, the newest first."""
        found = [
            event for event in self.all("events")
            if event.get("type") == "Warning" and _about(event) == (kind, namespace, name)
        ]  # fmt: skip
        return sorted(found, key=when, reverse=True)

    def owned(self, plural: str, owner: Object) -> list[Object]:
        """The objects of that kind that `owner` made."""
        uid = meta(owner).get("uid")
        return [
            each for each in self.all(plural)
            if any(ref.get("uid") == uid for ref in meta(each).get("ownerReferences") or ())
        ]  # fmt: skip

    def age(self, since: str) -> float:
        """Seconds since a time as Kubernetes writes it; endless where there is none."""
        try:
            return (self.now - datetime.fromisoformat(since)).total_seconds()
        except (TypeError, ValueError):
            return float("inf")


def read(cluster: Cluster, plurals: Iterable[str] = PATHS, now: datetime | None = None) -> Sight:
    """Asks for every list, side by side. Raises `WizardError` when the API can't be reached at all."""
    names = list(plurals)
    cluster.get("/version")
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        answers = dict(zip(names, pool.map(lambda plural: _list(cluster, plural), names), strict=True))
    return Sight(
        {name: found for name, found in answers.items() if isinstance(found, list)}, now or datetime.now(UTC),
        {name: found for name, found in answers.items() if isinstance(found, str)},
        frozenset(name for name, found in answers.items() if found is None),
    )  # fmt: skip


def _list(cluster: Cluster, plural: str) -> list[Object] | str | None:
    try:
        answer = cluster.get(PATHS[plural])
    except (Interrupted, Unavailable):
        raise
    except WizardError as error:
        return " ".join(error.sentences())
    if answer is None:
        return None
    kind = KINDS[plural]
    return [{"kind": kind, **each} for each in answer.get("items") or []]


# -- one object --------------------------------------------------------------------------------------------------------


def meta(one: Object) -> Mapping[str, Any]:
    return one.get("metadata") or {}


def spec(one: Object) -> Mapping[str, Any]:
    return one.get("spec") or {}


def status(one: Object) -> Mapping[str, Any]:
    return one.get("status") or {}


def place(one: Object) -> tuple[str, str]:
    return str(meta(one).get("namespace", "")), str(meta(one).get("name", ""))


def name(one: Object) -> str:
    """``Pod apps/web-1``, ``Node pi1``."""
    space, short = place(one)
    return f"{one.get('kind', 'Object')} {space}/{short}" if space else f"{one.get('kind', 'Object')} {short}"


def condition(one: Object, kind: str) -> Mapping[str, Any]:
    return next((each for each in status(one).get("conditions") or () if each.get("type") == kind), {})


def is_true(one: Object, kind: str) -> bool:
    """Whether the condition `kind` is True, and is said of the object as it is now."""
    found = condition(one, kind)
    seen = found.get("observedGeneration", status(one).get("observedGeneration"))
    return found.get("status") == "True" and (seen is None or seen == meta(one).get("generation", seen))


def said(found: Mapping[str, Any]) -> str:
    """A condition or an event in one line: ``Reason: message``."""
    text = " ".join(str(found.get("message") or "").split())
    reason = str(found.get("reason") or "")
    return f"{reason}: {text}" if reason and text else reason or text


def told(event: Object) -> str:
    """An event with what it is about."""
    about = event.get("involvedObject") or {}
    return f"{about.get('kind', '')} {about.get('name', '')}: {said(event)}"


def when(event: Object) -> str:
    """When an event was last seen, as its several fields may say it."""
    series = event.get("series") or {}
    times = (series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"),
             meta(event).get("creationTimestamp"))  # fmt: skip
    return next((str(at) for at in times if at), "")


def _about(event: Object) -> tuple[str, str, str]:
    about = event.get("involvedObject") or {}
    return str(about.get("kind", "")), str(about.get("namespace", "")), str(about.get("name", ""))
