"""The repository: rendered from the answers, checked offline, secrets encrypted, committed and pushed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from steps import address_ask, age_key, apps, repository_apps, repository_questions
from steps import repository_access as access
from steps import repository_reach as reach
from steps.age_key import KeyFacts
from steps.gitops.app_files import of_strangers
from steps.gitops.render import render, secret_files
from steps.gitops.settings import APPS, Settings
from steps.gitops.validate import validate
from steps.reach import phone
from steps.repository_commit import Writer, pushed, refuse
from steps.repository_content import Content, Difference, settings
from steps.repository_edits import QUESTION, counted, decided
from steps.repository_questions import PLACE, SETTINGS
from steps.repository_reach import Place
from steps.repository_secrets import word
from steps.tls import gate
from wizard.context import Context
from wizard.errors import Problem
from wizard.question import OCI_URL, URL, YES_NO, Answers, Question
from wizard.step import Change, Step

QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        *PLACE,
        apps.QUESTION,
        age_key.QUESTION,
        QUESTION,
        *SETTINGS,
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

    place: Place = field(default_factory=Place)
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
    rounds: ClassVar[int] = 2  # a forge of one's own tells the address only of a repository that was made

    def validate(self, answers: Answers) -> list[Problem]:
        given = answers.get("repository", {})
        wrong = [app for app in given.get("apps") or [] if app not in APPS]
        return [
            *repository_questions.problems(given),
            *(Problem("repository.apps", f"{app} is not an app that is known here", f"Known: {', '.join(APPS)}.")
              for app in wrong),
        ]  # fmt: skip

    def check(self, ctx: Context) -> RepositoryFacts:
        apps.advise(ctx, ctx.answers)
        place = reach.look(ctx)
        key, repo = age_key.look(ctx), access.repo(ctx) if place.url else None
        copied = repo is not None and repo.copied
        base = (place.heads or {}).get(repo.branch) if repo and copied else None
        if repo and base and not repo.has(base):
            repo.fetch()
        wanted = settings(ctx, repo, base)
        rendered = render(wanted)
        refuse(validate(_own(rendered, wanted)))
        nonce, paths = bool(word(ctx)), tuple(sorted([*rendered, *secret_files(wanted)]))
        if repo is None or place.heads is None or not (key.there and nonce and copied):
            return RepositoryFacts(reach.writing(ctx, place), key, nonce, copied, None, paths)
        content = Content(ctx, repo, base, wanted, rendered)
        Writer(content).look()
        if not content.difference.empty:
            gate.hold(content)
            place = reach.writing(ctx, place)
        return RepositoryFacts(place, difference=content.difference, rendered=paths)

    def plan(self, facts: RepositoryFacts, answers: Answers) -> list[Change]:
        return [*reach.changes(facts.place), *_content_changes(facts)]


def _own(rendered: Mapping[str, str], wanted: Settings) -> dict[str, str]:
    """Without what leads to Services that others write: with the rest of the repository, it is looked at later."""
    strange = of_strangers(rendered, wanted)
    return {path: text for path, text in rendered.items() if path not in strange}


def _content_changes(facts: RepositoryFacts) -> list[Change]:
    changes = age_key.changes(facts.age_key)
    if not facts.nonce:
        sentence = "make up a word by which this cluster is recognised in the proof"
        changes.append(Change("repository/nonce", sentence, _make_nonce))
    if not facts.place.url:  # the repository has to be made before anybody can say where it is
        return changes
    if not facts.copied:
        changes.append(Change("repository/copy", f"begin a copy of {facts.place.url} beside the state", _copy))
    difference = facts.difference or Difference(write=tuple(facts.rendered))
    if not difference.empty:
        what = describe(difference)
        if facts.difference is None:  # nobody could look into the repository yet
            what = f"what is missing there of {what.removeprefix('write ')}"
        changes.append(Change("repository/push", f"commit and push to {facts.place.named}: {what}", _push))
    return changes


def describe(difference: Difference) -> str:
    """How many files, and the first of them by name."""
    taken = [path for path, one in difference.both.items() if one.merged.text == one.wanted]
    kept = [path for path in difference.both if path not in taken]
    verbs = {"write": difference.write, "take away": difference.gone, "replace what was changed by hand in": taken,
             "keep what was changed by hand in": kept}  # fmt: skip
    parts = []
    for verb, paths in verbs.items():
        if paths:
            more = f" and {len(paths) - 3} more" if len(paths) > 3 else ""
            parts.append(f"{verb} {counted(len(paths), 'file')} ({', '.join(paths[:3])}{more})")
    return ", ".join(parts)


def _make_nonce(ctx: Context) -> None:
    ctx.state.remember("proof", "nonce", value=phone.new_word())


def _copy(ctx: Context) -> None:
    access.settle(ctx)
    access.repo(ctx).copy()


def _push(ctx: Context) -> None:
    """Commits and pushes all of it."""
    address_ask.still_free(ctx)
    # before the push: killed in between, the question is asked again rather than answered again
    pushed(ctx, lambda repo, base: Content(ctx, repo, base, settings(ctx, repo, base)), before=lambda: decided(ctx))
    repository_apps.pushed(ctx)
