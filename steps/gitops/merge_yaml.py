"""A three-way merge of YAML by what it means: documents, keys and items, each matched with its like."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from steps.gitops.yaml_edit import Editor, moved
from steps.gitops.yaml_source import Entry, Node, Source, read, seen

Decide = Callable[[str, int, str, str], bool]  # way, line, theirs, wanted -> whether the wanted one is taken
_ABSENT = object()
_IDENTITY = ("name", "key", "mountPath", "containerPort", "port")  # by which items of a list are known
_Id = str | tuple[Any, ...]


class YamlMerge:
    """Goes through the three texts once. `data` must come out; `texts()` are the ways to write it, the best first."""

    def __init__(self, base: Source, theirs: Source, wanted: Source, decide: Decide) -> None:
        self._theirs, self._wanted, self._decide = theirs, wanted, decide
        self._known = set(base.comments.values())
        self._editor = Editor(theirs, wanted, self._known)
        self.data = self._entries("", base.root, theirs.root, wanted.root)

    def texts(self) -> Iterator[str]:
        yield self._editor.text(aliases=False)
        yield self._editor.text()

    def is_right(self, text: str) -> bool:
        """Whether `text` means what it must, and no comment of the person's own is lost."""
        try:
            made = read(text)
        except ValueError:
            return False
        own = [comment for comment in self._theirs.comments.values() if comment not in self._known]
        return made.root.seen == seen(self.data) and not Counter(own) - Counter(made.comments.values())

    # -- one value -------------------------------------------------------------------------------------------

    def _value(self, way: str, line: int, b: Entry | None, t: Entry | None, w: Entry | None) -> Any:
        """What becomes of one entry: its data, or `_ABSENT`. A change within it is noted; coming and going is not."""
        base, theirs, wanted = (entry.node.seen if entry else None for entry in (b, t, w))
        there = t.node.data if t else _ABSENT
        if wanted in (base, theirs):
            return there
        if t and w and t.node.kind == w.node.kind in ("map", "list") and t.node.entries:
            if b and b.node.kind == t.node.kind:
                return self._entries(way, b.node, t.node, w.node)
            if t.node.kind == "map":
                return self._entries(way, None, t.node, w.node)
        if theirs != base and not self._decide(way, line, _shown(self._theirs, t), _shown(self._wanted, w)):
            return there
        if t and w:
            self._editor.replace(t, w)
        return w.node.data if w else _ABSENT

    # -- maps, lists, files ------------------------------------------------------------------------------------

    def _entries(self, way: str, b: Node | None, t: Node, w: Node) -> Any:
        """The same for everything in a map, a list or a file."""
        sides = [node.entries if node else [] for node in (b, t, w)]
        before, there, new = (
            dict(zip(ids, side, strict=True)) for ids, side in zip(_ids(w, *sides), sides, strict=True)
        )
        place = {one: number for number, one in enumerate(there)}
        fates: dict[_Id, Any] = {}
        coming: dict[int, list[_Id]] = {}
        behind = -1
        for one in [*new, *(one for one in before if one not in new)]:
            label = ".".join(part for part in (way, _label(one, place, t)) if part)
            old = there.get(one)
            line = self._theirs.line((old.node.start if t.kind == "stream" else old.begin) if old else t.start)
            fates[one] = self._value(label, line, before.get(one), old, new.get(one))
            if old is None and fates[one] is not _ABSENT:
                coming.setdefault(behind, []).append(one)
            behind = place.get(one, behind)
        gone = {place[one] for one in there if fates.get(one) is _ABSENT}
        if gone or coming:
            self._editor.restructure(t, gone, {number: [new[one] for one in ids] for number, ids in coming.items()})
        order: list[_Id] = list(coming.get(-1, ()))
        for one, number in place.items():
            order += [*([] if number in gone else [one]), *coming.get(number, ())]
        data = {one: fates[one] if one in fates else there[one].node.data for one in order}
        return data if t.kind == "map" else list(data.values())


def _label(one: _Id, place: Mapping[_Id, int], node: Node) -> str:
    """How the way to a value names this entry: its key, its name, or its number. The only document needs none."""
    if isinstance(one, str):
        return one
    if len(one) == 4:
        return f"{one[1]}/{one[3]}"
    if one[0] in ("0", "t", "w"):
        return "" if node.kind == "stream" and len(place) <= 1 else str(place.get(one, one[1]))
    return str(one[1])


def _shown(source: Source, entry: Entry | None) -> str:
    """The entry as it is written, moved to the left, an item without its dash; empty when there is none."""
    if entry is None:
        return ""
    begin = entry.begin if entry.key else entry.node.start
    return moved(source.text[begin : entry.end], -source.column(begin)).strip()


def _ids(like: Node, base: Sequence[Entry], theirs: Sequence[Entry], wanted: Sequence[Entry]) -> list[list[_Id]]:
    """A name for each entry: entries with the same name are the same one in all three."""
    sides = (base, theirs, wanted)
    if like.kind == "map":
        return [[entry.key for entry in side] for side in sides]
    names = [_object, *(lambda data, key=key: _field(data, key) for key in _IDENTITY)]
    for name in names if like.kind == "list" else names[:1]:
        found = [[name(entry.node.data) for entry in side] for side in sides]
        if all(None not in ids and len(set(ids)) == len(ids) for ids in found):
            return found  # type: ignore[return-value]
    return _aligned(base, theirs, wanted)


def _aligned(base: Sequence[Entry], theirs: Sequence[Entry], wanted: Sequence[Entry]) -> list[list[_Id]]:
    """By place: what is equal, or stands in the same place between what is equal, is the same; the rest is new."""
    mine: list[_Id] = [("0", old) if old is not None else ("t", new) for new, old in enumerate(_pairs(base, theirs))]
    fresh: dict[str, list[_Id]] = {}  # the person's own items: homelab's equal ones are the same
    for one, entry in zip(mine, theirs, strict=True):
        if one[0] == "t":
            fresh.setdefault(entry.node.seen, []).append(one)
    ids: list[_Id] = []
    for new, old in enumerate(_pairs(base, wanted)):
        known = fresh.get(wanted[new].node.seen)
        there = old is not None and ("0", old) in mine
        ids.append(known.pop(0) if known and not there else ("w", new) if old is None else ("0", old))
    return [[("0", number) for number in range(len(base))], mine, ids]


def _pairs(base: Sequence[Entry], other: Sequence[Entry]) -> list[int | None]:
    """For each item of `other` the number of the item of `base` that it is a version of."""
    found: list[int | None] = [None] * len(other)
    left, right = ([entry.node.seen for entry in side] for side in (base, other))
    for kind, a, a_end, b, b_end in difflib.SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        pairs = list(zip(range(a, a_end), range(b, b_end), strict=False))
        alone, even = len(base) == len(other) == 1, a_end - a == b_end - b
        if kind == "equal" or all(_alike(base[old], other[new], even, alone) for old, new in pairs):
            for old, new in pairs:
                found[new] = old
    return found


def _alike(one: Entry, other: Entry, even: bool, alone: bool) -> bool:
    """Whether `other` may be a version of `one`, since it stands in its place."""
    if alone or one.node.kind != other.node.kind:
        return alone
    same_keys = {entry.key for entry in one.node.entries} == {entry.key for entry in other.node.entries}
    return one.node.kind == "scalar" or (even and same_keys)


def _object(data: Any) -> _Id | None:
    """API group, kind, namespace and name of a Kubernetes object; None when it is none."""
    meta = data.get("metadata") if isinstance(data, Mapping) else None
    if not isinstance(meta, Mapping) or not data.get("kind") or not meta.get("name"):
        return None
    group = str(data.get("apiVersion", "")).rpartition("/")[0]
    return (group, str(data["kind"]), str(meta.get("namespace") or ""), str(meta["name"]))


def _field(data: Any, key: str) -> _Id | None:
    value = data.get(key) if isinstance(data, Mapping) else None
    return (key, value) if isinstance(value, str | int) else None
