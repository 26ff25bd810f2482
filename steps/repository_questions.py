"""What is asked about the place of the repository: where it lies, and how it is reached. Data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from wizard.context import Context
from wizard.errors import Problem
from wizard.question import CHOICE, GIT_URL, PATH, SECRET, YES_NO, Answers, Choice, Kind, Question
from wizard.web.forge import Forge
from wizard.web.gitea import Forgejo, Gitea
from wizard.web.github import GitHub
from wizard.web.gitlab import GitLab

FORGES: dict[str, type[Forge]] = {"github": GitHub, "gitlab": GitLab, "gitea": Gitea, "forgejo": Forgejo}
TOKENS = {"github": "github_token", "gitlab": "gitlab_token", "gitea": "gitea_token", "forgejo": "gitea_token"}


def provider(given: Mapping[str, Any]) -> str:
    """Where the repository lies: a key of `FORGES`, or ``git`` for any server. `given` are the answers to this step."""
    return str(given.get("provider") or "git")


def host(given: Mapping[str, Any]) -> str:
    """The forge's host: the answer, or the one that everybody means; empty when there is none."""
    return str(given.get("host") or FORGES[provider(given)].public)


def token_given(given: Mapping[str, Any]) -> bool:
    """Whether the answers name a forge and a token for it."""
    return provider(given) in FORGES and given.get(TOKENS[provider(given)]) is not None


def _is(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: provider(answers.get("repository", {})) in names


def _branch(raw: object) -> str:
    text = str(raw).strip()
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}", text) or re.search(r"\.\.|//|(/|\.lock|\.)$", text):
        raise ValueError(f"{text!r} is not the name of a branch such as main")
    return text


def _host(raw: object) -> str:
    text = str(raw).strip().rstrip("/")
    if text.startswith("http://"):
        raise ValueError("a token is only sent over https: give an address that begins with https://")
    parts = urlsplit(text if "://" in text else f"https://{text}")
    try:
        right = parts.scheme == "https" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        right = False
    if not right or parts.username or parts.query or not re.fullmatch(r"[\w.:\[\]/-]+", f"{parts.netloc}{parts.path}"):
        raise ValueError(f"{text!r} is not a host such as git.example.org, or git.example.org:3000")
    return f"{parts.netloc.lower()}{parts.path}"


def _owner(raw: object) -> str:
    text = str(raw).strip().strip("/")
    if not re.fullmatch(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*", text):
        raise ValueError(f"{text!r} is not the name of a user or an organization such as me")
    return text


def _name(raw: object) -> str:
    text = str(raw).strip().removesuffix(".git")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}", text):
        raise ValueError(f"{text!r} is not the name of a repository such as homelab")
    return text


def _proposed(ctx: Context) -> str:
    """``git`` where an address was given already, as before there was anything else."""
    return "git" if ctx.answers.get("repository", {}).get("url") else "github"


def _public(ctx: Context) -> str | None:
    return FORGES[provider(ctx.answers["repository"])].public or None


def _token(key: str, *names: str) -> Question:
    kind = FORGES[names[0]]
    server = kind.public or FORGES[names[-1]].public
    return Question(
        key, f"Which token may make the repository at {' or '.join(FORGES[name].title for name in names)}?", SECRET,
        required=False, when=_is(*names),
        help=f"{kind.advice.format(host=server)} It is used once and not kept. Left empty, you make the repository"
        " yourself and add the deploy key by hand when asked.",
    )  # fmt: skip


PLACE = (
    Question(
        "provider", "Where shall the repository that describes the cluster lie?", CHOICE, default=_proposed,
        required=False, needs=(),
        choices=(
            Choice("github", "GitHub", "made for you with a token"),
            Choice("gitlab", "GitLab", "the same; gitlab.com or your own"),
            Choice("gitea", "Gitea", "the same; your own"),
            Choice("forgejo", "Forgejo", "the same; codeberg.org or your own"),
            Choice("git", "any git server over SSH", "you make the repository and say its address"),
        ),
    ),
    Question(
        "url", "Which git repository shall describe the cluster?", GIT_URL, when=_is("git"),
        help="Make a private one on your server and give its SSH address: ssh://git@git.example.org/you/homelab.git",
    ),
    Question(
        "host", "At which address is it?", Kind("host", _host), default=_public, required=False,
        needs=(), when=_is("gitlab", "gitea", "forgejo"),
        help="Such as git.example.org, or git.example.org:3000; it is asked over https only.",
    ),
    _token("github_token", "github"),
    _token("gitlab_token", "gitlab"),
    _token("gitea_token", "gitea", "forgejo"),
    Question(
        "owner", "Who shall own the repository?", Kind("owner", _owner), required=False, when=_is(*FORGES),
        help="A user, or an organization (GitLab: a group) in which you may make repositories. Left empty: the token's"
        " user.",
    ),
    Question(
        "name", "What shall the repository be called?", Kind("repository name", _name), default="homelab",
        when=_is(*FORGES), help="It is made if it is not there. One that is there is used as it is.",
    ),
)  # fmt: skip

SETTINGS = (
    Question("private", "Shall only you see it?", YES_NO, default=True, advanced=True),
    Question(
        "ca_file", "Which file holds the certificate authority of that server?", PATH, required=False, advanced=True,
        help="For a server whose certificate no public authority has signed.",
    ),
    Question("branch", "Which branch?", Kind("branch", _branch), default="main", advanced=True),
    Question(
        "key_file", "Which SSH key may write to the repository?", PATH, required=False, advanced=True,
        help="Without it, a key is made for this alone.",
    ),
    Question(
        "known_hosts", "Which file holds the git server's host keys?", PATH, required=False, advanced=True,
        help="Without it, the server's key is compared with the one that it publishes, or shown to you.",
    ),
)  # fmt: skip

BY_KEY = {question.key: question for question in (*PLACE, *SETTINGS)}


def problems(given: Mapping[str, Any]) -> list[Problem]:
    """Mistakes that only show when answers are read together. Pure."""
    where = provider(given)
    if where == "git":
        return []
    found = []
    if given.get("url"):
        fix = f"Leave it out, or answer repository.provider: git. With {where}, owner and name say which one it is."
        found.append(Problem("repository.url", f"an address is asked for any git server only, not for {where}", fix))
    if "host" in given and not host(given):
        found.append(Problem("repository.host", f"{FORGES[where].title} has no host that everybody means; name yours"))
    if all(key in given and given[key] is None for key in (TOKENS[where], "owner")):
        found.append(Problem("repository.owner", "without a token it must be said whose repository it is"))
    return found
