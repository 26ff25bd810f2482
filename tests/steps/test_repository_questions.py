"""The questions about the place of the repository."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps.repository import QUESTIONS, Repository
from tests.steps.repository_home import Front
from wizard import events
from wizard.context import Context
from wizard.engine import Engine
from wizard.question import Prompt
from wizard.realworld import RealWorld
from wizard.state import State

URL = "ssh://git@github.com/you/homelab.git"


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ({"provider": "github", "url": URL}, "repository.url"),
        ({"provider": "gitea", "host": None}, "repository.host"),
        ({"provider": "github", "github_token": None, "owner": None}, "repository.owner"),
    ],
)
def test_answers_that_do_not_go_together(given: dict[str, Any], path: str) -> None:
    assert [problem.path for problem in Repository().validate({"repository": given})] == [path]


@pytest.mark.parametrize(
    ("key", "given", "value"),
    [
        ("host", "https://Git.Example.org:3000/", "git.example.org:3000"), ("host", "home.test/git", "home.test/git"),
        ("owner", "club/pis/", "club/pis"), ("name", "homelab.git", "homelab"),
    ],
)  # fmt: skip
def test_answers_about_a_forge(key: str, given: str, value: str) -> None:
    assert QUESTIONS[key].kind.parse(given) == value


@pytest.mark.parametrize(
    ("key", "given", "words"),
    [
        ("host", "http://git.example.org", "only sent over https"), ("host", "me@git.example.org", "not a host"),
        ("host", "", "not a host"), ("host", "a b", "not a host"), ("owner", "me you", "not the name"),
        ("name", "-x", "not the name"), ("name", "a/b", "not the name"),
    ],
)  # fmt: skip
def test_answers_about_a_forge_that_are_refused(key: str, given: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        QUESTIONS[key].kind.parse(given)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (
            "github_token",
            ["github.com/settings/personal-access-tokens/new", "Administration: Read and write", "scope repo"],
        ),
        ("gitlab_token", ["gitlab.com/-/user_settings/personal_access_tokens", "scope api"]),
        (
            "gitea_token",
            ["codeberg.org/user/settings/applications", "repository: read and write", "user: read and write"],
        ),
    ],
)
def test_the_exact_scopes_are_said_beforehand(key: str, words: list[str]) -> None:
    assert all(word in QUESTIONS[key].help for word in words)


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ({}, {"url"}), ({"provider": None}, {"url"}), ({"provider": "git"}, {"url"}),
        ({"provider": "github"}, {"github_token", "owner", "name"}),
        ({"provider": "gitlab"}, {"host", "gitlab_token", "owner", "name"}),
        ({"provider": "forgejo"}, {"host", "gitea_token", "owner", "name"}),
    ],
)  # fmt: skip
def test_what_is_asked_depends_on_the_provider(given: dict[str, Any], asked: set[str]) -> None:
    about = {"url", "host", "github_token", "gitlab_token", "gitea_token", "owner", "name"}
    assert {key for key in about if QUESTIONS[key].when({"repository": given})} == asked


class Typing(Front):
    """Gives the address that a browser shows, and defaults."""

    def ask(self, prompt: Prompt) -> object:
        given = {"provider": "git", "url": "https://github.com/me/homelab/tree/main"}
        return given.get(prompt.question.key, prompt.default)


def test_an_address_that_is_turned_into_ssh_is_told(tmp_path: Path) -> None:
    heard: list[events.Event] = []
    bus = events.Bus()
    bus.listen(heard.append)
    ctx = Context(RealWorld(), State(tmp_path / "state.yaml", "attic"), Typing(), bus)
    Engine([Repository()], ctx).ask(Repository())
    assert ctx.answers["repository"]["url"] == "ssh://git@github.com/me/homelab.git"
    notes = [one.text for one in heard if isinstance(one, events.Note)]
    assert notes == [
        "https://github.com/me/homelab/tree/main is used as ssh://git@github.com/me/homelab.git: git and Flux reach it"
        " over SSH."
    ]
