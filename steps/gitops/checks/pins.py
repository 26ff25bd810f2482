"""Is everything pinned? What moves by itself makes two nodes, or today and tomorrow, different."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from steps.gitops import sight
from steps.gitops.reach import SYSTEM
from steps.gitops.tree import Finding, Tree, get, mapping

_FIXED = re.compile(r"v?\d+\.\d+\.\d+([-+.][\w.+-]+)?", re.ASCII)
MOVING = ("latest", "stable", "main", "master", "edge", "nightly", "dev", "develop", "rolling", "release")


def images(tree: Tree) -> Iterator[Finding]:
    for one in tree.objects:
        for way, container in sight.containers(one):
            image = container.get("image")
            if isinstance(image, str) and "${" not in image and (why := _moves(image)):
                fix = "Write the version: NAME:VERSION, or NAME@sha256:…"
                yield one.finding("image-not-pinned", (*way, "image"), f"the image {image} {why}", fix)
    for release in tree.of("HelmRelease"):
        yield from _in_values(release, release.spec.get("values"), ("spec", "values"))


def _moves(image: str) -> str:
    if "@sha256:" in image:
        return ""
    name, colon, tag = image.rpartition(":")
    if not colon or "/" in tag or not name:
        return "has no version"
    return "is another one from time to time" if tag in MOVING else ""


def _in_values(release: Any, values: Any, way: tuple[str | int, ...]) -> Iterator[Finding]:
    """``image: {repository: …, tag: latest}``, which most charts take."""
    for key, value in mapping(values).items():
        here = (*way, key)
        inside = mapping(value)
        if "repository" in inside and str(inside.get("tag", "")) in MOVING and not inside.get("digest"):
            what = f"{'.'.join(map(str, here[2:]))}.tag is {inside['tag']}, another image from time to time"
            yield release.finding("image-not-pinned", (*here, "tag"), what, "Write the version.")
        elif inside:
            yield from _in_values(release, inside, here)


def chart_versions(tree: Tree) -> Iterator[Finding]:
    for one in tree.of("HelmRelease"):
        spec = mapping(get(one.spec, "chart", "spec"))
        kind = get(spec, "sourceRef", "kind")
        if not spec or kind in ("GitRepository", "Bucket"):  # the version is whatever lies there
            continue
        version = str(spec.get("version") or "")
        if "${" not in version and not _FIXED.fullmatch(version):
            what = f"the version of its chart is {version}, not a fixed one" if version else "its chart has no version"
            yield one.finding("chart-not-pinned", ("spec", "chart", "spec", "version"), what, "Write version: X.Y.Z.")
    for one in tree.of("OCIRepository"):
        ref = mapping(one.spec.get("ref"))
        tag = str(ref.get("tag") or "")
        if one.name != SYSTEM and not ref.get("digest") and "${" not in tag and (not tag or tag in MOVING):
            said = f"ref.semver {ref['semver']}" if ref.get("semver") else f"the tag {tag or 'latest'}"
            yield one.finding(
                "chart-not-pinned", ("spec", "ref"), f"{said} is not a fixed version", "Write ref: {tag: X.Y.Z}."
            )


def repositories(tree: Tree) -> Iterator[Finding]:
    ours = {one.spec.get("url") for one in tree.of("GitRepository") if one.name == SYSTEM}
    for one in tree.of("GitRepository"):
        ref = mapping(one.spec.get("ref"))
        if one.name == SYSTEM or ref.get("tag") or ref.get("commit") or ref.get("name"):
            continue
        if one.spec.get("url") in ours:
            continue
        moving = f"the branch {ref['branch']}" if ref.get("branch") else f"ref {dict(ref) or 'left out'}"
        what = f"{moving} of somebody else's repository: whatever is pushed there is applied here"
        yield one.finding("source-not-pinned", ("spec", "ref"), what, "Write ref: {tag: …} or {commit: …}.")


RULES: tuple[Any, ...] = (images, chart_versions, repositories)
