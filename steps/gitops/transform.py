"""What kustomize does to all objects of a folder alike: patches, namespace, names, labels, images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steps.gitops.patches import patched, same_identity, selects
from steps.gitops.schemas import cluster_wide
from steps.gitops.tree import Object, get, items, mapping


def apply_patch(objects: Sequence[Object], patch: Any, target: Any) -> tuple[list[Object], bool]:
    """The objects after a patch, and whether it was for any of them."""
    made: list[Object] = []
    hit = False
    for one in objects:
        meant = selects(target, one) if isinstance(target, Mapping) else same_identity(mapping(patch), one)
        if not meant or not isinstance(patch, list | Mapping):
            made.append(one)
            continue
        hit = True
        if (body := patched(one.body, patch)) is not None:
            made.append(one.with_body(body))
    return made, hit


def renamed(objects: Sequence[Object], recipe: Mapping[str, Any]) -> list[Object]:
    """The objects with the namespace, prefix, suffix, labels and images that the recipe gives them all."""
    space = str(recipe.get("namespace") or "")
    around = str(recipe.get("namePrefix") or ""), str(recipe.get("nameSuffix") or "")
    labels = dict(mapping(recipe.get("commonLabels")))
    for _, one in items(recipe.get("labels")):
        labels |= mapping(one.get("pairs"))
    labels |= mapping(get(recipe, "commonMetadata", "labels"))
    if not (space or any(around) or labels or recipe.get("images")):
        return list(objects)
    return [_renamed(one, space, around, labels, mapping_of_images(recipe)) for one in objects]


def _renamed(
    one: Object, space: str, around: tuple[str, str], labels: Mapping[str, Any], images: Mapping[str, Any]
) -> Object:
    meta = dict(one.meta)
    whole = cluster_wide(one.version, one.kind)
    if space and one.kind == "Namespace":
        meta["name"] = space
    elif space and not whole:
        meta["namespace"] = space
    if any(around) and one.kind not in ("Namespace", "CustomResourceDefinition"):
        meta["name"] = f"{around[0]}{one.name}{around[1]}"
    if labels:
        meta["labels"] = {**mapping(meta.get("labels")), **labels}
    body = {**one.body, "metadata": meta}
    return one.with_body(_with_images(body, images) if images else body)


def mapping_of_images(recipe: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {str(one.get("name")): one for _, one in items(recipe.get("images"))}


def _with_images(body: Any, images: Mapping[str, Any]) -> Any:
    if isinstance(body, list):
        return [_with_images(one, images) for one in body]
    if not isinstance(body, Mapping):
        return body
    made = {key: _with_images(value, images) for key, value in body.items()}
    image = made.get("image")
    if isinstance(image, str):
        name = image.partition("@")[0]
        plain = name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name
        if new := images.get(plain):
            made["image"] = _image(plain, name.removeprefix(plain).lstrip(":"), new)
    return made


def _image(name: str, tag: str, new: Mapping[str, Any]) -> str:
    name = str(new.get("newName") or name)
    if new.get("digest"):
        return f"{name}@{new['digest']}"
    tag = str(new.get("newTag") or tag)
    return f"{name}:{tag}" if tag else name
