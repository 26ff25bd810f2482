"""The step Repository with real git, real sops and a real age key, against a bare repository in a folder."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from steps.repository import describe
from steps.repository_commit import Writer
from steps.repository_content import Difference, compare
from steps.repository_secrets import Vault
from tests.steps.repository_home import DUCKDNS, TOKEN, Home, git, new
from wizard import events, sops, yamlfile
from wizard.errors import Blocked, WizardError
from wizard.realworld import RealWorld
from wizard.repo import GONE
from wizard.secret import SecretRef


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("DUCK", TOKEN)
    return new(tmp_path)


def test_an_empty_repository_is_written_once(home: Home) -> None:
    sentences = home.plan()
    assert [sentence.split()[0] for sentence in sentences] == ["create", "make", "begin", "commit"]
    assert sentences[-1].startswith(f"commit and push to file://{home.far}@main: what is missing there of 30 files (")
    assert not (home.folder / "state").exists(), "planning writes nothing"
    ctx = home.run()
    assert ctx.state.recall("repository", "commit") == git(home.far, "rev-parse", "main").strip()
    assert ctx.state.recall("repository", "age_recipient") in home.show(".sops.yaml")
    assert git(home.far, "log", "--format=%an", "main").strip() == "homelab-wizard"
    assert home.plan() == []
    before = git(home.far, "rev-parse", "main")
    home.run()
    assert git(home.far, "rev-parse", "main") == before


def test_the_word_of_the_proof_is_encrypted_and_follows_the_evidence(home: Home) -> None:
    path = "apps/hello/word.sops.yaml"

    def opened() -> str:
        plain = sops.decrypt(RealWorld(), path, home.show(path), home.folder / "state" / "age.key")
        return str(yamlfile.load(plain or "")["stringData"]["word"])

    ctx = home.run()
    word = ctx.state.recall("proof", "nonce")
    assert opened() == word and word not in git(home.far, "log", "-p", "--text", "--all")
    ctx.state.remember("proof", "nonce", value="homelab-another")
    sentence = home.plan()[0]
    assert sentence.endswith(f"write 1 file ({path})") and "homelab-another" not in sentence
    home.run()
    assert opened() == "homelab-another" and home.plan() == []


def test_secrets_are_encrypted_kept_and_opened_only_by_the_age_key(home: Home) -> None:
    home.answers["domains"] = {**DUCKDNS, "token": SecretRef("env", "DUCK")}
    home.answers["repository"]["apps"] = ["hello", "pihole", "monitoring"]
    home.run()
    paths = [path for path in home.files() if path.endswith(".sops.yaml") and path != ".sops.yaml"]
    assert len(paths) == 5
    assert TOKEN not in git(home.far, "log", "-p", "--all")
    assert home.plan() == [], "the same secrets are not encrypted again"
    key = home.folder / "state" / "age.key"
    for path, name in (("apps/duckdns/token.sops.yaml", "token"), ("apps/pihole/admin.sops.yaml", "password")):
        value = yamlfile.load(sops.decrypt(RealWorld(), path, home.show(path), key) or "")["stringData"][name]
        assert value == TOKEN if name == "token" else len(value) >= 20
    password = home.show("apps/pihole/admin.sops.yaml")
    os.environ["DUCK"] = "another-token-0815"
    assert "write 2 files (apps/duckdns/token.sops.yaml" in home.plan()[0]
    home.run()
    assert home.show("apps/pihole/admin.sops.yaml") == password
    assert home.plan() == []


def test_changed_answers_change_what_they_must_and_nothing_else(home: Home) -> None:
    home.run()
    home.edit(lambda work: (work / "mine.txt").write_text("mine\n") and None)
    home.edit(lambda work: (work / "apps/hello/routes.yaml").write_text("# mine\n") and None)
    assert home.plan() == [], "what only the person changed stays"
    home.answers["addresses"]["internal_address"] = "10.0.0.65"
    assert "write 4 files (docs/network.md, docs/network.svg, docs/runbook.md and 1 more)" in home.plan()[0]
    home.answers["repository"]["apps"] = ["hello", "monitoring"]
    home.run()
    assert home.show("mine.txt") == "mine\n" and home.show("apps/hello/routes.yaml") == "# mine\n"
    home.answers["repository"]["apps"] = ["hello"]
    home.run()
    assert not [path for path in home.files() if "monitoring" in path or "prometheus" in path]


def test_a_change_by_hand_is_never_overwritten(home: Home) -> None:
    home.run()
    file = "infrastructure/metallb-config/pool.yaml"

    def by_hand(work: Path) -> None:
        (work / file).write_text((work / file).read_text().replace("10.0.0.69", "10.0.0.80"))

    home.edit(by_hand)
    before = git(home.far, "rev-parse", "main")
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    with pytest.raises(Blocked, match="changed by hand") as caught:
        home.run()
    assert file in caught.value.what
    assert git(home.far, "rev-parse", "main") == before
    note = next(event for event in home.heard if isinstance(event, events.Note) and event.title == "Changed by hand")
    assert "-10.0.0.60-10.0.0.80" in note.text and "+10.0.0.60-10.0.0.66" in note.text


def test_a_readme_and_other_files_that_were_there_first_stay(home: Home) -> None:
    home.edit(lambda work: (work / "README.md").write_text("# my own\n") and None)
    home.run()
    assert home.show("README.md") == "# my own\n"
    assert home.plan() == []


def test_flux_own_folder_is_left_alone(home: Home) -> None:
    home.run()

    def bootstrap(work: Path) -> None:
        (work / "clusters/attic/flux-system").mkdir()
        (work / "clusters/attic/flux-system/gotk-sync.yaml").write_text("kind: whatever\n")

    home.edit(bootstrap)
    assert home.plan() == []


def racing(home: Home, monkeypatch: pytest.MonkeyPatch, times: int) -> None:
    """Ann is faster, `times` times: she pushes after the commit was written and before it is pushed."""
    write, pushed = Writer.write, iter(range(times))

    def slow(writer: Writer) -> str:
        commit = write(writer)
        if (number := next(pushed, None)) is not None:
            home.edit(lambda work: (work / f"theirs-{number}.txt").write_text("first\n") and None)
        return commit

    monkeypatch.setattr(Writer, "write", slow)


def test_when_somebody_else_is_faster_it_is_done_on_top(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    racing(home, monkeypatch, 2)
    home.run()
    assert home.show("theirs-0.txt") == home.show("theirs-1.txt") == "first\n" and "README.md" in home.files()
    assert git(home.far, "log", "--format=%an", "main").split() == ["homelab-wizard", "Ann", "Ann"]
    assert home.plan() == []


def test_a_push_that_always_loses_the_race_overwrites_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    racing(home, monkeypatch, 3)
    with pytest.raises(WizardError, match="Somebody else has pushed"):
        home.run()
    assert home.files() == ["theirs-0.txt", "theirs-1.txt", "theirs-2.txt"]
    monkeypatch.undo()
    home.run()
    assert home.show("theirs-2.txt") == "first\n" and home.plan() == []


def test_what_a_faster_push_changed_as_well_is_not_overwritten(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.run()
    home.answers["addresses"]["pool"] = "10.0.0.60-10.0.0.66"
    file, write = "infrastructure/metallb-config/pool.yaml", Writer.write

    def slow(writer: Writer) -> str:
        commit = write(writer)
        home.edit(lambda work: (work / file).write_text((work / file).read_text().replace("69", "80")) and None)
        return commit

    monkeypatch.setattr(Writer, "write", slow)
    with pytest.raises(Blocked, match="changed by hand"):
        home.run()
    assert "10.0.0.80" in home.show(file)


def test_no_commit_with_a_plain_secret_is_pushed(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.answers["domains"] = {**DUCKDNS, "token": SecretRef("env", "DUCK")}
    monkeypatch.setenv("DUCK", TOKEN)
    plain = "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: duckdns}\nstringData: {token: abc}\n"
    monkeypatch.setattr(Vault, "encrypted", lambda vault, path, text, config: plain)
    with pytest.raises(Blocked, match="mistake"):
        home.run()
    monkeypatch.setattr("steps.repository_commit.validate", lambda files, own: [])
    with pytest.raises(WizardError, match=r"Not pushed: .*\.sops\.yaml:\d+: .*stringData.token is not encrypted"):
        home.run()
    assert git(home.far, "branch") == ""


def test_killed_between_key_and_evidence_the_same_key_is_used(home: Home) -> None:
    (home.folder / "state").mkdir()
    recipient = sops.make_key(home.folder / "state" / "age.key")
    assert home.run().state.recall("repository", "age_recipient") == recipient


def test_a_lost_age_key_stops_everything(home: Home) -> None:
    home.run()
    key = home.folder / "state" / "age.key"
    key.rename(home.folder / "kept")
    with pytest.raises(Blocked, match="missing"):
        home.plan()
    sops.make_key(key)
    with pytest.raises(Blocked, match="another one"):
        home.plan()


def test_another_branch_is_not_made_up(home: Home) -> None:
    home.run()
    home.answers["repository"]["branch"] = "trunk"
    with pytest.raises(Blocked, match="no branch trunk"):
        home.plan()


@pytest.mark.parametrize(
    ("now", "wanted", "last", "fate"),
    [
        (None, "a", None, "write"), ("a", "a", None, "-"), ("b", "a", None, "both"), ("a", "b", "a", "write"),
        ("x", "a", "a", "-"), ("x", "b", "a", "both"), (None, "a", "a", "-"), (None, "b", "a", "both"),
        (None, "a", GONE, "write"), ("a", None, "a", "gone"), ("x", None, "a", "both"), (None, None, "a", "-"),
        ("x", None, None, "-"), ("x", None, GONE, "-"),
    ],
)  # fmt: skip
def test_the_fate_of_a_file(now: str | None, wanted: str | None, last: str | None, fate: str) -> None:
    wanted_, now_, last_ = ({} if value is None else {"f": value} for value in (wanted, now, last))
    found = compare(wanted_, now_, last_)
    assert found == {
        "write": (["f"], [], []), "gone": ([], ["f"], []), "both": ([], [], ["f"]), "-": ([], [], []),
    }[fate]  # fmt: skip


def test_a_sentence_names_the_first_files() -> None:
    difference = Difference(("a", "b", "c", "d"), ("e",))
    assert describe(difference) == "write 4 files (a, b, c and 1 more), take away 1 file (e)"
