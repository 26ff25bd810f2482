"""The demo's word: encrypted in the repository, opened by the key in the simulated cluster, shown by the page."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from wizard import sops
from wizard.demo import flux
from wizard.demo.world import SimWorld
from wizard.errors import WizardError
from wizard.repo import Author, Repo

URL = "ssh://git@git.example.org/me/home.git"
SECRET = """apiVersion: v1
kind: Secret
metadata: {name: hello-word, namespace: hello}
stringData: {word: homelab-4711}
"""
HELLO = """apiVersion: apps/v1
kind: Deployment
metadata: {name: hello, namespace: hello}
spec:
  template:
    spec:
      containers:
        - env: [{name: WHOAMI_NAME, valueFrom: {secretKeyRef: {name: hello-word, key: word}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: hello, namespace: hello}
spec: {hostnames: [hello.home.test], parentRefs: [{name: traefik-internal}]}
---
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: traefik-internal, namespace: traefik}
spec: {values: {address: "10.0.0.60"}}
"""
PART = """apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: hello, namespace: flux-system}
spec: {path: ./apps/hello, decryption: {provider: sops}}
"""


@pytest.fixture
def age_key(world: SimWorld, tmp_path: Path) -> Path:
    """A cluster that follows nothing yet, and a repository for the key that is returned."""
    world.api.event({"up": True})
    key = tmp_path / "age.key"
    rules = f"creation_rules: [{{encrypted_regex: ^stringData$, age: {sops.make_key(key)}}}]\n"
    sealed = sops.encrypt(world, rules, "apps/hello/word.sops.yaml", SECRET)
    assert "4711" not in sealed
    world.make_repository(URL)
    repo = Repo(world, URL, "main", tmp_path / "copy.git")
    repo.copy()
    files = {"clusters/a/hello.yaml": PART, "apps/hello/hello.yaml": HELLO, "apps/hello/word.sops.yaml": sealed}
    repo.push(repo.commit(Author("Ann", "ann@home.test"), "Begin", files, [], None))
    return key


def give(world: SimWorld, key: Path) -> None:
    data = {"age.agekey": base64.b64encode(key.read_bytes()).decode()}
    world.api.put("/api/v1/namespaces/flux-system/secrets/sops-age", {"kind": "Secret", "data": data})


def bootstrap(world: SimWorld) -> None:
    flux.program(world, ["flux", "bootstrap", "git", f"--url={URL}", "--branch=main", "--path=clusters/a"], b"")
    world.sleep(60)


def asked_for(world: SimWorld, word: str) -> str:
    script = f"main <<'PROBES'\n{word}\n0 http 10.0.0.60 80 http hello.home.test /\nPROBES\n"
    return world.run(["sh", "-s"], stdin=script.encode()).out


def test_the_page_shows_the_word_that_the_cluster_opened(world: SimWorld, age_key: Path) -> None:
    give(world, age_key)
    bootstrap(world)
    assert "200 yes" in asked_for(world, "homelab-4711")
    assert "200 no" in asked_for(world, "homelab-0815")


def test_without_the_right_key_nothing_is_opened(world: SimWorld, age_key: Path, tmp_path: Path) -> None:
    sops.make_key(tmp_path / "another.key")
    give(world, tmp_path / "another.key")
    with pytest.raises(WizardError, match="can't open apps/hello/word"):
        bootstrap(world)
