"""`homelab upgrade` and back: git is real, the cluster is played; an older release wrote the repository."""

from __future__ import annotations

import copy
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from steps import repository_content
from steps.flux import Flux
from steps.release import back, command, look, upgrade
from steps.release.back import Back
from steps.release.upgrade import Upgrade
from steps.repository import Repository
from tests.steps.release_home import KINDS, METALLB, NOW, OLD, TRAEFIK, Home, plain
from wizard import cli
from wizard.commands import joint
from wizard.errors import Blocked, ExitCode, WizardError
from wizard.secret import SecretRef
from wizard.state import State


@pytest.fixture(scope="module")
def older(tmp_path_factory):
    """A home that the older release made, kept to be copied."""
    folder = tmp_path_factory.mktemp("home") / "attic"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(repository_content, "settings", lambda *given: replace(plain(*given), versions=OLD))
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
        patch.setattr(look, "settings", lambda *given: replace(plain(*given), versions=with_other))
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
        patch.setattr(look, "settings", lambda *given: replace(plain(*given), versions=OLD))
        assert set(standings(home).values()) == {"older"}
    mixed = copy.deepcopy(OLD)
    mixed["charts"]["metallb"]["version"] = "99.0.0"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(look, "settings", lambda *given: replace(plain(*given), versions=mixed))
        with pytest.raises(Blocked, match="written by a newer homelab"):
            home.upgrade()


def test_when_only_flux_is_newer_it_looks_and_offers_a_backup_all_the_same(home):
    home.upgrade()
    labels = home.world.api.objects["/api/v1/namespaces/flux-system"]["metadata"]["labels"]
    labels["app.kubernetes.io/version"] = "v2.0.0"
    assert upgrade._due(home.ctx)
    home.node["status"]["conditions"][0]["status"] = "Unknown"
    with pytest.raises(Blocked, match="Nothing is upgraded while"):
        home.upgrade()
    home.node["status"]["conditions"][0]["status"] = "True"
    assert home.upgrade() == ["flux/bootstrap", "flux/wait"]


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


# -- as a person types it ----------------------------------------------------------------------------------------


def test_the_command(home, capsys, monkeypatch):
    monkeypatch.setattr(joint, "real_world", lambda: home.world)
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
