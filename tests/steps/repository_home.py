"""One person's home for the tests of the step Repository: a state folder, and a bare repository that it points to."""

from __future__ import annotations

import copy
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from steps.repository import Repository
from wizard import events
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.host.base import HostKey
from wizard.question import Prompt
from wizard.realworld import RealWorld
from wizard.state import State

TOKEN = "0b5e7c1e-duck-token-4711"
NONE = {"provider": "none", "external_domain": "home.lab.test", "internal_domain": "internal.home.lab.test"}
DUCKDNS = {
    "provider": "duckdns", "external_domain": "attic.duckdns.org", "internal_domain": "attic-internal.duckdns.org",
    "email": "me@home.test", "issuer": "staging", "duckdns_api": None,
}  # fmt: skip


class Front:
    """Says no to what is dangerous."""

    def ask(self, prompt: Prompt) -> object:
        raise AssertionError(prompt.question.key)

    def confirm(self, approval: Approval) -> bool:
        return False

    def failed(self, step: str, error: WizardError) -> Any:
        return "stop"


class ShowingWorld(RealWorld):
    """The real world, but for a git server that shows `keys`."""

    keys: tuple[HostKey, ...] = ()

    def host_keys(self, address: str, port: int = 22) -> tuple[HostKey, ...]:
        return self.keys


@dataclass
class Home:
    """One person's state folder, and the repository it points to."""

    folder: Path
    answers: dict[str, dict[str, Any]]
    heard: list[events.Event] = field(default_factory=list)
    world: type[RealWorld] = ShowingWorld

    @property
    def far(self) -> Path:
        return self.folder / "far.git"

    def context(self) -> Context:
        state = State(self.folder / "state" / "state.yaml", "attic")
        if state.path.exists():
            state = State.open(state.path, "attic", lock=False)
        state.answers = {step: dict(part) for step, part in self.answers.items()}
        bus = events.Bus()
        bus.listen(self.heard.append)
        return Context(self.world(), state, Front(), bus)

    def run(self, **consent: Any) -> Context:
        ctx = self.context()
        Engine([Repository()], ctx, Consent(yes=True, **consent)).run_step(Repository())
        return ctx

    def plan(self) -> list[str]:
        ctx = self.context()
        return [change.sentence for change in Repository().plan(Repository().check(ctx), ctx.answers)]

    def show(self, path: str) -> str:
        return git(self.far, "show", f"main:{path}")

    def files(self) -> list[str]:
        return git(self.far, "ls-tree", "-r", "--name-only", "main").split()

    def edit(self, change: Callable[[Path], None]) -> None:
        """Ann edits the repository by hand and pushes."""
        work = self.folder / "work"
        if not work.exists():
            git(self.folder, "clone", "-q", str(self.far), str(work))
        git(work, "checkout", "-q", "-B", "main")
        if git(self.far, "branch"):
            git(work, "pull", "-q", "--ff-only", "origin", "main")
        change(work)
        git(work, "add", "-A")
        git(work, "commit", "-q", "-m", "by hand")
        git(work, "push", "-q", "origin", "HEAD:main")


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test"]
    return subprocess.run(
        ["git", *who, "-C", str(folder), *words], capture_output=True, text=True, check=True, env=env
    ).stdout


def replaced(path: str, *pairs: tuple[str, str]) -> Callable[[Path], None]:
    """An edit of one file: each old text must be in it."""

    def change(work: Path) -> None:
        text = (work / path).read_text()
        for old, fresh in pairs:
            assert old in text, old
            text = text.replace(old, fresh)
        (work / path).write_text(text)

    return change


def kept(made: Home) -> Home:
    """Keeps `made` as it is, to be had again as often as wanted: writing it takes a second."""
    for repository in (made.far, made.folder / "state" / "repository.git"):
        git(repository, "gc", "-q")  # one file instead of hundreds to copy
    shutil.copytree(made.folder, made.folder.with_suffix(".kept"))
    return made


def again(made: Home) -> Home:
    """`made` as it was when it was kept, in the same place: its address is part of what is written."""
    shutil.rmtree(made.folder)
    shutil.copytree(made.folder.with_suffix(".kept"), made.folder)
    return Home(made.folder, copy.deepcopy(made.answers))


def new(folder: Path) -> Home:
    """A home whose repository is empty."""
    made = Home(folder, {
        "machines": {"hosts": ["10.0.0.11", "10.0.0.12"]},
        "addresses": {"pool": "10.0.0.60-10.0.0.69", "internal_address": "10.0.0.60",
                      "external_address": "10.0.0.61", "dns_address": "10.0.0.62", "arp": False},
        "domains": dict(NONE),
        "repository": {"provider": "git", "url": f"file://{folder}/far.git", "branch": "main", "apps": ["hello"],
                       "key_file": None, "known_hosts": None, "age_key_copy": None, "chart_mirror": None,
                       "chart_mirror_insecure": False, "gateway_api_git": None},
    })  # fmt: skip
    git(folder, "init", "-q", "--bare", "-b", "main", str(made.far))
    return made
