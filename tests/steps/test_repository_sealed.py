"""Encrypted files that a person has edited with sops: what was added survives, and nothing of it is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import domain_proof
from tests.steps.repository_home import DUCKDNS, TOKEN, Home, again, git, kept, new, replaced
from wizard import events, sops, yamlfile
from wizard.errors import Blocked
from wizard.realworld import RealWorld
from wizard.secret import Secret, SecretRef

SECRET = "apps/duckdns/token.sops.yaml"


def opened(home: Home, text: str) -> str:
    return sops.decrypt(RealWorld(), SECRET, text, home.folder / "state" / "age.key") or ""


def edit_secret(home: Home, *pairs: tuple[str, str]) -> None:
    """As `sops FILE` does it: opened, edited, encrypted again."""

    def change(work: Path) -> None:
        plain = opened(home, (work / SECRET).read_text())
        for old, fresh in pairs:
            assert old in plain, old
            plain = plain.replace(old, fresh)
        (work / SECRET).write_text(sops.encrypt(RealWorld(), (work / ".sops.yaml").read_text(), SECRET, plain))

    home.edit(change)


@pytest.fixture(scope="module")
def first_sealed(tmp_path_factory: pytest.TempPathFactory) -> Home:
    made = new(tmp_path_factory.mktemp("sealed"))
    made.answers["domains"] = {**DUCKDNS, "token": SecretRef("env", "DUCK")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DUCK", TOKEN)
        made.run()
    return kept(made)


@pytest.fixture
def sealed(first_sealed: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DUCK", TOKEN)
    return again(first_sealed)


def test_keys_and_comments_that_were_added_with_sops_survive_another_token(
    sealed: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit_secret(sealed, ("stringData:\n", "stringData:\n    # for my own job\n    mine: sesame-4711\n"))
    assert sealed.plan() == []
    monkeypatch.setenv("DUCK", "another-token-0815")
    assert f"keep what was changed by hand in 1 file ({SECRET})" in sealed.plan()[0]
    sealed.run()
    plain = opened(sealed, sealed.show(SECRET))
    assert yamlfile.load(plain)["stringData"] == {"mine": "sesame-4711", "token": "another-token-0815"}
    assert "# for my own job" in plain and sealed.plan() == []
    history = git(sealed.far, "log", "-p", "--text", "--all")
    assert not [word for word in ("sesame-4711", "another-token-0815", TOKEN, "for my own job") if word in history]


def test_a_token_that_was_not_tried_is_never_pushed(sealed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx = sealed.context()
    domain_proof.remember_token(ctx, Secret(TOKEN))
    monkeypatch.setenv("DUCK", "wrong-token-0815")
    with pytest.raises(Blocked, match="not the DuckDNS token that was tried"):
        sealed.run()
    assert TOKEN in opened(sealed, sealed.show(SECRET))
    domain_proof.remember_token(sealed.context(), Secret("wrong-token-0815"))
    sealed.run()
    assert "wrong-token-0815" in opened(sealed, sealed.show(SECRET))


@pytest.mark.parametrize(("answer", "token"), [("mine", "by-hand-0815"), ("homelab", "another-token-0815")])
def test_a_secret_that_both_changed_is_asked_about_and_never_shown(
    sealed: Home, monkeypatch: pytest.MonkeyPatch, answer: str, token: str
) -> None:
    edit_secret(sealed, (TOKEN, "by-hand-0815"))
    assert sealed.plan() == [], "what only the person changed stays"
    monkeypatch.setenv("DUCK", "another-token-0815")
    with pytest.raises(Blocked, match=r"Secret/.*\.stringData\.token") as caught:
        sealed.run()
    shown = "\n".join([str(caught.value), *(event.text for event in sealed.heard if isinstance(event, events.Note))])
    assert "encrypted and not shown" in shown
    assert not [word for word in ("by-hand-0815", "another-token-0815", TOKEN) if word in shown]
    sealed.answers["repository"]["edits"] = answer
    sealed.run()
    del sealed.answers["repository"]["edits"]
    assert yamlfile.load(opened(sealed, sealed.show(SECRET)))["stringData"]["token"] == token
    assert sealed.plan() == []


@pytest.mark.parametrize("answer", ["mine", "homelab"])
def test_a_secret_that_opens_with_another_key_only(
    sealed: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str
) -> None:
    other = sops.make_key(tmp_path / "other.key")

    def change(work: Path) -> None:
        config = yamlfile.load((work / ".sops.yaml").read_text())
        config["creation_rules"][0]["age"] = other
        text = sops.encrypt(RealWorld(), yamlfile.dump(config), SECRET, opened(sealed, (work / SECRET).read_text()))
        (work / SECRET).write_text(text)

    sealed.edit(change)
    mine = sealed.show(SECRET)
    assert sealed.plan() == []
    monkeypatch.setenv("DUCK", "another-token-0815")
    with pytest.raises(Blocked, match=f": {SECRET}"):
        sealed.plan()
    sealed.answers["repository"]["edits"] = answer
    sealed.run()
    del sealed.answers["repository"]["edits"]
    assert (sealed.show(SECRET) == mine) is (answer == "mine")
    assert ("another-token-0815" in opened(sealed, sealed.show(SECRET))) is (answer == "homelab")
    assert sealed.plan() == []


def test_a_secret_that_was_taken_away_by_hand_stays_away(sealed: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed.edit(lambda work: (work / SECRET).unlink())
    assert sealed.plan() == []
    monkeypatch.setenv("DUCK", "another-token-0815")
    with pytest.raises(Blocked, match=f": {SECRET}"):
        sealed.plan()


def test_a_recipient_that_was_added_by_hand_can_open_what_is_encrypted_anew(
    sealed: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    other = sops.make_key(tmp_path / "other.key")
    ours = sealed.context().state.recall("repository", "age_recipient")
    sealed.edit(replaced(".sops.yaml", (ours, f"{ours},{other}")))
    monkeypatch.setenv("DUCK", "another-token-0815")
    sealed.run()
    assert "another-token-0815" in (
        sops.decrypt(RealWorld(), SECRET, sealed.show(SECRET), tmp_path / "other.key") or ""
    )
