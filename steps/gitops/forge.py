"""Where the repository lies, and the workflow that checks it there after each push."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Workflow:
    """The template of a workflow below the assets, and where that forge looks for it."""

    template: str
    place: str


WORKFLOWS: Mapping[str, Workflow] = {
    "github": Workflow("workflows/github.yaml", ".github/workflows/validate.yaml"),
    "gitlab": Workflow("workflows/gitlab.yaml", ".gitlab-ci.yml"),
    "gitea": Workflow("workflows/gitea.yaml", ".gitea/workflows/validate.yaml"),
    "forgejo": Workflow("workflows/forgejo.yaml", ".forgejo/workflows/validate.yaml"),
}
_HOSTS = {"github.com": "github", "gitlab.com": "gitlab", "codeberg.org": "forgejo", "gitea.com": "gitea"}


def forge_of(url: str, provider: str = "") -> str:
    """``github``, ``gitlab``, ``gitea``, ``forgejo``, or ``git`` for a server that runs no workflows.

    What was answered counts, then the address: a well-known host, or one whose first label says it.
    """
    if provider in (*WORKFLOWS, "git"):
        return provider
    host = (urlsplit(url).hostname or "").removeprefix("ssh.")  # ssh.github.com, altssh.gitlab.com: over port 443
    host = host.removeprefix("altssh.")
    return _HOSTS.get(host) or next((name for name in WORKFLOWS if host.startswith(f"{name}.")), "git")
