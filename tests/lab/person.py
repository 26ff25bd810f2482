"""The person beside the wizard, in cluster tests: a clone of the repository, edited by hand and pushed."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.lab.cluster_lab import HOME, LAB

URL = "ssh://git@198.18.0.1:2222/srv/git/homelab.git"


class Person:
    """Works in `folder`, a clone made on the workstation, with the key that the lab's git server knows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        ssh = f"ssh -i {HOME}/git_key -o IdentitiesOnly=yes -o UserKnownHostsFile={HOME}/git_known_hosts"
        who = {f"GIT_{role}_{what}": text for role in ("AUTHOR", "COMMITTER")
               for what, text in (("NAME", "me"), ("EMAIL", "me@lab.test"))}  # fmt: skip
        self._env = {**os.environ, **who, "GIT_SSH_COMMAND": ssh}
        self._run("git", "clone", "-q", URL, str(folder))

    def _run(self, *words: str) -> str:
        argv = [LAB, "ws", *words]
        return subprocess.run(argv, env=self._env, check=True, capture_output=True, text=True).stdout

    def git(self, *words: str) -> str:
        return self._run("git", "-C", str(self.folder), *words)

    def push(self, message: str, files: Mapping[str, str | None] | None = None) -> None:
        """Commits and pushes what was edited, and `files`: path -> text, or None for one to take away."""
        for path, text in (files or {}).items():
            file = self.folder / path
            if text is None:
                file.unlink(missing_ok=True)
            else:
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        self.git("pull", "-q", "--rebase")
        self.git("push", "-q")

    def read(self, path: str) -> str:
        return (self.folder / path).read_text()
