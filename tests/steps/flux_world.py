"""A world for the tests of the step Flux: git is real, the program `flux` and the cluster are played."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steps import flux_cli
from steps.flux import SPACE
from steps.flux_status import HELM, KUSTOMIZE, SOURCE
from wizard.context import Approval
from wizard.errors import WizardError
from wizard.host.base import Result
from wizard.question import Prompt
from wizard.realworld import RealWorld
from wizard.world import Request, Response

PARTS = ("flux-system", "gateway-api-crds", "metallb", "metallb-config", "traefik", "gateways", "hello")
READY = {"type": "Ready", "status": "True", "observedGeneration": 1}


class Objects:
    """A cluster: objects by path, and what was applied."""

    def __init__(self) -> None:
        self.objects: dict[str, dict[str, Any]] = {"/api/v1/namespaces/kube-system": {}}
        self.applied: list[str] = []

    def get(self, path: str) -> dict[str, Any] | None:
        if path in self.objects:
            return self.objects[path]
        folder, _, plural = path.rpartition("/")
        found = [
            one for where, one in self.objects.items()
            if where.startswith(f"{folder}/") and where.rpartition("/")[0].endswith(f"/{plural}")
        ]  # fmt: skip
        return {"items": found} if found else None

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        self.applied.append(path)
        old = self.objects.get(path, {})
        self.objects[path] = {**old, **body, "metadata": {**old.get("metadata", {}), **body["metadata"]}}

    def delete(self, path: str) -> None:
        del self.objects[path]


def place(kind: str, name: str, space: str = "flux-system") -> str:
    base = {"kustomizations": KUSTOMIZE, "gitrepositories": SOURCE, "helmreleases": HELM}.get(kind)
    return f"{base or '/apis/gateway.networking.k8s.io/v1'}/namespaces/{space}/{kind}/{name}"


class FluxWorld(RealWorld):
    """Real git; `flux` pushes its folder and makes the cluster as a healthy one would be, or says what it is told."""

    parts: tuple[str, ...] = PARTS

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder, self.api = folder, Objects()
        self.installed, self.broken = True, False
        self.runs: list[tuple[list[str], dict[str, str]]] = []
        self.says: list[str] = []  # what bootstrap fails with, once each
        self.pages: dict[str, bytes] = {}
        self.clock = 0.0

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds

    def cluster(self, kubeconfig: Path) -> Any:
        return self.api

    def http(self, request: Request) -> Response:
        body = self.pages.get(request.url)
        return Response(404 if body is None else 200, body or b"")

    def run(self, argv: Sequence[str], **options: Any) -> Result:
        name = Path(argv[0]).name
        if name == "flux" and not self.installed:
            raise WizardError("The program flux could not be started.")
        if "version" in argv and name.startswith("flux"):
            return Result(0, f"flux: v{flux_cli.pin()['version']}\n")
        if "bootstrap" in argv:
            self.runs.append((list(argv), dict(options["env"])))
            if self.says:
                return Result(1, "", f"► connecting\n✗ {self.says.pop(0)}\n")
            self.bootstrapped()
            return Result(0, "✔ all components are healthy\n")
        return super().run(argv, **options)

    def bootstrapped(self) -> None:
        self.push("clusters/attic/flux-system/gotk-sync.yaml", "kind: whatever\n")
        self.api.objects[SPACE] = {
            "metadata": {"labels": {"app.kubernetes.io/version": f"v{flux_cli.pin()['version']}"}}
        }
        self.reconcile()

    def push(self, path: str, text: str) -> None:
        work = self.folder / "work"
        if not work.exists():
            git(self.folder, "clone", "-q", str(self.folder / "far.git"), str(work))
        if git(self.folder / "far.git", "branch"):
            git(work, "pull", "-q", "--ff-only", "origin", "main")
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_text(text)
        git(work, "add", ".")
        git(work, "commit", "-q", "--allow-empty", "-m", "flux")
        git(work, "push", "-q", "origin", "HEAD:main")

    def reconcile(self) -> None:
        """Makes every object say that it is at the newest commit and well."""
        at = "main@sha1:" + git(self.folder / "far.git", "rev-parse", "main").strip()
        url = f"file://{self.folder}/far.git"
        ok = {"conditions": [READY], "lastAppliedRevision": at, "artifact": {"revision": at}}
        source = {"kind": "GitRepository", "name": "flux-system"}
        for name in self.parts:
            spec = {"sourceRef": source if name != "gateway-api-crds" else {}, "path": "./clusters/attic"}
            self.put(place("kustomizations", name), spec, ok)
        self.put(place("gitrepositories", "flux-system"), {"url": url, "ref": {"branch": "main"}}, ok)
        if self.broken:
            bad = {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "accumulating resources"}
            self.put(place("kustomizations", "hello"), {}, {"conditions": [{**bad, "observedGeneration": 1}]})
        for side, address in (("internal", "10.0.0.60"), ("external", "10.0.0.61")):
            programmed = {"conditions": [{**READY, "type": "Programmed"}], "addresses": [{"value": address}]}
            self.put(place("gateways", f"traefik-{side}", "gateways"), {}, programmed)

    def put(self, path: str, spec: dict[str, Any], status: dict[str, Any]) -> None:
        parts = path.split("/")
        meta = {"name": parts[-1], "namespace": parts[-3], "generation": 1}
        self.api.objects[path] = {"metadata": meta, "spec": spec, "status": status}


def git(folder: Path, *words: str) -> str:
    env = {**os.environ, "GIT_CONFIG_GLOBAL": "/dev/null"}
    who = ["-c", "user.name=Flux", "-c", "user.email=flux@home.test"]
    return subprocess.run(
        ["git", *who, "-C", str(folder), *words], capture_output=True, text=True, check=True, env=env
    ).stdout


class Front:
    def ask(self, prompt: Prompt) -> object:
        raise AssertionError(prompt.question.key)

    def confirm(self, approval: Approval) -> bool:
        return False

    def failed(self, step: str, error: WizardError) -> Any:
        return "stop"
