"""The demo with a forge chosen: asked as in `homelab demo`, made, and pushed to."""

from __future__ import annotations

from typing import Any

from steps.repository import Repository
from wizard import yamlfile
from wizard.context import Approval, Context
from wizard.demo.start import prepared
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.events import Bus
from wizard.question import Prompt
from wizard.state import State


class Chooser:
    """A person who chooses GitHub and takes what is proposed everywhere else."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def ask(self, prompt: Prompt) -> object:
        self.asked.append(prompt.question.key)
        return "github" if prompt.question.key == "provider" else prompt.default

    def confirm(self, approval: Approval) -> bool:
        return not approval.danger

    def failed(self, step: str, error: WizardError) -> Any:
        raise error


def test_the_demo_can_show_a_forge() -> None:
    with prepared(fast=True) as demo:
        front = Chooser()
        state = State.open(demo.state, "demo", lock=False)
        ctx = Context(demo.world, state, front, Bus(), proposing=demo.proposing)
        given = yamlfile.load(demo.answers.read_text())
        for step in ("machines", "addresses", "domains", "tailnet"):
            state.answers[step] = {key: value for key, value in given[step].items() if not isinstance(value, dict)}
        state.answers["addresses"]["arp"] = False  # no Pi is asked here
        Engine([Repository()], ctx, Consent()).run_step(Repository())
        assert front.asked == ["provider", "github_token", "owner", "name", "apps", "age_key_copy"]
        (there,) = demo.world.forges.repositories.values()
        assert (there.ssh_url, there.private, len(there.keys)) == ("ssh://git@github.com/you/homelab.git", True, 1)
        assert "github.com: repository you/homelab" in demo.world.writes
        assert Repository().plan(Repository().check(ctx), ctx.answers) == []


def test_without_a_choice_the_demo_is_as_it_was() -> None:
    with prepared(fast=True) as demo:
        given = yamlfile.load(demo.answers.read_text())["repository"]
        assert given["provider"] == "git" and demo.world.repository(given["url"]).exists()
        assert demo.world.forges.repositories == {}
