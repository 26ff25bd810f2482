"""How the step Repository reaches its repository: host keys, deploy keys, and the answers about them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from steps import repository_access as access
from steps.repository import QUESTIONS, Repository
from steps.repository_content import settings
from tests.steps.repository_home import Home, ShowingWorld, new
from wizard import events
from wizard.errors import Blocked, Declined, TrustError
from wizard.host.base import HostKey


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return new(tmp_path)


KEYS = (
    HostKey("ssh-ed25519", "AAAAC3NzaC1lZDI1NTE5AAAAIGJkYmM2ZTBkZTg3ZGU4ZGU2MzhkZTg3ZGU4ZGU2", "SHA256:one"),
)  # fmt: skip


@pytest.fixture
def over_ssh(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    home.answers["repository"]["url"] = "ssh://git@127.0.0.1:1/me/home.git"
    monkeypatch.setattr(ShowingWorld, "keys", KEYS)
    return home


def test_an_unknown_git_server_is_shown_and_asked_about(over_ssh: Home) -> None:
    ctx = over_ssh.context()
    changes = Repository().plan(Repository().check(ctx), ctx.answers)
    assert [change.id for change in changes if change.danger] == ["repository/host-key"]
    assert changes[0].sentence == "trust the git server 127.0.0.1, which shows the key SHA256:one (ssh-ed25519)"
    with pytest.raises(Declined):
        over_ssh.run()


def test_an_approved_server_gets_a_key_of_its_own_and_the_person_is_told_where_to_add_it(over_ssh: Home) -> None:
    with pytest.raises(Blocked, match="could not be reached"):
        over_ssh.run(allow=frozenset({"repository/host-key"}))
    key = over_ssh.folder / "state" / "deploy_key"
    assert key.stat().st_mode & 0o777 == 0o600
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True).stdout
    note = next(event for event in over_ssh.heard if isinstance(event, events.Note) and event.title == "Deploy key")
    assert " ".join(public.split()[:2]) in note.text
    assert (over_ssh.folder / "state" / "git_known_hosts").read_text().startswith("[127.0.0.1]:1 ssh-ed25519 ")


def test_a_changed_host_key_is_not_written_down_again(over_ssh: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = over_ssh.context()
    ctx.state.save()
    access.pin(ctx, KEYS)
    assert access.to_pin(ctx) == ()
    access.known_hosts(ctx).unlink()
    assert access.to_pin(ctx) == KEYS
    monkeypatch.setattr(ShowingWorld, "keys", (HostKey("ssh-ed25519", "AAAA", "SHA256:two"),))
    with pytest.raises(TrustError, match="does not show the host key"):
        access.to_pin(ctx)


def test_a_known_hosts_file_without_the_server_is_named(over_ssh: Home, tmp_path: Path) -> None:
    (tmp_path / "known").write_text("")
    over_ssh.answers["repository"]["known_hosts"] = str(tmp_path / "known")
    with pytest.raises(Blocked, match=r"holds no host key of 127\.0\.0\.1, port 1"):
        over_ssh.plan()


# -- answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["main", "home/lab", "v1.0"])
def test_names_of_branches(name: str) -> None:
    assert QUESTIONS["branch"].kind.parse(name) == name


@pytest.mark.parametrize("name", ["", "-x", "a..b", "a b", "x.lock", "main/"])
def test_what_is_no_branch(name: str) -> None:
    with pytest.raises(ValueError, match="not the name of a branch"):
        QUESTIONS["branch"].kind.parse(name)


def test_an_unknown_app_is_a_mistake(home: Home) -> None:
    assert [p.path for p in Repository().validate({"repository": {"apps": ["hello", "plex"]}})] == ["repository.apps"]
    assert settings(home.context(), None, None).apps == ("hello",)
