"""The step Repository at a simulated forge: made, opened, pushed to; and everything that can be wrong there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import flux
from steps import repository_access as access
from steps.repository import Repository
from tests.steps.forge_stage import FORGES, URL, Stage, at
from tests.steps.repository_home import Front
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.errors import BadInput, Blocked, Declined, TrustError, WizardError
from wizard.host.base import HostKey
from wizard.world import Request, Response


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    yield Stage(SimWorld(tmp_path), tmp_path, {"provider": "github", **FORGES["github"]})


# -- it goes well ------------------------------------------------------------------------------------------------


def test_at_github_everything_is_said_ahead_made_once_and_the_token_is_not_needed_again(stage: Stage) -> None:
    assert stage.plan() == [
        "create the private repository you/homelab at github.com",
        stage.plan()[1],
        f"make an SSH key for {URL}@main, kept beside the state",
        "add the deploy key that may write to you/homelab at github.com",
        "create the age key that opens the secrets in the repository, kept beside the state",
        "make up a word by which this cluster is recognised in the proof",
        f"begin a copy of {URL} beside the state",
        stage.plan()[7],
    ]
    assert stage.plan()[1].startswith("trust the git server github.com, which shows the key SHA256:")
    assert stage.plan()[1].endswith("(ssh-ed25519), as it publishes it")
    assert stage.plan()[7].startswith(f"commit and push to {URL}@main: what is missing there of ")
    assert stage.world.writes == [], "planning makes nothing"
    made = stage.run()
    assert made == ["create", "host-key", "deploy-key", "grant", "age-key", "nonce", "copy", "push"]
    assert stage.there.private and [key["writable"] for key in stage.there.keys] == [True]
    assert stage.there.keys[0]["title"] == "homelab-wizard attic"
    asked: list[Request] = []
    stage.world.web.http = asked.append  # type: ignore[method-assign,assignment]
    assert stage.run(token=False) == [] and stage.plan(token=False) == []
    assert asked == [], "once the key opens the repository, nothing goes over the API"
    assert "GitHub deletes the deploy key" in stage.notes() and "Add this public key" not in stage.notes()


@pytest.mark.parametrize("name", list(FORGES))
def test_every_forge_ends_at_the_same(stage: Stage, name: str) -> None:
    assert at(stage, name).walk()[:2] == ["create", "deploy-key" if name == "gitea" else "host-key"]
    assert stage.there.path == "you/homelab" and len(stage.there.keys) == 1
    assert stage.ahead(token=False) == []
    assert access.known(stage.context(token=False)) == stage.there.ssh_url


def test_a_forge_of_ones_own_tells_the_address_only_of_what_is_made(stage: Stage) -> None:
    at(stage, "gitea")
    sentences = stage.plan()
    assert sentences[:3] == [
        "create the private repository you/homelab at git.home.test:3000",
        "make an SSH key for you/homelab at git.home.test:3000, kept beside the state",
        "add the deploy key that may write to you/homelab at git.home.test:3000",
    ]
    assert not [sentence for sentence in sentences if "push to" in sentence or "trust" in sentence]
    assert stage.run() == ["create", "deploy-key", "grant", "age-key", "nonce", "host-key", "copy", "push"]


def test_an_organization_and_a_public_repository(stage: Stage) -> None:
    stage.given |= {"owner": "club", "name": "pis", "private": False}
    assert stage.ahead()[0] == "create the public repository club/pis at github.com"
    stage.walk()
    assert (stage.there.path, stage.there.private) == ("club/pis", False)


def test_a_repository_that_is_there_is_used_as_it_is(stage: Stage) -> None:
    stage.world.forges.make("github.com", "you/homelab", private=True)
    assert stage.walk() == ["host-key", "deploy-key", "grant"]


def test_without_a_token_the_key_is_added_by_hand(stage: Stage) -> None:
    stage.given = {"provider": "github", "owner": "you"}
    stage.world.forges.make("github.com", "you/homelab", private=True)
    with pytest.raises(Blocked, match="does not accept the key") as caught:
        stage.walk()
    assert "https://github.com/you/homelab/settings/keys/new, tick “Allow write access”" in caught.value.fix
    assert "repository.github_token" in caught.value.fix
    public = (stage.folder / "state" / "deploy_key.pub").read_text()
    stage.world.forges.add(stage.there, "by hand", public, writable=False)
    with pytest.raises(Blocked, match="may only read"):
        stage.run()
    stage.there.keys.clear()
    stage.world.forges.add(stage.there, "by hand", public, writable=True)
    assert stage.run()[-1] == "push" and stage.plan() == []


# -- what can be wrong -------------------------------------------------------------------------------------------


def test_a_key_that_may_only_read_is_replaced(stage: Stage) -> None:
    stage.run()
    stage.there.keys[0]["writable"] = False
    assert stage.plan() == [], "nothing is to be pushed, so nothing is wrong"
    stage.given["apps"] = ["hello", "pihole"]
    assert stage.plan()[0] == (
        "let the deploy key write to you/homelab at github.com: it is removed and added anew, with that right"
    )
    assert stage.run() == ["grant", "push"]
    assert [key["writable"] for key in stage.there.keys] == [True]


def test_a_key_that_may_only_read_is_told_before_anything_is_made_ready(stage: Stage) -> None:
    stage.run()
    stage.there.keys[0]["writable"] = False
    stage.given = {"provider": "github", "apps": ["hello", "pihole"]}
    with pytest.raises(Blocked, match="may only read") as caught:
        stage.plan()
    assert "marked as read only" in caught.value.why and "ssh-ed25519 AAAA" in caught.value.fix


def test_a_key_that_was_removed_is_added_again_under_another_name(stage: Stage) -> None:
    stage.walk()
    stage.there.keys[0]["key"] = "ssh-ed25519 AAAAsomebodyelse"
    assert stage.ahead()[0] == "add the deploy key that may write to you/homelab at github.com"
    assert stage.walk()[0] == "grant"
    assert len({key["title"] for key in stage.there.keys}) == 2


def test_the_persons_own_key_is_named(stage: Stage, tmp_path: Path) -> None:
    ctx = stage.context()
    ctx.state.save()
    access.make_deploy_key(ctx)
    key = access.key_file(ctx).rename(tmp_path / "mine")
    (tmp_path / "state" / "deploy_key.pub").rename(tmp_path / "mine.pub")
    stage.given["key_file"] = str(key)
    assert f"add the key {key} as a deploy key that may write to you/homelab at github.com" in stage.ahead()
    assert "deploy-key" not in stage.walk()


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"archived": True}, "is archived"), ({"private": False}, "Everybody can read"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_repository_is_named(stage: Stage, change: dict[str, Any], what: str) -> None:
    _, one = stage.world.forges.make("github.com", "you/homelab", private=True)
    for key, value in change.items():
        setattr(one, key, value)
    stage.world.writes.clear()
    with pytest.raises(Blocked, match=what) as caught:
        stage.plan()
    assert "you/homelab at github.com" in caught.value.what and stage.world.writes == []


def test_a_protected_branch_is_named_ahead_where_it_can_be_seen_and_at_the_push_elsewhere(stage: Stage) -> None:
    stage.run()
    stage.there.guarded = True
    stage.given["apps"] = ["hello", "pihole"]
    with pytest.raises(WizardError, match=r"The branch main of .* is protected") as caught:
        stage.run()
    assert "GH006" in caught.value.why and "bypass list" in caught.value.fix
    _, other = at(stage, "gitea").world.forges.make("git.home.test:3000", "you/homelab", private=True)
    other.guarded = True
    with pytest.raises(Blocked, match=r"The branch main of you/homelab at git\.home\.test:3000 is protected"):
        stage.plan()


def test_a_token_that_is_too_small_is_told_before_anything_is_made(stage: Stage) -> None:
    stage.world.forges.scopes = "public_repo, user"
    with pytest.raises(Blocked, match=r"lacks repo") as caught:
        stage.walk()
    assert caught.value.why == "It has: public_repo, user."
    assert "settings/personal-access-tokens/new" in caught.value.fix
    assert caught.value.answers == ("repository.github_token",), "trying again asks for another one"
    assert stage.world.writes == []


def test_a_token_that_is_refused_is_asked_for_again(stage: Stage) -> None:
    stage.world.web.http = lambda request: Response(401, b'{"message": "Bad credentials"}')  # type: ignore[method-assign]
    with pytest.raises(Blocked, match=r"GitHub at github\.com does not accept the token") as caught:
        stage.walk()
    assert caught.value.answers == ("repository.github_token",)
    assert "ghp_of_the_test" not in str(caught.value)


@pytest.mark.parametrize("body", [b"[]", b"{}", b'"me"', b"null"])
def test_something_else_that_speaks_json_is_named(stage: Stage, body: bytes) -> None:
    stage.world.web.http = lambda request: Response(200, body)  # type: ignore[method-assign]
    with pytest.raises(Blocked, match=r"What answers at https://api\.github\.com is not GitHub"):
        stage.ahead()


def test_without_a_token_nobody_knows_whose_repository_it_is(stage: Stage) -> None:
    stage.given = {"provider": "github"}
    with pytest.raises((Blocked, BadInput), match=r"not known|mistake|whose"):
        stage.plan()


def test_flux_waits_for_the_step_that_learns_the_address(stage: Stage) -> None:
    ctx = at(stage, "gitea").context()
    ctx.state.save()
    for file in ("age.key", "deploy_key"):
        (stage.folder / "state" / file).write_text("")
    with pytest.raises(Blocked, match="not known yet where the repository lies"):
        flux.pushed(ctx)


# -- host keys ---------------------------------------------------------------------------------------------------


def test_a_host_key_that_the_forge_does_not_publish_stops_everything(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = (HostKey("ssh-ed25519", "AAAA", "SHA256:of-somebody-else"),)
    monkeypatch.setattr(SimWorld, "host_keys", lambda world, address, port=22: shown)
    for name in ("github", "gitlab", "forgejo"):
        with pytest.raises(TrustError, match="is not the one it publishes") as caught:
            at(stage, name).ahead()
        assert "SHA256:of-somebody-else" in caught.value.why
    assert stage.world.writes == []


def test_a_forge_that_publishes_none_is_asked_about(stage: Stage) -> None:
    at(stage, "gitea")
    ctx = stage.context()
    ctx.front = Front()
    with pytest.raises(Declined, match=r"trust the git server git\.home\.test"):
        Engine([Repository()], ctx, Consent(yes=True)).run_step(Repository())


def test_when_github_does_not_answer_the_person_is_asked_instead(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.given = {"provider": "git", "url": URL}
    stage.world.make_repository(URL)
    monkeypatch.setattr(SimWorld, "http", lambda world, request: Response(502, b"Unicorn"))
    ctx = stage.context()
    Engine([Repository()], ctx).asking.take_settings(Repository())
    changes = Repository().plan(Repository().check(ctx), ctx.answers)
    assert [change.id for change in changes if change.danger] == ["repository/host-key"]
    monkeypatch.undo()
    changes = Repository().plan(Repository().check(ctx), ctx.answers)
    assert [change.id for change in changes if change.danger] == []


def test_another_server_begins_with_its_own_host_key(stage: Stage) -> None:
    stage.walk()
    assert at(stage, "forgejo").ahead()[1].startswith("trust the git server codeberg.org")
