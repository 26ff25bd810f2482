"""`homelab upgrade`: one commit that brings the repository to this release, with a backup before it, waited for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import ClassVar

from steps import flux
from steps import repository_access as access
from steps.backup import make, passphrase
from steps.backup.make import BackupFacts
from steps.gitops.merge import Conflict
from steps.release import history, look
from steps.release.pins import Seen
from steps.repository import describe
from steps.repository_commit import Writer, land
from steps.repository_content import Content, Difference
from steps.repository_edits import decided
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import YES_NO, Answers, Question
from wizard.step import Change, Step

NAME = "upgrade"
FRESH = 24 * 3600.0  # seconds for which a backup counts as fresh


def _due(ctx: Context) -> bool:
    """Whether there is something to upgrade, and no fresh backup."""
    newer = bool(_newer(look.seen(look.content(ctx)))) or look.is_behind(look.flux_version(flux.reach(ctx)))
    return newer and not is_fresh(ctx)


def is_fresh(ctx: Context) -> bool:
    """Whether a whole backup was made within the last day."""
    seen = ctx.state.recall("backup") or {}
    try:
        age = (datetime.now(UTC) - datetime.fromisoformat(str(seen["at"]))).total_seconds()
    except (KeyError, TypeError, ValueError):
        return False
    return bool(seen.get("etcd")) and age < FRESH


def _newer(found: list[Seen]) -> list[Seen]:
    return [one for one in found if one.standing == "newer"]


AGAIN = Question(
    "again", "The same passphrase once more?", passphrase.ASK.kind,
    when=lambda answers: bool(answers.get(NAME, {}).get("to")) and passphrase.is_typed(answers, NAME),
)  # fmt: skip
QUESTIONS = (
    Question("anyway", "Shall it be done while something is not ready?", YES_NO, default=False, advanced=True),
    Question("due", "Is a backup due?", YES_NO, default=_due, advanced=True),
    Question(
        "to", "Where shall a backup be written first?", make.FILE, required=False,
        when=lambda answers: bool(answers.get(NAME, {}).get("due")),
        help="No backup was made within the last day. A file, or a folder such as that of a USB stick; leave it"
        " empty to go on without one.",
    ),
    replace(passphrase.ASK, when=lambda answers: bool(answers.get(NAME, {}).get("to"))),
    AGAIN,
)  # fmt: skip


@dataclass(frozen=True)
class UpgradeFacts:
    """What is newer here, what is kept, and what would be written. `backup` is None when none is to be made."""

    seen: tuple[Seen, ...] = ()
    difference: Difference | None = None
    again: bool = False  # an earlier one was taken back
    place: str = ""
    backup: BackupFacts | None = None


class Upgrade(Step[UpgradeFacts]):
    """Shows what changes and the notes that matter; respects what was pinned by hand."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Upgrade"
    intro: ClassVar[str] = (
        "What runs in the cluster is brought to the versions that this release of homelab knows, by one commit in the"
        " repository; homelab upgrade --back takes it back."
    )
    questions: ClassVar[tuple[Question, ...]] = QUESTIONS

    def check(self, ctx: Context) -> UpgradeFacts:
        found = look.content(ctx)
        stands = look.seen(found)
        newer, anyway = _newer(stands), bool(ctx.answers[NAME]["anyway"])
        _tell(ctx, stands)
        refuse_older(stands, anyway=anyway)
        cluster = flux.reach(ctx)
        if not (newer or look.is_behind(look.flux_version(cluster))):
            return UpgradeFacts(tuple(stands))
        if not anyway:
            look.refuse_unready(cluster, str(found.base), found.repo.branch)
        Writer(found, settled=pinned_by_hand(stands)).look()
        backup = make.look(ctx, NAME, AGAIN) if ctx.answers[NAME].get("to") else None
        return UpgradeFacts(
            tuple(stands), found.difference, isinstance(found, look.Anew), access.place(found.repo.url, ctx.answers),
            backup,
        )  # fmt: skip

    def plan(self, facts: UpgradeFacts, answers: Answers) -> list[Change]:
        newer = _newer(list(facts.seen))
        backup = make.changes(facts.backup, NAME) if facts.backup else []
        if not newer or facts.difference is None:
            return backup  # Flux itself is newer: the next step brings it
        moves = ", ".join(f"{one.pin.name} {one.now} → {one.pin.version}" for one in newer)
        files = describe(facts.difference)
        once_more = "once more, " if facts.again else ""
        sentence = f"{once_more}commit and push to {facts.place}: {moves} ({files})"
        push = Change(f"{NAME}/push", sentence, _push)
        return [*backup, push]


def refuse_older(found: list[Seen], *, anyway: bool) -> None:
    """Raises `Blocked` when the repository was written by a newer homelab: this one would take pins back. Pure."""
    older = [one for one in found if one.standing == "older"]
    if older and not anyway:
        names = ", ".join(f"{one.pin.name} {one.now} (here {one.pin.version})" for one in older)
        raise Blocked(
            "The repository was written by a newer homelab than this one.", f"It has {names}.",
            "Upgrade homelab itself: pipx upgrade homelab-wizard. To write this one's all the same: --anyway.",
        )  # fmt: skip


def pinned_by_hand(found: list[Seen]) -> Callable[[Conflict], bool]:
    """Whether a conflict is about a version that a person pinned: that stays, and is told."""
    places = {(one.pin.file, one.pin.way.split()[-1]) for one in found if one.standing == "yours"}
    return lambda conflict: (conflict.file, conflict.way.rpartition(".")[2]) in places


def _tell(ctx: Context, found: list[Seen]) -> None:
    yours = [one for one in found if one.standing == "yours"]
    if yours:
        lines = [f"{one.pin.name}: {one.now} is kept, which was pinned by hand ({one.pin.file});"
                 f" this release has {one.pin.version}" for one in yours]  # fmt: skip
        ctx.note("Pinned by hand", "\n".join(lines))
    if notes := look.texts(found):
        ctx.note("Worth knowing before", "\n".join(notes).strip())


def _push(ctx: Context) -> None:
    def write() -> str:
        found = look.content(ctx)
        commit = Writer(found, _message(found), pinned_by_hand(look.seen(found))).write()
        decided(ctx)
        return commit

    land(ctx, write)


def _message(found: Content) -> str:
    newer = _newer(look.seen(found))
    moves = [f"{one.pin.name} {one.now} -> {one.pin.version}" for one in newer]
    if not moves:
        raise WizardError("Nothing is left to upgrade.", "Somebody else has done it meanwhile.", "Run it again to see.")
    notes = [f"{one.pin.name} {note.at}: {note.text}\n  {note.source}" for one in newer for note in look.told(one)]
    head = f"Upgrade the cluster {found.settings.cluster}: {moves[0]}"
    head += f" and {len(moves) - 1} more" if len(moves) > 1 else ""
    return "\n\n".join([head, "\n".join(moves), *notes, history.line("Homelab-Upgrade", str(found.base))]) + "\n"
