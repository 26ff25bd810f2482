"""`homelab app` on a home whose git and sops are real and whose Flux is played."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from steps.expose.listing import listing
from steps.gitops.validate import errors, validate
from steps.repository import Repository
from tests.steps.app_home import AppHome, Front
from tests.steps.flux_world import git
from tests.steps.repository_home import NONE
from wizard import sops, yamlfile
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Declined
from wizard.repo import Repo
from wizard.state import State

INNER, OUTER = "attic-internal.duckdns.org", "attic.duckdns.org"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> AppHome:
    return AppHome(tmp_path_factory.mktemp("app"), apps=("hello", "monitoring"))


@pytest.fixture
def home(built: AppHome) -> Iterator[AppHome]:
    """The home as it was first built: making it anew would take seconds."""
    saved, objects, mine = (
        built.folder.with_suffix(".kept"),
        copy.deepcopy(built.world.api.objects),
        set(built.world.mine),
    )
    if not saved.exists():
        shutil.copytree(built.folder, saved)
    yield built
    shutil.rmtree(built.folder)
    shutil.copytree(saved, built.folder)
    built.world.api.objects, built.world.mine, built.world.clock = objects, mine, 0.0
    built.world.api.deleted.clear()
    built.heard.clear()


def count(home: AppHome) -> int:
    return int(git(home.folder / "far.git", "rev-list", "--count", "main"))


def kinds(home: AppHome, path: str) -> list[str]:
    return [one["kind"] for one in yamlfile.load_all(home.world.files()[path])]


DONE = ["app-expose/take", "repository/push", "flux/wait"]


def test_one_app_its_whole_life(home: AppHome) -> None:
    before = count(home)
    assert home.app("expose", entry="ntfy", reach="internal") == DONE
    assert count(home) == before + 1, "one commit, waited for"
    files = home.world.files()
    assert home.apps() == ["ntfy"] and [one.sentence() for one in errors(validate(files, own=False))] == []
    assert kinds(home, "apps/ntfy/monitor.yaml") == ["ServiceMonitor"], "monitoring is installed, and it has numbers"
    assert "clusters/attic/local-path.yaml" in files, "something makes room for its data"
    assert OUTER not in files["apps/ntfy/routes.yaml"]
    assert home.app("expose", entry="ntfy", reach="internal") == [], "once is enough"
    assert "app-expose" not in State.open(home.folder / "state/state.yaml", "attic", lock=False).answers
    _edited_and_changed(home)
    _listed(home)
    _removed(home)


def _edited_and_changed(home: AppHome) -> None:
    """What a person edited stays when the app becomes public, and what both changed is asked about."""
    home.edit("apps/ntfy/app.yaml", ("192Mi", "300Mi"), ("read-write", "deny-all # nobody but us"))
    assert home.app("expose", entry="ntfy", reach="both") == DONE
    told, text = home.notes()["ntfy"], home.world.files()["apps/ntfy/app.yaml"]
    assert f"https://ntfy.{INNER}: from your home and over the VPN" in told
    assert f"https://ntfy.{OUTER}: from the whole internet" in told and "Caution: Everybody may" in told
    assert "300Mi" in text and "deny-all # nobody but us" in text
    assert f"https://ntfy.{OUTER}" in text, "what homelab changed is there as well"
    home.edit("apps/ntfy/routes.yaml", (f"- ntfy.{INNER}", f"- mine.{INNER}"))
    said = home.refused("expose", entry="ntfy", reach="internal", host="push")
    assert "changed by hand would have to change here as well" in said
    assert f"mine.{INNER}" in home.world.files()["apps/ntfy/routes.yaml"], "nothing is overwritten"
    home.edit("apps/ntfy/routes.yaml", (f"- mine.{INNER}", f"- ntfy.{INNER}"))


def _listed(home: AppHome) -> None:
    found = listing(home.context())
    assert found.good and {one.app: one.by for one in found.apps} == {
        "hello": "homelab", "monitoring": "homelab", "ntfy": "homelab app",
    }  # fmt: skip
    part = next(one for path, one in home.world.api.objects.items() if path.endswith("/kustomizations/ntfy"))
    part["status"]["conditions"] = [{"type": "Ready", "status": "False", "message": "timeout waiting for: Deployment"}]
    found = listing(home.context())
    assert not found.good and "not ready: timeout waiting for: Deployment" in found.text()
    assert max(map(len, found.text().splitlines())) <= 80
    one = next(one for one in found.data()["apps"] if one["url"] == f"https://ntfy.{INNER}")
    assert one["reached_from"] == ["home", "VPN"] and one["ready"] is False


def _removed(home: AppHome) -> None:
    volume(home, "ntfy")
    assert home.app("remove", app="ntfy") == ["app-remove/take-away", "repository/push", "flux/wait"]
    assert home.apps() == [] and not [path for path in home.world.files() if "ntfy" in path]
    left = sorted(path for path in home.world.api.objects if "ntfy" in path)
    assert left == ["/api/v1/namespaces/ntfy", "/api/v1/namespaces/ntfy/persistentvolumeclaims/data"]
    assert "clusters/attic/local-path.yaml" in home.world.files(), "what makes room stays: data is there"
    assert home.world.api.deleted == []
    home.world.api.objects["/api/v1/namespaces/ntfy/pods/other"] = {"metadata": {"name": "other"}}
    assert home.app("remove", app="ntfy", delete_data=True) == ["app-remove/data", "app-data/delete"]
    assert "/api/v1/namespaces/ntfy" in home.world.api.objects, "something else runs in it"
    assert "/api/v1/persistentvolumes/pvc-1" not in home.world.api.objects
    assert "There is no app ntfy. Apps that homelab app expose wrote: none yet." in home.refused("remove", app="ntfy")
    assert "It comes from apps/hello/routes.yaml" in home.refused("remove", app="hello")


def test_it_is_the_repository_that_remembers_and_a_changed_domain_takes_the_apps_along(home: AppHome) -> None:
    """Another computer, or this one without its memory, neither takes the app away nor asks about it."""
    home.app("expose", entry="ntfy", reach="both")
    state = home.folder / "state" / "state.yaml"
    data = yamlfile.load(state.read_text())
    data["evidence"].pop("apps")
    state.write_text(yamlfile.dump(data))
    ctx, before = home.context(), count(home)
    Engine([Repository()], ctx, Consent(yes=True)).run()
    assert home.apps() == ["ntfy"] and count(home) == before
    ctx.keep("domains", "internal_domain", "cellar-internal.duckdns.org")
    Engine([Repository()], ctx, Consent(yes=True)).run()
    assert "ntfy.cellar-internal.duckdns.org" in home.world.files()["apps/ntfy/routes.yaml"]


def test_a_service_an_image_and_charts(home: AppHome) -> None:
    assert home.app("expose", service="hello/hello:80", reach="internal", name="page", host="page") == DONE
    assert kinds(home, "apps/page/routes.yaml") == ["HTTPRoute", "HTTPRoute"]
    assert [path for path in home.world.files() if path.startswith("apps/page/")] == ["apps/page/routes.yaml"]
    assert f"It is reached already as hello.{INNER}" in home.notes()["page"]
    image = "docker.io/them/web:1.2.3"
    front = Front({"data": ""})
    assert home.app("expose", image=image, port="8080", reach="external", front=front) == DONE
    assert "It keeps nothing" in home.notes()["web"] and "whether it asks for a password" in home.notes()["web"]
    assert home.app("expose", image="docker.io/them/web:1.2.4", port="8080", reach="external", data="") == DONE
    assert "web:1.2.4" in home.world.files()["apps/web/app.yaml"], "another version of the same app"
    chart = {"chart": "oci://ghcr.io/them/charts/wiki", "version": "1.2.3", "backend": "wiki:80"}
    assert home.app("expose", **chart, reach="internal") == DONE
    assert kinds(home, "apps/wiki/source.yaml") == ["OCIRepository"]
    assert home.apps() == ["page", "web", "wiki"]


def test_what_is_not_made_for_the_internet_wants_a_yes_of_its_own(home: AppHome) -> None:
    with pytest.raises(Declined, match="open homepage to the whole internet, which it is not made for"):
        home.app("expose", entry="homepage", reach="external", front=Front(yes=False))
    assert home.apps() == [] and home.app("expose", entry="homepage", reach="internal") == DONE
    front = Front()
    assert home.app("expose", entry="homepage", reach="external", front=front)[0] == "app-expose/public"
    assert [one.danger for one in front.approved] == [True]


def test_secrets_are_made_up_once_and_never_plain(home: AppHome) -> None:
    home.app("expose", entry="paperless", reach="internal")
    sealed = home.world.files()["apps/paperless/app.sops.yaml"]
    assert "ENC[AES256_GCM" in sealed and "example" not in yamlfile.load(sealed)["stringData"].values()
    key = home.folder / "state" / "age.key"
    plain = sops.decrypt(home.world, "apps/paperless/app.sops.yaml", sealed, key)
    assert len(yamlfile.load(plain or "")["stringData"]["secret-token"]) >= 20
    assert home.app("expose", entry="paperless", reach="internal", host="letters") == DONE
    assert home.world.files()["apps/paperless/app.sops.yaml"] == sealed, "it stays what it is"


def test_an_app_by_hand_is_listed_and_never_touched(home: AppHome) -> None:
    route = home.world.files()["apps/hello/routes.yaml"].split("---")[1].replace("hello", "blog")
    home.world.push("apps/blog/route.yaml", route)
    text = home.world.files()["clusters/attic/hello.yaml"].replace("hello", "blog")
    home.world.push("clusters/attic/blog.yaml", text)
    home.world.reconcile()
    found = {one.app: one for one in listing(home.context()).apps}
    assert found["blog"].by == "hand" and found["blog"].file == "apps/blog/route.yaml"
    said = home.refused("expose", image="docker.io/them/blog:1.2.3", port="80", reach="internal", data="", host="b")
    assert "has clusters/attic/blog.yaml already, which homelab app did not write" in said
    assert "It is not overwritten" in said
    assert f"blog.{INNER} is in use" in home.refused("expose", entry="ntfy", reach="internal", host="blog")
    assert "was not put there by homelab app expose" in home.refused("remove", app="blog")
    home.app("expose", entry="ntfy", reach="internal")
    assert home.world.files()["apps/blog/route.yaml"] == route


def test_notes_that_were_broken_by_hand_stop_everything_and_a_label_taken_away_gives_the_app_away(
    home: AppHome,
) -> None:
    home.app("expose", entry="ntfy", reach="internal")
    home.edit("clusters/attic/ntfy.yaml", ("homelab.local/of: ntfy", "homelab.local/off: ntfy"))
    said = home.refused("expose", entry="memos", reach="internal")
    assert "clusters/attic/ntfy.yaml: the annotation homelab.local/of is missing" in said
    home.edit("clusters/attic/ntfy.yaml", ("  labels:\n    homelab.local/app: catalogue\n", ""))
    assert home.app("expose", entry="memos", reach="internal") == DONE
    files = home.world.files()
    assert "apps/ntfy/app.yaml" in files and "clusters/attic/ntfy.yaml" in files and home.apps() == ["memos"]


def test_stopped_before_the_push_the_next_run_goes_on(home: AppHome, monkeypatch: pytest.MonkeyPatch) -> None:
    def dead(self: Repo, commit: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Repo, "push", dead)
        with pytest.raises(KeyboardInterrupt):
            home.app("expose", entry="ntfy", reach="internal")
    assert home.apps() == []
    assert home.app("expose") == ["repository/push", "flux/wait"], "without a word: the answers are remembered"
    assert home.apps() == ["ntfy"]


# -- remove ------------------------------------------------------------------------------------------------------


def volume(home: AppHome, name: str) -> None:
    """Kubernetes has made room for the claim."""
    claim = home.world.api.objects[f"/api/v1/namespaces/{name}/persistentvolumeclaims/data"]
    claim["spec"]["volumeName"] = "pvc-1"
    home.world.api.objects["/api/v1/persistentvolumes/pvc-1"] = {
        "metadata": {"name": "pvc-1"}, "spec": {"persistentVolumeReclaimPolicy": "Retain"},
    }  # fmt: skip


def test_its_data_goes_only_with_the_word_typed(home: AppHome) -> None:
    home.app("expose", entry="ntfy", reach="internal")
    volume(home, "ntfy")
    with pytest.raises(Declined, match="delete what ntfy keeps"):
        home.app("remove", app="ntfy", delete_data=True, front=Front(yes=False))
    assert home.apps() == ["ntfy"], "nothing at all was done"
    front = Front()
    made = home.app("remove", app="ntfy", delete_data=True, front=front)
    assert made == ["app-remove/data", "app-remove/take-away", "repository/push", "flux/wait", "app-data/delete"]
    assert [one.word for one in front.approved] == ["ntfy"]
    assert not [path for path in home.world.api.objects if "ntfy" in path or "persistentvolumes" in path]


def test_wanted_again_its_data_is_safe(home: AppHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleting was agreed to, then cut off; exposing it again takes that back."""
    home.app("expose", entry="ntfy", reach="internal")
    volume(home, "ntfy")
    with monkeypatch.context() as patch:
        patch.setattr(Repo, "push", lambda self, commit: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            home.app("remove", app="ntfy", delete_data=True)
    home.app("expose", entry="ntfy", reach="both")
    home.app("remove", app="ntfy")
    assert "/api/v1/persistentvolumes/pvc-1" in home.world.api.objects
    home.app("expose", entry="ntfy", reach="internal")
    assert "What it kept before it was removed is still there" in home.notes()["ntfy"]


# -- homes that are different ---------------------------------------------------------------------------------------


def test_while_the_cluster_does_not_follow_nothing_is_written(tmp_path: Path, built: AppHome) -> None:
    ctx = built.context()
    objects = {path: one for path, one in built.world.api.objects.items() if "gitrepositories" not in path}
    saved, built.world.api.objects = built.world.api.objects, objects
    try:
        with pytest.raises(Blocked, match="does not follow the repository yet"):
            listing(ctx)
    finally:
        built.world.api.objects = saved


def test_with_plain_http_and_one_domain_below_the_other(tmp_path: Path) -> None:
    home = AppHome(tmp_path, domains=NONE)
    assert home.app("expose", entry="ntfy", reach="both") == DONE
    told = home.notes()["ntfy"]
    assert "http://ntfy.internal.home.lab.test: from your home" in told
    assert "Where home.lab.test is looked after, *.home.lab.test must lead to your home" in told
    assert "works only over HTTPS" in home.refused("expose", entry="vaultwarden", reach="internal")
