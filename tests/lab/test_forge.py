"""The step Repository at a real Gitea: made, opened, pushed to, and everything that a token or a key may lack.

Gitea is built from its module (`lab forge build`, about nine minutes, once). The test enters the workstation's network
by itself; no node is started.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import repository_access as access
from steps.repository import Repository
from tests.lab.cluster_lab import HOME, build, end, lab
from tests.lab.conftest import RAN
from tests.steps.repository_home import Front, Home, new
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined, WizardError
from wizard.realworld import RealWorld
from wizard.secret import Secret

pytestmark = pytest.mark.cluster

HOST = "198.18.0.1:3000"
URL = "ssh://git@198.18.0.1:2223/me/homelab.git"
NEWNET = 0x40000000  # CLONE_NEWNET, linux/sched.h
ALLOWED = frozenset({"repository/host-key"})


@pytest.fixture(scope="module")
def gitea(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    """Gitea's API as its administrator: ``gitea("PATCH", "/repos/me/homelab", archived=True)``."""
    was_up = Path("/run/netns/hw-ws").exists()
    if not was_up:
        build("setup", "up 0")
    build("forge build", "forge up")

    def ask(method: str, path: str, **body: Any) -> Any:
        said = lab("forge", "api", method, path, *([json.dumps(body)] if body else []))
        return json.loads(said) if said.strip() else None

    with _network("/run/netns/hw-ws"):
        yield ask
    rows = request.config.stash.setdefault(RAN, [])
    rows.append(("Gitea", f"{(Path(HOME) / 'bin/.gitea.version').read_text().split()[0]}, its own SSH server, SQLite"))
    lab("forge", "down")
    if not was_up:
        end()


class _network:  # noqa: N801
    """This thread, and what it starts, on the network of another namespace."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        self._go(os.open(self.name, os.O_RDONLY))

    def __exit__(self, *_: object) -> None:
        self._go(self.before)

    def _go(self, fd: int) -> None:
        if ctypes.CDLL(None, use_errno=True).setns(fd, NEWNET):
            raise OSError(ctypes.get_errno(), "setns")
        os.close(fd)


class AtForge(Home):
    """A person with a token of these scopes, typed once; the state never holds it."""

    token: Secret | None = None

    def context(self) -> Context:
        ctx = super().context()
        ctx.keep("repository", "gitea_token", self.token)
        return ctx


@pytest.fixture
def home(gitea: Callable[..., Any], tmp_path: Path) -> Iterator[AtForge]:
    made = new(tmp_path)
    home = AtForge(tmp_path, made.answers, world=RealWorld)
    home.answers["repository"] |= {
        "provider": "gitea", "url": None, "host": HOST, "ca_file": f"{HOME}/forge_ca.crt", "owner": None,
        "name": "homelab", "private": True, "github_token": None, "gitlab_token": None,
    }  # fmt: skip
    home.token = token("write:repository,write:user")
    yield home
    for owner in ("me", "club"):
        if any(one["name"] == "homelab" for one in gitea("GET", f"/users/{owner}/repos") or []):
            gitea("DELETE", f"/repos/{owner}/homelab")


def token(scopes: str) -> Secret:
    return Secret(lab("forge", "token", scopes).strip())


def commits() -> list[str]:
    """The commits of me/homelab and their authors, the newest first. Gitea itself tells them only a moment later."""
    store = f"{HOME}/forge/repositories/me/homelab.git"
    log = ["git", "-c", "safe.directory=*", f"--git-dir={store}", "log", "--format=%H %an", "main"]
    return subprocess.run(log, check=True, capture_output=True, text=True).stdout.splitlines()


def test_made_opened_pushed_and_never_again_asked(home: AtForge, gitea: Callable[..., Any]) -> None:
    sentences = home.plan()
    assert sentences[:3] == [
        f"create the private repository me/homelab at {HOST}",
        f"make an SSH key for me/homelab at {HOST}, kept beside the state",
        f"add the deploy key that may write to me/homelab at {HOST}",
    ]
    with pytest.raises(Declined, match=r"trust the git server 198\.18\.0\.1, which shows the key SHA256:"):
        home.run()
    ctx = home.run(allow=ALLOWED)
    assert access.known(ctx) == URL
    there = gitea("GET", "/repos/me/homelab")
    assert (there["private"], there["default_branch"]) == (True, "main")
    (key,) = gitea("GET", "/repos/me/homelab/keys")
    assert (key["title"], key["read_only"]) == ("homelab-wizard attic", False)
    written = ctx.state.path.read_text()
    assert home.token is not None and home.token.reveal() not in written
    files = {
        one["path"] for one in gitea("GET", "/repos/me/homelab/git/trees/main?recursive=true&per_page=1000")["tree"]
    }
    assert {"README.md", ".sops.yaml", ".gitea/workflows/validate.yaml"} <= files
    home.token = None
    assert home.plan() == [], "later runs need no token"


def test_an_organization(home: AtForge, gitea: Callable[..., Any]) -> None:
    home.answers["repository"]["owner"] = "club"
    with pytest.raises(Blocked, match="lacks write:organization"):
        home.plan()
    home.token = token("write:repository,write:user,write:organization")
    home.run(allow=ALLOWED)
    assert gitea("GET", "/repos/club/homelab")["private"] is True
    assert home.plan() == []


@pytest.mark.parametrize(
    ("scopes", "what", "has"),
    [
        ("read:repository,read:user", "lacks write:repository and write:user", "read:repository, read:user"),
        ("write:repository,read:user", "lacks write:user", "write:repository, read:user"),
        ("write:repository", "permissions are too small", "write:repository"),
    ],
)
def test_a_token_with_too_small_a_scope(
    home: AtForge, gitea: Callable[..., Any], scopes: str, what: str, has: str
) -> None:
    home.token = token(scopes)
    with pytest.raises(Blocked, match=what) as caught:
        home.run(allow=ALLOWED)
    assert has in caught.value.why and "repository: read and write" in caught.value.fix
    assert gitea("GET", "/users/me/repos") == [], "nothing was made"


def test_a_token_whose_scopes_it_does_not_tell_shows_what_it_lacks_at_the_first_change(
    home: AtForge, gitea: Callable[..., Any]
) -> None:
    home.token = token("read:user,write:repository,read:notification")
    with pytest.raises(WizardError, match="permissions are too small") as caught:
        home.run(allow=ALLOWED)
    assert "required=[write:user]" in caught.value.why
    assert gitea("GET", "/users/me/repos") == [], "nothing was made"


def test_a_wrong_token(home: AtForge) -> None:
    home.token = Secret("0123456789012345678901234567890123456789")
    with pytest.raises(Blocked, match="does not accept the token"):
        home.plan()


def test_a_certificate_that_nobody_named(home: AtForge) -> None:
    home.answers["repository"]["ca_file"] = None
    with pytest.raises(WizardError, match=r"certificate of 198\.18\.0\.1 is not trusted"):
        home.plan()


def test_a_repository_that_is_there_keeps_what_it_has(home: AtForge, gitea: Callable[..., Any]) -> None:
    gitea("POST", "/admin/users/me/repos", name="homelab", private=True, auto_init=True, readme="Default")
    home.run(allow=ALLOWED)
    assert any("is not empty" in str(event) for event in home.heard)
    assert [who.partition(" ")[2] for who in commits()] == ["homelab-wizard", "boss"]
    assert home.plan() == []


def test_a_public_repository_and_an_archived_one(home: AtForge, gitea: Callable[..., Any]) -> None:
    gitea("POST", "/admin/users/me/repos", name="homelab", private=False)
    with pytest.raises(Blocked, match="Everybody can read me/homelab"):
        home.plan()
    gitea("PATCH", "/repos/me/homelab", private=True)
    gitea("PATCH", "/repos/me/homelab", archived=True)
    with pytest.raises(Blocked, match="is archived"):
        home.plan()


def test_a_key_that_may_only_read_is_replaced(home: AtForge, gitea: Callable[..., Any]) -> None:
    home.run(allow=ALLOWED)
    (key,) = gitea("GET", "/repos/me/homelab/keys")
    gitea("DELETE", f"/repos/me/homelab/keys/{key['id']}")
    gitea("POST", "/repos/me/homelab/keys", title="by hand", key=key["key"], read_only=True)
    assert home.plan() == [], "nothing is to be pushed"
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    kept, home.token = home.token, None
    with pytest.raises(Blocked, match="may only read") as caught:
        home.plan()
    assert "not authorized to write" in caught.value.why
    home.token = kept
    assert home.plan()[0].startswith("let the deploy key write to me/homelab")
    home.run()
    assert [one["read_only"] for one in gitea("GET", "/repos/me/homelab/keys")] == [False]
    assert home.plan() == []


def test_a_removed_key_is_added_again_and_without_a_token_the_person_is_told_where(
    home: AtForge, gitea: Callable[..., Any]
) -> None:
    home.run(allow=ALLOWED)
    (key,) = gitea("GET", "/repos/me/homelab/keys")
    gitea("DELETE", f"/repos/me/homelab/keys/{key['id']}")
    kept, home.token = home.token, None
    with pytest.raises(Blocked, match="does not accept the key") as caught:
        home.plan()
    assert "me/homelab/settings/keys, tick “Enable write access”" in caught.value.fix
    home.token = kept
    assert home.plan()[0] == f"add the deploy key that may write to me/homelab at {HOST}"
    home.run()
    assert home.plan() == []
    assert len(commits()) == 1, "there was nothing to commit"


def test_a_protected_branch(home: AtForge, gitea: Callable[..., Any]) -> None:
    home.run(allow=ALLOWED)
    before = commits()
    rule = {"rule_name": "main", "enable_push": False}
    gitea("POST", "/repos/me/homelab/branch_protections", **rule)
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    with pytest.raises(WizardError, match=r"The branch main of .* is protected") as caught:
        home.run()
    assert "Not allowed to push to protected branch main" in caught.value.why
    assert commits() == before
    gitea("PATCH", "/repos/me/homelab/branch_protections/main", enable_push=True, enable_push_whitelist=True,
          push_whitelist_deploy_keys=True)  # fmt: skip
    home.run()
    assert home.plan() == []


def test_a_protected_branch_is_seen_ahead(home: AtForge, gitea: Callable[..., Any]) -> None:
    gitea("POST", "/admin/users/me/repos", name="homelab", private=True, auto_init=True, readme="Default")
    gitea("POST", "/repos/me/homelab/branch_protections", rule_name="main", enable_push=False)
    with pytest.raises(Blocked, match=r"The branch main of me/homelab .* is protected"):
        home.plan()


def test_a_key_of_another_account(home: AtForge, gitea: Callable[..., Any]) -> None:
    home.answers["repository"]["key_file"] = f"{HOME}/git_key"
    public = Path(f"{HOME}/git_key.pub").read_text().strip()
    gitea("POST", "/admin/users/boss/keys", title="the boss's own", key=public)
    with pytest.raises(WizardError, match="belongs to another repository or account"):
        home.run(allow=ALLOWED)


def test_killed_after_the_repository_was_made(home: AtForge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "make_deploy_key", lambda ctx: (_ for _ in ()).throw(KeyboardInterrupt))
    ctx = home.context()
    ctx.front = Front()
    with pytest.raises(KeyboardInterrupt):
        Engine([Repository()], ctx, Consent(yes=True)).run_step(Repository())
    monkeypatch.undo()
    home.run(allow=ALLOWED)
    assert home.plan() == []
