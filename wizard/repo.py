"""A git repository somewhere else, and a bare copy of it here. Nothing is ever checked out, and nothing is ever forced.

No branch of the copy is ever moved: a commit is written, its contents first, and pushed by its id. Killed at any
moment, nothing is half-written, and what was not pushed is simply made again.
The copy is read and written with GitPython (`wizard/bare.py`). What goes over the network is run by `World.run`, which
ends git at a deadline or when the person leaves, and with an ssh that trusts nothing but the pinned host keys.
"""

from __future__ import annotations

import contextlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wizard.errors import Interrupted, TrustError, WizardError
from wizard.host.base import Result
from wizard.refusals import GitRefused, explain
from wizard.world import World

if TYPE_CHECKING:
    from wizard.bare import Bare

GONE = "0" * 40
_OWN = {  # nothing of the person's own git settings: no hooks, no rewritten addresses, no questions
    "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C",
}  # fmt: skip


@dataclass(frozen=True)
class Author:
    """Who commits. `name` also finds the commits again that this program made."""

    name: str
    email: str


@dataclass(frozen=True)
class Log:
    """One commit of a history: its id, its author's name, its message."""

    id: str
    author: str
    message: str


@dataclass(frozen=True)
class Repo:
    """The repository at `url` (``ssh://`` or ``file://``), its `branch`, and the bare copy in `folder`."""

    world: World
    url: str
    branch: str
    folder: Path
    key_file: Path | None = None
    known_hosts: Path | None = None

    # -- far away ------------------------------------------------------------------------------------------

    def heads(self) -> dict[str, str]:
        """Every branch and the commit it is at. Raises `WizardError` or `TrustError` naming what stands in the way."""
        done = self._git("ls-remote", "--heads", self.url, inside=False, timeout=60)
        if done.code:
            raise self.refused(done.err)
        pairs = (line.split("\t") for line in done.out.splitlines() if "\t" in line)
        return {ref.removeprefix("refs/heads/"): commit for commit, ref in pairs}

    def fetch(self) -> None:
        """Brings the branch into the bare copy. Raises as `heads` does."""
        refs = f"+refs/heads/{self.branch}:refs/remotes/origin/{self.branch}"
        done = self._git("fetch", "--quiet", "--no-tags", "--prune", self.url, refs, timeout=300)
        if done.code:
            raise self.refused(done.err)

    def push(self, commit: str) -> None:
        """Moves the branch on to `commit`; never forced. Raises as `heads` does, and when the push is rejected."""
        done = self._git("push", "--quiet", self.url, f"{commit}:refs/heads/{self.branch}", timeout=300)
        if done.code:
            raise self.refused(done.err, pushing=True)

    def may_push(self) -> None:
        """Knocks at the door that a push goes through, and leaves. Raises as `push` does when the key may not write."""
        door = "--upload-pack=git-receive-pack"  # it begins as the other one does: with every branch
        done = self._git("ls-remote", "--heads", door, self.url, inside=False, timeout=60)
        if done.code:
            raise self.refused(done.err, pushing=True)

    # -- the bare copy -------------------------------------------------------------------------------------

    @property
    def copied(self) -> bool:
        return (self.folder / "HEAD").exists()

    def copy(self) -> None:
        """Begins the bare copy; what is far away comes with `fetch`."""
        with self._local():
            from wizard.bare import Bare

            Bare.begin(self.folder, self.branch, _OWN)

    def has(self, commit: str) -> bool:
        """Whether the copy holds `commit`."""
        with self._bare() as bare:
            return bare.has(commit)

    def files(self, commit: str) -> dict[str, str]:
        """Every file of `commit`: path -> the id of its contents."""
        with self._bare() as bare:
            return bare.files(commit)

    def read(self, blob: str) -> str:
        """The text with the id `blob`."""
        with self._bare() as bare:
            return bare.read(blob)

    def texts(self, blobs: Mapping[str, str]) -> dict[str, str]:
        """The texts of several files: path -> id becomes path -> text."""
        with self._bare() as bare:
            return {path: bare.read(blob) for path, blob in blobs.items()}

    def last_written(self, author: Author, commit: str) -> dict[str, str]:
        """What `author` wrote last to each path, as of `commit`: path -> id, `GONE` where it was taken away."""
        with self._bare() as bare:
            return bare.last_written(author, commit)

    def log(self, commit: str, most: int) -> list[Log]:
        """At most `most` commits that led to `commit`, the newest first."""
        with self._bare() as bare:
            return bare.log(commit, most)

    def outgoing(self, base: str | None, commit: str) -> list[tuple[str, str, str]]:
        """Every file that the commits after `base` up to `commit` write: commit, path, id."""
        with self._bare() as bare:
            return bare.outgoing(base, commit)

    def commit(
        self, author: Author, message: str, files: Mapping[str, str], gone: Sequence[str], base: str | None, *,
        back: Sequence[str] = (), of: str | None = None,
    ) -> str:  # fmt: skip
        """A commit on top of `base` (None: the first one) that writes `files` and takes away `gone`; its id.

        The paths `back` become again what they are in the commit `of`, whatever that is.
        """
        with self._bare() as bare:
            kept = bare.entries(of, back) if of else {}
            return bare.commit(author, message, files, gone, base, kept)

    @contextlib.contextmanager
    def _bare(self) -> Iterator[Bare]:
        with self._local():
            from wizard.bare import Bare

            with Bare(self.folder, _OWN) as bare:
                yield bare

    @contextlib.contextmanager
    def _local(self) -> Iterator[None]:
        """Work on the copy: without the person's settings, and with what GitPython raises told in words."""
        _forget_theirs()
        from wizard.bare import FAILURES

        try:
            yield
        except FAILURES as error:
            if self.world.stop.is_set():  # Ctrl-C in a terminal also reaches the git that GitPython started
                raise Interrupted("Stopped.", fix="Run the same command again to go on.") from None
            raise WizardError(
                "The copy of the repository can't be used.", _last(str(error)),
                f"Move {self.folder} away and run the same command again: it is only a copy.",
            ) from None  # fmt: skip

    # -- git itself ----------------------------------------------------------------------------------------

    def _git(self, *words: str, inside: bool = True, timeout: float) -> Result:
        _forget_theirs()
        where = ["-C", str(self.folder)] if inside else []
        env = dict(_OWN)
        if self.key_file and self.known_hosts:
            env["GIT_SSH_COMMAND"] = ssh_command(self.key_file, self.known_hosts)
        return self.world.run(["git", *where, *words], env=env, timeout=timeout)

    def refused(self, err: str, *, pushing: bool = False) -> WizardError:
        """The error for what git printed, in words: a `GitRefused`, or `TrustError` for a host key."""
        host = urlsplit(self.url).hostname or "the repository"
        if known := explain(err, self.url, host, self.branch):
            refusal, what, why, fix = known
            if refusal.kind == "host key":
                return TrustError(what, why, fix)
            error = GitRefused(what, why, fix)
            error.kind = refusal.kind
            return error
        doing = "pushed to" if pushing else "read"
        return GitRefused(f"{self.url} could not be {doing}.", _last(err), "Mend that and run the same command again.")


def ssh_command(key_file: Path, known_hosts: Path) -> str:
    """The ssh that git starts: this key only, these host keys only, no questions, none of the person's settings."""
    options = [
        "BatchMode=yes", "StrictHostKeyChecking=yes", f'UserKnownHostsFile="{known_hosts}"',
        "GlobalKnownHostsFile=/dev/null", "IdentitiesOnly=yes", "ConnectTimeout=15",
    ]  # fmt: skip
    return shlex.join(["ssh", "-F", "/dev/null", "-i", str(key_file), *(word for o in options for word in ("-o", o))])


def _forget_theirs() -> None:
    """Takes the person's ``GIT_*`` variables out of this process: GIT_DIR, set in a hook, would lead elsewhere.

    GitPython looks at the environment itself and hands all of it on to git: leaving them out of a copy is not enough.
    """
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        os.environ.pop(name, None)
    os.environ["GIT_PYTHON_REFRESH"] = "quiet"  # a missing git is told by whatever needs it first, not by the import


def _last(err: str) -> str:
    lines = [line.strip() for line in err.splitlines() if line.strip()]
    return f"git says: {lines[-1]}" if lines else ""
