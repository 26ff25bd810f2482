"""Which apps the repository has, and the one that `homelab app` is about to add, change or take away.

What is about to happen is remembered until it is pushed: a run that was cut off is gone on with, and then forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from steps.gitops.app import LABEL, App, apps, from_notes
from steps.gitops.components import COMPONENTS
from steps.gitops.settings import Settings
from steps.gitops.tree import is_yaml
from wizard.context import Context
from wizard.errors import Blocked
from wizard.repo import Repo

_PENDING = ("apps", "pending")


def there(ctx: Context, repo: Repo, at: str) -> tuple[App, ...]:
    """The apps in the commit `at`. Raises `Blocked` for notes that a person made unreadable."""
    begins = f"clusters/{ctx.state.cluster}/"
    blobs = {path: blob for path, blob in repo.files(at).items() if path.startswith(begins) and is_yaml(path)}
    try:
        return apps(ctx.state.cluster, repo.texts(blobs))
    except ValueError as error:
        raise Blocked(
            "What the repository says of an app can't be understood.", f"{error}.",
            "Mend it there and push. To have homelab leave the app alone, take the label homelab.local/app away.",
        ) from None  # fmt: skip


def with_apps(ctx: Context, settings: Settings, repo: Repo, at: str | None) -> Settings:
    """`settings` with the apps of the commit `at` as they are to be; None: it is empty, or not known yet."""
    found = {app.name: app for app in there(ctx, repo, at)} if at else {}
    change = pending(ctx)
    if change:
        found.pop(change[0], None)
    if change and change[1]:
        found[change[0]] = change[1]
    storage = bool(at) and f"clusters/{settings.cluster}/local-path.yaml" in repo.files(str(at))
    return replace(settings, exposed=tuple(found[name] for name in sorted(found)), storage=storage)


def given_away(settings: Settings, now: Callable[[str], str | None], paths: Iterable[str]) -> frozenset[str]:
    """Those of `paths` that belong to an app from whose Kustomization a person took homelab's label: theirs alone.

    `now` gives the text of a file as it is. Pure but for it.
    """
    begins, parts = f"clusters/{settings.cluster}/", [part.name for part in COMPONENTS]
    every = tuple(paths)
    names = [path.removeprefix(begins).removesuffix(".yaml") for path in every if path.startswith(begins)]
    texts = {name: now(f"{begins}{name}.yaml") for name in names if "/" not in name and name not in parts}
    theirs = [name for name, text in texts.items() if text is not None and f"{LABEL}:" not in text]
    folders = tuple(f"apps/{name}/" for name in theirs)
    own = {f"{begins}{name}.yaml" for name in theirs}
    return frozenset(path for path in every if path in own or (folders and path.startswith(folders)))


def pending(ctx: Context) -> tuple[str, App | None] | None:
    """The app that is about to be written, or taken away (None), by its name."""
    kept = ctx.state.recall(*_PENDING)
    if not kept:
        return None
    return kept["name"], from_notes(kept["name"], kept["form"], kept["notes"]) if kept.get("form") else None


def leaves(ctx: Context, path: str) -> bool:
    """Whether the file at `path` belongs to an app that is about to be taken away."""
    change = pending(ctx)
    if not change or change[1]:
        return False
    return path == f"clusters/{ctx.state.cluster}/{change[0]}.yaml" or path.startswith(f"apps/{change[0]}/")


def add(ctx: Context, app: App) -> None:
    """Remembers that `app` is to be written as it is now."""
    ctx.state.remember(*_PENDING, value={"name": app.name, "form": app.form, "notes": app.notes()})
    _unproven(ctx)


def take_away(ctx: Context, name: str) -> None:
    """Remembers that the app `name` is to go."""
    ctx.state.remember(*_PENDING, value={"name": name})
    _unproven(ctx)


def _unproven(ctx: Context) -> None:
    """What was proved before is not all there is any more: the proof is patient again, as the first time."""
    if ctx.state.recall("proof", "table"):
        ctx.state.remember("proof", "table", value=[])


def pushed(ctx: Context) -> None:
    """From now on the repository itself says it."""
    if ctx.state.recall(*_PENDING):
        ctx.state.remember(*_PENDING, value=None)
