"""Patches as kustomize applies them: merged into an object, or as a list of operations (JSON 6902)."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

from steps.gitops.schemas import built_in
from steps.gitops.tree import Object, get, mapping, pattern

MERGE_KEYS = ("name", "mountPath", "containerPort", "port", "ip", "topologyKey", "devicePath")  # of built-in kinds


def selects(target: Mapping[str, Any], one: Object) -> bool:
    """Whether a patch's `target` means this object: names are regular expressions, labels must all be there."""
    wanted = {
        "kind": one.kind, "group": one.group, "version": one.version.rpartition("/")[2],
        "name": one.name, "namespace": one.namespace,
    }  # fmt: skip
    for field, value in wanted.items():
        if target.get(field) and not _matches(str(target[field]), value):
            return False
    labels = mapping(one.meta.get("labels"))
    notes = mapping(one.meta.get("annotations"))
    return _labelled(target.get("labelSelector"), labels) and _labelled(target.get("annotationSelector"), notes)


def _matches(wanted: str, value: str) -> bool:
    found = pattern(wanted)
    return bool(found.fullmatch(value)) if found else wanted == value


def _labelled(selector: Any, labels: Mapping[str, Any]) -> bool:
    for part in str(selector or "").split(","):
        key, equal, value = part.strip().replace("==", "=").partition("=")
        if key.startswith("!"):
            if key[1:] in labels:
                return False
        elif key.endswith("!") and equal:
            if labels.get(key[:-1].strip()) == value.strip():
                return False
        elif key and (key.strip() not in labels or (equal and str(labels[key.strip()]) != value.strip())):
            return False
    return True


def same_identity(patch: Mapping[str, Any], one: Object) -> bool:
    """Whether a merge patch without a target is for this object."""
    version = str(patch.get("apiVersion", ""))
    names = (str(get(patch, "metadata", "name")), get(patch, "metadata", "namespace"))
    return (
        one.kind == patch.get("kind")
        and one.group == version.rpartition("/")[0]
        and one.name == names[0]
        and names[1] in (None, one.namespace)
    )


def patched(body: Mapping[str, Any], patch: Any) -> Mapping[str, Any] | None:
    """`body` with the patch; None when the patch takes the object away. What can't be applied changes nothing."""
    if isinstance(patch, list):
        whole: Any = copy.deepcopy(body)
        for operation in patch:
            if isinstance(operation, Mapping):
                _operate(whole, operation)
        return mapping(whole)
    if get(patch, "$patch") == "delete":
        return None
    by_name = (str(body.get("apiVersion")), str(body.get("kind"))) in built_in()  # of others kustomize replaces lists
    fields = {key: value for key, value in patch.items() if key not in ("apiVersion", "kind")}
    keep = {"name": get(body, "metadata", "name"), "namespace": get(body, "metadata", "namespace")}
    merged = _merge(body, fields, by_name)
    merged["metadata"] = {**mapping(merged.get("metadata")), **{key: value for key, value in keep.items() if value}}
    return mapping(merged)


def _merge(old: Any, new: Any, by_name: bool) -> Any:
    if isinstance(new, Mapping):
        if new.get("$patch") == "replace":
            return {key: value for key, value in new.items() if key != "$patch"}
        made = dict(old) if isinstance(old, Mapping) else {}
        for key, value in new.items():
            if key.startswith("$"):
                continue
            if value is None or get(value, "$patch") == "delete":
                made.pop(key, None)
            else:
                made[key] = _merge(made.get(key), value, by_name)
        return made
    if by_name and isinstance(old, list) and isinstance(new, list) and (key := _merge_key(old, new)):
        return _merge_lists(old, new, key)
    return new


def _merge_key(old: Sequence[Any], new: Sequence[Any]) -> str:
    """The field by which the items of two lists are the same; empty when the list is replaced as a whole."""
    both = [*old, *new]
    for key in MERGE_KEYS if new else ():
        if all(isinstance(one, Mapping) and key in one for one in both):
            return key
    return ""


def _merge_lists(old: Sequence[Any], new: Sequence[Any], key: str) -> list[Any]:
    made = {one[key]: one for one in old}
    for one in new:
        if one.get("$patch") == "delete":
            made.pop(one[key], None)
        else:
            made[one[key]] = _merge(made.get(one[key], {}), one, True)
    return list(made.values())


def _operate(whole: Any, operation: Mapping[str, Any]) -> None:
    """One operation of a JSON patch, in place."""
    way = [step.replace("~1", "/").replace("~0", "~") for step in str(operation.get("path", "")).split("/")[1:]]
    if not way:
        return
    parent = whole
    for step in way[:-1]:
        parent = get(parent, int(step) if isinstance(parent, list) and step.isdigit() else step)
    last, value = way[-1], copy.deepcopy(operation.get("value"))
    match parent, operation.get("op"):
        case dict(), "add" | "replace":
            parent[last] = value
        case dict(), "remove":
            parent.pop(last, None)
        case list(), "add" if last == "-":
            parent.append(value)
        case list(), "add" if last.isdigit():
            parent.insert(int(last), value)
        case list(), "replace" if last.isdigit() and int(last) < len(parent):
            parent[int(last)] = value
        case list(), "remove" if last.isdigit() and int(last) < len(parent):
            del parent[int(last)]
