"""The age key, which alone opens the secrets in the repository: made once, copied elsewhere, taken back from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from wizard import sops
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.question import TEXT, Kind, Question
from wizard.state import write_private
from wizard.step import Change

ANSWER = "repository.age_key_copy"
SUFFIXES = (".key", ".agekey")  # of a path that is the copy itself and not its folder


def _place(raw: object) -> str:
    """A folder, or a file in one. It need not be there, a stick is unplugged again once the copy is made, but where
    sticks appear is always there: /media, /mnt, /run or /Volumes."""  # fmt: skip
    path = Path(TEXT.parse(raw)).expanduser()
    if not path.is_absolute():
        raise ValueError(f"{str(path)!r} does not begin at the root, as /media/usb-stick does")
    if len(path.parts) > 1 and not _is_there(top := Path(*path.parts[:2])):
        raise ValueError(
            f"there is no {top} on this computer, so {path} can't be in it; a stick is such as /media/usb-stick"
        )
    return str(path)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name that is too long
        return False


QUESTION = Question(
    "age_key_copy", "Where shall a copy of the age key be kept?", Kind("place for a copy", _place), required=False,
    help="A folder that outlives this computer, such as a USB stick: /media/usb-stick. The age key alone opens the"
    " passwords and tokens in the repository: when this computer and the cluster are lost and there is no copy, so are"
    " they. Leave it empty to make no copy now.",
)  # fmt: skip


@dataclass(frozen=True)
class KeyFacts:
    """What there is. `source`: a copy that the missing key can be taken from; `target`: where a copy is missing."""

    there: bool = True
    source: str = ""
    target: str = ""


def file(ctx: Context) -> Path:
    """The key itself, beside the state."""
    return ctx.state.path.parent / "age.key"


def wanted(ctx: Context) -> Path | None:
    """The file that is to hold the copy; None when nobody asked for one."""
    given = ctx.answers["repository"].get("age_key_copy")
    if not given:
        return None
    return Path(given) if given.endswith(SUFFIXES) else Path(given) / f"{ctx.state.cluster}-age.key"


def look(ctx: Context) -> KeyFacts:
    """What there is of the key. Raises `Blocked` when it is lost without a copy at hand, or another one."""
    key, known, copy = file(ctx), ctx.state.recall("repository", "age_recipient"), wanted(ctx)
    if _there(key):
        if known and sops.recipient_of(key) != known:
            raise _blocked(ctx, f"The age key in {key} is another one.", "Move it away. ")
        _warn(ctx)
        return KeyFacts(bool(known), "", "" if copy is None or _is_copied(ctx, copy) else str(copy))
    for place in dict.fromkeys((copy, _remembered(ctx))):
        if place and (found := _recipient(place)) and found == (known or found):
            return KeyFacts(False, str(place), "" if copy in (None, place) else str(copy))
    if known:
        raise _blocked(ctx, f"The age key in {key} is missing.")
    return KeyFacts(False, "", str(copy or ""))


def changes(facts: KeyFacts) -> list[Change]:
    """What is left to do. Pure."""
    found = []
    if facts.source:
        sentence = f"take the age key from its copy {facts.source}, and keep it beside the state"
        found.append(Change("repository/age-key", sentence, lambda ctx: _take(ctx, Path(facts.source))))
    elif not facts.there:
        sentence = "create the age key that opens the secrets in the repository, kept beside the state"
        found.append(Change("repository/age-key", sentence, _make))
    if facts.target:
        sentence = f"copy the age key to {facts.target}, readable by you alone, and read the copy back"
        found.append(Change("repository/age-key-copy", sentence, _copy))
    return found


# -- looking ---------------------------------------------------------------------------------------------------


def _there(place: Path) -> bool:
    """Whether there is a file; what can't be looked at, such as a stick that was pulled out, counts as none."""
    try:
        return place.is_file()
    except OSError:
        return False


def _recipient(place: Path) -> str:
    """The public half of the key in the file; empty where there is none."""
    try:
        return sops.recipient_of(place) if _there(place) else ""
    except WizardError:
        return ""


def _evidence(ctx: Context) -> Mapping[str, Any]:
    return ctx.state.recall("repository", "age_key_copy") or {}


def _remembered(ctx: Context) -> Path | None:
    return Path(_evidence(ctx)["file"]) if _evidence(ctx) else None


def _is_copied(ctx: Context, copy: Path) -> bool:
    """Whether the copy is remembered. One that can be seen has to be right; one that can't (a stick) is believed."""
    if _remembered(ctx) != copy or _evidence(ctx)["recipient"] != ctx.state.recall("repository", "age_recipient"):
        return False
    return not _there(copy) or _recipient(copy) == _evidence(ctx)["recipient"]


def _blocked(ctx: Context, what: str, first: str = "") -> Blocked:
    known, copy = ctx.state.recall("repository", "age_recipient"), _remembered(ctx)
    where = f"Its copy is {copy}, made on {_evidence(ctx)['at'][:10]}: plug that in" if copy else "No copy is known"
    error = Blocked(
        what, f"The secrets in the repository are encrypted for {known}, and only its key opens them.",
        f"{first}{where}, or name the place of a copy ({ANSWER}); it is then taken from there. While the cluster runs,"
        f" the key is also in it: kubectl -n flux-system get secret sops-age shows it, and {file(ctx)} is its place.",
    )  # fmt: skip
    error.answers = (ANSWER,)
    return error


def _warn(ctx: Context) -> None:
    """Says once in a run that nothing but this computer and the cluster hold the key."""
    if _evidence(ctx) or wanted(ctx) or ctx.scratch.get("age key told"):
        return
    ctx.scratch["age key told"] = True
    ctx.note(
        "Age key", f"There is no copy of {file(ctx)}, which opens the secrets in the repository. Keep one elsewhere:"
        f" name a place, such as a USB stick, as {ANSWER} in an answers file.",
    )  # fmt: skip


# -- changing --------------------------------------------------------------------------------------------------


def _make(ctx: Context) -> None:
    key = file(ctx)
    recipient = sops.recipient_of(key) if _there(key) else sops.make_key(key)  # killed between key and evidence
    ctx.state.remember("repository", "age_recipient", value=recipient)


def _take(ctx: Context, source: Path) -> None:
    recipient = sops.recipient_of(source)
    write_private(file(ctx), source.read_bytes())
    ctx.state.remember("repository", "age_recipient", value=recipient)
    if source == wanted(ctx):
        _remember(ctx, source, recipient)


def _copy(ctx: Context) -> None:
    """Never overwrites anything: what lies there already may be the only key of another cluster."""
    copy, key = wanted(ctx), file(ctx)
    if copy is None:
        return
    mine = sops.recipient_of(key)
    if not _there(copy):
        try:
            write_private(copy, key.read_bytes())
        except OSError as error:
            raise _not_copied(copy, f"{error.strerror}.", "Is it plugged in? Then try again") from None
    if _recipient(copy) != mine:
        raise _not_copied(copy, "Something else than this key is there, and nothing is overwritten.", "Look at it")
    _remember(ctx, copy, mine)
    if doubts := _doubts(copy, key):
        ctx.note("Copy of the age key", " ".join(doubts))


def _not_copied(copy: Path, why: str, fix: str) -> WizardError:
    error = WizardError(f"The age key could not be copied to {copy}.", why, f"{fix}, or name another place: {ANSWER}.")
    error.answers = (ANSWER,)
    return error


def _remember(ctx: Context, copy: Path, recipient: str) -> None:
    at = datetime.now(UTC).isoformat(timespec="seconds")
    ctx.state.remember("repository", "age_key_copy", value={"file": str(copy), "recipient": recipient, "at": at})


def _doubts(copy: Path, key: Path) -> list[str]:
    """What a copy in this place does not protect from."""
    found = []
    if copy.stat().st_mode & 0o077:
        found.append(f"The file system of {copy} keeps no permissions: who holds it can read the key.")
    if copy.stat().st_dev == key.stat().st_dev:
        found.append(f"{copy} is on the same disk as the key itself: both would be lost together.")
    return found
