"""The bare copy of a repository, read and written with GitPython. Made by `wizard.repo`, which knows why and when."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import git
from gitdb import IStream

from wizard.repo import GONE, Author, Log

FAILURES = (
    git.exc.GitError,
    git.exc.ODBError,
    OSError,
    ValueError,
)  # what GitPython raises when a copy is not what it was
_FILE, _PROGRAM, _FOLDER = 0o100644, 0o100755, 0o040000  # git's modes
_EMPTY = bytes.fromhex("4b825dc642cb6eb9a060e54bf8d69288fbee4904")  # git's id of a folder without anything in it

Entry = tuple[int, bytes]  # mode and id


class _Repo(git.Repo):
    """A repository that looks at its own settings only, not at those in the person's home."""

    def config_reader(self, config_level: Any = None) -> Any:
        return super().config_reader("repository")


class Bare:
    """The bare repository in `folder`; to be used in a ``with``, which ends the git that serves its objects.

    `env` is what git is started with beside the environment. Every method may raise one of `FAILURES`.
    """

    def __init__(self, folder: Path, env: Mapping[str, str]) -> None:
        self._repo = _Repo(folder, expand_vars=False)
        self._repo.git.update_environment(**env, GIT_DIR=str(folder.absolute()))
        self._seen: dict[str, dict[str, str]] = {}  # id of a folder -> what is in it

    @staticmethod
    def begin(folder: Path, branch: str, env: Mapping[str, str]) -> None:
        """Makes an empty one."""
        _Repo.init(folder, expand_vars=False, bare=True, initial_branch=branch, env=dict(env)).close()

    def __enter__(self) -> Bare:
        return self

    def __exit__(self, *_: object) -> None:
        self._repo.close()

    # -- reading -------------------------------------------------------------------------------------------

    def has(self, commit: str) -> bool:
        """Whether the commit is there."""
        try:
            return bool(self._repo.odb.info(bytes.fromhex(commit)).type == b"commit")
        except ValueError:
            return False

    def read(self, blob: str) -> str:
        """The text with the id `blob`."""
        content: bytes = self._repo.odb.stream(bytes.fromhex(blob)).read()
        return content.decode(errors="replace")

    def files(self, commit: str) -> dict[str, str]:
        """Every file of `commit`: path -> the id of its contents."""
        return dict(self._below(self._commit(commit).tree))

    def _commit(self, commit: str) -> git.Commit:
        return git.Commit(self._repo, bytes.fromhex(commit))

    def _below(self, folder: git.Tree) -> dict[str, str]:
        if folder.hexsha not in self._seen:
            found: dict[str, str] = {}
            for one in folder:
                if isinstance(one, git.Tree):
                    found |= {f"{one.name}/{path}": blob for path, blob in self._below(one).items()}
                elif isinstance(one, git.Blob):
                    found[one.name] = one.hexsha
            self._seen[folder.hexsha] = found
        return self._seen[folder.hexsha]

    # -- looking back --------------------------------------------------------------------------------------

    def last_written(self, author: Author, commit: str) -> dict[str, str]:
        """What `author` wrote last to each path, as of `commit`: path -> id, `GONE` where it was taken away."""
        found: dict[str, str] = {}
        for _, path, blob in self._changes(commit, author=f"^{re.escape(author.name)} <"):
            found.setdefault(path, blob)
        return found

    def log(self, commit: str, most: int) -> list[Log]:
        """At most `most` commits that led to `commit`, the newest first."""
        found = self._repo.iter_commits(commit, max_count=most)
        return [Log(one.hexsha, str(one.author.name), str(one.message)) for one in found]

    def outgoing(self, base: str | None, commit: str) -> list[tuple[str, str, str]]:
        """Every file that the commits after `base` up to `commit` write: commit, path, id."""
        return list(self._changes(f"{base}..{commit}" if base else commit))

    def _changes(self, commits: str, **options: Any) -> Iterator[tuple[str, str, str]]:
        """What each of `commits` changed, the newest first: commit, path, id. A merge changes nothing by itself."""
        for commit in self._repo.iter_commits(commits, no_merges=True, **options):
            before = self._below(commit.parents[0].tree) if commit.parents else {}
            now = self._below(commit.tree)
            for path in sorted(before.keys() | now.keys()):
                if before.get(path) != now.get(path):
                    yield commit.hexsha, path, now.get(path, GONE)

    # -- writing -------------------------------------------------------------------------------------------

    def entries(self, commit: str, paths: Sequence[str]) -> dict[str, Entry]:
        """What is at `paths` in `commit`: mode and id. What is not there is left out."""
        tree = self._commit(commit).tree
        found = ((path, self._at(tree, path)) for path in paths)
        return {path: (one.mode, one.binsha) for path, one in found if one is not None}

    @staticmethod
    def _at(tree: git.Tree, path: str) -> Any:
        try:
            return tree / path
        except KeyError:
            return None

    def commit(
        self, author: Author, message: str, files: Mapping[str, str], gone: Sequence[str], base: str | None,
        kept: Mapping[str, Entry] = MappingProxyType({}),
    ) -> str:  # fmt: skip
        """Writes the commit that `wizard.repo.Repo.commit` describes: contents first, the commit last; its id."""
        changed: dict[str, Entry | None] = {path: (_FILE, self._store("blob", t.encode())) for path, t in files.items()}
        changed |= {**dict.fromkeys(gone), **kept}
        parents = [self._commit(base)] if base else []
        tree = self._write(parents[0].tree if parents else None, changed)
        who, when = git.Actor(author.name, author.email), f"{int(time.time())} +0000"
        made = git.Commit.create_from_tree(
            self._repo, git.Tree(self._repo, tree), message, parents,
            author=who, committer=who, author_date=when, commit_date=when,
        )  # fmt: skip
        return made.hexsha

    def _write(self, old: git.Tree | None, changed: Mapping[str, Entry | None]) -> bytes:
        """A folder like `old` but for `changed` (path below it -> mode and id, None: taken away); its id."""
        entries = {one.name: (one.mode, one.binsha) for one in old or ()}
        deeper: dict[str, dict[str, Entry | None]] = {}
        for path, entry in changed.items():
            name, _, rest = path.partition("/")
            if rest:
                deeper.setdefault(name, {})[rest] = entry
            elif entry:
                runs = entry[0] == _FILE and entries.get(name, entry)[0] == _PROGRAM  # it stays one that can be run
                entries[name] = (_PROGRAM, entry[1]) if runs else entry
            else:
                entries.pop(name, None)
        for name, part in deeper.items():
            there = old[name] if old is not None and name in entries else None
            folder = there if isinstance(there, git.Tree) else None
            if folder is None and not any(part.values()):
                continue  # nothing to take away
            entries[name] = (_FOLDER, self._write(folder, part))
            if entries[name][1] == _EMPTY:
                del entries[name]  # git knows no empty folder
        return self._store("tree", b"".join(_lines(entries)))

    def _store(self, kind: str, data: bytes) -> bytes:
        made: bytes = self._repo.odb.store(IStream(kind.encode(), len(data), io.BytesIO(data))).binsha
        return made


def _lines(entries: Mapping[str, Entry]) -> Iterator[bytes]:
    """The lines of a tree object in git's order, in which a folder's name ends with a slash."""
    raw = {name.encode("utf-8", "surrogateescape"): entry for name, entry in entries.items()}
    for name, (mode, blob) in sorted(raw.items(), key=lambda one: one[0] + b"/" * (one[1][0] == _FOLDER)):
        yield b"%o %s\0%s" % (mode, name, blob)
