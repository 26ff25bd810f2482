"""The repository: rendered from the answers, checked offline, secrets encrypted, committed and pushed."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from steps import age_key, apps
from steps import repository_access as access
from steps.age_key import KeyFacts
from steps.gitops.render import secret_files
from steps.gitops.settings import APPS
from steps.gitops.validate import validate
from steps.repository_content import Content, Difference, conflict, counted, refuse, settings, word
from wizard.context import Context
from wizard.errors import Problem
from wizard.host import trust
from wizard.host.base import HostKey
from wizard.question import GIT_URL, OCI_URL, PATH, URL, YES_NO, Answers, Kind, Question
from wizard.step import Change, Step

_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}")


def _branch(raw: object) -> str:
    text = str(raw).strip()
    if not _BRANCH.fullmatch(text) or text.endswith(("/", ".lock", ".")) or ".." in text or "//" in text:
        raise ValueError(f"{text!r} is not the name of a branch such as main")
    return text


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "url", "Which git repository shall describe the cluster?", GIT_URL,
            help="Make an empty, private one at GitHub, GitLab, Gitea or wherever you like, and give its SSH address:"
            " ssh://git@github.com/you/homelab.git",
        ),
        apps.QUESTION,
        age_key.QUESTION,
        Question("branch", "Which branch?", Kind("branch", _branch), default="main", advanced=True),
        Question(
            "key_file", "Which SSH key may write to the repository?", PATH, required=False, advanced=True,
            help="Without it, a key is made for this alone, and you are told where to add it.",
        ),
        Question(
            "known_hosts", "Which file holds the git server's host keys?", PATH, required=False, advanced=True,
            help="Without it, the server's key is shown and you are asked whether it is the right one.",
        ),
        Question(
            "chart_mirror", "Which registry mirrors the Helm charts?", OCI_URL, required=False, advanced=True,
            help="oci://HOST[:PORT]; the paths of the charts stay as they are.",
        ),
        Question("chart_mirror_insecure", "Is that mirror without TLS?", YES_NO, default=False, advanced=True),
        Question(
            "gateway_api_git", "Which git repository mirrors the Gateway API?", URL, required=False, advanced=True,
            help="Its tag and its folder config/crd must be those of the original.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class RepositoryFacts:
    """What is there already. `difference` is None as long as something must be made before it can be known."""

    unpinned: Sequence[HostKey] = ()
    deploy_key: bool = True
    age_key: KeyFacts = field(default_factory=KeyFacts)
    nonce: bool = True
    copied: bool = True
    difference: Difference | None = None
    rendered: Sequence[str] = ()  # the paths of all files


class Repository(Step[RepositoryFacts]):
    """Makes the repository say what the answers say."""

    name: ClassVar[str] = "repository"
    title: ClassVar[str] = "Repository"
    intro: ClassVar[str] = (
        "Everything that runs on the cluster is described in a git repository of yours. It is written and checked now;"
        " from then on the cluster follows it."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("repository", {})
        wrong = [app for app in given.get("apps") or [] if app not in APPS]
        return [
            Problem("repository.apps", f"{app} is not an app that is known here", f"Known: {', '.join(APPS)}.")
            for app in wrong
        ]

    def check(self, ctx: Context) -> RepositoryFacts:
        apps.advise(ctx, ctx.answers)
        wanted = settings(ctx)
        unpinned = access.to_pin(ctx)
        key_there = not access.needs_ssh(ctx.answers) or access.key_file(ctx).exists()
        key, repo = age_key.look(ctx), access.repo(ctx)
        heads = access.heads(ctx) if key_there and not unpinned else {}
        content = Content(ctx, repo, heads.get(repo.branch), wanted)
        rendered = content.rendered
        refuse(validate(rendered))
        nonce, paths = bool(word(ctx)), tuple(sorted([*rendered, *secret_files(wanted)]))
        facts = RepositoryFacts(unpinned, key_there, key, nonce, repo.copied, None, paths)
        if unpinned or not (key_there and key.there and nonce and repo.copied):
            return facts
        if content.base and not repo.has(content.base):
            repo.fetch()
        difference = content.difference()
        if difference.conflicts:
            ctx.note("Changed by hand", content.edited(difference.conflicts))
            raise conflict(difference.conflicts)
        return RepositoryFacts(difference=difference, rendered=facts.rendered)

    def plan(self, facts: RepositoryFacts, answers: Answers) -> list[Change]:
        return [*_access_changes(facts, answers), *_content_changes(facts, answers)]


def _access_changes(facts: RepositoryFacts, answers: Answers) -> list[Change]:
    changes = []
    host, _ = access.host_and_port(answers)
    if keys := tuple(facts.unpinned):
        changes.append(
            Change("repository/host-key", f"trust the git server {host}, which shows the key {trust.describe(keys)}",
                   lambda ctx: access.pin(ctx, keys), danger=True)
        )  # fmt: skip
    if not facts.deploy_key:
        changes.append(
            Change("repository/deploy-key", f"make an SSH key for {access.place(answers)}, kept beside the state",
                   access.make_deploy_key)
        )  # fmt: skip
    return changes


def _content_changes(facts: RepositoryFacts, answers: Answers) -> list[Change]:
    changes = age_key.changes(facts.age_key)
    if not facts.nonce:
        sentence = "make up a word by which this cluster is recognised in the proof"
        changes.append(Change("repository/nonce", sentence, _make_nonce))
    if not facts.copied:
        sentence = f"begin a copy of {answers['repository']['url']} beside the state"
        changes.append(Change("repository/copy", sentence, _copy))
    difference = facts.difference or Difference(write=tuple(facts.rendered))
    if difference.write or difference.gone:
        what = describe(difference)
        if facts.difference is None:  # nobody could look into the repository yet
            what = f"what is missing there of {what.removeprefix('write ')}"
        changes.append(Change("repository/push", f"commit and push to {access.place(answers)}: {what}", _push))
    return changes


def describe(difference: Difference) -> str:
    """How many files, and the first of them by name."""
    parts = []
    for verb, paths in (("write", difference.write), ("take away", difference.gone)):
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            parts.append(f"{verb} {counted(len(paths), 'file')} ({', '.join(paths[:3])}{more})")
    return ", ".join(parts)


def _make_nonce(ctx: Context) -> None:
    ctx.state.remember("proof", "nonce", value=f"homelab-{secrets.token_hex(8)}")


def _copy(ctx: Context) -> None:
    access.repo(ctx).copy()


def _push(ctx: Context) -> None:
    repo = access.repo(ctx)
    base = access.heads(ctx).get(repo.branch)
    if base and not repo.has(base):
        repo.fetch()
    ctx.progress(None, "encrypting secrets and checking every file")
    commit = Content(ctx, repo, base, settings(ctx)).write()
    repo.push(commit)
    ctx.state.remember("repository", "commit", value=commit)
    ctx.line(None, f"pushed {commit[:12]} to {access.place(ctx.answers)}")
