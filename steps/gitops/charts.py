"""What is known of the charts that homes use: `assets/schemas/charts.yaml`, and the schemas of their values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from steps.gitops.tree import Name, Object, Tree, get, mapping
from wizard import assets
from wizard.yamllines import documents

OVERRIDES = ("nameOverride", "fullnameOverride", "extraObjects", "extraManifests", "extraDeploy")


@dataclass(frozen=True)
class Chart:
    """The chart of a release. `version` is empty when none is fixed; `pinned` when it is the one homelab installs."""

    name: str
    version: str = ""
    source: Object | None = None

    @property
    def pinned(self) -> bool:
        return pinned_version(self.name) == self.version

    @property
    def like_pinned(self) -> bool:
        """Whether its values are most likely those of the pinned version: the same major one, or minor one of 0."""
        ours, theirs = (version.removeprefix("v").split(".") for version in (pinned_version(self.name), self.version))
        same = 2 if ours[0] == "0" else 1
        return ours[:same] == theirs[:same]

    @property
    def known(self) -> Mapping[str, Any]:
        return mapping(_known().get(self.name))


def pinned_version(name: str) -> str:
    """The version of a chart that homelab installs, which is also the one of its schema here."""
    return str(mapping(assets.versions()["charts"].get(name)).get("version") or "")


@cache
def _known() -> Mapping[str, Any]:
    return mapping(documents(assets.text("schemas/charts.yaml"))[0].data)


@cache
def schema(name: str) -> Mapping[str, Any]:
    """The schema of a chart's values; empty when there is none."""
    file = assets.root() / "schemas" / "charts" / f"{name}.json"
    return mapping(json.loads(file.read_text(encoding="utf-8"))) if name and file.exists() else {}


def chart_of(release: Object, tree: Tree) -> Chart:
    """The chart that a HelmRelease installs; without a name when its source is not in the repository."""
    given = mapping(get(release.spec, "chart", "spec"))
    if given.get("chart"):
        source = _source(release, mapping(given.get("sourceRef")), tree)
        return Chart(str(given["chart"]).rpartition("/")[2], str(given.get("version") or ""), source)
    source = _source(release, mapping(release.spec.get("chartRef")), tree)
    if source is None:
        return Chart("")
    if source.kind == "HelmChart":
        return Chart(str(source.spec.get("chart")), str(source.spec.get("version") or ""), source)
    version = get(source.spec, "ref", "tag") or ""
    return Chart(str(source.spec.get("url", "")).rstrip("/").rpartition("/")[2], str(version), source)


def _source(release: Object, reference: Mapping[str, Any], tree: Tree) -> Object | None:
    key: Name = str(reference.get("namespace") or release.namespace), str(reference.get("name"))
    return tree.named(str(reference.get("kind"))).get(key)


def installs_into(release: Object) -> str:
    """The namespace that a release's objects are in."""
    return str(release.spec.get("targetNamespace") or release.namespace)


def release_name(release: Object) -> str:
    space = release.spec.get("targetNamespace")
    return str(release.spec.get("releaseName") or (f"{space}-{release.name}" if space else release.name))


def services(release: Object, chart: Chart) -> Mapping[str, list[int]] | None:
    """The Services that a release makes, and their ports; None when that is not known."""
    table = chart.known.get("services")
    values = mapping(release.spec.get("values"))
    unsure = release.spec.get("valuesFrom") or release.spec.get("postRenderers")
    if table is None or unsure or any(values.get(key) for key in OVERRIDES):
        return None
    name = release_name(release)
    full = name if chart.name in name else f"{name}-{chart.name}"
    return {key.format(release=name, full=full): list(ports) for key, ports in mapping(table).items()}


def brings(release: Object, chart: Chart) -> Iterator[str]:
    """The API groups whose kinds a release makes known to the cluster."""
    for group, switches in mapping(chart.known.get("brings")).items():
        given = [get(release.spec, "values", *str(switch).split(".")) for switch in switches or ()]
        if not switches or any(one is True for one in given) or (chart.known.get("unless") and False not in given):
            yield group
