"""A folder with a repository in it, as it is on this computer; git, where it is one of git's."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from wizard import checkout, localgit, prepush
from wizard.checkout import BadFolder
from wizard.errors import ExitCode, WizardError

ENV = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test", "-c", "init.defaultBranch=main"]
    argv = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=ENV).stdout.strip()


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def commit(folder: Path, files: dict[str, str]) -> str:
    write(folder, files)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "change")
    return git(folder, "rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A checkout with one pushed commit."""
    git(tmp_path, "init", "-q", "--bare", "far.git")
    git(tmp_path, "init", "-q", "work")
    work = tmp_path / "work"
    commit(work, {"a.yaml": "a: 1\n", ".gitignore": "age.key\n"})
    git(work, "remote", "add", "origin", str(tmp_path / "far.git"))
    git(work, "push", "-q", "origin", "main")
    return work


# -- folders -------------------------------------------------------------------------------------------------


def test_every_file_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "a", "b/c.txt": "c", ".git/x.yaml": "not this"})
    assert dict(checkout.read(tmp_path).files) == {"a.yaml": "a", "b/c.txt": "c"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere", "There is no folder"),
        ("file.txt", "is a file"),
        ("empty", "There is no YAML file"),
        ("x" * 999, "x"),
    ],
    ids=["missing", "a file", "no YAML", "a name that can't be"],
)
def test_what_is_no_repository(tmp_path: Path, name: str, said: str) -> None:
    write(tmp_path, {"file.txt": "", "empty/readme.md": ""})
    with pytest.raises(BadFolder, match=said) as caught:
        checkout.read(tmp_path / name)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.fix


def test_files_that_can_not_be_looked_into(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkout, "LARGE", 1000)
    write(tmp_path, {"good.yaml": "a: 1", "large.yaml": "x" * 1001, "good.bin": ""})
    (tmp_path / "good.bin").write_bytes(b"\0\xff\xfe")
    (tmp_path / "latin.yaml").write_bytes(b"a: \xe9")
    (tmp_path / "bom.yaml").write_bytes(b"\xef\xbb\xbfa: 1")
    (tmp_path / "link.yaml").symlink_to("good.yaml")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "round.yaml").symlink_to("round.yaml")
    os.mkfifo(tmp_path / "pipe.yaml")
    seen = checkout.read(tmp_path)
    assert dict(seen.files) == {
        "good.yaml": "a: 1", "bom.yaml": "a: 1", "good.bin": "", "large.yaml": "", "latin.yaml": ""
    }  # fmt: skip
    assert sorted(seen.unread) == ["large.yaml", "latin.yaml", "link.yaml", "round.yaml"]
    assert seen.unread["latin.yaml"] == "it is not UTF-8 text"


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    write(tmp_path, {"a.yaml": "a: 1"})
    monkeypatch.setattr(Path, "read_bytes", refused)
    assert checkout.read(tmp_path).unread == {"a.yaml": "it can't be read (Permission denied)"}


# -- git -----------------------------------------------------------------------------------------------------


def test_what_git_ignores_is_left_out_and_what_is_new_is_not(repo: Path) -> None:
    write(repo, {"age.key": "secret", "new.yaml": "b: 1"})
    (repo / "a.yaml").unlink()
    assert set(checkout.read(repo).files) == {".gitignore", "new.yaml"}


def test_what_is_staged_and_what_is_on_its_way(repo: Path) -> None:
    first = commit(repo, {"gone.yaml": "secret: 1"})
    (repo / "gone.yaml").unlink()
    second = commit(repo, {"b.yaml": "b: 1", "ä ö.yaml": "c: 1"})
    write(repo, {"staged.yaml": "s: 1", "picture.bin": "x" * 1_000_001})
    git(repo, "add", "-A")
    (repo / "staged.yaml").unlink()
    found = {(one.at, one.path): one.text for one in checkout.read(repo).versions}
    assert found == {
        ("staged", "staged.yaml"): "s: 1", (second, "b.yaml"): "b: 1", (second, "ä ö.yaml"): "c: 1",
        (first, "gone.yaml"): "secret: 1",
    }  # fmt: skip
    git(repo, "push", "-q", "origin", "main")
    assert [one.at for one in checkout.read(repo).versions] == ["staged"]


def test_a_checkout_without_a_commit(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", ".")
    write(tmp_path, {"a.yaml": "a: 1"})
    git(tmp_path, "add", "a.yaml")
    assert [(one.at, one.path) for one in checkout.read(tmp_path).versions] == [("staged", "a.yaml")]


def test_a_folder_inside_a_checkout(repo: Path) -> None:
    commit(repo, {"home/b.yaml": "b: 1", "other/c.yaml": "c: 1"})
    seen = checkout.read(repo / "home")
    assert (set(seen.files), [one.path for one in seen.versions]) == ({"b.yaml"}, ["b.yaml"])


def test_what_is_pushed_is_what_git_says(repo: Path) -> None:
    base = git(repo, "rev-parse", "HEAD")
    tip = commit(repo, {"b.yaml": "b: 1"})
    write(repo, {"only-here.yaml": "x: 1"})
    (one,) = checkout.read_pushed(repo, [f"refs/heads/main {tip} refs/heads/main {base}", ""])
    assert dict(one.files) == {"a.yaml": "a: 1\n", ".gitignore": "age.key\n", "b.yaml": "b: 1"}
    assert [version.path for version in one.versions if version.at == tip] == ["b.yaml"]
    assert checkout.read_pushed(repo, [f"(delete) {'0' * 40} refs/heads/old {base}"]) == []
    with pytest.raises(BadFolder):
        checkout.read_pushed(repo.parent, [])


def test_settings_of_a_checkout_run_nothing(repo: Path, tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(trap))
    git(repo, "config", "core.pager", str(trap))
    checkout.read(repo)
    assert not (tmp_path / "sprung").exists()


def test_without_git_it_is_a_folder(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(repo, {"age.key": "x"})
    monkeypatch.setenv("PATH", "")
    seen = checkout.read(repo)
    assert "age.key" in seen.files and seen.versions == ()


def test_a_damaged_checkout_is_told(repo: Path) -> None:
    (repo / ".git" / "index").write_text("broken")
    with pytest.raises(WizardError, match="git can't read"):
        checkout.read(repo)


# -- the hook -------------------------------------------------------------------------------------------------


def test_the_hook_is_written_once(repo: Path) -> None:
    hook = prepush.install(repo)
    assert hook == repo / ".git/hooks/pre-push"
    assert os.access(hook, os.X_OK)
    assert prepush.install(repo) == hook, "again: the same"
    hook.write_text("#!/bin/sh\necho mine\n")
    with pytest.raises(WizardError, match="There is a pre-push hook already") as caught:
        prepush.install(repo)
    assert prepush.LINE in caught.value.fix
    assert "mine" in hook.read_text()


def test_a_hook_is_this_checkouts_own(repo: Path, tmp_path: Path) -> None:
    git(repo, "config", "core.hooksPath", str(tmp_path / "everywhere"))
    with pytest.raises(WizardError, match="not this checkout's own"):
        prepush.install(repo)
    with pytest.raises(BadFolder):
        prepush.install(tmp_path)


def test_a_worktree_has_the_hooks_of_its_repository(repo: Path, tmp_path: Path) -> None:
    git(repo, "worktree", "add", "-q", str(tmp_path / "side"))
    assert prepush.install(tmp_path / "side").resolve() == (repo / ".git/hooks/pre-push").resolve()


def test_the_hook_asks_before_a_push(repo: Path, tmp_path: Path) -> None:
    """Run by git itself, with a homelab that says no when it is told of a file called no.yaml."""
    bin_ = tmp_path / "bin"
    write(bin_, {"homelab": '#!/bin/sh\necho "$@" > "$TOLD"\ncat >> "$TOLD"\n[ ! -e "$4/no.yaml" ]\n'})
    (bin_ / "homelab").chmod(0o755)
    prepush.install(repo)
    env = {**ENV, "PATH": f"{bin_}:{os.environ['PATH']}", "TOLD": str(tmp_path / "told")}
    push = ["git", "-C", str(repo), "push", "-q", "origin", "main"]
    tip = commit(repo, {"b.yaml": "b: 1"})
    assert subprocess.run(push, env=env, capture_output=True, check=False).returncode == 0
    assert (tmp_path / "told").read_text().startswith(f"repo validate --pre-push {repo}\nrefs/heads/main {tip} ")
    commit(repo, {"no.yaml": "b: 1"})
    assert subprocess.run(push, env=env, capture_output=True, check=False).returncode != 0
    assert git(repo, "ls-remote", "origin", "main").startswith(tip)


def test_git_that_hangs_or_fails_is_told(repo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(localgit, "SECONDS", 0)
    with pytest.raises(WizardError, match="git did not answer"):
        localgit.Git(repo).names()
