"""The step of `homelab app expose`: what is chosen is looked at, shown, and handed to the step Repository."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from steps import repository_apps
from steps.expose import remove
from steps.expose.look import Seen, look
from steps.expose.questions import QUESTIONS
from steps.expose.refusals import refusals, unfit
from steps.expose.wanted import NAMED, WHO, mine, name_of, problems, wanted
from steps.gitops.app import App
from steps.gitops.app_files import backend, hosts, title
from steps.gitops.catalogue import catalogue
from steps.gitops.settings import Settings
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.question import Answers, Question
from wizard.step import Change, Step

VPN = {"internal": "from your home and over the VPN", "external": "from the whole internet"}


@dataclass(frozen=True)
class ExposeFacts:
    """The app as it is wanted, and as the repository has it; None where it is not there."""

    app: App
    known: App | None
    urls: tuple[tuple[str, str], ...]  # side, URL
    pending: bool = False


class AppExpose(Step[ExposeFacts]):
    """Refuses what can't go well. What is written then is what the repository is rendered from."""

    name: ClassVar[str] = NAMED
    title: ClassVar[str] = "An app"
    intro: ClassVar[str] = (
        "An app gets a name under which it is reached: at home, from the internet, or both. What it needs is written"
        " into the repository, and the cluster follows."
    )
    questions: ClassVar[tuple[Question, ...]] = QUESTIONS

    def validate(self, answers: Answers) -> list[Problem]:
        return problems(answers)

    def objections(self, ctx: Context, answers: Answers) -> list[Problem]:
        found, given = ctx.scratch.get("apps seen"), mine(answers)
        if not isinstance(found, Seen) or problems(answers):
            return []
        if not all(key in given for key in ("form", "reach", "host")):
            early = unfit(given["entry"], found) if given.get("form") == "catalogue" and given.get("entry") else None
            return [early] if early else []
        return refusals(_wanted(found, answers), found)

    def check(self, ctx: Context) -> ExposeFacts:
        seen = look(ctx)
        app = _wanted(seen, ctx.answers)
        if found := refusals(app, seen):
            raise refused(found)
        pending = repository_apps.pending(ctx)
        known = seen.app(app.name)
        told = told_of(app, seen)
        if ctx.scratch.get("app told") != told:  # looked at again after each round, told once
            ctx.scratch["app told"] = told
            ctx.note(title(app), told)
        return ExposeFacts(app, known, tuple(urls(app, seen.settings)), bool(pending and pending[1] == app))

    def plan(self, facts: ExposeFacts, answers: Answers) -> list[Change]:
        if facts.known == facts.app or facts.pending:
            return []
        where = " and ".join(f"{url} ({WHO[side]})" for side, url in facts.urls)
        verb = "change" if facts.known else "expose"
        bare = facts.app.form == "catalogue" and catalogue()[facts.app.of].internet == "no" and bool(facts.app.external)
        detail = catalogue()[facts.app.of].caution if bare else ""
        sentence = f"{verb} {facts.app.name} under {where}"
        changes = [Change(f"{NAMED}/take", sentence, lambda ctx: _take(ctx, facts.app))]
        if bare:
            warn = f"open {facts.app.name} to the whole internet, which it is not made for"
            changes.insert(0, Change(f"{NAMED}/public", warn, lambda ctx: None, danger=True, detail=detail))
        return changes


def _wanted(seen: Seen, answers: Answers) -> App:
    return wanted(answers, seen.app(name_of(mine(answers))), next(iter(seen.classes), ""))


def _take(ctx: Context, app: App) -> None:
    remove.keep(ctx, app.name)
    repository_apps.add(ctx, app)


def refused(found: Sequence[Problem]) -> Blocked:
    """The error for what `refusals` found; trying again asks for the answers at fault."""
    first = found[0]
    error = Blocked(
        first.what[:1].upper() + first.what[1:] if "." not in first.what.split()[0] else first.what,
        "\n".join(f"{one.what} {one.fix}" for one in found[1:]),
        first.fix,
    )
    error.answers = tuple(dict.fromkeys(one.path for one in found))
    return error


def urls(app: App, settings: Settings) -> Iterator[tuple[str, str]]:
    """Side and URL of each name."""
    scheme = "https" if settings.certificates else "http"
    for side, host in hosts(app, settings).items():
        yield side, f"{scheme}://{host}"


def told_of(app: App, seen: Seen) -> str:
    """What a person should know before saying yes, and right after: lines."""
    entry = catalogue()[app.of] if app.form == "catalogue" else None
    lines = [f"{url}: {VPN[side]}" for side, url in urls(app, seen.settings)]
    lines += _known(app, seen) + _data(app, seen) + _names(app, seen)
    if entry and app.external:
        lines.append(f"Caution: {entry.caution}")
    elif app.external:
        lines.append("Caution: whether it asks for a password is not known here. Everybody can reach it.")
    if entry:
        lines.append(f"First: {entry.first}")
    return "\n".join(lines)


def _known(app: App, seen: Seen) -> list[str]:
    """Ways that lead to the same Service already."""
    space, service, _ = backend(app)
    found = [
        f"It is reached already as {', '.join(route.hosts) or 'any name'} ({route.where})."
        for route in seen.routes
        if (space, service) in route.backends and route.app != app.name and route.whole and not app.made_here
    ]
    kinds = {(one.space, one.name): one.kind for one in seen.services}
    if not app.made_here and kinds.get((space, service)) in ("LoadBalancer", "NodePort"):
        found.append(f"The Service {space}/{service} has an address of its own besides ({kinds[space, service]}).")
    return found


def _data(app: App, seen: Seen) -> list[str]:
    if not app.made_here or app.form == "chart":
        return []
    if not app.size:
        return ["It keeps nothing: whatever it writes is gone when its pod starts again."]
    lines = [f"Its data ({app.size}) stays when the app is removed; only homelab app remove --delete-data deletes it."]
    if app.storage == "local-path":
        lines.append(
            "It lies on the one Pi that the app runs on, below /var/lib/homelab-volumes: back it up from there."
        )
    if app.name in seen.spaces and seen.app(app.name) is None:
        lines.append("What it kept before it was removed is still there, and is used again.")
    return lines


def _names(app: App, seen: Seen) -> list[str]:
    """Who has to know the names."""
    settings, lines = seen.settings, []
    if app.internal and "pihole" not in settings.apps:
        lines.append(
            f"Nothing makes private names known: lead *.{settings.internal_domain} to {settings.internal_address}."
        )
    if app.external and settings.provider == "none":
        lines.append(
            f"Where {settings.external_domain} is looked after, *.{settings.external_domain} must lead to your home."
        )
    if "hello" not in settings.apps:
        lines.append("Without the app hello, homelab verify can't tell whose answer it gets.")
    return lines
