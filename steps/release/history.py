"""Which upgrades the repository has seen: commits tell by a line of their own, so that any computer can go back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from steps.repository_commit import KEEPER
from steps.repository_content import AUTHOR
from wizard.repo import Log, Repo

UPGRADE, BACK = "Homelab-Upgrade", "Homelab-Back"
FAR = 500  # commits that are looked through


@dataclass(frozen=True)
class Upgrade:
    """One upgrade: the repository was at `before`, and at `after` once it was written. `went_back`: it was taken back,
    by that commit."""

    before: str
    after: str
    subject: str
    went_back: str = ""


def line(kind: Literal["Homelab-Upgrade", "Homelab-Back"], commit: str) -> str:
    """The last line of a commit's message."""
    return f"{kind}: {commit}"


def newest(repo: Repo, head: str) -> Upgrade | None:
    """The newest upgrade on the way to `head`, and whether it was taken back; None when there is none."""
    return find(repo.log(head, FAR))


def find(log: Sequence[Log]) -> Upgrade | None:
    """The same out of a log, the newest commit first. Pure."""
    backs: dict[str, str] = {}
    for number, one in enumerate(log):
        if one.author == KEEPER.name and (undone := _told(BACK, one.message)):
            backs.setdefault(undone, one.id)
        if one.author == AUTHOR.name and (before := _told(UPGRADE, one.message)):
            newer = log[number - 1] if number else None  # edits by hand that were put back belong to it
            kept = newer is not None and newer.author == KEEPER.name and not _told(BACK, newer.message)
            after = newer.id if newer and kept else one.id
            return Upgrade(before, after, one.message.partition("\n")[0], backs.get(one.id, backs.get(after, "")))
    return None


def _told(kind: str, message: str) -> str:
    found = re.search(rf"^{kind}: ([0-9a-f]{{40}})$", message, re.MULTILINE)
    return found[1] if found else ""
