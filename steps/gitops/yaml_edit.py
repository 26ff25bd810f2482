"""Changes to a YAML text, one value at a time: what is not named stays byte for byte, comments above all."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

from steps.gitops.yaml_source import Entry, Node, Source
from wizard import yamlfile

_UNFIT = re.compile(r"[,\[\]{}\n]|:(\s|$)")  # an unquoted text with one of these can't stand between brackets


@dataclass(frozen=True)
class Edit:
    start: int
    end: int
    text: str
    on_alias: bool = False  # it takes the place of a reference like *name


@dataclass
class Editor:
    """Collects the changes to `theirs` that bring in what `wanted` has. `known` comments may go with a value."""

    theirs: Source
    wanted: Source
    known: Set[str]
    edits: list[Edit] = field(default_factory=list)

    def text(self, *, aliases: bool = True) -> str:
        """`theirs` with the changes; with `aliases` false, references stay references."""
        edits = [edit for edit in self.edits if aliases or not edit.on_alias]
        return self._applied(0, len(self.theirs.text), edits)

    def _applied(self, start: int, end: int, edits: Sequence[Edit]) -> str:
        parts, last = [], start
        for edit in sorted(edits, key=lambda one: (one.start, one.end)):
            parts += [self.theirs.text[last : edit.start], edit.text]
            last = max(last, edit.end)
        return "".join([*parts, self.theirs.text[last:end]])

    def _add(self, start: int, end: int, text: str, on_alias: bool = False) -> None:
        if "\r\n" in self.theirs.text:
            text = re.sub(r"\r?\n", "\r\n", text)
        self.edits.append(Edit(start, end, text, on_alias))

    # -- one value ------------------------------------------------------------------------------------------

    def replace(self, old: Entry, new: Entry) -> None:
        """The value of `old` becomes the one of `new`. Quotes that the person chose stay."""
        there, alias = old.node, old.node.kind == "alias"
        text = self._inline(there, new.node, old.in_flow)
        if text is not None:
            text = self._among_brackets(there.start, there.end) + text if old.in_flow else text
            if not old.in_flow:
                self._rescue(old, there.start, there.end)
            self._add(there.start, there.end, _behind(self.theirs.text[: there.start], text), alias)
            return
        shift = self.theirs.column(old.begin) - self.wanted.column(new.begin)
        text = moved(self.wanted.text[new.inside : new.end], shift)
        if new.in_flow and "\n" in text:  # lines between brackets may stand anywhere, here they may not
            text = yamlfile.flow(new.node.data)
        end = self._with_comment(old.end)  # behind several lines it would be read as part of the last one
        self._rescue(old, old.inside, end)
        self._add(old.inside, end, _behind(self.theirs.text[: old.inside], text), alias)

    def _inline(self, there: Node, new: Node, in_flow: bool) -> str | None:
        """The new value as one piece within a line, when that is how it is to be written."""
        quoted = there.style in ('"', "'") and there.style != new.style
        if there.kind == new.kind == "scalar" and quoted and isinstance(new.data, str) and new.data.isprintable():
            marks = ("'", "''") if there.style == "'" else ('"', '\\"')
            escaped = new.data if there.style == "'" else new.data.replace("\\", "\\\\")
            return marks[0] + escaped.replace(*marks) + marks[0]
        text = self.wanted.text[new.start : new.end]
        if in_flow:
            quoted = new.style in ('"', "'") and "\n" not in text
            fits = quoted or (new.kind == "scalar" and not new.style and text and not _UNFIT.search(text))
            return text if fits else yamlfile.flow(new.data)
        return text if there.inline and new.inline and "\n" not in text and text else None

    def _with_comment(self, end: int) -> int:
        """The end of the line, when nothing but spaces and a comment follow there."""
        line = self.theirs.text[end : self.theirs.after_line(end)]
        return end + len(line.rstrip("\r\n")) if line.strip()[:1] in ("", "#") else end

    def _rescue(self, entry: Entry, start: int, end: int) -> None:
        """Comments of the person's own in what goes away move above it."""
        place, column = entry.begin, self.theirs.column(entry.begin)
        if kept := _lines_of(self._own_comments(start, end), column):
            self._add(place, place, kept.lstrip(" ") + " " * column)

    def _among_brackets(self, start: int, end: int) -> str:
        """Comments of the person's own in what goes away between brackets, on lines of their own."""
        indent = " " * (self.theirs.column(start) or 1)
        begun = not self.theirs.text[self.theirs.start_of_line(start) : start].strip()
        kept = f"\n{indent}".join(self._own_comments(start, end))
        return f"{'' if begun else f'{chr(10)}{indent}'}{kept}\n{indent}" if kept else ""

    def _own_comments(self, start: int, end: int) -> list[str]:
        return [text for text in self.theirs.comments_in(start, end) if text not in self.known]

    # -- what comes and goes in a map, a list or a file ---------------------------------------------------------

    def restructure(self, node: Node, gone: Set[int], new: Mapping[int, Sequence[Entry]]) -> None:
        """Takes the entries with the numbers `gone` away and puts new ones behind others (-1: before the first)."""
        if node.kind == "stream":
            self._documents(node, gone, new)
        elif node.flow:
            self._brackets(node, gone, new)
        elif len(gone) == len(node.entries):
            self._all(node, [entry for _, entries in sorted(new.items()) for entry in entries])
        else:
            first = next(number for number in range(len(node.entries)) if number not in gone)
            behind_dash = not self.theirs.begins_line(node.entries[0])
            if behind_dash and first:
                self._up_to(node, first)
            for behind, entries in sorted(new.items()):
                self._insert(node, -1 if behind_dash and behind < first else behind, entries)
            for number in sorted(gone):
                if not (behind_dash and number < first):
                    self._remove(node, node.entries[number])

    def _remove(self, node: Node, entry: Entry) -> None:
        start, end = self.theirs.lead(entry), self.theirs.after_line(entry.end)
        self._add(start, end, _lines_of(self._own_comments(start, end), self.theirs.column(node.start)))

    def _up_to(self, node: Node, first: int) -> None:
        """Takes away what stands behind the dash of an item, up to its entry `first`, which moves there."""
        start, end, column = node.start, node.entries[first].begin, self.theirs.column(node.start)
        comments = _lines_of(self._own_comments(start, end), column).lstrip(" ")
        self._add(start, end, comments + " " * column if comments else "")

    def _insert(self, node: Node, behind: int, entries: Sequence[Entry]) -> None:
        there, column = self.theirs, self.theirs.column(node.start)
        text = "".join(self._written(node, entry, column) for entry in entries)
        if behind >= 0:
            place = there.after_line(node.entries[behind].end)
            missing = "" if place == 0 or there.text[place - 1] == "\n" else "\n"
            self._add(place, place, missing + text)
        elif there.begins_line(node.entries[0]):
            place = there.start_of_line(node.entries[0].begin)
            self._add(place, place, text)
        else:
            self._add(node.start, node.start, text.lstrip(" ") + " " * column)

    def _written(self, node: Node, entry: Entry, column: int) -> str:
        """The lines of a new entry, the comments above it included, indented to `column`."""
        wanted = self.wanted
        if entry.in_flow:
            text = wanted.text[entry.begin : entry.end]
            text = self._in_brackets(entry) if "\n" in text else text
            return f"{' ' * column}{'- ' if node.kind == 'list' else ''}{text}\n"
        if not wanted.begins_line(entry):
            text = f"{wanted.text[entry.begin : entry.end]}\n"
        else:
            text = wanted.text[wanted.lead(entry) : wanted.after_line(entry.end)]
            text = text[wanted.column(entry.begin) :].removesuffix("\n") + "\n"
        return " " * column + moved(text, column - wanted.column(entry.begin))

    def _all(self, node: Node, entries: Sequence[Entry]) -> None:
        """Nothing of what is there stays."""
        column, end = self.theirs.column(node.start), self._with_comment(node.end)
        comments = _lines_of(self._own_comments(node.start, end), column)
        text = "".join(self._written(node, entry, column) for entry in entries)
        if not text:  # one more to the right: a list may stand as far left as its key, brackets may not
            text = " " * column + (" {}" if node.kind == "map" else " []")
        self._add(node.start, end, (comments + text)[column:].removesuffix("\n"))

    def _brackets(self, node: Node, gone: Set[int], new: Mapping[int, Sequence[Entry]]) -> None:
        """A map or list in brackets is put together again, with what stays as it was written."""
        text = self.theirs.text
        inner = [edit for edit in self.edits if node.start <= edit.start and edit.end <= node.end]
        self.edits = [edit for edit in self.edits if edit not in inner]
        pieces = [f"{self._in_brackets(entry)}, " for entry in new.get(-1, ())]
        for number, entry in enumerate(node.entries):
            end = node.entries[number + 1].begin if number + 1 < len(node.entries) else entry.end
            if number in gone:
                pieces.append(self._among_brackets(entry.begin, end))
            else:
                within = [edit for edit in inner if entry.begin <= edit.start and edit.end <= entry.end]
                pieces.append(self._applied(entry.begin, entry.end, within) + (text[entry.end : end] or ", "))
            pieces += [f"{self._in_brackets(entry)}, " for entry in new.get(number, ())]
        body = "".join(pieces)
        if not body.rstrip(" ").endswith("\n"):  # behind a comment of its own line, the comma may stay
            body = body.rstrip().removesuffix(",")
        first, last = node.entries[0], node.entries[-1]
        opened, closed = text[node.start : first.begin], text[last.end : node.end]
        if not body or body.rstrip(" ").endswith("\n"):
            closed = closed.lstrip(",")
        if not opened:  # [name: x] is short for [{name: x}]
            opened, closed = "{", "}"
        self._add(node.start, node.end, opened + body + closed)

    def _in_brackets(self, entry: Entry) -> str:
        key = f"{self.wanted.text[entry.begin : entry.inside].rstrip(' :')}: " if entry.key else ""
        return key + yamlfile.flow(entry.node.data)

    def _documents(self, node: Node, gone: Set[int], new: Mapping[int, Sequence[Entry]]) -> None:
        there = self.theirs
        for number in gone:
            entry = node.entries[number]
            self._add(entry.begin, entry.end, "".join(f"{c}\n" for c in self._own_comments(entry.begin, entry.end)))
        for behind, entries in new.items():
            texts = [self.wanted.text[entry.inside : entry.end].strip("\n") + "\n" for entry in entries]
            if behind >= 0:
                place = node.entries[behind].end
                missing = "" if there.text[place - 1 : place] == "\n" else "\n"
                self._add(place, place, missing + "".join(f"---\n{text}" for text in texts))
            else:
                place = node.entries[0].begin if node.entries else len(there.text)
                more = "---\n" if node.entries and not there.text.startswith("---", place) else ""
                self._add(place, place, "---\n".join(texts) + more)


def moved(text: str, shift: int) -> str:
    """All lines but the first, moved to the right or the left."""
    first, *rest = text.split("\n")
    return "\n".join([first, *_shifted(rest, shift)])


def _shifted(lines: Sequence[str], shift: int) -> Iterator[str]:
    for line in lines:
        if not line.strip():
            yield line
        elif shift >= 0:
            yield " " * shift + line
        else:
            yield line[min(-shift, len(line) - len(line.lstrip(" "))) :]


def _behind(before: str, text: str) -> str:
    """`text` with a space in front, where the colon or dash before it has none."""
    return f" {text}" if text and before[-1:] in (":", "-") and not text[0].isspace() else text


def _lines_of(comments: Sequence[str], column: int) -> str:
    return "".join(f"{' ' * column}{comment}\n" for comment in comments)
