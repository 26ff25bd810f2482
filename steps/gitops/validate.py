"""Checks a repository before it is pushed: offline, pure, every mistake at once with file, line and what to do."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from steps.gitops import reach
from steps.gitops.checks import addresses, certificates, dns, flux, gateways, leaks, order, pins, routes, workloads
from steps.gitops.codes import SEVERITY
from steps.gitops.kustomize import NAMES
from steps.gitops.schemas import Kinds
from steps.gitops.shapes import shapes
from steps.gitops.tree import ERROR, Finding, Tree, is_yaml, parse, read

Rule = Callable[[Tree], Iterator[Finding]]
RULES: tuple[Rule, ...] = tuple(
    rule
    for topic in (flux, order, pins, addresses, gateways, routes, certificates, dns, workloads)
    for rule in topic.RULES
)


def validate(files: Mapping[str, str], *, own: bool = True) -> list[Finding]:
    """What is wrong in `files` (path in the repository -> text), in order of file and line. Empty: nothing.

    `own`: all of it was rendered here, so everything must be known and every finding is a mistake. Otherwise it is a
    person's own repository: what can't be looked at is not judged, and some findings are only warnings.
    """
    reached = reach.reach(files, own=own)
    found = [*reached.findings, *_every_file(files)]
    trees = reached.trees or ([] if own else [parse(files)[0]])
    kinds = Kinds(one for name, text in files.items() if is_yaml(name) for one in read(name, text)[0])
    found += shapes(trees, kinds)
    for tree in trees:
        found += (finding for one in tree.objects for finding in leaks.generated(one))
        if reached.trees:
            found += (finding for rule in RULES for finding in rule(tree))
    found += _unused(files, reached.used)
    if not reached.trees and not own:
        found += _without_flux(files)
    return _in_order(found, own)


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """Those that must be mended before a push."""
    return [one for one in findings if one.severity == ERROR]


def _in_order(found: Iterable[Finding], own: bool) -> list[Finding]:
    graded = {one if own else replace(one, severity=SEVERITY[one.code]) for one in found if not _by_flux(one)}
    return sorted(graded, key=lambda one: (one.file, one.line, one.code, one.what))


def _by_flux(finding: Finding) -> bool:
    """Whether it is about a file that `flux bootstrap` writes, which is as it must be. A secret has no place there."""
    written = posixpath.basename(finding.file) in ("gotk-components.yaml", "gotk-sync.yaml")
    return written and finding.code not in ("private-key", "plain-secret")


def _every_file(files: Mapping[str, str]) -> Iterator[Finding]:
    """What is looked for in every file, whatever Flux makes of it."""
    rules = leaks.creation_rules(files)
    for name, text in files.items():
        yield from leaks.leaks(name, text)
        if is_yaml(name):
            yield from leaks.sealed_well(name, text, rules)


def _unused(files: Mapping[str, str], used: Iterable[str]) -> Iterator[Finding]:
    """Files with objects beside a kustomization.yaml that names them nowhere: nobody applies them."""
    taken = set(used)
    recipes = {posixpath.dirname(name) for name in taken if posixpath.basename(name) in NAMES}
    for name, text in files.items():
        here = is_yaml(name) and name not in taken and posixpath.basename(name) not in NAMES
        if here and posixpath.dirname(name) in recipes and (objects := read(name, text)[0]):
            what = "No kustomization.yaml names this file, so Flux does not apply it."
            yield Finding("file-unused", name, objects[0].at("kind"), what, "Add it to resources, or take it away.")


def _without_flux(files: Mapping[str, str]) -> Iterator[Finding]:
    if any(is_yaml(name) for name in files):
        what = "No Kustomization of Flux is here, so objects were checked one by one, not how they fit together."
        yield Finding("no-flux", ".", 0, what, "For a repository of Flux, name its topmost folder.")
