"""Is each object of a shape that Kubernetes takes? Offline: built-in kinds by the client's models, others by schema.

An unknown field is refused here, although a cluster would ignore it: it is a mistake that nobody would notice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from steps.gitops.tree import Finding, Object, Tree, get
from wizard import assets

Way = tuple[str | int, ...]
Complaint = tuple[Way, str]

BUILT_IN = {  # apiVersion and kind -> the model's name in the package `kubernetes`
    ("v1", "Namespace"): "V1Namespace", ("v1", "Secret"): "V1Secret", ("v1", "Service"): "V1Service",
    ("v1", "ConfigMap"): "V1ConfigMap", ("v1", "ServiceAccount"): "V1ServiceAccount",
    ("v1", "PersistentVolumeClaim"): "V1PersistentVolumeClaim", ("apps/v1", "Deployment"): "V1Deployment",
    ("apps/v1", "DaemonSet"): "V1DaemonSet", ("apps/v1", "StatefulSet"): "V1StatefulSet",
    ("batch/v1", "CronJob"): "V1CronJob", ("batch/v1", "Job"): "V1Job",
    ("rbac.authorization.k8s.io/v1", "Role"): "V1Role",
    ("rbac.authorization.k8s.io/v1", "ClusterRole"): "V1ClusterRole",
    ("rbac.authorization.k8s.io/v1", "RoleBinding"): "V1RoleBinding",
    ("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"): "V1ClusterRoleBinding",
    ("networking.k8s.io/v1", "NetworkPolicy"): "V1NetworkPolicy",
}  # fmt: skip
CLUSTER_WIDE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "GatewayClass", "ClusterIssuer"}
_SIMPLE: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "bool": (bool,), "float": (int, float)}
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")


def shapes(tree: Tree) -> list[Finding]:
    """What is wrong with the shape of each object, and of the values of each chart whose schema is known."""
    found: list[Finding] = []
    for one in tree.objects:
        found += [one.finding(way, what, fix) for way, what, fix in _identity(one)]
        found += [one.finding(way, f"{_dotted(way)}: {what}.") for way, what in _shape(one)]
        found += [one.finding(way, f"{_dotted(way)}: {what}.") for way, what in _values(one, tree)]
    return found


def _identity(one: Object) -> Iterator[tuple[Way, str, str]]:
    version = str(one.body.get("apiVersion", ""))
    if (version, one.kind) not in BUILT_IN and not _schema_file(version, one.kind).exists():
        close = next((v for v, kind in (*BUILT_IN, *_schemas()) if kind == one.kind), "")
        fix = (
            f"Write apiVersion: {close}."
            if close
            else "Is it spelt right? Only kinds that are known here can be checked."
        )
        yield ("apiVersion",), f"the kind {one.kind or '(none)'} of {version or '(no apiVersion)'} is not known", fix
    if not _NAME.fullmatch(one.name):
        yield ("metadata", "name"), "metadata.name is missing or not a name", "Small letters, digits and dashes."
    if not one.namespace and one.kind not in CLUSTER_WIDE:
        yield ("metadata",), "metadata.namespace is missing", "It would land in whatever namespace is the default."
    if one.namespace and one.kind in CLUSTER_WIDE:
        yield ("metadata", "namespace"), "this kind belongs to no namespace", "Leave metadata.namespace out."


def _shape(one: Object) -> Iterator[Complaint]:
    version = str(one.body.get("apiVersion", ""))
    if model := BUILT_IN.get((version, one.kind)):
        body = {key: value for key, value in one.body.items() if not (one.kind == "Secret" and key == "sops")}
        yield from _built_in(body, model, ())
    elif (file := _schema_file(version, one.kind)).exists():
        yield from _by_schema(one.body, file, ())
        yield from _built_in(one.meta, "V1ObjectMeta", ("metadata",))


def _values(one: Object, tree: Tree) -> Iterator[Complaint]:
    """A HelmRelease's values against the schema that the chart carries."""
    if one.kind != "HelmRelease":
        return
    file = assets.root() / "schemas" / "charts" / f"{chart_of(one, tree)}.json"
    if file.exists():
        yield from _by_schema(one.spec.get("values") or {}, file, ("spec", "values"))


def chart_of(release: Object, tree: Tree) -> str:
    """The name of the chart that a HelmRelease installs; empty when its source is not in the repository."""
    if chart := get(release.spec, "chart", "spec", "chart"):
        return str(chart)
    reference = get(release.spec, "chartRef", "name")
    space = get(release.spec, "chartRef", "namespace") or release.namespace
    for source in tree.of("OCIRepository"):
        if (source.name, source.namespace) == (reference, space):
            return str(source.spec.get("url", "")).rpartition("/")[2]
    return ""


def _schema_file(version: str, kind: str) -> Path:
    group, _, number = version.rpartition("/")
    return assets.root() / "schemas" / "crds" / f"{group}_{number}_{kind}.json"


def _schemas() -> list[tuple[str, str]]:
    names = [file.stem.split("_") for file in sorted((assets.root() / "schemas" / "crds").glob("*.json"))]
    return [(f"{group}/{version}", kind) for group, version, kind in names]


# -- by JSON Schema ------------------------------------------------------------------------------------------


@cache
def _validator(file: Path) -> Any:
    import jsonschema

    schema = json.loads(file.read_text(encoding="utf-8"))
    return jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)(schema)


def _by_schema(body: Any, file: Path, base: Way) -> Iterator[Complaint]:
    for error in sorted(_validator(file).iter_errors(body), key=lambda one: [str(step) for step in one.absolute_path]):
        way: Way = (*base, *error.absolute_path)
        if error.validator == "additionalProperties":
            known = error.schema.get("properties", {})
            patterns = error.schema.get("patternProperties", {})
            for key in error.instance:
                if key not in known and not any(re.search(pattern, key) for pattern in patterns):
                    yield (*way, key), f"there is no such field{_known(known)}"
        else:
            yield way, error.message[:200]


def _known(known: Mapping[str, Any]) -> str:
    return f" (known here: {', '.join(sorted(known))})" if 0 < len(known) <= 12 else ""


# -- by the models of the Kubernetes client -------------------------------------------------------------------


def _built_in(body: Any, kind: str, way: Way) -> Iterator[Complaint]:
    """`body` against the type `kind` as the models spell it: V1PodSpec, List[V1Container], Dict[str, str], str."""
    listed = re.fullmatch(r"[Ll]ist\[(.+)\]", kind)
    mapped = re.fullmatch(r"[Dd]ict[\[(]str, (.+)[\])]", kind)
    if listed:
        yield from _each(body, list, enumerate(body) if isinstance(body, list) else (), listed[1], way)
    elif mapped:
        yield from _each(body, Mapping, body.items() if isinstance(body, Mapping) else (), mapped[1], way)
    elif kind in _SIMPLE:
        if not isinstance(body, _SIMPLE[kind]) or (isinstance(body, bool) and kind != "bool"):
            yield way, f"{body!r} is not of the type {kind}"
    elif (model := _model(kind)) is not None:
        yield from _fields(body, model, way)


def _each(body: Any, wanted: Any, items: Any, kind: str, way: Way) -> Iterator[Complaint]:
    if not isinstance(body, wanted):
        yield way, "this must be a list" if wanted is list else "this must be a mapping"
    for key, value in items:
        yield from _built_in(value, kind, (*way, key))


def _fields(body: Any, model: Any, way: Way) -> Iterator[Complaint]:
    if not isinstance(body, Mapping):
        yield way, "this must be a mapping"
        return
    types = {name: model.openapi_types[attribute] for attribute, name in model.attribute_map.items()}
    for key, value in body.items():
        if key not in types:
            yield (*way, key), f"there is no such field{_known(types)}"
        elif value is not None:
            yield from _built_in(value, types[key], (*way, key))


@cache
def _model(name: str) -> Any:
    """A model class; None for what has no fields of its own (object, datetime)."""
    from kubernetes.client import models  # half a second, so only when something is checked

    return getattr(models, name, None)


def _dotted(way: Sequence[str | int]) -> str:
    return ".".join(str(step) for step in way)
