"""Which forge a repository lies at decides which workflow it gets."""

from __future__ import annotations

import pytest

from steps.gitops.forge import WORKFLOWS, forge_of
from steps.gitops.validate import validate


@pytest.mark.parametrize(
    ("url", "provider", "forge"),
    [
        ("ssh://git@github.com/me/home.git", "", "github"), ("ssh://git@ssh.github.com:443/me/home.git", "", "github"),
        ("ssh://git@gitlab.com/me/home.git", "", "gitlab"), ("ssh://git@altssh.gitlab.com:443/me/h", "", "gitlab"),
        ("ssh://git@gitlab.home.test:2222/me/home.git", "", "gitlab"), ("ssh://git@gitea.home.test/me/h", "", "gitea"),
        ("ssh://git@codeberg.org/me/home.git", "", "forgejo"), ("ssh://git@forgejo.home.test/h", "", "forgejo"),
        ("ssh://git@notgithub.com/me/home.git", "", "git"), ("ssh://pi@10.0.0.5/srv/home.git", "", "git"),
        ("file:///srv/github.com/home.git", "", "git"), ("", "", "git"),
        ("ssh://git@git.home.test/me/home.git", "gitea", "gitea"), ("ssh://git@github.com/me/h", "git", "git"),
        ("ssh://git@github.com/me/h", "something new", "github"),
    ],
)  # fmt: skip
def test_the_answer_counts_then_the_address(url: str, provider: str, forge: str) -> None:
    assert forge_of(url, provider) == forge


def test_a_workflow_is_not_taken_for_an_object_of_the_cluster() -> None:
    assert validate({workflow.place: "on: push\n" for workflow in WORKFLOWS.values()}) == []
    secret = "kind: Secret\nstringData: {a: b}\n"
    assert [one.code for one in validate({"mine/a.yaml": secret})] == ["plain-secret"], "but a Secret is found anywhere"
