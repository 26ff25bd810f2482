"""One home whose repository an older release wrote: git is real, the cluster is played and follows at once."""

from __future__ import annotations

import copy
from pathlib import Path

from steps import repository_content
from steps.flux import Flux
from steps.release.upgrade import Upgrade
from tests.steps.flux_world import FluxWorld, git
from tests.steps.repository_home import Front, new
from tests.steps.tls_home import Follows
from wizard import assets, events
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.state import State

NOW = assets.versions()
OLD = copy.deepcopy(dict(NOW))
OLD["charts"]["traefik"]["version"], OLD["charts"]["metallb"]["version"] = "39.0.9", "0.15.3"
OLD["gateway-api"]["version"], OLD["images"]["whoami"] = "v1.4.1", "docker.io/traefik/whoami:v1.10.0"
TRAEFIK, METALLB = "infrastructure/traefik/source.yaml", "infrastructure/metallb/source.yaml"
KINDS = "clusters/attic/gateway-api-crds.yaml"


plain = repository_content.settings


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
