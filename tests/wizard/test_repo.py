"""Real git against a local bare repository: what is read, committed, pushed, and how refusals are told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wizard.errors import TrustError, WizardError
from wizard.realworld import RealWorld
from wizard.repo import GONE, Author, Repo, ssh_command

US = Author("homelab-wizard", "homelab-wizard@homelab.invalid")


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    names = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test", "-c", "init.defaultBranch=main"]
    done = subprocess.run(
        ["git", *names, "-C", str(folder), *words], capture_output=True, text=True, check=True, env=env
    )
    return done.stdout


@pytest.fixture
def far(tmp_path: Path) -> Path:
    folder = tmp_path / "far.git"
    folder.mkdir()
    git(folder, "init", "-q", "--bare")
    return folder


@pytest.fixture
def repo(far: Path, tmp_path: Path) -> Repo:
    made = Repo(RealWorld(), f"file://{far}", "main", tmp_path / "copy of it.git")
    made.copy()
    return made


def by_hand(far: Path, tmp_path: Path, files: dict[str, str]) -> None:
    """Ann pushes a change of her own."""
    work = tmp_path / "work"
    if not work.exists():
        git(tmp_path, "clone", "-q", str(far), str(work))
    git(work, "pull", "-q", "origin", "main") if git(far, "branch") else None
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git(work, "add", ".")
    git(work, "commit", "-q", "-m", "by hand")
    git(work, "push", "-q", "origin", "HEAD:main")


def test_an_empty_repository_gets_its_first_commit(repo: Repo, far: Path) -> None:
    assert repo.copied and repo.heads() == {}
    commit = repo.commit(US, "Begin\n\nwith ümlauts", {"README.md": "# hé\n", "a/b.yaml": "x: 1\n"}, [], None)
    repo.push(commit)
    assert repo.heads() == {"main": commit}
    assert git(far, "show", "main:README.md") == "# hé\n"
    assert git(far, "log", "--format=%an %s", "main").strip() == "homelab-wizard Begin"
    assert repo.outgoing(None, commit) == [
        (commit, "README.md", repo.files(commit)["README.md"]), (commit, "a/b.yaml", repo.files(commit)["a/b.yaml"]),
    ]  # fmt: skip


def test_a_commit_goes_on_top_of_what_is_there(repo: Repo, far: Path, tmp_path: Path) -> None:
    by_hand(far, tmp_path, {"theirs.txt": "mine\n", "old.txt": "away\n"})
    repo.fetch()
    base = repo.heads()["main"]
    assert repo.has(base) and not repo.has(GONE)
    commit = repo.commit(US, "More", {"ours.txt": "ours\n"}, ["old.txt"], base)
    repo.push(commit)
    assert git(far, "ls-tree", "--name-only", "main").split() == ["ours.txt", "theirs.txt"]
    assert [path for _, path, _ in repo.outgoing(base, commit)] == ["old.txt", "ours.txt"]


def test_what_we_wrote_last_is_told_from_what_others_wrote(repo: Repo, far: Path, tmp_path: Path) -> None:
    first = repo.commit(US, "1", {"kept": "1\n", "edited": "1\n", "dropped": "1\n"}, [], None)
    second = repo.commit(US, "2", {"kept": "2\n"}, ["dropped"], first)
    repo.push(second)
    by_hand(far, tmp_path, {"edited": "by hand\n", "theirs": "x\n"})
    repo.fetch()
    head = repo.heads()["main"]
    last, now = repo.last_written(US, head), repo.files(head)
    assert repo.read(last["kept"]) == "2\n" and now["kept"] == last["kept"]
    assert repo.read(last["edited"]) == "1\n" and repo.read(now["edited"]) == "by hand\n"
    assert last["dropped"] == GONE and "theirs" not in last


def test_a_commit_that_was_not_pushed_is_made_again(repo: Repo) -> None:
    repo.commit(US, "killed before the push", {"a": "1\n"}, [], None)
    again = repo.commit(US, "again", {"a": "2\n"}, [], None)
    repo.push(again)
    assert repo.heads() == {"main": again}


def test_a_push_never_overwrites(repo: Repo, far: Path, tmp_path: Path) -> None:
    repo.push(repo.commit(US, "1", {"a": "1\n"}, [], None))
    base = repo.heads()["main"]
    by_hand(far, tmp_path, {"b": "by hand\n"})
    with pytest.raises(WizardError, match="Somebody else has pushed"):
        repo.push(repo.commit(US, "2", {"a": "2\n"}, [], base))
    assert git(far, "show", "main:b") == "by hand\n"


@pytest.mark.parametrize(
    ("says", "expected"),
    [("protected branch", "is protected"), ("ERROR: The key is marked as read only", "may only read")],
)
def test_a_refusing_server_is_named(repo: Repo, far: Path, says: str, expected: str) -> None:
    hook = far / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\necho '{says}' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(WizardError, match=expected):
        repo.push(repo.commit(US, "1", {"a": "1\n"}, [], None))


def test_a_missing_repository_is_named(tmp_path: Path) -> None:
    with pytest.raises(WizardError, match="There is no repository"):
        Repo(RealWorld(), f"file://{tmp_path}/nowhere.git", "main", tmp_path / "c.git").heads()


@pytest.mark.parametrize(
    ("err", "what", "kind"),
    [
        ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @", "does not show the host key", TrustError),
        ("git@x: Permission denied (publickey).", "does not accept the key", WizardError),
        ("ssh: Could not resolve hostname git.test: Name or service not known", "could not be resolved", WizardError),
        ("ssh: connect to host git.test port 22: Connection refused", "could not be reached", WizardError),
        ("remote: GitLab: You are not allowed to push code to this project.", "may only read", WizardError),
        ("something nobody has seen before", "could not be read", WizardError),
    ],
)
def test_what_git_prints_is_told_in_words(repo: Repo, err: str, what: str, kind: type[WizardError]) -> None:
    error = repo.refused(f"Warning: noise\n{err}\n")
    assert type(error) is kind and what in error.what


def test_ssh_trusts_only_what_it_is_given() -> None:
    command = ssh_command(Path("/my home/key"), Path("/my home/known"))
    assert "StrictHostKeyChecking=yes" in command and "'UserKnownHostsFile=\"/my home/known\"'" in command
    assert "'/my home/key'" in command and "-F /dev/null" in command
