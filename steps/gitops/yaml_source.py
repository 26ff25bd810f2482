"""A YAML text and the place of everything in it, so that one value can be changed while every other byte stays."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Literal

from wizard import yamlfile

Kind = Literal["stream", "map", "list", "scalar", "alias"]
_BLOCK = ("|", ">")
_COMMENT = re.compile(r"(?:^|(?<=\s))#[^\r\n]*", re.MULTILINE)
_PROPERTIES = re.compile(r"(?:[&!]\S*(?:\s+|$))+")  # an anchor, a tag
_COLON, _DASH = re.compile(r"\s*:"), re.compile(r"\s*-")
_BLANK_LINES = re.compile(r"(?:\r?\n[ \t]*)*\Z")
_CORE = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9_]*|0o[0-7]+|0x[0-9a-fA-F]+)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


@dataclass(eq=False)
class Node:
    """A value. `start` is behind its anchor and tag, `end` behind its last character; `data` is what it means."""

    kind: Kind
    start: int
    end: int
    data: Any = None
    flow: bool = False  # a map or list in brackets
    style: str = ""  # of a scalar: ' " | > or nothing
    entries: list[Entry] = field(default_factory=list)

    @cached_property
    def seen(self) -> str:
        return seen(self.data)

    @property
    def inline(self) -> bool:
        """Whether it is written behind its key, whatever the indentation."""
        return self.kind == "alias" or self.flow or (self.kind == "scalar" and self.style not in _BLOCK)


@dataclass(eq=False)
class Entry:
    """One key with its value, one item of a list, or one document.

    It begins at `begin` (key, dash, or ``---``), the text of its value at `inside`; it ends at `end`.
    """

    key: str  # empty in a list
    node: Node
    begin: int
    inside: int
    end: int
    in_flow: bool = False  # between brackets


class Source:
    """The text, its documents in `root`. Raises ValueError, mostly with the line, when it is not understood."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._anchors: dict[str, Node] = {}
        self._leaves: list[Node] = []
        documents = list(self._documents(iter(yamlfile.events(text))))
        hidden = self._without_leaves()
        self.comments = {one.start(): one[0].rstrip() for one in _COMMENT.finditer(hidden)}
        self._bare = _COMMENT.sub(lambda found: " " * len(found[0]), hidden)
        self.root = Node("stream", 0, len(text))
        for number, (place, explicit, node) in enumerate(documents):
            self._place(node)
            end = documents[number + 1][0] if number + 1 < len(documents) else len(text)
            begin = place if explicit or number else 0
            if node.kind != "scalar" or node.data is not None:  # an empty document is none
                inside = self._behind_dashes(place) if explicit else begin
                self.root.entries.append(Entry("", node, begin, inside, end))
        self.root.data = [entry.node.data for entry in self.root.entries]

    # -- places ----------------------------------------------------------------------------------------------

    def start_of_line(self, place: int) -> int:
        return self.text.rfind("\n", 0, place) + 1

    def after_line(self, place: int) -> int:
        found = self.text.find("\n", place)
        return len(self.text) if found < 0 else found + 1

    def column(self, place: int) -> int:
        return place - self.start_of_line(place)

    def line(self, place: int) -> int:
        """The number of its line, from 1."""
        return self.text.count("\n", 0, place) + 1

    def begins_line(self, entry: Entry) -> bool:
        return not self.text[self.start_of_line(entry.begin) : entry.begin].strip()

    def lead(self, entry: Entry) -> int:
        """Where the comments directly above the entry begin; the start of its line when there are none."""
        start = self.start_of_line(entry.begin)
        while start:
            above = self.start_of_line(start - 1)
            place = above + self.column(entry.begin)
            if place not in self.comments or self.text[above:place].strip():
                break
            start = above
        return start

    def comments_in(self, start: int, end: int) -> list[str]:
        return [text for place, text in self.comments.items() if start <= place < end]

    # -- reading ---------------------------------------------------------------------------------------------

    def _documents(self, events: Iterator[Any]) -> Iterator[tuple[int, bool, Node]]:
        for event in events:
            if type(event).__name__ == "DocumentStartEvent":
                self._anchors.clear()
                yield event.start_mark.index, bool(event.explicit), self._read(next(events), events)

    def _read(self, event: Any, events: Iterator[Any]) -> Node:
        kind, start, end = type(event).__name__, event.start_mark.index, event.end_mark.index
        if kind == "AliasEvent":
            if event.anchor not in self._anchors:
                raise ValueError(f"line {self.line(start)}: *{event.anchor} leads nowhere")
            node = Node("alias", start, end, self._anchors[event.anchor].data)
            self._leaves.append(node)
            return node
        if found := _PROPERTIES.match(self.text, start):
            start = found.end()
        if kind == "ScalarEvent":
            node = self._scalar(event, min(start, end), end)
            self._leaves.append(node)
        else:
            node = self._collection(kind, start, event, events)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _collection(self, kind: str, start: int, event: Any, events: Iterator[Any]) -> Node:
        self._known(event)
        flow = bool(event.flow_style)
        if kind == "SequenceStartEvent":
            node = Node("list", start, start, [], flow)
            while type(event := next(events)).__name__ != "SequenceEndEvent":
                value = self._read(event, events)
                node.data.append(value.data)
                node.entries.append(Entry("", value, value.start, value.start, value.end, flow))
        else:
            node = Node("map", start, start, {}, flow)
            while type(event := next(events)).__name__ != "MappingEndEvent":
                key = self._read(event, events)
                name = str(event.value) if key.kind == "scalar" and key.style not in _BLOCK else ""
                if not name or name in node.data:
                    wrong = f"the key {name} is there twice" if name else "this key is not a simple text"
                    raise ValueError(f"line {self.line(key.start)}: {wrong}")
                value = self._read(next(events), events)
                node.data[name] = value.data
                node.entries.append(Entry(name, value, key.start, key.end, value.end, flow))
        node.end = event.end_mark.index
        return node

    def _scalar(self, event: Any, start: int, end: int) -> Node:
        style = event.style or ""
        if style in _BLOCK:  # the empty lines behind it belong to it only where it says so
            whole, head = self.text[start:end], self.text[start : self.after_line(start)]
            blank = _BLANK_LINES.search(whole)
            end = start + (len(whole.removesuffix("\n")) if "+" in head else blank.start() if blank else len(whole))
        tag = self._known(event)
        return Node("scalar", start, end, str(event.value) if style or tag else _meaning(str(event.value)), style=style)

    def _known(self, event: Any) -> str:
        """The tag of what begins with `event`; empty when it has none. An unknown one can't be merged."""
        tag = str(event.tag or "")
        if tag not in ("", "!", *(f"{_CORE}{name}" for name in ("str", "map", "seq"))):
            raise ValueError(f"line {self.line(event.start_mark.index)}: the tag {tag} is not understood")
        return tag

    # -- places, once the comments are known -------------------------------------------------------------------

    def _behind_dashes(self, place: int) -> int:
        """Where the text of a document begins that begins with ``---`` at `place`."""
        line = self.after_line(place)
        return line if not self._bare[place + 3 : line].strip() else place + 3

    def _without_leaves(self) -> str:
        """The text with every scalar hidden: what begins with # in it is a comment."""
        parts, last = [], 0
        for leaf in self._leaves:
            parts += [self.text[last : leaf.start], re.sub(r"\S", "x", self.text[leaf.start : leaf.end])]
            last = max(last, leaf.end)
        return "".join([*parts, self.text[last:]])

    def _place(self, node: Node) -> None:
        """Finds the dashes and colons in `node`, and where each entry ends."""
        cursor = node.start
        for entry in node.entries:
            if node.kind == "map":
                colon = _COLON.match(self._bare, entry.inside)
                if colon is None and not node.flow:
                    raise ValueError(f"line {self.line(entry.begin)}: this key has no colon")
                entry.inside = colon.end() if colon else entry.inside
            elif not node.flow:
                dash = _DASH.match(self._bare, cursor)
                if dash is None:
                    raise ValueError(f"line {self.line(entry.begin)}: this item has no dash")
                entry.begin, entry.inside = dash.end() - 1, dash.end()
            if entry.node.kind == "scalar" and entry.node.start == entry.node.end:
                entry.node.start = entry.node.end = entry.inside
            self._place(entry.node)
            cursor = entry.end = max(entry.inside, entry.node.end)
        if node.entries and not node.flow:
            node.start, node.end = node.entries[0].begin, node.entries[-1].end


@lru_cache(maxsize=64)  # what is looked at is looked at again before it is written, and afterwards
def read(text: str) -> Source:
    """The places in `text`. Raises ValueError when it is not understood."""
    return Source(text)


def seen(data: Any) -> str:
    """`data` as one text: equal for equal data, in whatever order of keys; 1, 1.0, "1" and true are four things."""
    return json.dumps(data, sort_keys=True, ensure_ascii=False)


def _meaning(text: str) -> Any:
    """What an unquoted word is. A time stays text, as Kubernetes has it."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    if text.lower() in ("null", "~", ""):
        return None
    if _INTEGER.fullmatch(text):
        return int(text.replace("_", ""), 0)
    return float(text) if _FLOAT.fullmatch(text) else text
