"""A pin upgraded and taken back on real Flux; then everything lost, and brought back from one file.

Real: hosts, kubeadm, etcd, git over SSH, Flux and its controllers, MetalLB, both Traefiks. The lab's own: Traefik's
chart, of which there are two versions here, and an older homelab: this one with the older version as its pin.
The tests are stages of one life and run in this order. Root; `make cluster-test`.
"""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lab.cluster_lab import ROOT, Wizard, build, end, kubectl, lab, lineage
from tests.lab.person import Person
from wizard import assets, yamlfile

NODES = {1: "198.18.0.11", 2: "198.18.0.12"}
PASS = ("--passphrase-env", "LAB_PASSPHRASE")
TRAEFIK = "infrastructure/traefik/source.yaml"
NEW = str(assets.versions()["charts"]["traefik"]["version"])
Ran = Callable[[str, str], None]

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(5400)]


@pytest.fixture(scope="module", autouse=True)
def everything() -> Iterator[None]:
    build("build cluster", "gitops build", "older build")
    for node in NODES:
        lab("wipe", str(node))
    lab("up", str(len(NODES)))
    lab("git", "up")
    lab("git", "reset")
    yield
    end()


def answers(folder: Path, **machines: object) -> str:
    """Those of the whole repository, without certificates and with the least of apps."""
    data = yamlfile.load((ROOT / "tests/answers/full.yaml").read_text())
    data["cluster"] = "kept"
    data["machines"] |= machines
    data["snapshots"] = {"to": NODES[2]}
    data["domains"] = {
        "provider": "none",
        "external_domain": "home.lab.test",
        "internal_domain": "internal.home.lab.test",
    }
    data["repository"]["apps"] = ["hello"]
    file = folder / f"answers-{len(machines)}.yaml"
    file.write_text(yamlfile.dump(data))
    return str(file)


def computer(folder: Path) -> Wizard:
    folder.mkdir(exist_ok=True)
    made = Wizard(folder, answers(folder), "kept")
    made.env["LAB_PASSPHRASE"] = "five words that fit together"
    return made


@pytest.fixture(scope="module")
def wizard(tmp_path_factory: pytest.TempPathFactory) -> Wizard:
    return computer(tmp_path_factory.mktemp("kept"))


@pytest.fixture(scope="module")
def file(wizard: Wizard) -> Path:
    return wizard.state.parent / "kept.age"


def homelab(wizard: Wizard, *words: str, expect: int = 0) -> str:
    code, out = wizard.run(*words)
    assert code == expect, f"homelab {' '.join(words)} ended with {code}:\n{out[-4000:]}"
    return out


def charts() -> set[str]:
    """The versions of Traefik's chart that run."""
    releases = json.loads(kubectl("-n", "traefik", "get", "helmreleases", "-o", "json"))["items"]
    return {one["status"]["history"][0]["chartVersion"].partition("+")[0] for one in releases}


def head(folder: Path) -> str:
    """The newest commit, and git's name for all that is in it."""
    person = Person(folder)
    return person.git("rev-parse", "HEAD") + person.git("rev-parse", "HEAD^{tree}")


def objects() -> set[str]:
    """What a person would miss: everything that was applied, but for what comes and goes by itself."""
    kinds = "namespaces,deployments,services,configmaps,secrets,helmreleases,kustomizations,gateways,httproutes"
    found = json.loads(kubectl("get", kinds, "-A", "-o", "json"))["items"]
    named = {
        f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']} {one['metadata']['uid']}"
        for one in found
    }
    return {one for one in named if not re.search(r"Secret/kube-system/bootstrap-token-|sh\.helm\.release", one)}


def test_an_older_release_makes_the_cluster(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    older = tmp_path / "older"
    for part in ("wizard", "steps", "assets"):
        shutil.copytree(ROOT / part, older / part, ignore=shutil.ignore_patterns("__pycache__"))
    pins, version = older / "assets/versions.yaml", lab("older", "version").strip()
    pins.write_text(pins.read_text().replace(f"traefik: {{version: {NEW},", f"traefik: {{version: {version},"))
    assert version in pins.read_text()
    wizard.root = older
    homelab(wizard, "run", "--answers", wizard.answers, "--yes", "--until", "flux")
    wizard.root = ROOT
    assert charts() == {version}
    ran("older release", f"traefik {version} on real Flux")


def test_one_pin_goes_forward_with_a_backup_before_it(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    listed = json.loads(homelab(wizard, "upgrade", "list", "--json", expect=5))
    assert [one["name"] for one in listed["pins"] if one["standing"] == "newer"] == ["traefik"]
    before = tmp_path / "before.age"
    homelab(wizard, "upgrade", "--yes", "--backup", str(before), *PASS)
    assert charts() == {NEW} and before.stat().st_size > 100_000
    assert "Nothing of this release is newer" in homelab(wizard, "upgrade", "list")
    ran("upgrade", f"traefik to {NEW}, everything Ready again; backup of {before.stat().st_size >> 10} kB before it")


def test_back_and_forward_again(wizard: Wizard, tmp_path: Path, ran: Ran) -> None:
    person = Person(tmp_path / "clone")
    person.push("by hand", {TRAEFIK: person.read(TRAEFIK).replace("interval: 12h", "interval: 11h # mine")})
    homelab(wizard, "upgrade", "--back", "--yes")
    assert charts() == {lab("older", "version").strip()}
    person.git("pull", "-q", "--rebase")
    assert "interval: 11h # mine" in person.read(TRAEFIK)
    out = homelab(wizard, "run", "--answers", wizard.answers, "--yes", "--until", "flux")
    assert "repository: nothing to do" in out, "homelab run undoes the way back"
    homelab(wizard, "upgrade", "--yes")
    assert charts() == {NEW}
    ran("upgrade --back", "the older chart again with an edit by hand kept, and forward once more")


def test_everything_is_lost_and_one_file_brings_it_back(wizard: Wizard, file: Path, tmp_path: Path, ran: Ran) -> None:
    kubectl("create", "configmap", "counter", "--from-literal=count=42")
    homelab(wizard, "backup", str(file), "--yes", *PASS)
    same, there, repository = lineage(), objects(), head(tmp_path / "before")
    kubectl("create", "configmap", "later", "--from-literal=too=late")
    for node in NODES:
        lab("wipe", str(node))
    for node in NODES:
        lab("start", str(node))
    other, began = computer(tmp_path / "new-computer"), time.monotonic()
    assert "does not answer" in " ".join(homelab(other, "restore", str(file), "--yes", *PASS).split())
    given = answers(tmp_path, replaced=list(NODES.values()))
    allow = [word for name in ("machines/trust-host-key", "machines/remember", "restore-control-plane/start")
             for word in ("--allow", name)]  # fmt: skip
    homelab(other, "restore", str(file), "--control-plane", "--answers", given, "--yes", *PASS, *allow)
    assert lineage() == same, "this is another cluster"
    assert kubectl("get", "configmap", "counter", "-o", "jsonpath={.data.count}") == "42"
    assert kubectl("get", "configmap", "later", "--ignore-not-found") == ""
    assert there - objects() == set(), "it lacks what it had, or has it under another UID"
    assert head(tmp_path / "after") == repository
    assert kubectl("get", "nodes", "--no-headers").count(" Ready ") == len(NODES)
    code, out = other.run("plan", "--answers", other.answers, "--until", "flux")
    assert code == 0, out[-3000:]
    ran("restore", f"fresh nodes and a fresh computer: the same cluster in {(time.monotonic() - began) / 60:.1f} min")


def test_a_file_that_is_cut_or_meets_another_cluster_is_named(wizard: Wizard, file: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.age"
    cut.write_bytes(file.read_bytes()[:-1000])
    assert "damaged or cut off" in homelab(wizard, "backup", "show", str(cut), *PASS, expect=3)
    other = computer(tmp_path / "another")
    state = other.state / "homelab-wizard/kept/state.yaml"
    state.parent.mkdir(parents=True)
    mine = wizard.state / "homelab-wizard/kept/state.yaml"
    uid = str(wizard.evidence()["cluster"]["uid"])  # type: ignore[index]
    state.write_text(mine.read_text().replace(uid, "another"))
    assert "another one than the backup's" in " ".join(
        homelab(other, "restore", str(file), "--yes", *PASS, expect=4).split()
    )
