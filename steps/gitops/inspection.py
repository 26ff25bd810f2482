"""A person's own checkout: its files as `validate` looks at them, and what is on its way, for plain secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from steps.gitops.checks import leaks
from steps.gitops.codes import SEVERITY
from steps.gitops.tree import Finding
from steps.gitops.validate import validate
from wizard.checkout import Checkout


def inspect(checkouts: Sequence[Checkout]) -> list[Finding]:
    """Every finding, those of the files first, then those of what is staged, then those of commits, newest first."""
    found: dict[Finding, None] = {}
    for checkout in checkouts:
        unread = [_unread(name, why) for name, why in checkout.unread.items()]
        files = validate(checkout.files, own=False)
        known = {(one.code, one.file, one.what) for one in files}
        found |= dict.fromkeys(sorted([*files, *unread], key=lambda one: (one.file, one.line, one.code)))
        found |= dict.fromkeys(one for one in _versions(checkout) if (one.code, one.file, one.what) not in known)
    return list(found)


def _unread(name: str, why: str) -> Finding:
    what = f"This file was not checked: {why}."
    return Finding("file-unread", name, 0, what, "Mend that, or take the file out.", SEVERITY["file-unread"])


def _versions(checkout: Checkout) -> Iterator[Finding]:
    """Plain secrets that are in no file any more, but still on their way: a push takes every commit with it."""
    told: set[tuple[str, str, str]] = set()
    for version in checkout.versions:
        for one in leaks.leaks(version.path, version.text):
            key = (one.code, one.file, one.what)
            if key not in told:
                told.add(key)
                yield replace(one, commit=version.at, fix=_fix(version.at, one.file))


def _fix(at: str, file: str) -> str:
    if at == "staged":
        return f"It is staged. Run: git restore --staged {file}, then encrypt it."
    return (
        "It is in a commit that has not been pushed. Take it out of that commit (git rebase -i), or begin the branch"
        " anew from what is pushed. A new commit on top would not help."
    )
