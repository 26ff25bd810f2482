"""The steps of `homelab app remove`: the app leaves the repository; its data goes only when that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

from steps import flux, repository_apps
from steps.expose.look import Seen, look, seen
from steps.gitops.app import LABEL, App
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import CHOICE, NAME, Answers, Choice, Kind, Question
from wizard.step import Change, Step
from wizard.wait import until

NAMED, DATA = "app-remove", "app-data"
ONE = Kind("app", NAME.parse, widget="choice")
_DELETE = ("apps", "deleting")  # in the state: the app whose data is to go
GONE_IN = 300.0  # seconds until a volume is emptied; a helper pod does it


def _apps(ctx: Context) -> list[Choice]:
    return [
        Choice(app.name, app.name, f"{app.form} {app.of}" if app.form != "catalogue" else "from the catalogue")
        for app in seen(ctx).apps
    ]


QUESTIONS = (
    Question(
        "app", "Which app shall go?", ONE, choices=_apps, source="the repository",
        help="Those that homelab app expose wrote. What you wrote yourself, you take away yourself.",
    ),
    Question(
        "data", "What becomes of its data?", CHOICE, default="keep", advanced=True,
        choices=(Choice("keep", "it is kept"), Choice("delete", "it is deleted for good")),
    ),
)  # fmt: skip


@dataclass(frozen=True)
class RemoveFacts:
    """The app as the repository has it; None when it has gone from there already."""

    name: str
    app: App | None
    pending: bool = False
    deleting: bool = False
    size: str = ""  # of its data in the cluster; empty when there is none


class AppRemove(Step[RemoveFacts]):
    """Names what goes and what stays."""

    name: ClassVar[str] = NAMED
    title: ClassVar[str] = "An app goes"
    intro: ClassVar[str] = (
        "The app and its names leave the repository, and the cluster follows. Its data stays where it is unless you say"
        " otherwise."
    )
    questions: ClassVar[tuple[Question, ...]] = QUESTIONS

    def check(self, ctx: Context) -> RemoveFacts:
        name, there = str(ctx.answers[NAMED]["app"]), look(ctx)
        size = _size(ctx, name) if there.spaces.get(name, {}).get(LABEL) == name else ""
        pending, deleting = repository_apps.pending(ctx), ctx.state.recall(*_DELETE) == name
        app = there.app(name) if pending != (name, None) else None
        if app is None and not (pending == (name, None) or deleting or size):
            raise Blocked(*unknown(name, there))
        return RemoveFacts(name, app, pending == (name, None), deleting, size)

    def plan(self, facts: RemoveFacts, answers: Answers) -> list[Change]:
        changes = []
        if answers[NAMED].get("data") == "delete" and facts.size and not facts.deleting:
            sentence = f"delete what {facts.name} keeps ({facts.size}) for good, once it has gone"
            mark = partial(_mark, facts.name)
            changes.append(Change(f"{NAMED}/data", sentence, mark, danger=True, word=facts.name))
        if facts.app is not None:
            what = f"take {facts.name} away" if facts.app.made_here else f"take the way to {facts.app.of} away"
            kept = " and keep its data" if facts.app.size and answers[NAMED].get("data") != "delete" else ""
            sentence = f"{what}, so that nobody reaches it any more{kept}"
            changes.append(Change(f"{NAMED}/take-away", sentence, partial(_take_away, facts.name)))
        return changes


def unknown(name: str, there: Seen) -> tuple[str, str, str]:
    """Why an app can't be taken away: what, why, what to do."""
    known = ", ".join(app.name for app in there.apps) or "none yet"
    ways = sorted(there.routes, key=lambda route: not route.whole)
    hand = next((route.where for route in ways if name in (route.app, route.name, *route.hosts)), "")
    if hand:
        return (
            f"{name} was not put there by homelab app expose.", f"It comes from {hand}.",
            "Take it away there, and push. For hello, pihole and monitoring: the answer repository.apps.",
        )  # fmt: skip
    return f"There is no app {name}.", f"Apps that homelab app expose wrote: {known}.", "Look: homelab app list."


def _mark(name: str, ctx: Context) -> None:
    ctx.state.remember(*_DELETE, value=name)


def _take_away(name: str, ctx: Context) -> None:
    repository_apps.take_away(ctx, name)


# -- its data ----------------------------------------------------------------------------------------------------


def _claims(ctx: Context, name: str) -> list[Mapping[str, Any]]:
    """The claims that homelab made for it."""
    path = f"/api/v1/namespaces/{name}/persistentvolumeclaims"
    found = (flux.reach(ctx).get(path) or {}).get("items") or []
    return [one for one in found if (one["metadata"].get("labels") or {}).get(LABEL) == name]


def _size(ctx: Context, name: str) -> str:
    claims = _claims(ctx, name)
    return ", ".join(str(one["spec"]["resources"]["requests"]["storage"]) for one in claims)


class AppData(Step[str]):
    """Empties the volumes of an app that has gone. Does nothing unless that was agreed to."""

    name: ClassVar[str] = DATA
    title: ClassVar[str] = "Its data"
    intro: ClassVar[str] = "The app has gone; now what it kept is deleted from the Pi that holds it."

    def check(self, ctx: Context) -> str:
        name = str(ctx.answers[NAMED]["app"])
        if ctx.state.recall(*_DELETE) != name or look(ctx).app(name) is not None:
            return ""
        return name if _claims(ctx, name) else ""

    def plan(self, facts: str, answers: Answers) -> list[Change]:
        return [Change(f"{DATA}/delete", f"delete the data and the namespace {facts}", _delete)] if facts else []


def _delete(ctx: Context) -> None:
    """Empties the volumes, each by what made it, and takes the namespace away unless somebody else uses it."""
    name, cluster = str(ctx.state.recall(*_DELETE)), flux.reach(ctx)
    space = f"/api/v1/namespaces/{name}"
    volumes = []
    for claim in _claims(ctx, name):
        if volume := claim["spec"].get("volumeName"):
            path = f"/api/v1/persistentvolumes/{volume}"
            body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": volume}}
            cluster.apply(path, {**body, "spec": {"persistentVolumeReclaimPolicy": "Delete"}})
            volumes.append(path)
        cluster.delete(f"{space}/persistentvolumeclaims/{claim['metadata']['name']}")
    fix = "See why: kubectl get pv, and kubectl -n local-path-storage logs deploy/local-path-provisioner."
    until(
        ctx,
        f"the volumes of {name} to be emptied",
        lambda: not any(map(cluster.get, volumes)),
        deadline=GONE_IN,
        fix=fix,
    )
    ctx.state.remember(*_DELETE, value=None)
    if (cluster.get(f"{space}/pods") or {}).get("items"):
        ctx.line(None, f"the namespace {name} stays: something else runs in it")
        return
    cluster.delete(space)


def keep(ctx: Context, name: str) -> None:
    """The app is wanted again: its data is not to be deleted any more."""
    if ctx.state.recall(*_DELETE) == name:
        ctx.state.remember(*_DELETE, value=None)
