"""Is each object of a shape that Kubernetes takes, and are the values of each release what its chart knows?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache

from steps.gitops import charts
from steps.gitops.schema import Checker, Complaint, Way, undecided
from steps.gitops.schemas import Kinds
from steps.gitops.tree import Finding, Object, Tree, mapping

KUSTOMIZE = "kustomize.config.k8s.io"  # its files are no objects of the cluster
_NAME = re.compile(r"[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?")
_LOOSE_NAME = re.compile(r"[^/%]{1,253}")  # RBAC's names may hold colons
_LABEL = re.compile(r"(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?", re.ASCII)
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?)?", re.ASCII)


def shapes(trees: Sequence[Tree], kinds: Kinds) -> Iterator[Finding]:
    """What is wrong with the shape of each object, and of the values of each chart whose schema is known."""
    every = {id(one): one for tree in trees for one in tree.objects if not one.made and one.group != KUSTOMIZE}
    own = all(tree.own for tree in trees)
    for one in every.values():  # what several clusters share is looked at once
        yield from _identity(one, kinds, own)
        yield from _fields(one, kinds)
    for tree in trees:
        for release in tree.of("HelmRelease"):
            yield from _values(release, tree)
    if not own:
        yield from _not_known(every.values(), kinds)


def _not_known(objects: Iterable[Object], kinds: Kinds) -> Iterator[Finding]:
    """One finding for each kind that is missing in an API that is known, and one for all of APIs that are not."""
    met: dict[tuple[str, str], list[Object]] = {}
    for one in objects:
        strange = kinds.of(one.version, one.kind) is None and not kinds.versions(one.kind, one.group)
        if strange and not undecided(one.kind):
            met.setdefault((one.version, one.kind), []).append(one)
    for key in [key for key in met if kinds.has(key[0])]:
        what = f"there is no kind {key[1]} in {key[0]}, as far as is known here, so it was not checked"
        yield met.pop(key)[0].finding("kind-unknown", ("kind",), what, "Is it spelt right?")
    if met:
        first = next(iter(met.values()))[0]
        names = ", ".join(f"{kind} ({version})" for version, kind in sorted(met, key=lambda key: key[1].lower()))
        what = f"these kinds are not known here, so {sum(map(len, met.values()))} objects were not checked: {names}"
        fix = "With its CustomResourceDefinition in the repository, a kind is checked."
        yield Finding("kind-unknown", first.file, first.at("kind"), f"{what[0].upper()}{what[1:]}.", fix)


def _identity(one: Object, kinds: Kinds, own: bool) -> Iterator[Finding]:
    kind = kinds.of(one.version, one.kind)
    if kind is None and not undecided(one.kind):
        known = kinds.versions(one.kind, one.group)
        here = [version for version in known if version.rpartition("/")[0] == one.group]
        if here:
            what, fix = f"there is no {one.version} any more, or not yet", f"Write apiVersion: {here[0]}."
            yield one.finding("api-version", ("apiVersion",), what, fix)
        elif known and own:
            what = f"the kind {one.kind} of {one.version} is not known"
            yield one.finding("kind-unknown", ("apiVersion",), what, f"Write apiVersion: {known[0]}.")
        elif own:
            what = f"the kind {one.kind} of {one.version} is not known"
            yield one.finding("kind-unknown", ("kind",), what, "Is it spelt right? Only known kinds can be checked.")
    if undecided(one.name) or undecided(one.namespace):
        return
    name = _LOOSE_NAME if one.group == "rbac.authorization.k8s.io" else _NAME
    if not name.fullmatch(one.name):
        fix = "A name has small letters, digits, dashes and dots."
        yield one.finding("name", ("metadata", "name"), "metadata.name is missing or not a name", fix)
    if kind and kind.namespaced and not one.namespace:
        fix = "Flux would not know where to put it: add metadata.namespace."
        yield one.finding("namespace-missing", ("metadata",), "metadata.namespace is missing", fix)
    if kind and not kind.namespaced and one.namespace:
        what = "this kind belongs to no namespace"
        yield one.finding("namespace-needless", ("metadata", "namespace"), what, "Leave metadata.namespace out.")


def _fields(one: Object, kinds: Kinds) -> Iterator[Finding]:
    kind = kinds.of(one.version, one.kind)
    if kind is not None:
        body = {key: value for key, value in one.body.items() if key != "sops"}
        for complaint in kind.checker.check(body, kind.schema):
            yield _told(one, complaint, (), "field-unknown" if complaint.code == "field-ignored" else complaint.code)
    for place, pattern in (("labels", _VALUE), ("annotations", None)):
        for key, value in mapping(one.meta.get(place)).items():
            if not _LABEL.fullmatch(key) or len(key.rpartition("/")[2]) > 63:
                fix = "A key is at most 63 letters, digits, dashes and dots, after a domain and a slash."
                yield one.finding("label", ("metadata", place, key), f"{key} is no key for {place}", fix)
            if pattern and isinstance(value, str) and not undecided(value) and not pattern.fullmatch(value):
                fix = "At most 63 letters, digits, dashes and dots."
                yield one.finding("label", ("metadata", place, key), f"the value of {key} is none for a label", fix)


def _told(one: Object, complaint: Complaint, base: Way, code: str) -> Finding:
    way = (*base, *complaint.way)
    where = ".".join(str(step) for step in way)
    what = f"{where}: {complaint.what}" if where else complaint.what
    if one.kind == "Secret" and complaint.code in ("field-type", "field-value"):
        what = f"{where}: this is not of the right type"  # never the value of a secret
    return one.finding(code, way, what, complaint.fix)


# -- charts --------------------------------------------------------------------------------------------------


@cache
def _chart(name: str) -> Checker | None:
    schema = charts.schema(name)
    return Checker(schema, nullable=True, closed=False) if schema else None


def _values(release: Object, tree: Tree) -> Iterator[Finding]:
    """A HelmRelease's values against the schema of its chart. A very different version would know other keys."""
    chart = charts.chart_of(release, tree)
    checker = _chart(chart.name)
    if checker is None or not chart.like_pinned:
        return
    codes = {"field-ignored": "value-ignored"}
    for complaint in checker.check(release.spec.get("values") or {}, checker.root):
        if complaint.code == "field-ignored" and complaint.way[-1] in checker.root.get("x-commented", ()):
            continue  # its values.yaml names such a value in a comment, somewhere
        code = codes.get(complaint.code, "value-wrong" if chart.pinned else "value-ignored")
        if complaint.code in ("field-ignored", "field-unknown"):
            what = f"the chart {chart.name} {charts.pinned_version(chart.name)} knows no such value"
            complaint = replace(complaint, what=what)
        yield _told(release, complaint, ("spec", "values"), code)
