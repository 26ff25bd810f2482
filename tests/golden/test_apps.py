"""Every app of the catalogue is what its golden file says, and the repository with it holds no mistake."""

from __future__ import annotations

import pytest

from steps.gitops.app import App, apps, from_notes
from steps.gitops.app_files import of_strangers
from steps.gitops.catalogue import catalogue
from steps.gitops.validate import validate
from tests.golden.apps import FOLDER, HOME, NAMES, app, home, of_app, repository, stored
from tests.golden.repositories import settings
from wizard import assets, yamlfile


@pytest.mark.parametrize("name", NAMES)
def test_an_app_is_what_its_golden_file_says(name: str) -> None:
    assert stored(name) == of_app(name), "If that is what you meant: make golden, and look at the diff."


@pytest.mark.parametrize("name", NAMES)
def test_the_repository_with_it_holds_no_mistake_and_tells_of_it(name: str) -> None:
    made, wanted = repository(name), home(name)
    assert [finding.sentence() for finding in validate(made)] == []
    assert apps(wanted.cluster, made) == (app(name),), "what was told is read again"
    assert f"[{name}](apps/{name})" in made["README.md"]
    assert all(host in made["docs/runbook.md"] for host in _hosts(made[f"apps/{name}/routes.yaml"]))
    assert bool(of_strangers(made, wanted)) == (app(name).form == "service")


def _hosts(text: str) -> set[str]:
    found = {host for one in yamlfile.load_all(text) for host in one["spec"]["hostnames"]}
    assert found
    return found


def test_there_are_no_other_golden_files() -> None:
    assert sorted(file.stem for file in FOLDER.glob("*.txt")) == NAMES
    assert len(catalogue()) >= 10


@pytest.mark.parametrize("name", catalogue())
def test_an_entry_is_whole(name: str) -> None:
    entry, pins = catalogue()[name], assets.versions()["apps"]
    assert pins[entry.pin].count(":") == 1 and "latest" not in pins[entry.pin]
    assert entry.sources and all(len(source) > 15 for source in entry.sources)
    assert entry.internet in ("yes", "careful", "no")
    assert entry.about[0].islower() and not entry.about.endswith(".")
    assert entry.caution.strip() and entry.first.endswith(".")
    assert bool(entry.size) == bool(entry.keeps)
    assert all(path.startswith(tuple(entry.keeps.values())) for path in entry.files)
    assert all(key.endswith(("password", "token")) for key in entry.secrets.values()), "or nothing would be made up"
    assert entry.limit and entry.memory and 0 < entry.port < 65536


def test_every_pin_of_an_app_is_used() -> None:
    used = {entry.pin for entry in catalogue().values()}
    used |= {entry.beside["image"] for entry in catalogue().values() if entry.beside}
    assert used == set(assets.versions()["apps"])


@pytest.mark.parametrize("name", NAMES)
def test_nobody_runs_with_more_rights_than_it_needs(name: str) -> None:
    made = of_app(name)
    for one in (one for text in made.values() for one in yamlfile.load_all(text)):
        if one["kind"] != "Deployment":
            continue
        pod = one["spec"]["template"]["spec"]
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not pod["automountServiceAccountToken"] and not pod["enableServiceLinks"]
        for box in (*pod["containers"], *pod.get("initContainers", ())):
            assert box["securityContext"]["allowPrivilegeEscalation"] is False
            assert box["resources"]["limits"]["memory"]
    (space,) = yamlfile.load_all(made.get(f"apps/{name}/namespace.yaml", "metadata: {}\n"))
    if app(name).form == "catalogue":
        level = "restricted" if catalogue()[name].user else "baseline"
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == level
    assert ("annotations" in space["metadata"]) == bool(app(name).size), "a namespace with data is never pruned"


def test_without_monitoring_certificates_and_hello_less_is_written() -> None:
    from dataclasses import replace

    from steps.gitops.app_files import files

    plain = replace(settings("minimal-http"), exposed=(app("ntfy"),), apps=())
    made = files(app("ntfy"), plain)
    assert "apps/ntfy/monitor.yaml" not in made and "prometheus-crds" not in made[f"clusters/{plain.cluster}/ntfy.yaml"]
    assert "sectionName: web\n" in made["apps/ntfy/routes.yaml"] and "proof" not in made["apps/ntfy/routes.yaml"]
    assert "http://ntfy." in made["apps/ntfy/app.yaml"]
    assert "apps/ntfy/monitor.yaml" in files(app("ntfy"), settings(HOME))


@pytest.mark.parametrize(
    ("form", "notes", "said"),
    [
        ("website", {"homelab.local/of": "x", "homelab.local/internal": "x"}, "is 'website', not one of"),
        ("image", {"homelab.local/internal": "x"}, "homelab.local/of is missing"),
        ("image", {"homelab.local/of": "x:1.2.3"}, "under which name it is reached"),
    ],
)
def test_notes_that_a_person_broke_are_told(form: str, notes: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        from_notes("x", form, notes)


def test_the_way_there_and_back() -> None:
    one = App("x", "image", "docker.io/x/y:1.2.3", internal="z", port="80", data="/data", size="1Gi", storage="s")
    assert from_notes("x", "image", {**one.notes(), "someone.else/note": "1"}) == one
