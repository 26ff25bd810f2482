"""The kinds that Kubernetes has built in, as schemas, from the models of the installed package `kubernetes`.

The models know fields, types and what is required. What a text field may hold they tell in prose only: the enums that
people get wrong are in tables here.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

QUANTITIES = {  # (model, field): its values are quantities, which may be written as numbers
    ("V1ResourceRequirements", "requests"), ("V1ResourceRequirements", "limits"),
    ("V1VolumeResourceRequirements", "requests"), ("V1VolumeResourceRequirements", "limits"),
    ("V1ResourceQuotaSpec", "hard"), ("V1LimitRangeItem", "default"), ("V1LimitRangeItem", "defaultRequest"),
    ("V1LimitRangeItem", "max"), ("V1LimitRangeItem", "min"), ("V1LimitRangeItem", "maxLimitRequestRatio"),
    ("V1PersistentVolumeSpec", "capacity"), ("V1Overhead", "podFixed"), ("V1EmptyDirVolumeSource", "sizeLimit"),
    ("V1ResourceFieldSelector", "divisor"), ("V2MetricTarget", "averageValue"), ("V2MetricTarget", "value"),
}  # fmt: skip
ENUMS = {  # (model, field): what may be written there; the models know only that it is a text
    ("V1Container", "imagePullPolicy"): ["Always", "IfNotPresent", "Never"],
    ("V1Container", "terminationMessagePolicy"): ["File", "FallbackToLogsOnError"],
    ("V1ContainerPort", "protocol"): ["TCP", "UDP", "SCTP"],
    ("V1CronJobSpec", "concurrencyPolicy"): ["Allow", "Forbid", "Replace"],
    ("V1DaemonSetUpdateStrategy", "type"): ["RollingUpdate", "OnDelete"],
    ("V1DeploymentStrategy", "type"): ["Recreate", "RollingUpdate"],
    ("V1EmptyDirVolumeSource", "medium"): ["", "Memory", "HugePages"],
    ("V1HTTPIngressPath", "pathType"): ["Exact", "Prefix", "ImplementationSpecific"],
    ("V1HTTPGetAction", "scheme"): ["HTTP", "HTTPS"],
    ("V1LabelSelectorRequirement", "operator"): ["In", "NotIn", "Exists", "DoesNotExist"],
    ("V1NodeSelectorRequirement", "operator"): ["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"],
    ("V1PersistentVolumeSpec", "persistentVolumeReclaimPolicy"): ["Retain", "Delete", "Recycle"],
    ("V1PersistentVolumeClaimSpec", "volumeMode"): ["Filesystem", "Block"],
    ("V1PodSpec", "restartPolicy"): ["Always", "OnFailure", "Never"],
    ("V1PodSpec", "dnsPolicy"): ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    ("V1SeccompProfile", "type"): ["RuntimeDefault", "Localhost", "Unconfined"],
    ("V1ServicePort", "protocol"): ["TCP", "UDP", "SCTP"],
    ("V1ServiceSpec", "type"): ["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    ("V1ServiceSpec", "externalTrafficPolicy"): ["Cluster", "Local"],
    ("V1ServiceSpec", "internalTrafficPolicy"): ["Cluster", "Local"],
    ("V1ServiceSpec", "ipFamilyPolicy"): ["SingleStack", "PreferDualStack", "RequireDualStack"],
    ("V1ServiceSpec", "sessionAffinity"): ["None", "ClientIP"],
    ("V1StatefulSetSpec", "podManagementPolicy"): ["OrderedReady", "Parallel"],
    ("V1StatefulSetUpdateStrategy", "type"): ["RollingUpdate", "OnDelete"],
    ("V1Toleration", "effect"): ["", "NoSchedule", "PreferNoSchedule", "NoExecute"],
    ("V1Toleration", "operator"): ["Exists", "Equal", "Lt", "Gt"],
    ("V1TopologySpreadConstraint", "whenUnsatisfiable"): ["DoNotSchedule", "ScheduleAnyway"],
}  # fmt: skip
LIST_ENUMS = {
    ("V1PersistentVolumeClaimSpec", "accessModes"): [
        "ReadWriteOnce", "ReadOnlyMany", "ReadWriteMany", "ReadWriteOncePod",
    ],
    ("V1NetworkPolicySpec", "policyTypes"): ["Ingress", "Egress"],
}  # fmt: skip
UNIQUE = {  # (model, field): no two items of the list may have these keys alike
    **{("V1PodSpec", field): ["name"] for field in ("containers", "initContainers", "volumes")},
    ("V1Container", "volumeMounts"): ["mountPath"], ("V1ServiceSpec", "ports"): ["port", "protocol"],
}  # fmt: skip
PORTS = ("port", "containerPort", "nodePort", "hostPort")
QUANTITY = {
    "pattern": r"^[+-]?(\d+|\d+\.\d*|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$",
    "type": ["number", "string"],
}
STATELESS = re.compile(r"Review$|^Eviction|^Binding$|^TokenRequest$|^Scale$|^Event$|^ComponentStatus$")


def kubernetes() -> dict[str, Any]:
    """Every kind by apiVersion and name, and the models that they are made of."""
    from kubernetes.client import models

    definitions: dict[str, Any] = {}
    kinds: dict[str, Any] = {}
    todo: list[str] = []
    for version, kind, model, namespaced in stored():
        kinds[f"{version} {kind}"] = {"model": model, "namespaced": namespaced}
        todo.append(model)
    while todo:
        name = todo.pop()
        if name not in definitions:
            definitions[name] = fields(name, getattr(models, name), todo)
    return {"definitions": definitions, "kinds": kinds}


def stored() -> Iterator[tuple[str, str, str, bool]]:
    """apiVersion, kind, model, whether it has a namespace: of everything that can be created by POST and is kept."""
    from kubernetes.client import api

    bodies: dict[str, str] = {}
    for file in sorted(Path(str(api.__file__)).parent.glob("*_api.py")):
        for method in re.split(r"\n    def ", file.read_text(encoding="utf-8")):
            name = method.partition("(")[0]
            if body := re.search(r"\n        body: (\w+),", method):
                bodies[name] = body[1]
            path = re.search(r"resource_path='/apis?/((?:[\w.]+/)?v\w+)/(namespaces/\{namespace\}/)?[a-z]+'", method)
            model = bodies.get(name.removeprefix("_").removesuffix("_serialize"), "object")
            kind = re.sub(r"^([A-Z][a-z]+)?V\d+((alpha|beta)\d+)?", "", model)
            wanted = name.startswith("_create_") and model != "object" and not STATELESS.search(kind)
            if path and wanted and "alpha" not in path[1]:
                yield path[1], kind, model, bool(path[2])


def fields(name: str, model: Any, todo: list[str]) -> dict[str, Any]:
    """The schema of one model. Models that it names are put on `todo`."""
    made: dict[str, Any] = {"type": "object", "properties": {}}
    needed = []
    for attribute, info in model.model_fields.items():
        field = model.attribute_map.get(attribute) or info.serialization_alias  # `from` is a word of Python
        if field == "status" and {"kind", "spec"} <= set(model.attribute_map.values()):
            continue
        made["properties"][field] = one_field(name, field, info.annotation, todo)
        if info.is_required():
            needed.append(field)
    if needed:
        made["required"] = needed
    if name == "V1JSONSchemaProps":
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return made


def one_field(model: str, field: str, annotation: Any, todo: list[str]) -> dict[str, Any]:
    schema = of_type(annotation, todo)
    if (model, field) in QUANTITIES:
        schema = {"type": "object", "additionalProperties": QUANTITY} if schema.get("type") == "object" else QUANTITY
    if (model, field) in ENUMS:
        schema["enum"] = ENUMS[model, field]
    if (model, field) in LIST_ENUMS:
        schema["items"]["enum"] = LIST_ENUMS[model, field]
    if (model, field) in UNIQUE:
        schema["x-kubernetes-list-map-keys"] = UNIQUE[model, field]
    if field in PORTS and schema.get("type") == "integer":
        schema |= {"minimum": 0 if field == "hostPort" else 1, "maximum": 65535}
    return schema


def of_type(annotation: Any, todo: list[str]) -> dict[str, Any]:
    """The schema of a type as the models write it."""
    origin, inside = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return of_type(inside[0], todo)
    if origin in (typing.Union, types.UnionType):
        several = [one for one in (of_type(one, todo) for one in inside if one is not types.NoneType) if one]
        kinds = sorted({str(one["type"]) for one in several if "type" in one})
        if kinds == ["integer", "string"]:
            return {"x-kubernetes-int-or-string": True}
        return several[0] if len(kinds) == 1 or len(several) == 1 else {"type": kinds} if several else {}
    if origin is list:
        return {"type": "array", "items": of_type(inside[0], todo)}
    if origin is dict:
        return {"type": "object", "additionalProperties": of_type(inside[1], todo) or True}
    simple = {str: "string", bytes: "string", int: "integer", bool: "boolean", float: "number"}
    if annotation in simple:
        return {"type": simple[annotation]}
    if getattr(annotation, "__name__", "") == "datetime":
        return {"type": "string"}
    if hasattr(annotation, "attribute_map"):
        todo.append(annotation.__name__)
        return {"$ref": f"#/definitions/{annotation.__name__}"}
    return {}
