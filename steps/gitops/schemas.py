"""Which kinds are known, and their schemas: Kubernetes' own, those of the parts that homelab installs, and CRDs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from steps.gitops.schema import OPEN, Checker, Schema
from steps.gitops.tree import Object, items, mapping
from wizard import assets

FOLDER = "schemas"
PARTLY = ("monitoring.coreos.com/v1",)  # APIs of which not every kind is here
# Cluster-wide kinds of others, for folders that give everything a namespace.
CLUSTER_WIDE = frozenset((
    "ClusterIssuer", "GatewayClass", "ClusterSecretStore", "ClusterExternalSecret", "ClusterPolicy", "ClusterRole",
    "ClusterRoleBinding", "ClusterImageCatalog", "Bundle", "ClusterPushSecret", "CiliumClusterwideNetworkPolicy",
    "CiliumLoadBalancerIPPool", "CiliumL2AnnouncementPolicy", "CiliumBGPClusterConfig", "CiliumBGPPeerConfig",
    "CiliumBGPAdvertisement", "VolumeSnapshotClass", "ProxyClass", "Connector", "NodeFeatureRule",
))  # fmt: skip


@dataclass(frozen=True, eq=False)
class Kind:
    """How objects of one kind look: `checker` with the `schema` to begin with, and whether they have a namespace."""

    checker: Checker
    schema: Schema
    namespaced: bool


@cache
def built_in() -> Mapping[tuple[str, str], Kind]:
    """Kubernetes' own kinds by apiVersion and kind, made by tools/make_schemas.py."""
    data = json.loads(assets.text(f"{FOLDER}/kubernetes.json"))
    checker = Checker(data, nullable=True)
    found: dict[tuple[str, str], Kind] = {}
    for name, about in data["kinds"].items():
        version, kind = name.split(" ")
        schema = {"$ref": f"#/definitions/{about['model']}"}
        found[version, kind] = Kind(checker, schema, about["namespaced"])
    return found


@cache
def installed() -> Mapping[tuple[str, str], str]:
    """The kinds that parts of homelab bring, and the file of each one's schema."""
    folder = assets.root() / FOLDER / "crds"
    names = {file.name: file.stem.split("_") for file in sorted(folder.glob("*.json"))}
    return {(f"{group}/{version}", kind): name for name, (group, version, kind) in names.items()}


@cache
def _installed(name: str) -> Kind:
    return from_crd(json.loads(assets.text(f"{FOLDER}/crds/{name}")))


def from_crd(schema: Mapping[str, Any]) -> Kind:
    """A kind by its CustomResourceDefinition's schema, in which ``x-scope`` says whether it has a namespace."""
    fields = dict(mapping(schema.get("properties")))
    metadata = {"$ref": "#/definitions/V1ObjectMeta"}
    fields |= {"apiVersion": {}, "kind": {}, "metadata": metadata, "status": {OPEN: True}}
    definitions = next(iter(built_in().values())).checker.root["definitions"]
    return Kind(
        Checker({"definitions": definitions}), {**schema, "properties": fields}, schema.get("x-scope") != "Cluster"
    )


class Kinds:
    """Every kind that is known for one repository; its own CRDs count more than those that come with homelab."""

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self._own: dict[tuple[str, str], Kind] = {}
        for one in objects:
            if one.kind == "CustomResourceDefinition":
                self._add(one)

    def _add(self, crd: Object) -> None:
        names, group = mapping(crd.spec.get("names")), crd.spec.get("group")
        for _, version in items(crd.spec.get("versions")):
            schema = mapping(mapping(version.get("schema")).get("openAPIV3Schema"))
            if schema and version.get("served"):
                kind = from_crd({**schema, "x-scope": crd.spec.get("scope")})
                self._own[f"{group}/{version.get('name')}", str(names.get("kind"))] = kind

    def of(self, version: str, kind: str) -> Kind | None:
        key = version, kind
        if name := installed().get(key):
            return self._own.get(key) or _installed(name)
        return self._own.get(key) or built_in().get(key)

    def has(self, version: str) -> bool:
        """Whether any kind of that API version is known."""
        every = (*self._own, *installed(), *built_in())
        return version not in PARTLY and any(version == known for known, _ in every)

    def versions(self, kind: str, group: str) -> list[str]:
        """The API versions that `kind` is known in, those of the same group first."""
        every = [v for v, k in (*self._own, *installed(), *built_in()) if k == kind]
        return sorted(dict.fromkeys(every), key=lambda v: (v.rpartition("/")[0] != group, "beta" in v))


def cluster_wide(version: str, kind: str) -> bool:
    """Whether objects of this kind belong to no namespace, as far as that is known without looking at CRDs."""
    if known := built_in().get((version, kind)):
        return not known.namespaced
    return kind in CLUSTER_WIDE
