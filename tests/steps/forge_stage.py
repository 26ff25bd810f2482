"""One person and the simulated forges: where the tests of the step Repository at a forge begin."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from steps import repository_reach as reach
from steps.repository import Repository
from tests.steps.repository_home import NONE, Front
from wizard import events
from wizard.context import Approval, Context
from wizard.demo import forges
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.secret import Secret
from wizard.state import State

URL = "ssh://git@github.com/you/homelab.git"
FORGES = {
    "github": {"github_token": Secret("ghp_of_the_test")},
    "gitlab": {"gitlab_token": Secret("glpat_of_the_test")},
    "forgejo": {"gitea_token": Secret("forgejo_of_the_test")},
    "gitea": {"gitea_token": Secret("gitea_of_the_test"), "host": "git.home.test:3000"},
}


class Person(Front):
    """Says yes to the dangerous changes in `yes`; has no token any more once `forgotten`."""

    yes: frozenset[str] = frozenset()

    def confirm(self, approval: Approval) -> bool:
        return approval.changes[0].id in self.yes


@dataclasses.dataclass
class Stage:
    """One person, one forge."""

    world: SimWorld
    folder: Path
    given: dict[str, Any]
    heard: list[events.Event] = dataclasses.field(default_factory=list)

    def context(self, *, token: bool = True) -> Context:
        path = self.folder / "state" / "state.yaml"
        state = State.open(path, "attic", lock=False)
        bus = events.Bus()
        bus.listen(self.heard.append)
        front = Person()
        front.yes = frozenset({"repository/host-key"})
        ctx = Context(self.world, state, front, bus)
        ctx.answers["machines"] = {"hosts": ["10.0.0.11", "10.0.0.12"]}
        ctx.answers["addresses"] = {
            "pool": "10.0.0.60-10.0.0.69", "internal_address": "10.0.0.60", "external_address": "10.0.0.61",
            "dns_address": "10.0.0.62", "arp": False,
        }  # fmt: skip
        ctx.answers["domains"] = dict(NONE)
        usual = {"url": None, "host": None, "owner": None, "name": "homelab", "apps": ["hello"], "age_key_copy": None,
                 "github_token": None, "gitlab_token": None, "gitea_token": None}  # fmt: skip
        for key, value in {**usual, **self.given}.items():
            if token or not isinstance(value, Secret):
                ctx.keep("repository", key, value)
        if not token:  # the state remembers that there was one, and that is all
            assert "of_the_test" not in path.read_text()
        return ctx

    def run(self, *, token: bool = True) -> list[str]:
        """Runs the step and returns what it did, by id."""
        ctx = self.context(token=token)
        before = len(ctx.state.journal)
        Engine([Repository()], ctx, Consent(yes=True)).run_step(Repository())
        return [entry["change"].removeprefix("repository/") for entry in ctx.state.journal[before:]]

    def plan(self, *, token: bool = True) -> list[str]:
        ctx = self.context(token=token)
        Engine([Repository()], ctx).asking.take_settings(Repository())
        return [change.sentence for change in Repository().plan(Repository().check(ctx), ctx.answers)]

    def walk(self) -> list[str]:
        """Only what makes the repository reachable, until nothing is left of it; by id."""
        ctx, done = self.context(), []
        Engine([Repository()], ctx).asking.take_settings(Repository())
        while changes := reach.changes(reach.look(ctx)):
            for change in changes:
                ctx.do(change)
                done.append(change.id.removeprefix("repository/"))
        return done

    def ahead(self, *, token: bool = True) -> list[str]:
        """What `walk` would do, in sentences."""
        ctx = self.context(token=token)
        Engine([Repository()], ctx).asking.take_settings(Repository())
        return [change.sentence for change in reach.changes(reach.look(ctx))]

    @property
    def there(self) -> forges.Repository:
        return next(iter(self.world.forges.repositories.values()))

    def notes(self) -> str:
        return "\n".join(f"{one.title}: {one.text}" for one in self.heard if isinstance(one, events.Note))


def at(stage: Stage, name: str) -> Stage:
    stage.given = {"provider": name, **FORGES[name]}
    return stage
