"""What belongs into the repository, what lies there, what a person changed there, and what is left to do about it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from steps import domains, nodes, repository_apps
from steps import repository_access as access
from steps.gitops.components import is_secret
from steps.gitops.forge import forge_of
from steps.gitops.merge import Conflict, Merged, merge, mine, same
from steps.gitops.render import render, secret_files
from steps.gitops.settings import Settings, from_answers
from steps.reach import runbook
from steps.repository_edits import decision, hidden
from steps.repository_questions import provider
from steps.repository_secrets import Vault
from wizard.context import Context
from wizard.repo import GONE, Author, Repo

AUTHOR = Author("homelab-wizard", "homelab-wizard@homelab.invalid")
# where both changed the same lines, the person's stay
YIELDING = frozenset({"README.md", ".gitattributes", "renovate.json", ".gitlab-ci.yml"})


@dataclass(frozen=True)
class Both:
    """A file that homelab wants otherwise and that a person has changed: both sides, and what they make together.

    Of an encrypted file these are the plain texts; None where there is no file.
    """

    wanted: str | None = field(repr=False)
    theirs: str | None = field(repr=False)
    merged: Merged = field(repr=False)

    @property
    def matters(self) -> bool:
        """Whether there is something to do. A decision is, even for what is there: it is not to be asked for again."""
        return self.merged.text != self.theirs or bool(self.merged.conflicts)


@dataclass(frozen=True)
class Difference:
    """Paths to write as homelab has them, paths to take away, and files that a person has changed as well."""

    write: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    both: Mapping[str, Both] = field(default_factory=dict)

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return tuple(conflict for one in self.both.values() for conflict in one.merged.conflicts)

    @property
    def empty(self) -> bool:
        return not (self.write or self.gone or self.both)


def blob_id(text: str) -> str:
    """git's name for this content."""
    data = text.encode()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def compare(
    wanted: Mapping[str, str], now: Mapping[str, str], last: Mapping[str, str]
) -> tuple[list[str], list[str], list[str]]:
    """Paths to write, to take away, and to merge; each side as path -> content id. Pure.

    `wanted` is what is rendered, `now` what lies there, `last` what this program wrote last (`GONE`: took away).
    What only the person changed stays as it is.
    """
    write: list[str] = []
    gone: list[str] = []
    both: list[str] = []
    for path in sorted(wanted.keys() | last.keys()):
        new, old, ours = (side.get(path, GONE) for side in (wanted, now, last))
        if new not in (old, ours):
            (both if old != ours else gone if new == GONE else write).append(path)
    return write, gone, both


def settings(ctx: Context, repo: Repo | None, base: str | None) -> Settings:
    """What to render. The age recipient is empty while there is no key.

    `base` is the commit whose apps count: compared with it, an app that is left out here is one to be taken away.
    """
    recipient = str(ctx.state.recall("repository", "age_recipient") or "")
    names = nodes.hostnames(ctx)
    made = from_answers(
        ctx.answers, cluster=ctx.state.cluster, age_recipient=recipient, names=names,
        acme_ca=domains.authority(ctx.answers),
    )  # fmt: skip
    url, where = access.address(ctx), provider(ctx.answers["repository"])
    told = runbook.Told.recalled(ctx)
    made = replace(
        made, git_url=url, forge=forge_of(url, "" if where == "git" else where), reached=told.rows, measured=told.on
    )
    return repository_apps.with_apps(ctx, made, repo, base) if repo else made


@dataclass(frozen=True)
class Content:
    """The repository as it must be and as it is at `base` (None: empty)."""

    ctx: Context
    repo: Repo
    base: str | None
    settings: Settings
    given: Mapping[str, str] | None = None  # what the settings make, where that is known already
    only: frozenset[str] = frozenset()  # leave all other paths as they are; in these, a person's lines stay

    @cached_property
    def rendered(self) -> Mapping[str, str]:
        return render(self.settings) if self.given is None else self.given

    @cached_property
    def sealed(self) -> frozenset[str]:
        """The paths of the encrypted files."""
        return frozenset(secret_files(self.settings))

    @cached_property
    def vault(self) -> Vault:
        return Vault(self.ctx, self.repo, self.settings)

    @cached_property
    def now(self) -> dict[str, str]:
        return self.repo.files(self.base) if self.base else {}

    @cached_property
    def last(self) -> dict[str, str]:
        if not self.base:
            return {}
        found = self.repo.last_written(AUTHOR, self.base)
        given_away = repository_apps.given_away(self.settings, lambda path: self.text(path, self.now), found)
        return {path: blob for path, blob in found.items() if path not in given_away}

    @cached_property
    def difference(self) -> Difference:
        """What is left to do. A conflict ends as the person decided; as long as they have not, as they wrote it."""
        if self.only:
            return self._one_by_one()
        wanted = {path: blob_id(text) for path, text in self.rendered.items()}
        last = {path: blob for path, blob in self.last.items() if path not in self.sealed}
        write, gone, both = compare(wanted, self.now, last)
        leaving = [path for path in both if repository_apps.leaves(self.ctx, path) and self.now.get(path)]
        gone += leaving  # whoever takes an app away takes along what they edited in it
        merged: dict[str, Both | None] = {path: self._merge(path) for path in both if path not in leaving}
        for path in sorted(self.sealed):
            now = self.now.get(path)
            if (now or GONE) != self.last.get(path, GONE):
                merged[path] = self._merge_sealed(path, now)
            elif not self.vault.holds(path, self.vault.opened(path, now)):
                write.append(path)
        matter = {path: one for path, one in sorted(merged.items()) if one and one.matters}
        return Difference(tuple(sorted(write)), tuple(sorted(gone)), matter)

    def _one_by_one(self) -> Difference:
        """The same for the paths in `only`, none of which is encrypted."""
        wanted = {path: blob_id(self.rendered[path]) for path in self.only}
        write, _, both = compare(wanted, self.now, {path: self.last.get(path, GONE) for path in self.only})
        merged = {path: self._merge(path) for path in both}
        return Difference(tuple(write), (), {path: one for path, one in merged.items() if one.matters})

    @property
    def _take(self) -> Callable[[Conflict], bool]:
        return mine if self.only else decision(self.ctx.answers) or mine

    def text(self, path: str, of: Mapping[str, str]) -> str | None:
        """The text at `path` in the files `of`; None where there is none."""
        blob = of.get(path, GONE)
        return None if blob == GONE else self.repo.read(blob)

    def _merge(self, path: str) -> Both:
        base, theirs, wanted = self.text(path, self.last), self.text(path, self.now), self.rendered.get(path)
        if path in YIELDING:
            return Both(wanted, theirs, Merged(merge(path, base, theirs, wanted).text))
        merged = merge(path, base, theirs, wanted, self._take)
        if is_secret(path):  # one that is not wanted any more
            merged = Merged(merged.text, tuple(map(hidden, merged.conflicts)))
        return Both(wanted, theirs, merged)

    def _merge_sealed(self, path: str, now: str | None) -> Both | None:
        """The same for an encrypted file; None when what the person made of it is as good."""
        last = self.last.get(path, GONE)
        base, theirs = (self.vault.opened(path, blob) for blob in (None if last == GONE else last, now))
        if self.vault.holds(path, base or theirs) and not (base and theirs):
            return None  # nothing is wanted there but what is, or was when it was taken away or locked
        wanted = self.vault.filled(path, base, theirs)
        if now and theirs is None:  # it opens with another key only
            locked = hidden(Conflict(path, "", 1, "", ""))
            return Both(wanted, "", Merged(wanted if self._take(locked) else "", (locked,)))
        merged = merge(path, base, theirs, wanted, lambda conflict: self._take(hidden(conflict)))
        if not merged.conflicts and merged.text and theirs and same(merged.text, theirs):
            return None  # sops writes YAML in a way of its own: only what it means counts
        return Both(wanted, theirs, Merged(merged.text, tuple(map(hidden, merged.conflicts))))
