"""A home whose cluster follows a repository, for the tests of `homelab app`: git and sops are real, Flux is played."""

from __future__ import annotations

import copy
import tarfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from steps.expose import command
from steps.flux import Flux
from steps.gitops.app import apps
from steps.gitops.tree import is_yaml
from steps.repository import Repository
from tests.steps import repository_home
from tests.steps.flux_world import READY, FluxWorld, Objects, git, place
from tests.steps.repository_home import DUCKDNS, TOKEN, new
from wizard import events, yamlfile
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.question import Prompt
from wizard.secret import Secret
from wizard.state import State

CLUSTER_SCOPED = ("Namespace", "StorageClass", "GatewayClass", "ClusterIssuer", "ClusterRole", "ClusterRoleBinding")
PLURALS = {"HTTPRoute": "httproutes", "StorageClass": "storageclasses", "GatewayClass": "gatewayclasses"}


def api_path(one: Mapping[str, Any]) -> str:
    """The API path of an object."""
    version, kind, meta = str(one["apiVersion"]), str(one["kind"]), one["metadata"]
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    space = "" if kind in CLUSTER_SCOPED else f"/namespaces/{meta['namespace']}"
    return f"{base}{space}/{PLURALS.get(kind, kind.lower() + 's')}/{meta['name']}"


@cache
def parsed(text: str) -> tuple[Any, ...]:
    """The objects in a YAML text, which most commits leave as it was."""
    return tuple(yamlfile.load_all(text))


class Api(Objects):
    """A cluster that Flux brings to the newest commit as soon as it is told to look."""

    def __init__(self, world: AppWorld) -> None:
        super().__init__()
        self.world = world
        self.deleted: list[str] = []

    def get(self, path: str) -> dict[str, Any] | None:
        found = super().get(path)
        if found is None and path.count("/") == 4:  # a list over all namespaces
            base, _, plural = path.rpartition("/")
            items = [
                one for where, one in sorted(self.objects.items())
                if where.startswith(f"{base}/namespaces/") and where.split("/")[-2] == plural
            ]  # fmt: skip
            return {"items": items} if items else None
        return found

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        super().apply(path, body)
        if path.endswith("/gitrepositories/flux-system"):
            self.world.reconcile()

    def delete(self, path: str) -> None:
        self.deleted.append(path)
        claim = self.objects.pop(path, {})
        volume = f"/api/v1/persistentvolumes/{(claim.get('spec') or {}).get('volumeName')}"
        if self.objects.get(volume, {}).get("spec", {}).get("persistentVolumeReclaimPolicy") == "Delete":
            self.objects.pop(volume)


class AppWorld(FluxWorld):
    """Flux applies the objects of every part, and takes away what no commit has any more, unless it is kept."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.api: Api = Api(self)
        self.mine: set[str] = set()

    def reconcile(self) -> None:
        files = self.files()
        named = [path for path in files if path.startswith("clusters/attic/") and "flux-system" not in path]
        self.parts = ("flux-system", *(path.split("/")[-1].removesuffix(".yaml") for path in named))
        now: dict[str, dict[str, Any]] = {}
        for path, text in files.items():
            if path.startswith(("apps/", "infrastructure/")) and is_yaml(path):
                now |= {api_path(one): one for one in parsed(text)}
        for path in self.mine - set(now):
            notes = (self.api.objects.get(path, {}).get("metadata") or {}).get("annotations") or {}
            if notes.get("kustomize.toolkit.fluxcd.io/prune") != "disabled":
                self.api.objects.pop(path, None)
        for path in [path for path in self.api.objects if "/kustomizations/" in path]:
            del self.api.objects[path]
        self.mine = set(now)
        for path, one in self.api.objects.items():
            if path.startswith("/api/v1/namespaces/") and path.count("/") == 4:
                one.setdefault("metadata", {})["name"] = path.rpartition("/")[2]
        for path, one in now.items():
            self.api.objects[path] = {**self.api.objects.get(path, {}), **copy.deepcopy(one)}
            self.api.objects[path]["metadata"]["generation"] = 1
            self.api.objects[path].setdefault("status", {"conditions": [READY]})
        super().reconcile()
        for path in named:
            one = next(one for one in parsed(files[path]) if one["kind"] == "Kustomization")
            made = self.api.objects[place("kustomizations", one["metadata"]["name"])]
            made["spec"] |= {"path": one["spec"]["path"]}

    def files(self) -> dict[str, str]:
        packed = self.folder / "files.tar"
        git(self.folder / "far.git", "archive", "--format=tar", f"--output={packed}", "main")
        with tarfile.open(packed) as held:
            found = {one.name: held.extractfile(one) for one in held if one.isfile() and is_yaml(one.name)}
            return {name: text.read().decode() for name, text in found.items() if text}


class Front(repository_home.Front):
    """Says yes to everything, types the words, and remembers what was asked."""

    def __init__(self, answers: Mapping[str, Any] | None = None, *, yes: bool = True) -> None:
        self.answers, self.yes, self.asked, self.approved = dict(answers or {}), yes, [], []

    def ask(self, prompt: Prompt) -> object:
        self.asked.append(prompt)
        given = self.answers.get(prompt.question.key, prompt.default)
        if given is None and prompt.question.required:
            raise AssertionError(prompt.question.key)
        return given

    def confirm(self, approval: Approval) -> bool:
        self.approved.append(approval)
        return self.yes


class AppHome:
    """One home. `app` is `homelab app …` without the proof, which has tests of its own."""

    def __init__(
        self, folder: Path, domains: Mapping[str, Any] | None = None, apps: tuple[str, ...] = ("hello",)
    ) -> None:
        self.folder, self.world = folder, AppWorld(folder)
        answers = new(folder).answers
        answers["domains"] = dict(domains or DUCKDNS)
        answers["repository"]["apps"] = list(apps)
        answers["flux"] = {"download_mirror": None, "checksums_file": None}
        state = State(folder / "state" / "state.yaml", "attic")
        state.answers = answers
        state.save()
        (folder / "state" / "kubeconfig").write_text("x")
        self.heard: list[events.Event] = []
        self.front = Front()
        Engine([Repository(), Flux()], self.context(), Consent(yes=True)).run()

    def context(self) -> Context:
        state = State.open(self.folder / "state" / "state.yaml", "attic", lock=False)
        bus = events.Bus()
        bus.listen(self.heard.append)
        ctx = Context(self.world, state, self.front, bus)
        ctx._secrets["domains", "token"] = Secret(TOKEN)
        return ctx

    def app(self, command_: str, /, *, front: Front | None = None, proof: bool = False, **words: Any) -> list[str]:
        """Runs the command and returns the changes it made."""
        self.front = front or Front()
        ctx = self.context()
        before = len(ctx.state.journal)
        steps = command.begin(ctx.state, {"command": f"app {command_}", **words})
        try:
            Engine([step for step in steps if proof or step.name != "proof"], ctx, Consent(yes=True)).run()
        finally:
            command.end(ctx.state)
        return [entry["change"] for entry in ctx.state.journal[before:] if entry.get("change")]

    def refused(self, command_: str, /, **words: Any) -> str:
        """The error of a command that can't go well, as one text."""
        try:
            made = self.app(command_, **words)
        except WizardError as error:
            return " ".join(error.sentences()) if hasattr(error, "sentences") else str(error)
        raise AssertionError(f"not refused: {made}")

    def apps(self) -> list[str]:
        return [app.name for app in apps("attic", self.world.files())]

    def notes(self) -> dict[str, str]:
        return {one.title: one.text for one in self.heard if isinstance(one, events.Note)}

    def edit(self, path: str, *pairs: tuple[str, str]) -> None:
        text = self.world.files()[path]
        for old, fresh in pairs:
            assert old in text, old
            text = text.replace(old, fresh)
        self.world.push(path, text)
        self.world.reconcile()
