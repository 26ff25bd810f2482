"""`homelab upgrade` and back: git is real, the cluster is played; an older release wrote the repository."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from steps import repository_content
from steps.flux import Flux
from steps.release import back, command, history, look, pins, upgrade
from steps.release.back import Back
from steps.release.pins import Seen
from steps.release.upgrade import Upgrade
from steps.repository import Repository
from tests.steps.flux_world import FluxWorld, git
from tests.steps.repository_home import Front, new
from tests.steps.tls_home import Follows
from wizard import assets, cli, events, yamlfile
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, ExitCode, WizardError
from wizard.secret import SecretRef
from wizard.state import State

NOW = assets.versions()
OLD = copy.deepcopy(dict(NOW))
OLD["charts"]["traefik"]["version"], OLD["charts"]["metallb"]["version"] = "39.0.9", "0.15.3"
OLD["gateway-api"]["version"], OLD["images"]["whoami"] = "v1.4.1", "docker.io/traefik/whoami:v1.10.0"
TRAEFIK, METALLB = "infrastructure/traefik/source.yaml", "infrastructure/metallb/source.yaml"
KINDS = "clusters/attic/gateway-api-crds.yaml"


_plain = repository_content.settings


class Home:
    """One home whose cluster follows its repository at once."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.heard = folder, []
        self.answers = new(folder).answers
        self.answers["flux"] = {"download_mirror": None, "checksums_file": None}
        self.world = FluxWorld(folder)
        self.world.api = Follows(self.world)  # type: ignore[arg-type]
        (folder / "state").mkdir()
        (folder / "state" / "kubeconfig").write_text("x")
        ready = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": {"kubeletVersion": "v1.36.0"}}
        self.node = {"metadata": {"name": "atlas"}, "status": ready}
        self.world.api.objects["/api/v1/nodes/atlas"] = self.node
        self.ctx = self.context()

    def context(self) -> Context:
        path = self.folder / "state" / "state.yaml"
        state = State.open(path, "attic", lock=False)
        state.answers = {step: dict(part) for step, part in self.answers.items()} | state.answers
        bus = events.Bus()
        bus.listen(self.heard.append)
        return Context(self.world, state, Front(), bus)

    def run(self, *steps) -> list[str]:
        before = len(self.ctx.state.journal)
        Engine(steps, self.ctx, Consent(yes=True)).run()
        return [entry["change"] for entry in self.ctx.state.journal[before:]]

    def upgrade(self, **answers) -> list[str]:
        self.ctx.state.answers["upgrade"] = {"to": None, **answers}
        return self.run(Upgrade(), Flux())

    def edit(self, path: str, old: str, fresh: str) -> None:
        work = self.folder / "work"
        git(work, "pull", "-q", "--ff-only", "origin", "main")
        text = (work / path).read_text()
        assert old in text
        self.world.push(path, text.replace(old, fresh))
        self.world.reconcile()

    def show(self, path: str) -> str:
        return git(self.folder / "far.git", "show", f"main:{path}")

    def message(self) -> str:
        return git(self.folder / "far.git", "log", "-1", "--format=%an%n%B", "main")

    def note(self, title: str) -> str:
        return next(one.text for one in reversed(self.heard) if isinstance(one, events.Note) and one.title == title)


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A home that the older release made, kept to be copied."""
    folder = tmp_path_factory.mktemp("home") / "attic"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository_content, "settings", lambda ctx: replace(_plain(ctx), versions=OLD))
        for name in ("steps.flux", "steps.repository"):
            patch.setattr(f"{name}.settings", repository_content.settings)
        home = Home(folder)
        home.run(Repository(), Flux())
    return home


@pytest.fixture
def home(older):
    """The same home again, in the same place: its address is part of what was written."""
    kept = older.folder.with_suffix(".kept")
    if not kept.exists():
        shutil.copytree(older.folder, kept)
    shutil.rmtree(older.folder)
    shutil.copytree(kept, older.folder)
    made = older
    made.heard.clear()
    made.world.broken = False
    made.node["status"]["conditions"][0]["status"] = "True"
    made.world.reconcile()
    made.ctx = made.context()
    return made


def standings(home) -> dict[str, str]:
    return {one.pin.name: one.standing for one in look.listed(home.ctx).seen}


def test_the_list_tells_what_is_newer_with_the_notes_that_matter(home):
    found = look.listed(home.ctx)
    assert standings(home) == {"metallb": "newer", "traefik": "newer", "gateway-api": "newer", "whoami": "newer"}
    text, data = " ".join(found.text().split()), json.loads(json.dumps(found.data()))
    assert "39.0.9" in text and "logs.general is log" in text and "releases/tag/v41.0.0" in text
    assert "homelab node upgrade" in text and not found.good
    assert data["pins"][1]["notes"][0]["source"].startswith("https://github.com/traefik/")
    assert data["kubernetes"]["now"] == "1.36.0"


def test_one_commit_brings_all_of_it_and_the_second_time_nothing_is_left(home):
    assert home.upgrade() == ["upgrade/push", "flux/wait"]
    assert f"tag: {NOW['charts']['traefik']['version']}" in home.show(TRAEFIK)
    said = home.message()
    assert said.startswith("homelab-wizard\nUpgrade the cluster attic: metallb 0.15.3 -> ")
    assert "traefik 39.0.9 -> " in said and "https://cert-manager.io" not in said
    told = " ".join(home.note("Worth knowing before").split())
    assert "logs.general is log" in said and "logs.general is log" in told
    assert home.upgrade() == [] and look.listed(home.ctx).upgrade.went_back == ""
    assert home.run(Repository()) == []


def test_what_was_pinned_by_hand_is_told_and_kept(home):
    home.edit(TRAEFIK, "tag: 39.0.9", "tag: 40.2.0 # mine")
    home.edit(METALLB, "tag: 0.15.3", "tag: 99.0.0")
    assert standings(home)["traefik"] == standings(home)["metallb"] == "yours"
    assert home.upgrade() == ["upgrade/push", "flux/wait"]
    assert "tag: 40.2.0 # mine" in home.show(TRAEFIK) and "tag: 99.0.0" in home.show(METALLB)
    assert "whoami:v1.11" in home.show("apps/hello/hello.yaml")
    told = home.note("Pinned by hand")
    assert "traefik: 40.2.0 is kept" in told and "metallb: 99.0.0 is kept" in told
    assert home.upgrade() == []


def test_another_conflict_is_asked_about(home):
    home.edit(TRAEFIK, "interval: 12h", "interval: 1h")
    with_other = copy.deepcopy(dict(NOW))
    with_other["charts"]["traefik"]["url"] = "oci://elsewhere.example.org/traefik"
    home.edit(TRAEFIK, "url: oci://ghcr.io", "url: oci://mine.example.org")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look, "settings", lambda ctx: replace(_plain(ctx), versions=with_other))
        with pytest.raises(Blocked, match="changed by hand would have to change"):
            home.upgrade()


@pytest.mark.parametrize("what", ["node", "part"])
def test_it_waits_for_nothing_and_hides_nothing_while_something_is_not_ready(home, what):
    if what == "node":
        home.node["status"]["conditions"][0]["status"] = "Unknown"
    else:
        home.world.broken = True
        home.world.reconcile()
    with pytest.raises(Blocked, match="Nothing is upgraded while") as caught:
        home.upgrade()
    assert ("atlas is not Ready" if what == "node" else "BuildFailed") in caught.value.why
    home.world.broken = False
    assert home.upgrade(anyway=True) == ["upgrade/push", "flux/wait"]


def test_an_older_homelab_takes_nothing_back(home):
    with pytest.MonkeyPatch.context() as patch:
        home.upgrade()
        patch.setattr(look, "settings", lambda ctx: replace(_plain(ctx), versions=OLD))
        assert set(standings(home).values()) == {"older"}
    mixed = copy.deepcopy(OLD)
    mixed["charts"]["metallb"]["version"] = "99.0.0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look, "settings", lambda ctx: replace(_plain(ctx), versions=mixed))
        with pytest.raises(Blocked, match="written by a newer homelab"):
            home.upgrade()


def test_killed_after_the_push_the_next_run_waits_on(home):
    home.ctx.state.answers["upgrade"] = {"to": None}
    home.run(Upgrade())
    home.node["status"]["conditions"][0]["status"] = "Unknown"  # nothing is left to refuse
    assert home.upgrade() == ["flux/wait"]


# -- back --------------------------------------------------------------------------------------------------------


def test_back_undoes_it_and_what_was_edited_since_stays(home):
    home.edit(METALLB, "interval: 12h", "interval: 6h # before")
    home.upgrade()
    home.edit(TRAEFIK, "interval: 12h", "interval: 2h # since")
    assert home.run(Back(), Flux()) == ["upgrade-back/push", "flux/wait"]
    assert "tag: 39.0.9" in home.show(TRAEFIK) and "interval: 2h # since" in home.show(TRAEFIK)
    assert "tag: 0.15.3" in home.show(METALLB) and "interval: 6h # before" in home.show(METALLB)
    said = home.message()
    assert said.startswith('homelab-edits\nRevert "Upgrade the cluster attic: metallb') and "Homelab-Back: " in said
    assert home.run(Back(), Flux()) == []
    assert home.run(Repository()) == [], "homelab run does not bring it there again"


def test_kinds_that_can_not_go_back_stay_and_it_is_said_with_its_source(home):
    home.upgrade()
    home.run(Back(), Flux())
    assert f"tag: {NOW['gateway-api']['version']}" in home.show(KINDS)
    told = home.note("What does not go back")
    assert f"gateway-api stays at {NOW['gateway-api']['version']}" in told and "releases/tag/v1.5.0" in told
    assert "Flux itself and Kubernetes stay" in told


def test_a_version_that_was_pinned_since_is_not_taken_back(home):
    home.upgrade()
    home.edit(TRAEFIK, f"tag: {NOW['charts']['traefik']['version']}", "tag: 42.0.0")
    home.run(Back(), Flux())
    assert "tag: 42.0.0" in home.show(TRAEFIK) and "tag: 0.15.3" in home.show(METALLB)
    assert "stays as you have changed it since" in home.note("What does not go back")


def test_after_going_back_homelab_upgrade_goes_forward_again(home):
    home.upgrade()
    home.run(Back(), Flux())
    assert standings(home) == {"metallb": "newer", "traefik": "newer", "gateway-api": "current", "whoami": "newer"}
    assert home.upgrade() == ["upgrade/push", "flux/wait"]
    assert f"tag: {NOW['charts']['traefik']['version']}" in home.show(TRAEFIK)
    assert home.upgrade() == []
    home.run(Back(), Flux())
    assert "tag: 39.0.9" in home.show(TRAEFIK)


def test_back_with_nothing_to_take_back_says_so(home):
    with pytest.raises(Blocked, match="There is no upgrade to take back"):
        home.run(Back())


# -- the backup before -------------------------------------------------------------------------------------------


def test_a_backup_is_offered_unless_one_is_fresh(home):
    assert upgrade._due(home.ctx)
    made = {"at": datetime.now(UTC).isoformat(), "file": "/x", "etcd": True}
    home.ctx.state.remember("backup", value=made)
    assert not upgrade._due(home.ctx)
    home.ctx.state.remember("backup", value={**made, "etcd": False})
    assert upgrade._due(home.ctx)
    home.ctx.state.remember("backup", value={**made, "at": "2026-01-01T00:00:00+00:00"})
    assert upgrade._due(home.ctx)
    asked = [question.key for question in Upgrade.questions if question.when({"upgrade": {"due": True, "to": "/x"}})]
    assert asked == ["anyway", "due", "to", "passphrase"]


def test_a_backup_that_fails_leaves_the_repository_as_it_is(home, tmp_path):
    before = home.message()
    with pytest.raises(WizardError, match="There is no folder"):
        home.upgrade(to=str(tmp_path / "gone" / "b.age"), due=True, passphrase=SecretRef("env", "P"))
    assert home.message() == before


# -- pins and notes ----------------------------------------------------------------------------------------------


def test_every_pin_is_found_in_what_this_release_renders():
    from tests.golden.repositories import NAMES, repository, settings

    seen = set()
    for name in NAMES:
        files = repository(name)
        for pin in pins.pins(settings(name)):
            assert pins.read(files[pin.file], pin) == pin.version, (name, pin)
            seen.add(pin.name)
    charts, images = set(NOW["charts"]), set(NOW["images"])
    assert seen == charts | images | {"gateway-api"}


@pytest.mark.parametrize(
    ("last", "now", "standing"),
    [("1.9.0", "1.9.0", "newer"), ("1.10.0", "1.10.0", "current"), ("1.11.0", "1.11.0", "older"),
     ("1.9.0", "1.8.0", "yours"), ("1.9.0", "2.0.0", "yours"), ("1.10.0", "1.9.0", "yours")],
)  # fmt: skip
def test_how_a_pin_stands(last, now, standing):
    assert Seen(pins.Pin("x", "f", "o", "w", "1.10.0"), last, now).standing == standing


def test_notes_are_those_between_two_versions_and_each_has_its_source():
    assert [note.at for note in pins.notes("traefik", "39.0.9", "40.1.0")] == ["40.0.0"]
    assert [note.at for note in pins.notes("traefik", "41.0.0", "40.0.0")] == ["41.0.0"]
    assert pins.notes("traefik", "41.0.0", "41.9.9") == () == pins.notes("no-such-pin", "1", "2")
    known = {*NOW["charts"], *NOW["images"], "gateway-api", "flux"}
    for name, found in yamlfile.load(assets.text("notes.yaml")).items():
        assert name in known
        for one in found:
            assert set(one) <= {"at", "text", "source", "back"} and one["source"].startswith("https://")
            assert 30 < len(one["text"]) < 200 and pins.order(one["at"])


def test_what_the_history_tells():
    one, two, three = (f"{number:040x}" for number in (1, 2, 3))
    log = history.Log
    told = history.line
    up = log(two, "homelab-wizard", f"Upgrade x\n\n{told('Homelab-Upgrade', one)}\n")
    keep = log(three, "homelab-edits", "Keep what was changed by hand\n")
    assert history.find([]) is None and history.find([log(one, "Ann", told("Homelab-Upgrade", two))]) is None
    assert history.find([up]).after == two and history.find([keep, up]).after == three
    undone = log("f" * 40, "homelab-edits", f"Revert\n\n{told('Homelab-Back', three)}\n")
    assert history.find([undone, keep, up]).went_back == "f" * 40
    assert history.find([log("e" * 40, "Ann", "x"), undone, keep, up]).went_back == "f" * 40


# -- as a person types it ----------------------------------------------------------------------------------------


def test_the_command(home, capsys, monkeypatch):
    monkeypatch.setattr(cli, "real_world", lambda: home.world)
    home.ctx.state.save()
    where = ["--state", str(home.ctx.state.path), "--cluster", "attic"]
    assert cli.main(["upgrade", "list", *where]) == ExitCode.NOT_READY
    assert "Bring it there: homelab upgrade" in capsys.readouterr().out
    assert cli.main(["upgrade", *where, "--yes"]) == ExitCode.OK
    assert "traefik 39.0.9 →" in capsys.readouterr().out
    assert cli.main(["upgrade", "list", "--json", *where]) == ExitCode.NOT_READY  # Kubernetes is behind
    data = json.loads(capsys.readouterr().out)
    assert {one["standing"] for one in data["pins"]} == {"current"} and data["last_upgrade"]["went_back"] == ""
    assert cli.main(["upgrade", "--back", *where, "--yes"]) == ExitCode.OK
    assert "tag: 39.0.9" in home.show(TRAEFIK)
    assert "upgrade" not in State.open(home.ctx.state.path, "attic", lock=False).answers
    assert cli.main(["upgrade", "--json", *where]) == ExitCode.USAGE
    assert cli.main(["upgrade", "--state", str(home.folder / "none.yaml"), "--yes"]) == ExitCode.BAD_INPUT
    assert [step.name for step in command.OWN] == [upgrade.NAME, back.NAME]
