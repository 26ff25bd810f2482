"""The age key's copy: made where the person says, never over another key, and good enough to bring the key back."""

from __future__ import annotations

from pathlib import Path

import pytest

from steps import age_key
from tests.steps.repository_home import Home, new
from wizard import events, remembered, sops
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, WizardError
from wizard.realworld import RealWorld
from wizard.step import Step


class KeyOnly(Step[age_key.KeyFacts]):
    """The part of the step Repository that looks after the key, without git."""

    name, title, intro, questions = "repository", "Repository", "", (age_key.QUESTION,)

    def check(self, ctx: Context) -> age_key.KeyFacts:
        return age_key.look(ctx)

    def plan(self, facts: age_key.KeyFacts, answers: object) -> list:  # type: ignore[type-arg]
        return age_key.changes(facts)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "stick").mkdir()
    made = new(tmp_path)
    made.answers["repository"]["age_key_copy"] = str(tmp_path / "stick")
    return made


def run(home: Home) -> Context:
    ctx = home.context()
    Engine([KeyOnly()], ctx, Consent(yes=True)).run_step(KeyOnly())
    return ctx


def plan(home: Home) -> list[str]:
    return [change.sentence.split(" ")[0] for change in age_key.changes(age_key.look(home.context()))]


def notes(home: Home) -> dict[str, str]:
    return {event.title: event.text for event in home.heard if isinstance(event, events.Note)}


def key(home: Home) -> Path:
    return home.folder / "state" / "age.key"


def copy(home: Home) -> Path:
    return home.folder / "stick" / "attic-age.key"


def test_the_copy_is_made_with_the_key_and_only_its_owner_reads_it(home: Home) -> None:
    assert plan(home) == ["create", "copy"]
    ctx = run(home)
    assert copy(home).read_bytes() == key(home).read_bytes()
    assert copy(home).stat().st_mode & 0o777 == 0o600
    assert plan(home) == []
    assert "same disk" in notes(home)["Copy of the age key"]
    assert f"{copy(home)}, 20" in " ".join(remembered.status(ctx.state, [], "homelab").text().split())
    assert "AGE-SECRET" not in ctx.state.path.read_text()


def test_a_file_can_be_named_too(home: Home) -> None:
    home.answers["repository"]["age_key_copy"] = str(home.folder / "stick" / "mine.agekey")
    run(home)
    assert (home.folder / "stick" / "mine.agekey").read_bytes() == key(home).read_bytes()


def test_without_a_copy_it_is_said_each_time_and_in_the_status(home: Home) -> None:
    home.answers["repository"]["age_key_copy"] = None
    ctx = run(home)
    assert age_key.ANSWER in notes(home)["Age key"]
    assert "age key's copy  none" in remembered.status(ctx.state, [], "homelab").text()
    home.heard.clear()
    assert plan(home) == [] and "Age key" in notes(home)


def test_a_copy_can_be_asked_for_later(home: Home) -> None:
    home.answers["repository"]["age_key_copy"] = None
    run(home)
    home.answers["repository"]["age_key_copy"] = str(home.folder / "stick")
    assert plan(home) == ["copy"]
    run(home)
    assert plan(home) == []


def test_a_stick_that_was_pulled_out_is_believed_and_a_wrong_one_is_not(home: Home) -> None:
    run(home)
    copy(home).parent.rename(home.folder / "drawer")
    assert plan(home) == []
    copy(home).parent.mkdir()
    sops.make_key(copy(home))
    assert plan(home) == ["copy"]
    with pytest.raises(WizardError, match="could not be copied") as caught:
        run(home)
    assert "nothing is overwritten" in caught.value.why


@pytest.mark.parametrize("what", ["another key", "something else"])
def test_nothing_is_overwritten(home: Home, what: str) -> None:
    run(home)
    home.answers["repository"]["age_key_copy"] = str(home.folder / "drawer.key")
    there = home.folder / "drawer.key"
    sops.make_key(there) if what == "another key" else there.write_text("recipes\n")
    before = there.read_bytes()
    with pytest.raises(WizardError, match="could not be copied") as caught:
        run(home)
    assert there.read_bytes() == before
    assert caught.value.answers == (age_key.ANSWER,), "trying again asks for another place"


def test_a_folder_that_is_not_there_is_said(home: Home) -> None:
    home.answers["repository"]["age_key_copy"] = str(home.folder / "no" / "stick")
    with pytest.raises(WizardError, match="could not be copied") as caught:
        run(home)
    assert "plugged in" in caught.value.fix
    assert home.context().state.recall("repository", "age_recipient"), "the key is made and remembered all the same"


def test_a_lost_key_is_taken_back_from_the_copy(home: Home) -> None:
    run(home)
    before = key(home).read_bytes()
    key(home).unlink()
    assert plan(home) == ["take"]
    run(home)
    assert key(home).read_bytes() == before and key(home).stat().st_mode & 0o777 == 0o600
    assert plan(home) == []


def test_the_remembered_copy_counts_when_another_place_is_named(home: Home) -> None:
    run(home)
    key(home).unlink()
    (home.folder / "second").mkdir()
    home.answers["repository"]["age_key_copy"] = str(home.folder / "second")
    assert plan(home) == ["take", "copy"]
    run(home)
    assert plan(home) == [] and (home.folder / "second" / "attic-age.key").exists()


def test_a_lost_state_takes_the_key_that_the_copy_holds(home: Home) -> None:
    run(home)
    before = key(home).read_bytes()
    (home.folder / "state").rename(home.folder / "lost")
    assert plan(home) == ["take"]
    ctx = run(home)
    assert key(home).read_bytes() == before and plan(home) == []
    assert ctx.state.recall("repository", "age_key_copy")["file"] == str(copy(home))


@pytest.mark.parametrize("lost", ["key", "key and copy", "another key"])
def test_what_is_lost_is_named_with_the_place_of_its_copy(home: Home, lost: str) -> None:
    run(home)
    copy(home).rename(home.folder / "elsewhere.key")
    key(home).unlink()
    if lost == "key and copy":
        home.answers["repository"]["age_key_copy"] = None
    if lost == "another key":
        sops.make_key(key(home))
    with pytest.raises(Blocked, match="another one" if lost == "another key" else "missing") as caught:
        plan(home)
    assert str(copy(home)) in caught.value.fix and "sops-age" in caught.value.fix
    home.answers["repository"]["age_key_copy"] = str(home.folder / "elsewhere.key")
    if lost != "another key":
        assert plan(home) == ["take"], "a copy that was moved is taken where it is now"


def test_the_copy_of_another_cluster_is_not_taken(home: Home) -> None:
    run(home)
    key(home).unlink()
    copy(home).unlink()
    sops.make_key(copy(home))
    with pytest.raises(Blocked, match="missing"):
        plan(home)


@pytest.mark.parametrize(
    ("given", "answer"), [("/media/usb", "/media/usb"), ("~/keys", str(Path("~/keys").expanduser()))]
)
def test_a_place_needs_no_stick_to_be_plugged_in(given: str, answer: str) -> None:
    assert age_key.QUESTION.kind.parse(given) == answer


def test_a_place_is_named_from_the_root() -> None:
    with pytest.raises(ValueError, match="does not begin at the root"):
        age_key.QUESTION.kind.parse("stick")


def test_when_state_and_key_are_lost_everything_is_encrypted_anew(home: Home) -> None:
    """What the runbook promises to who has no copy."""
    home.answers["repository"] |= {"age_key_copy": None, "apps": ["hello", "pihole"]}
    home.run()
    path, lost = "apps/pihole/admin.sops.yaml", sops.recipient_of(key(home))
    (home.folder / "state").rename(home.folder / "lost")
    home.run()
    assert home.plan() == []
    assert lost not in home.show(".sops.yaml") + home.show(path)
    assert "password" in (sops.decrypt(RealWorld(), path, home.show(path), key(home)) or "")


@pytest.mark.parametrize("place", ["/nonexistent/dir", "/meda/stick"])
def test_a_place_that_no_computer_has_is_refused_at_once(place):
    with pytest.raises(ValueError, match="on this computer"):
        age_key.QUESTION.kind.parse(place)


def test_a_stick_may_be_plugged_in_later():
    assert age_key.QUESTION.kind.parse("/tmp/not/plugged/in") == "/tmp/not/plugged/in"


def test_a_name_that_no_disk_takes_is_a_mistake_like_others():
    with pytest.raises(ValueError, match="there is no /aaa"):
        age_key.QUESTION.kind.parse("/" + "a" * 300)
