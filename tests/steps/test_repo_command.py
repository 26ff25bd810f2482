"""`homelab repo validate` and `homelab repo hook`: what they print, and how they end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from steps.gitops.codes import SEVERITY
from steps.gitops.render import render, secret_files
from tests.golden.repositories import settings
from tests.steps.broken import full
from wizard import cli, sops
from wizard.errors import ExitCode
from wizard.realworld import RealWorld

ROOT = Path(__file__).resolve().parent.parent.parent
HELLO = "apps/hello/hello.yaml"
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: hello}\nstringData: {a: b4711}\n"


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@home.test", "-c", "init.defaultBranch=main"]
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    argv = ["git", *who, "-C", str(folder), *words]
    return subprocess.run(argv, capture_output=True, text=True, check=True, env=env).stdout.strip()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The golden repository in a folder, and no state anywhere."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    folder = tmp_path / "home"
    for name, text in full().items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def change(home: Path, name: str, old: str, new: str) -> None:
    file = home / name
    text = file.read_text() if file.exists() else ""
    assert old in text
    file.write_text(text.replace(old, new, 1) if old else text + new)


def test_a_good_repository(home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)
    assert cli.main(["repo", "validate"]) == ExitCode.OK
    assert capsys.readouterr().out == f"{len(full())} files: no mistake.\n"
    assert not (home.parent / "state").exists()


def test_findings_by_file(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, HELLO, "replicas: 1", "replicas: one")
    change(home, HELLO, "whoami:v1.11.0", "whoami:latest")
    assert cli.main(["repo", "validate", str(home)]) == ExitCode.MISTAKES
    said = capsys.readouterr().out
    assert said.startswith(f'{HELLO}\n   9  error: field-type\n      Deployment hello: spec.replicas: "one" is not')
    assert "  26  warning: image-not-pinned\n" in said
    assert said.endswith(f"{len(full())} files: 1 mistake, 1 warning.\n")


def test_warnings_alone_are_no_failure(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, HELLO, "whoami:v1.11.0", "whoami:latest")
    assert cli.main(["repo", "validate", str(home)]) == ExitCode.OK
    assert "no mistake, 1 warning." in capsys.readouterr().out


def test_as_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, HELLO, "replicas: 1", "replicas: one")
    assert cli.main(["repo", "validate", "--json", str(home)]) == ExitCode.MISTAKES
    said = json.loads(capsys.readouterr().out)
    [finding] = said.pop("findings")
    assert said == {"form": 1, "folder": str(home), "files": len(full()), "errors": 1, "warnings": 0}
    assert set(finding) == {"code", "severity", "file", "line", "what", "fix", "commit"}
    assert (finding["code"], finding["file"], finding["line"]) == ("field-type", HELLO, 9)


def test_the_json_is_described(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    text = (ROOT / "docs" / "validation.md").read_text()
    assert cli.main(["repo", "validate", "--json", str(home)]) == ExitCode.OK
    for key in json.loads(capsys.readouterr().out):
        assert f"`{key}`" in text, key
    assert set(SEVERITY)


@pytest.mark.parametrize("name", ["nowhere", "home/README.md", "home/docs"])
def test_a_wrong_path_is_a_mistake_of_the_command_line(
    home: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["repo", "validate", str(home.parent / name)]) == ExitCode.USAGE
    assert len(capsys.readouterr().err.splitlines()) >= 2


def test_what_can_not_be_read_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "apps/hello/more.yaml").write_bytes(b"a: \xe9")
    cli.main(["repo", "validate", str(home)])
    assert "This file was not checked: it is not UTF-8 text." in capsys.readouterr().out


def test_what_a_file_says_does_not_reach_the_terminal(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(home, HELLO, "replicas: 1", 'replicas: "\\e[2Jgone"')
    cli.main(["repo", "validate", str(home)])
    assert "\x1b" not in capsys.readouterr().out


def test_a_secret_on_its_way_is_found_wherever_it_is(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    git(home, "init", "-q")
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "first")
    change(home, "apps/hello/a.yaml", "", SECRET)
    git(home, "add", "-A")
    git(home, "commit", "-q", "-m", "a mistake")
    wrong = git(home, "rev-parse", "HEAD")
    (home / "apps/hello/a.yaml").unlink()
    git(home, "commit", "-q", "-a", "-m", "taken back too late")
    change(home, "apps/hello/b.yaml", "", SECRET)
    git(home, "add", "-A")
    (home / "apps/hello/b.yaml").unlink()
    assert cli.main(["repo", "validate", str(home)]) == ExitCode.MISTAKES
    said = capsys.readouterr().out
    assert f"apps/hello/a.yaml (commit {wrong[:10]})" in said
    assert "apps/hello/b.yaml (staged)" in said
    assert "git restore --staged apps/hello/b.yaml" in said
    assert "2 mistakes." in said
    assert "4711" not in said


def test_a_push_is_refused_while_a_plain_secret_is_in_it(home: Path, tmp_path: Path) -> None:
    """The real hook, run by the real git."""
    git(tmp_path, "init", "-q", "--bare", "far.git")
    git(home, "init", "-q")
    git(home, "remote", "add", "origin", str(tmp_path / "far.git"))
    assert cli.main(["repo", "hook", str(home)]) == ExitCode.OK
    (tmp_path / "bin").mkdir()
    homelab = tmp_path / "bin" / "homelab"
    homelab.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m wizard "$@"\n')
    homelab.chmod(0o755)
    env = {**os.environ, "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    push = ["git", "-C", str(home), "push", "-q", "origin", "main"]

    def pushed() -> subprocess.CompletedProcess[str]:
        git(home, "add", "-A")
        git(home, "commit", "-q", "-m", "change")
        return subprocess.run(push, env=env, capture_output=True, text=True, check=False)

    assert pushed().returncode == 0
    change(home, "apps/hello/a.yaml", "", SECRET)
    refused = pushed()
    assert refused.returncode != 0
    assert "plain-secret" in refused.stdout + refused.stderr
    (home / "apps/hello/a.yaml").unlink()
    assert pushed().returncode != 0, "it is still in the commit before"


def test_what_the_real_sops_encrypts_is_known(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole and for the right key; for another key; the whole file instead of its values."""
    ours, other = (sops.make_key(tmp_path / name) for name in ("ours.key", "other.key"))
    for name in secret_files(settings("duckdns-full")):
        (home / name).unlink()
    for name, template in secret_files(settings("duckdns-full")).items():
        rules = render(replace(settings("duckdns-full"), age_recipient=ours))[".sops.yaml"]
        (home / ".sops.yaml").write_text(rules)
        if "pihole" in name:
            rules = rules.replace(ours, other)
        if "apps/duckdns" in name:
            rules = rules.replace("    encrypted_regex: ^(data|stringData)$\n", "")
        (home / name).write_text(sops.encrypt(RealWorld(), rules, name, template))
    assert cli.main(["repo", "validate", "--json", str(home)]) == ExitCode.MISTAKES
    found = {(one["file"], one["code"]) for one in json.loads(capsys.readouterr().out)["findings"]}
    assert found == {
        ("apps/pihole/admin.sops.yaml", "sops-recipient"), ("apps/duckdns/token.sops.yaml", "sops-too-much")
    }  # fmt: skip
