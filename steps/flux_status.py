"""Is everything in the repository running? Read from what Flux and Kubernetes say of themselves. Pure.

Ready counts only when it is said of the object as it is now (`observedGeneration`) and of the commit that was pushed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wizard.world import Cluster

Object = Mapping[str, Any]

KUSTOMIZE = "/apis/kustomize.toolkit.fluxcd.io/v1"
SOURCE = "/apis/source.toolkit.fluxcd.io/v1"
HELM = "/apis/helm.toolkit.fluxcd.io/v2"
SYNC_SOURCE = f"{SOURCE}/namespaces/flux-system/gitrepositories/flux-system"
SYNC = f"{KUSTOMIZE}/namespaces/flux-system/kustomizations/flux-system"
CLUSTER_ISSUER = "cert-manager.io/cluster-issuer"  # the annotation by which a Gateway asks for certificates
LISTS = {  # what is looked at, in the order in which things depend on each other
    "Deployment": "/apis/apps/v1/namespaces/flux-system/deployments",
    "GitRepository": f"{SOURCE}/gitrepositories",
    "OCIRepository": f"{SOURCE}/ocirepositories",
    "Kustomization": f"{KUSTOMIZE}/kustomizations",
    "HelmRelease": f"{HELM}/helmreleases",
    "Certificate": "/apis/cert-manager.io/v1/certificates",
    "Gateway": "/apis/gateway.networking.k8s.io/v1/gateways",
}


@dataclass(frozen=True)
class Expected:
    """What must be there: the pushed commit as Flux names it, the Kustomizations, the addresses of the Gateways."""

    revision: str  # main@sha1:0123…
    kustomizations: tuple[str, ...] = ()
    addresses: tuple[tuple[str, str], ...] = ()  # Gateway name, address


@dataclass(frozen=True)
class Item:
    """One object that has to be ready. `why` is empty when it is."""

    kind: str
    namespace: str
    name: str
    why: str = ""
    body: Any = None

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


Seen = Mapping[str, Sequence[Object]]


def look(cluster: Cluster) -> dict[str, list[Object]]:
    """Every object that matters, by kind; nothing for a kind that the cluster does not know yet."""
    return {kind: list((cluster.get(path) or {}).get("items") or []) for kind, path in LISTS.items()}


def items(seen: Seen, expected: Expected) -> list[Item]:
    """Everything that has to be ready, whether it is there or not."""
    found = [
        Item(kind, *_place(one), why_not(kind, one, expected) or _other_issuer(kind, one, seen), one)
        for kind in LISTS
        for one in seen.get(kind, ())
    ]
    there = {item.name for item in found if item.kind == "Kustomization"}
    found += [
        Item("Kustomization", "flux-system", name, "Flux has not made it yet.")
        for name in expected.kustomizations
        if name not in there
    ]
    there = {item.name for item in found if item.kind == "Gateway"}
    found += [
        Item("Gateway", "gateways", name, "It is not there yet.") for name, _ in expected.addresses if name not in there
    ]
    return found


def waiting(seen: Seen, expected: Expected) -> list[Item]:
    """What is not ready yet, in the order in which things depend on each other."""
    return [item for item in items(seen, expected) if item.why]


def suspended(seen: Seen) -> list[Item]:
    """What a person has told Flux to leave alone."""
    return [
        Item(kind, *_place(one), "suspended", one)
        for kind in ("GitRepository", "OCIRepository", "Kustomization", "HelmRelease")
        for one in seen.get(kind, ())
        if _spec(one).get("suspend")
    ]


def stalled(seen: Seen) -> list[Item]:
    """Releases that Flux has given up on: they begin again only when they are told to."""
    return [
        Item("HelmRelease", *_place(one), message(condition(one, "Stalled")), one)
        for one in seen.get("HelmRelease", ())
        if _true(condition(one, "Stalled"))
    ]


def failed(seen: Seen) -> list[Item]:
    """Kustomizations whose last try failed by itself, not for want of another one."""
    found = [(one, condition(one, "Ready")) for one in seen.get("Kustomization", ())]
    return [
        Item("Kustomization", *_place(one), message(last), one)
        for one, last in found
        if last.get("status") == "False" and last.get("reason") != "DependencyNotReady"
    ]


def could_go_on(waiting: Sequence[Item]) -> list[Item]:
    """Kustomizations that wait for others which are ready by now. Flux would see that only at its next look."""
    not_ready = {item.name for item in waiting if item.kind == "Kustomization"}
    found = [item for item in waiting if item.kind == "Kustomization" and "DependencyNotReady" in item.why]
    return [item for item in found if not not_ready.intersection(_needs(item.body))]


def cycle(waiting: Sequence[Item]) -> list[Item]:
    """Kustomizations that wait for each other in a circle, in its order; empty when there is none."""
    parts = {item.name: item for item in waiting if item.kind == "Kustomization"}
    seen: set[str] = set()

    def walk(way: list[str]) -> list[str]:
        for name in _needs(parts[way[-1]].body):
            if name in way:
                return way[way.index(name) :]
            if name in parts and name not in seen and (found := walk([*way, name])):
                return found
        seen.add(way[-1])
        return []

    return next(([parts[name] for name in found] for start in parts if (found := walk([start]))), [])


def attempted(seen: Seen, expected: Expected) -> bool:
    """Whether Flux has tried the expected commit everywhere, so that what it says is said of this commit."""
    return all(
        _status(one).get("lastAttemptedRevision") == expected.revision
        or condition(one, "Ready").get("reason") in ("DependencyNotReady", "ArtifactFailed")
        for one in seen.get("Kustomization", ())
        if _source(one) == "flux-system"
    )


def untold(seen: Seen, expected: Expected) -> list[Item]:
    """Kustomizations that are content with an older commit, although the expected one is in the cluster."""
    source = next((one for one in seen.get("GitRepository", ()) if _place(one) == ("flux-system", "flux-system")), {})
    if (_status(source).get("artifact") or {}).get("revision") != expected.revision:
        return []
    return [
        Item("Kustomization", *_place(one), "", one)
        for one in seen.get("Kustomization", ())
        if _source(one) == "flux-system" and _true(condition(one, "Ready"))
        and _status(one).get("lastAttemptedRevision") != expected.revision
    ]  # fmt: skip


def _needs(one: Object) -> list[str]:
    return [str(other.get("name")) for other in _spec(one or {}).get("dependsOn") or []]


# -- one object ----------------------------------------------------------------------------------------------


def why_not(kind: str, one: Object, expected: Expected) -> str:
    """Why `one` is not ready, in Kubernetes' own words; empty when it is."""
    if (one.get("metadata") or {}).get("deletionTimestamp"):
        return "it is being taken away"
    if kind == "Deployment":
        wanted = _spec(one).get("replicas", 1)
        return "" if _status(one).get("availableReplicas", 0) >= wanted else "its pod does not run yet"
    name = "Programmed" if kind == "Gateway" else "Ready"
    found = condition(one, name)
    if not found:
        return "it has not been looked at yet"
    if not _true(found) or not _current(one, found):
        return f"{found.get('reason', '')}: {message(found)}".strip(": ") or "it has not been looked at yet"
    return _behind(kind, one, expected)


def _behind(kind: str, one: Object, expected: Expected) -> str:
    """Why an object that is Ready is not what is expected yet."""
    status = _status(one)
    if kind == "GitRepository" and _place(one) == ("flux-system", "flux-system"):
        here = (status.get("artifact") or {}).get("revision")
        return "" if here == expected.revision else f"it is at {short(here)}, not yet at {short(expected.revision)}"
    if kind == "Kustomization" and _source(one) == "flux-system":
        here = status.get("lastAppliedRevision")
        return "" if here == expected.revision else f"it is at {short(here)}, not yet at {short(expected.revision)}"
    if kind == "Gateway":
        wanted = dict(expected.addresses).get(_place(one)[1])
        shown = [str(address.get("value")) for address in status.get("addresses") or []]
        return "" if wanted is None or wanted in shown else f"its address is {', '.join(shown) or 'none'}, not {wanted}"
    return ""


def _other_issuer(kind: str, one: Object, seen: Seen) -> str:
    """Why a Certificate is not what its Gateway asks for: cert-manager follows a changed Gateway a moment later."""
    if kind != "Certificate":
        return ""
    here, wanted = (_spec(one).get("issuerRef") or {}).get("name"), issuer_of(one, seen.get("Gateway", ()))
    return f"it is still to be had from {here}" if wanted and here != wanted else ""


def issuer_of(certificate: Object, gateways: Sequence[Object]) -> str:
    """The ClusterIssuer that a Certificate's Gateway names; empty for a Certificate that no Gateway asked for."""
    owners = (certificate.get("metadata") or {}).get("ownerReferences") or []
    names = {(_place(certificate)[0], each.get("name")) for each in owners if each.get("kind") == "Gateway"}
    notes = [(one["metadata"].get("annotations") or {}) for one in gateways if _place(one) in names]
    return next((str(one[CLUSTER_ISSUER]) for one in notes if CLUSTER_ISSUER in one), "")


def _current(one: Object, found: Object) -> bool:
    """Whether what is said is said of the object as it is now."""
    generation = (one.get("metadata") or {}).get("generation")
    seen = found.get("observedGeneration", _status(one).get("observedGeneration"))
    return bool(seen == generation)


def condition(one: Object, name: str) -> Object:
    return next((c for c in _status(one).get("conditions") or [] if c.get("type") == name), {})


def message(found: Object) -> str:
    return " ".join(str(found.get("message") or "").split())


def short(revision: Any) -> str:
    """``main@sha1:0123456789…`` as a person writes it: ``main@01234567``; "nothing" for none."""
    branch, _, digest = str(revision or "").partition("@")
    return f"{branch}@{digest.rpartition(':')[2][:8]}" if digest else "nothing"


def inventory(kustomization: Object) -> Iterator[tuple[str, str, str]]:
    """Kind, namespace and name of everything that a Kustomization has applied."""
    for entry in (_status(kustomization).get("inventory") or {}).get("entries") or []:
        parts = str(entry.get("id", "")).split("_")
        if len(parts) == 4:
            namespace, name, _, kind = parts
            yield kind, namespace, name


def _true(found: Object) -> bool:
    return found.get("status") == "True"


def _place(one: Object) -> tuple[str, str]:
    meta = one.get("metadata") or {}
    return str(meta.get("namespace", "")), str(meta.get("name", ""))


def _source(one: Object) -> Any:
    return (_spec(one).get("sourceRef") or {}).get("name")


def _spec(one: Object) -> Mapping[str, Any]:
    return one.get("spec") or {}


def _status(one: Object) -> Mapping[str, Any]:
    return one.get("status") or {}
