"""Checks a repository before it is pushed: offline, pure, every mistake at once with file, line and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from steps.gitops import routing, rules
from steps.gitops.shapes import shapes
from steps.gitops.tree import Finding, Tree, parse

RULES: tuple[Callable[[Tree], Iterator[Finding]], ...] = (
    rules.no_plain_secret,
    rules.decrypted_where_needed,
    rules.secrets_there,
    rules.dependencies_closed,
    rules.dependencies_acyclic,
    rules.kinds_come_first,
    rules.namespaces_there,
    rules.paths_there,
    rules.sources_there,
    rules.nothing_twice,
    rules.retried,
    rules.addresses_in_pool,
    routing.listeners_heard,
    routing.classes_apart,
    routing.routes_lead_somewhere,
    routing.backends_there,
)


def validate(files: Mapping[str, str]) -> list[Finding]:
    """What is wrong in `files` (path in the repository -> text), in order of file and line. Empty: nothing."""
    tree, findings = parse(files)
    findings += shapes(tree)
    for rule in RULES:
        findings += rule(tree)
    return sorted(set(findings), key=lambda one: (one.file, one.line, one.what))
