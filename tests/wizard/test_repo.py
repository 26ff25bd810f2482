"""Real git against a local bare repository: what is read, committed, pushed, and how refusals are told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wizard.errors import Interrupted, WizardError
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


def test_what_others_keep_in_the_repository_stays_as_it_is(repo: Repo, far: Path, tmp_path: Path) -> None:
    """Other modes, names that are no UTF-8 or close to git's order of folders, a file where we want a folder."""
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(far), str(work))
    for folder in ("a", "lone"):
        (work / folder).mkdir()
    (work / "a" / "tool").write_text("#!/bin/sh\n")
    (work / "a" / "tool").chmod(0o755)
    (work / "link").symlink_to("a/tool")
    for name in (b"a.txt", b"a-b", b"a0", b"caf\xe9", "ü".encode(), b"taken", b"a/old", b"lone/file"):
        (work / os.fsdecode(name)).write_text("theirs\n")
    by_hand(far, tmp_path, {})
    repo.fetch()
    base = repo.heads()["main"]
    wanted = {"a/b/c.yaml": "x: 1\n", "a/b.yaml": "", "taken/now": "ours\n", "new": "ours\n"}
    commit = repo.commit(US, "Ours", wanted, ["a/old", "lone/file", "never/was", "link/x"], base)
    repo.push(commit)
    git(far, "fsck", "--strict", "--full")
    git(work, "rm", "-q", "a/old", "lone/file", "taken")
    for name, text in wanted.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)
    git(work, "add", ".")
    assert git(work, "write-tree") == git(far, "rev-parse", "main^{tree}")


def test_what_was_there_is_put_back_as_it_was(repo: Repo, far: Path, tmp_path: Path) -> None:
    """A link, a program, bytes that are no UTF-8: taken over by a first commit, put back by a second."""
    work = tmp_path / "work"
    git(tmp_path, "clone", "-q", str(far), str(work))
    (work / "link").symlink_to("elsewhere")
    (work / "tool").write_text("#!/bin/sh\n")
    (work / "tool").chmod(0o755)
    (work / "d").mkdir()
    (work / "d" / "raw").write_bytes(b"caf\xe9\n")
    by_hand(far, tmp_path, {})
    repo.fetch()
    base = repo.heads()["main"]
    paths = ["link", "tool", "d/raw"]
    first = repo.commit(US, "Ours", dict.fromkeys(paths, "ours\n"), [], base)
    assert repo.texts({path: repo.files(first)[path] for path in paths}) == dict.fromkeys(paths, "ours\n")
    second = repo.commit(US, "Back", {"new": "1\n"}, [], first, back=[*paths, "never/was"], of=base)
    repo.push(second)
    assert git(far, "diff", "--name-only", base, "main").split() == ["new"]
    assert git(far, "ls-tree", first, "tool").startswith("100755"), "what can be run stays so"


def test_nothing_of_the_persons_own_git_is_used(
    repo: Repo, far: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a hook, which git starts with GIT_DIR and more, and with settings that would break or change everything."""
    other = tmp_path / "other.git"
    other.mkdir()
    git(other, "init", "-q", "--bare")
    before = sorted(path.relative_to(other) for path in other.rglob("*"))
    template = tmp_path / "template"
    (template / "hooks").mkdir(parents=True)
    (template / "hooks" / "pre-push").write_text("#!/bin/sh\nexit 1\n")
    (template / "hooks" / "pre-push").chmod(0o755)
    (tmp_path / ".gitconfig").write_text(
        f"[init]\ntemplateDir = {template}\n[i18n]\ncommitEncoding = latin1\n[safe]\nbareRepository = explicit\n"
        f'[core]\nhooksPath = {template}/hooks\n[url "file:///nowhere/"]\ninsteadOf = file:///\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, value in {
        "GIT_DIR": str(other), "GIT_WORK_TREE": str(tmp_path), "GIT_OBJECT_DIRECTORY": str(other / "objects"),
        "GIT_COMMON_DIR": str(other), "GIT_TEMPLATE_DIR": str(template), "GIT_QUARANTINE_PATH": str(other),
        "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.bare",
        "GIT_CONFIG_VALUE_0": "false", "GIT_INDEX_FILE": str(other / "index"),
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    again = Repo(repo.world, repo.url, "main", tmp_path / "again.git")
    again.copy()
    commit = again.commit(US, "Grüße\n", {"a": "1\n"}, [], None)
    again.push(commit)
    again.fetch()
    assert again.heads() == {"main": commit} and again.has(commit) and list(again.files(commit)) == ["a"]
    assert again.last_written(US, commit) == again.files(commit)
    assert "Grüße" in git(far, "cat-file", "commit", "main") and "2001" not in git(far, "log", "--format=%ai", "main")
    assert not (again.folder / "hooks" / "pre-push").exists()
    assert sorted(path.relative_to(other) for path in other.rglob("*")) == before


def test_a_damaged_copy_is_told_in_words(repo: Repo) -> None:
    commit = repo.commit(US, "1", {"a": "1\n"}, [], None)
    for file in (repo.folder / "objects").rglob("??/*"):
        file.unlink()
    with pytest.raises(WizardError, match=r"copy of the repository can't be used") as caught:
        repo.files(commit)
    assert str(repo.folder) in caught.value.fix and repo.has(commit) is False
    repo.world.stop.set()
    with pytest.raises(Interrupted):
        repo.files(commit)


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


def test_a_key_that_may_write_is_told_from_one_that_may_not(repo: Repo, far: Path) -> None:
    repo.may_push()
    assert git(far, "for-each-ref") == ""
    repo.push(repo.commit(US, "1", {"a": "1\n"}, [], None))
    repo.may_push()
    gone = Repo(repo.world, f"{repo.url}-gone", "main", repo.folder)
    with pytest.raises(WizardError, match="There is no repository"):
        gone.may_push()


def test_ssh_trusts_only_what_it_is_given() -> None:
    command = ssh_command(Path("/my home/key"), Path("/my home/known"))
    assert "StrictHostKeyChecking=yes" in command and "'UserKnownHostsFile=\"/my home/known\"'" in command
    assert "'/my home/key'" in command and "-F /dev/null" in command
