"""What homelab changed goes into a file that a person has changed as well; everything else stays as the person has it.

A three-way merge: `base` is what homelab wrote last, `theirs` the file as it is now, `wanted` what homelab writes now;
None where there is no such file. YAML is merged by what it means, any other text by lines. Pure.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Callable
from dataclasses import dataclass

from steps.gitops.merge_lines import Clash, chunks, joined
from steps.gitops.merge_yaml import YamlMerge
from steps.gitops.yaml_source import read

_UNFIT = "What homelab changed does not fit into it."
_MARK = "\ufeff"  # of the byte order; some editors on Windows begin a file with it


@dataclass(frozen=True)
class Conflict:
    """What a person and homelab changed, each in another way. An empty text stands for something taken away.

    `way` leads to it in the file: ``IPAddressPool/homelab.spec.addresses.0``, ``line 12``, or nothing for the whole
    file; `line` counts from 1. `reason` says more where there is more to say.
    """

    file: str
    way: str
    line: int
    theirs: str
    wanted: str
    reason: str = ""

    @property
    def key(self) -> str:
        """Its name in the answers: ``FILE#WAY``."""
        return f"{self.file}#{self.way}" if self.way else self.file

    def diff(self) -> str:
        """Both sides, as a diff shows them: ``-`` as it is, ``+`` as homelab writes it."""
        there, new = self.theirs.splitlines(), self.wanted.splitlines()
        lines = list(difflib.unified_diff(there, new, n=1, lineterm=""))[2:]
        places = [line for line in lines if not (self.way and line.startswith("@@"))]
        return "\n".join([f"{self.file}:{self.line} {self.way}".rstrip(), *[self.reason] * bool(self.reason), *places])


@dataclass(frozen=True)
class Merged:
    """The file as it must be (None: there is none), and every conflict, also those that were decided."""

    text: str | None
    conflicts: tuple[Conflict, ...] = ()


Take = Callable[[Conflict], bool]  # whether homelab's side is taken


def mine(conflict: Conflict) -> bool:
    """Every conflict ends as the person has it."""
    return False


def same(one: str, other: str) -> bool:
    """Whether two YAML texts mean the same. Raises ValueError for what is no YAML."""
    return read(one).root.seen == read(other).root.seen


def merge(file: str, base: str | None, theirs: str | None, wanted: str | None, take: Take = mine) -> Merged:
    """`theirs` with what changed from `base` to `wanted`. Conflicts end as `take` decides."""
    if wanted in (base, theirs):
        return Merged(theirs)
    if theirs == base:
        return Merged(wanted)
    if theirs and theirs.startswith(_MARK):
        done = merge(file, base, theirs.removeprefix(_MARK), wanted, take)
        return Merged(f"{_MARK}{done.text}" if done.text else done.text, done.conflicts)
    if base is None or theirs is None or wanted is None:
        return _whole(file, theirs, wanted, take)
    if "\ufffd" in theirs:
        return _whole(file, theirs, wanted, take, reason="It is not UTF-8 text.")
    if file.endswith((".yaml", ".yml")):
        return _yaml(file, base, theirs, wanted, take)
    return _lines(file, base, theirs, wanted, take)


def _whole(file: str, theirs: str | None, wanted: str | None, take: Take, line: int = 1, reason: str = "") -> Merged:
    conflict = Conflict(file, "", line, theirs or "", wanted or "", reason)
    return Merged(wanted if take(conflict) else theirs, (conflict,))


def _lines(file: str, base: str, theirs: str, wanted: str, take: Take) -> Merged:
    found: list[Conflict] = []
    pieces: list[tuple[str, ...]] = []
    for chunk in chunks(base, theirs, wanted):
        if isinstance(chunk, Clash):
            sides = ("".join(chunk.theirs), "".join(chunk.wanted))
            found.append(Conflict(file, f"line {chunk.line}", chunk.line, *sides))
            pieces.append(chunk.wanted if take(found[-1]) else chunk.theirs)
        else:
            pieces.append(chunk)
    text = joined(pieces, theirs)
    if file.endswith(".json") and _is_json(theirs) and not _is_json(text):
        return _whole(file, theirs, wanted, take, reason=_UNFIT)
    return Merged(text, tuple(found))


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _yaml(file: str, base: str, theirs: str, wanted: str, take: Take) -> Merged:
    found: list[Conflict] = []

    def decide(way: str, line: int, there: str, new: str) -> bool:
        found.append(Conflict(file, way, line, there, new))
        return take(found[-1])

    try:
        there = read(theirs)
    except ValueError as error:
        where, _, said = str(error).rpartition(": ")
        number = where.removeprefix("line ")
        line = int(number) if number.isdigit() else 1
        return _whole(file, theirs, wanted, take, line, f"It can't be read: {said}.")
    done = YamlMerge(read(base), there, read(wanted), decide)
    for text in (*_as_lines(base, theirs, wanted), *done.texts()):
        if done.is_right(text):
            return Merged(text, tuple(found))
    return _whole(file, theirs, wanted, take, reason=_UNFIT)


def _as_lines(base: str, theirs: str, wanted: str) -> list[str]:
    """The lines merged without looking at what they mean, if they can be: homelab's comments come along as well."""
    pieces = chunks(base, theirs, wanted)
    settled = [piece for piece in pieces if not isinstance(piece, Clash)]
    return [joined(settled, theirs)] if len(settled) == len(pieces) else []
