"""`homelab upgrade --back`: the newest upgrade is taken back, as `git revert` does, but by what the files mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from steps import repository_access as access
from steps.gitops.components import is_secret
from steps.gitops.merge import Conflict, merge
from steps.release import history, look, pins
from steps.release.history import Upgrade
from steps.release.pins import Note, Pin
from steps.repository_commit import KEEPER, Writer, land, split
from steps.repository_content import Content
from steps.repository_edits import counted
from wizard.context import Context
from wizard.errors import Blocked
from wizard.question import Answers
from wizard.step import Change, Step

NAME = "upgrade-back"


@dataclass(frozen=True)
class Undoing:
    """What taking an upgrade back would write: path -> text, None for no such file. `kept` says what stays, and why."""

    texts: Mapping[str, str | None] = field(default_factory=dict, repr=False)
    moves: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


@dataclass(frozen=True)
class BackFacts:
    upgrade: Upgrade
    undoing: Undoing
    place: str


class Back(Step[BackFacts]):
    """A commit that undoes the newest upgrade; what was edited by hand since then stays."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Back"
    intro: ClassVar[str] = (
        "The newest upgrade is taken back by a commit, and Flux brings the cluster to the versions before. What you"
        " have changed since then stays."
    )

    def check(self, ctx: Context) -> BackFacts:
        found = look.content(ctx)
        upgrade = history.newest(found.repo, str(found.base))
        if upgrade is None:
            raise Blocked(
                "There is no upgrade to take back.", "No commit in the repository was written by homelab upgrade.",
                "Any other commit is taken back with git revert.",
            )  # fmt: skip
        undoing = Undoing() if upgrade.went_back else undo(found, upgrade)
        if undoing.kept:
            ctx.note("What does not go back", "\n".join(undoing.kept))
        if undoing.texts:
            Writer(found).check(undoing.texts)
        elif not upgrade.went_back:
            raise Blocked("Nothing of the newest upgrade can be taken back.", "\n".join(undoing.kept), "")
        return BackFacts(upgrade, undoing, access.place(found.repo.url, ctx.answers))

    def plan(self, facts: BackFacts, answers: Answers) -> list[Change]:
        if not facts.undoing.texts:
            return []
        what = ", ".join(facts.undoing.moves) or counted(len(facts.undoing.texts), "file")
        sentence = f"commit and push to {facts.place}: back from {facts.upgrade.after[:12]}, {what}"
        return [Change(f"{NAME}/push", sentence, _push)]


def undo(found: Content, upgrade: Upgrade) -> Undoing:
    """What is to be written. Edits by hand made after the upgrade stay; where they meet what it changed, too."""
    before, after = found.repo.files(upgrade.before), found.repo.files(upgrade.after)
    texts: dict[str, str | None] = {}
    moves: list[str] = []
    kept = ["Flux itself and Kubernetes stay at their versions."]
    by_file = {pin.file: pin for pin in pins.pins(found.settings)}
    for path in look.changed(found.repo, upgrade):
        old, new, now = (found.text(path, of) for of in (before, after, found.now))
        pin = by_file.get(path)
        if pin and (note := _no_way_back(pin, old, new)):
            kept.append(f"{pin.name} stays at {pins.read(now, pin)}. {note.text}\n  {note.source}")
            continue
        if is_secret(path) and now != new:
            kept.append(f"{path} stays: it was changed since, and it is encrypted.")
            continue
        conflicts: list[Conflict] = []
        merged = merge(path, new, now, old, lambda one, to=conflicts: bool(to.append(one)))  # type: ignore[misc]
        kept += [f"{one.key} stays as you have changed it since." for one in conflicts]
        if merged.text != now:
            texts[path] = merged.text
            moves += [_move(pin, now, merged.text)] if pin and pins.read(now, pin) else []
    return Undoing(texts, tuple(move for move in moves if move), tuple(kept))


def _no_way_back(pin: Pin, old: str | None, new: str | None) -> Note | None:
    there, here = pins.read(old, pin), pins.read(new, pin)
    passed = pins.notes(pin.name, there, here) if there and here else ()
    return next((note for note in passed if not note.back), None)


def _move(pin: Pin, now: str | None, then: str | None) -> str:
    one, other = pins.read(now, pin), pins.read(then, pin)
    return f"{pin.name} {one} → {other or 'gone'}" if one != other else ""


def _push(ctx: Context) -> None:
    def write() -> str:
        found = look.content(ctx)
        upgrade = history.newest(found.repo, str(found.base))
        if upgrade is None or upgrade.went_back:
            raise Blocked(
                "Nothing is left to take back.", "Somebody else has done it meanwhile.", "Run it again to see."
            )
        undoing = undo(found, upgrade)
        Writer(found).check(undoing.texts)
        body = "\n".join(undoing.moves)
        told = history.line("Homelab-Back", upgrade.after)
        message = f'Revert "{upgrade.subject}"\n\n{body}\n\n{told}\n'
        return found.repo.commit(KEEPER, message, *split(undoing.texts), found.base)

    land(ctx, write)
