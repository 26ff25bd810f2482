"""A three-way merge of lines, for texts whose meaning is not known. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Clash:
    """Lines that both changed, each in another way. `line` is the number of the first of `theirs`, from 1."""

    line: int
    theirs: tuple[str, ...]
    wanted: tuple[str, ...]


Chunk = Clash | tuple[str, ...]  # or lines that are settled


def chunks(base: str, theirs: str, wanted: str) -> list[Chunk]:
    """The text in pieces: settled lines, and clashes between them. Two changes without a line between them clash."""
    lines = [_lines(base), _lines(theirs), [_ending(theirs, line) for line in _lines(wanted)]]
    bare = [[line.rstrip("\r\n") for line in each] for each in lines]
    found: list[Chunk] = []
    b = t = w = 0
    for start, to, wo, length in [*_common(*bare), (len(bare[0]), len(bare[1]), len(bare[2]), 0)]:
        before, mine, new = bare[0][b:start], bare[1][t:to], bare[2][w:wo]
        if new in (before, mine):
            found.append(tuple(lines[1][t:to]))
        elif mine == before:
            found.append(tuple(lines[2][w:wo]))
        else:
            found.append(Clash(t + 1, tuple(lines[1][t:to]), tuple(lines[2][w:wo])))
        found.append(tuple(lines[1][to : to + length]))
        b, t, w = start + length, to + length, wo + length
    return [chunk for chunk in found if chunk]


def joined(pieces: Sequence[Sequence[str]], theirs: str) -> str:
    """The lines as one text. A last line without an end gets one where others follow it now."""
    lines = [line for piece in pieces for line in piece]
    whole = [line if line.endswith("\n") else _ending(theirs, f"{line}\n") for line in lines[:-1]]
    return "".join([*whole, *lines[-1:]])


def _lines(text: str) -> list[str]:
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _ending(theirs: str, line: str) -> str:
    """`line`, ended as the lines of `theirs` are."""
    return line.replace("\n", "\r\n") if "\r\n" in theirs and "\r" not in line else line


def _common(base: Sequence[str], theirs: Sequence[str], wanted: Sequence[str]) -> Iterator[tuple[int, int, int, int]]:
    """Runs of lines that all three have: where in each, and how many."""
    one, two = _matches(base, theirs), _matches(base, wanted)
    start = length = 0
    for place in range(len(base) + 1):
        there = place in one and place in two
        if there and length and (one[place], two[place]) == (one[start] + length, two[start] + length):
            length += 1
            continue
        if length:
            yield start, one[start], two[start], length
        start, length = place, int(there)


def _matches(base: Sequence[str], other: Sequence[str]) -> dict[int, int]:
    blocks = difflib.SequenceMatcher(None, base, other, autojunk=False).get_matching_blocks()
    return {a + step: b + step for a, b, size in blocks for step in range(size)}
