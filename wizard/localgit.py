"""The person's own git checkout, looked at with git: nothing is written, nothing is run that its settings name."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wizard.errors import WizardError

SECONDS = 120
MOST = 1000  # commits that are looked at
EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's id of a tree without anything in it
# A checkout that came from elsewhere may name programs in its settings.
SAFE = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat")


@dataclass(frozen=True)
class Blob:
    """One version of one file: `at` is "staged" or the id of the commit that writes it."""

    at: str
    path: str
    id: str


@dataclass(frozen=True)
class Git:
    """The checkout that `folder` lies in; paths are relative to `folder`."""

    folder: Path

    def names(self) -> list[str]:
        """Every file that git tracks, and every other one that it does not ignore."""
        return sorted(set(self._list("ls-files", "-z", "--cached", "--others", "--exclude-standard")))

    def staged(self) -> list[Blob]:
        """What the next commit would write."""
        head = EMPTY if self.run("rev-parse", "--verify", "--quiet", "HEAD", check=False) is None else "HEAD"
        words = ("diff-index", "--cached", "--raw", "-z", "--no-abbrev", "--no-renames", "--relative", head, "--", ".")
        return list(_raw(self._list(*words), "staged"))

    def outgoing(self, tip: str = "HEAD", known: str = "") -> list[Blob]:
        """What the commits up to `tip` write that no remote branch has, as far as this checkout knows."""
        if self.run("rev-parse", "--verify", "--quiet", f"{tip}^{{commit}}", check=False) is None:
            return []
        there = known and set(known) != {"0"} and self.run("cat-file", "-e", known, check=False) is not None
        words = [
            "log",
            "--format=%x00%H",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "-m",
            "--root",
            "--relative",
            f"-n{MOST}",
        ]
        said = self._list(*words, tip, "--not", "--remotes", *([known] if there else []), "--", ".")
        return list(_log(said))

    def tree(self, commit: str) -> dict[str, str | None]:
        """Every file of a commit and its text; None for one that has none."""
        lines = (line.partition("\t") for line in self._list("ls-tree", "-r", "-z", commit))
        blobs = {path: about.split()[2] for about, _, path in lines if about.startswith("100")}
        texts = self.read(list(blobs.values()), 5_000_000)
        return {path: texts.get(blob) for path, blob in blobs.items()}

    def read(self, ids: Sequence[str], most: int) -> dict[str, str]:
        """The blobs' texts by id; those without one, and those larger than `most` bytes, are left out."""
        wanted = "".join(f"{one}\n" for one in dict.fromkeys(ids))
        sizes = (self.run("cat-file", "--batch-check", stdin=wanted) or b"").decode().splitlines()
        small = [line.split()[0] for line in sizes if line.split()[1:2] == ["blob"] and int(line.split()[2]) <= most]
        said = self.run("cat-file", "--batch", stdin="".join(f"{one}\n" for one in small)) if small else b""
        return dict(_batch(said or b""))

    def hook(self, name: str) -> Path:
        """Where git looks for the hook `name`, by the person's own settings."""
        said = self.run("rev-parse", "--git-path", f"hooks/{name}", safe=False) or b""
        return self.folder / said.decode().strip()

    def inside(self) -> Path:
        """The folder that git keeps this repository in, the same for each of its worktrees."""
        said = self.run("rev-parse", "--git-common-dir") or b""
        return (self.folder / said.decode().strip()).resolve()

    def _list(self, *words: str) -> list[str]:
        said = self.run(*words) or b""
        return [part.decode("utf-8", "surrogateescape") for part in said.split(b"\0") if part]

    def run(self, *words: str, stdin: str = "", check: bool = True, safe: bool = True) -> bytes | None:
        """What git prints; None when it fails and `check` is off. Raises `WizardError` otherwise."""
        env = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
        argv = ["git", *(SAFE if safe else ()), "-C", str(self.folder), *words]
        try:
            done = subprocess.run(
                argv, input=stdin.encode(), capture_output=True, timeout=SECONDS, check=False,
                env={**env, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired) as error:
            raise WizardError("git did not answer.", f"{error}.", "Run the same command again.") from None
        if done.returncode == 0:
            return done.stdout
        if not check:
            return None
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise WizardError(f"git can't read {self.folder}.", f"git says: {said[-1] if said else ''}", "Mend that first.")


def at(folder: Path) -> Git | None:
    """The git checkout that `folder` lies in; None when it lies in none, or there is no git here."""
    git = Git(folder)
    try:
        inside = git.run("rev-parse", "--is-inside-work-tree", check=False)
    except WizardError:
        return None
    return git if inside is not None and inside.strip() == b"true" else None


def _raw(parts: Sequence[str], at: str) -> Iterator[Blob]:
    """``:MODE MODE ID ID STATUS``, then the path."""
    for about, path in zip(parts[::2], parts[1::2], strict=False):
        words = about.lstrip(":").split()
        if words[1].startswith("100"):  # a file; not a link, not another repository, not taken away
            yield Blob(at, path, words[3])


def _log(parts: Sequence[str]) -> Iterator[Blob]:
    commit = ""
    path = False
    about = ""
    for part in parts:
        text = part.strip("\n")
        if path:
            yield from _raw([about, part], commit)
            path = False
        elif text.startswith(":"):
            about, path = text, True
        elif text:
            commit = text


def _batch(said: bytes) -> Iterator[tuple[str, str]]:
    place = 0
    while place < len(said):
        end = said.index(b"\n", place)
        name, _, size = said[place:end].decode().split()
        data = said[end + 1 : end + 1 + int(size)]
        place = end + 2 + int(size)
        try:
            yield name, data.decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
