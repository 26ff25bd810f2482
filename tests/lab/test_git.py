"""The step Repository against a real git server over SSH: `lab git up`, its own repositories, no nodes."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from steps.repository import Repository
from steps.repository_commit import Writer
from tests.lab.conftest import HOME, lab
from tests.steps.repository_home import Home, new
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined, TrustError, WizardError
from wizard.realworld import RealWorld

pytestmark = pytest.mark.lab

SERVER = "ssh://git@198.18.0.1:2222"
NAME = "wizard-test"
STORE = HOME / "git" / f"{NAME}.git"  # what the server sees as /srv/git/NAME.git


@pytest.fixture(scope="module")
def _server(_on_the_workstation: None) -> None:
    lab("git", "up")


@pytest.fixture
def home(_server: None, tmp_path: Path) -> Iterator[Home]:
    """A person whose key may write to an empty repository at the server."""
    lab("git", "new", NAME)
    made = new(tmp_path)
    made.world = RealWorld
    made.answers["repository"] |= {
        "url": f"{SERVER}/srv/git/{NAME}.git", "key_file": str(HOME / "git_key"),
        "known_hosts": str(HOME / "git_known_hosts"),
    }  # fmt: skip
    yield made
    shutil.rmtree(STORE)


def theirs(home: Home, change: Callable[[Path], object], branch: str = "main") -> str:
    """Ann clones, changes something, and pushes with the lab's key; the commit."""
    work = home.folder / "ann"
    shutil.rmtree(work, ignore_errors=True)
    ssh = f"ssh -F /dev/null -o IdentitiesOnly=yes -o UserKnownHostsFile={HOME}/git_known_hosts -i {HOME}/git_key"
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_SSH_COMMAND": ssh}

    def git(*words: str) -> str:
        who = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test"]
        return subprocess.run(["git", *who, *words], check=True, capture_output=True, text=True, env=env).stdout

    git("clone", "-q", home.answers["repository"]["url"], str(work))
    git("-C", str(work), "checkout", "-q", "-B", branch)
    change(work)
    git("-C", str(work), "add", "-A")
    git("-C", str(work), "commit", "-q", "-m", "by hand")
    git("-C", str(work), "push", "-q", "origin", f"HEAD:{branch}")
    return git("-C", str(work), "rev-parse", "HEAD").strip()


def at_server(*words: str) -> str:
    command = ["git", "-c", "safe.directory=*", f"--git-dir={STORE}", *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_an_empty_repository_a_key_of_its_own_and_a_host_key_that_is_asked_about(
    home: Home, ran: Callable[[str, str], None]
) -> None:
    home.answers["repository"] |= {"key_file": None, "known_hosts": None}
    with pytest.raises(Declined, match=r"trust the git server 198\.18\.0\.1"):
        home.run()
    with pytest.raises(Blocked, match="does not accept the key") as caught:
        home.run(allow=frozenset({"repository/host-key"}))
    key = home.folder / "state" / "deploy_key.pub"
    assert key.read_text().split()[1] in caught.value.fix
    lab("git", "allow", str(key), "ro")
    with pytest.raises(Blocked, match="may only read") as caught:
        home.plan()
    assert "this key is read only" in caught.value.why
    lab("git", "allow", str(key))
    home.run()
    assert home.plan() == []
    assert at_server("log", "--format=%an", "main").strip() == "homelab-wizard"
    lab("git", "forget", str(key))
    with pytest.raises(Blocked, match="does not accept the key"):
        home.plan()
    ran("git over SSH", "OpenSSH and git-shell of Debian 12: `lab git up`")


def test_a_key_that_may_only_read(home: Home) -> None:
    home.answers["repository"]["key_file"] = str(HOME / "git_readonly_key")
    with pytest.raises(Blocked, match="The key may only read"):
        home.plan()
    assert at_server("for-each-ref") == ""


@pytest.mark.parametrize(
    ("says", "what"),
    [
        ("protected branch", "The branch main of .* is protected"),
        ("Commits need a ticket number.", r"198\.18\.0\.1 does not take the push to main"),
    ],
)
def test_a_server_that_takes_no_push(home: Home, says: str, what: str) -> None:
    before = theirs(home, lambda work: (work / "mine.txt").write_text("mine\n"))
    hook = STORE / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(WizardError, match=what) as caught:
        home.run()
    assert says in caught.value.why
    assert at_server("rev-parse", "main").strip() == before
    hook.unlink()
    home.run()
    assert home.plan() == [], "what was refused is done when it is allowed"


def test_somebody_else_is_faster(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write, races = Writer.write, iter(range(2))

    def slow(writer: Writer) -> str:
        commit = write(writer)
        if (number := next(races, None)) is not None:
            theirs(home, lambda work: (work / f"theirs-{number}.txt").write_text("first\n"))
        return commit

    monkeypatch.setattr(Writer, "write", slow)
    home.run()
    assert at_server("log", "--format=%an", "main").split() == ["homelab-wizard", "Ann", "Ann"]
    files = at_server("ls-tree", "-r", "--name-only", "main").split()
    assert {"theirs-0.txt", "theirs-1.txt", "README.md"} <= set(files)
    assert home.plan() == []


def test_what_others_keep_there_stays_byte_for_byte(home: Home) -> None:
    def fill(work: Path) -> None:
        (work / "README.md").write_text("# ours\n")
        (work / "scripts").mkdir()
        (work / "scripts" / "tool").write_text("#!/bin/sh\n")
        (work / "scripts" / "tool").chmod(0o755)
        (work / "link").symlink_to("scripts/tool")
        (work / "apps").mkdir()
        (work / "apps" / "mine.yaml").write_text("kind: ConfigMap\napiVersion: v1\nmetadata: {name: mine}\n")

    theirs(home, fill)
    before = at_server("ls-tree", "-r", "main").splitlines()
    home.run()
    after = at_server("ls-tree", "-r", "main").splitlines()
    assert set(before) <= set(after) and len(after) > len(before) + 20
    assert at_server("log", "--format=%an", "main").split() == ["homelab-wizard", "Ann"]
    assert home.plan() == []


def test_a_file_that_is_in_the_way_is_named_and_stays(home: Home) -> None:
    path = "infrastructure/metallb-config/pool.yaml"

    def fill(work: Path) -> None:
        (work / path).parent.mkdir(parents=True)
        (work / path).write_text("kind: IPAddressPool\n")

    before = theirs(home, fill)
    with pytest.raises(Blocked, match=path):
        home.run()
    assert at_server("rev-parse", "main").strip() == before


def test_another_branch(home: Home) -> None:
    theirs(home, lambda work: (work / "mine.txt").write_text("mine\n"), branch="trunk")
    with pytest.raises(Blocked, match="has no branch main") as caught:
        home.plan()
    assert caught.value.why == "It has: trunk." and caught.value.answers == ("repository.branch",)
    home.answers["repository"]["branch"] = "trunk"
    home.run()
    assert at_server("for-each-ref", "--format=%(refname)").split() == ["refs/heads/trunk"]


def test_no_repository(home: Home) -> None:
    home.answers["repository"]["url"] = f"{SERVER}/srv/git/nowhere.git"
    with pytest.raises(Blocked, match="There is no repository at"):
        home.plan()


def test_no_server(home: Home) -> None:
    home.answers["repository"]["url"] = f"ssh://git@198.18.0.1:2229/srv/git/{NAME}.git"
    known = (HOME / "git_known_hosts").read_text().replace(":2222", ":2229")
    (home.folder / "known").write_text(known)
    home.answers["repository"]["known_hosts"] = str(home.folder / "known")
    with pytest.raises(Blocked, match="could not be reached"):
        home.plan()


def test_another_host_key(home: Home) -> None:
    key = (HOME / "git_key.pub").read_text().split()[:2]  # any key will do
    (home.folder / "known").write_text(f"[198.18.0.1]:2222 {' '.join(key)}\n")
    home.answers["repository"]["known_hosts"] = str(home.folder / "known")
    with pytest.raises(TrustError, match="does not show the host key"):
        home.plan()


def test_files_of_somebody_else_at_the_server(home: Home) -> None:
    theirs(home, lambda work: (work / "mine.txt").write_text("mine\n"))
    for folder in (STORE / "objects").iterdir():
        shutil.chown(folder, 0, 0)
    shutil.chown(STORE / "objects", 0, 0)
    with pytest.raises(WizardError, match="The server could not write into"):
        home.run()


def test_a_folder_that_somebody_works_in(home: Home) -> None:
    theirs(home, lambda work: (work / "mine.txt").write_text("mine\n"))
    at_server("config", "core.bare", "false")
    with pytest.raises(WizardError, match="is a folder that somebody works in") as caught:
        home.run()
    assert "git init --bare" in caught.value.fix


def test_a_large_repository(home: Home, ran: Callable[[str, str], None]) -> None:
    """150 MB that nothing makes smaller, in 3,000 files and 50 commits."""

    def fill(work: Path) -> None:
        for number in range(3000):
            file = work / f"folder-{number % 50}" / f"file-{number}"
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(os.urandom(50_000))

    theirs(home, fill)
    for number in range(50):
        commit = at_server("commit-tree", "main^{tree}", "-p", "main", "-m", f"{number}").strip()
        at_server("update-ref", "refs/heads/main", commit)
    subprocess.run(["chown", "-R", "--reference", STORE / "hooks", STORE], check=True)
    began = time.monotonic()
    home.run()
    first = time.monotonic() - began
    began = time.monotonic()
    assert home.plan() == []
    ran(
        "large repository",
        f"150 MB, 3,000 files: first run {first:.1f} s, looked at again {time.monotonic() - began:.1f} s",
    )


def test_stopped_in_the_middle_it_is_done_again(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Writer.write

    def killed(writer: Writer) -> str:
        write(writer)
        raise KeyboardInterrupt

    monkeypatch.setattr(Writer, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        home.run()
    assert at_server("for-each-ref") == ""
    monkeypatch.undo()
    ctx = home.context()
    Engine([Repository()], ctx, Consent(yes=True)).run_step(Repository())
    assert home.plan() == []
