"""YAML in, fast: plain data, and the line of anything in it. What is written back is read by `wizard/yamlfile.py`.

ruamel.yaml, which keeps comments, reads some 7,000 lines a second; libyaml, through PyYAML, some 200,000. A home's
repository with its CRDs has 50,000. Scalars are what Kubernetes' tools take them for: `yes` is a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MOST = 500_000  # values in a document once its aliases are unfolded
_CORE = "tag:yaml.org,2002:"
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True), **dict.fromkeys(("false", "False", "FALSE"), False),
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+|0o[0-7]+|0x[0-9a-fA-F]+)", re.ASCII)
_OCTAL = re.compile(r"[-+]?0[0-7]+", re.ASCII)
_FRACTION = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?", re.ASCII)
Way = Sequence[str | int]


class Spot:
    """A value with its line (from 0), the spots inside it, and how many values it unfolds to."""

    __slots__ = ("data", "inside", "line", "size")

    def __init__(self, data: Any, line: int) -> None:
        self.data, self.line, self.size = data, line, 1
        self.inside: dict[str | int, tuple[int, Spot]] = {}


@dataclass(frozen=True)
class Document:
    """One document of a file: its plain data, and where everything in it stands."""

    data: Any
    spot: Spot = field(repr=False, compare=False)

    @property
    def first(self) -> int:
        """The line it begins in, from 1."""
        return self.spot.line + 1

    def line(self, way: Way) -> int:
        """The line of what lies at `way`, or of the last thing on the way that is there."""
        line, spot = self.spot.line, self.spot
        for step in way:
            if step not in spot.inside:
                break
            line, spot = spot.inside[step]
        return line + 1


def documents(text: str) -> list[Document]:
    """Every document in `text` that holds something.

    Raises ValueError, ``line 3: …``, for what is no YAML, for a key that is there twice, and for aliases that unfold
    to more than `MOST` values.
    """
    import yaml

    try:
        found = list(_Reader(yaml.parse(text, Loader=_loader())).documents())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = (error.problem or error.context or "it can't be understood").splitlines()[0]
        raise ValueError(f"line {mark.line + 1}: {said}" if mark else said) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return [Document(spot.data, spot) for spot in found if spot.data is not None]


@cache
def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Reader:
    """Turns the parser's events into spots. An anchor may be set again, as Go's parser lets one."""

    def __init__(self, events: Iterator[Any]) -> None:
        self._events = events
        self._anchors: dict[str, Spot | None] = {}

    def documents(self) -> Iterator[Spot]:
        for event in self._events:
            if type(event).__name__ == "DocumentStartEvent":
                self._anchors.clear()
                yield self._spot(next(self._events))

    def _spot(self, event: Any) -> Spot:
        kind = type(event).__name__
        line = event.start_mark.line
        if kind == "AliasEvent":
            known = self._anchors.get(event.anchor)
            if known is None:
                raise ValueError(f"line {line + 1}: the alias {event.anchor} leads nowhere")
            return known
        if kind == "ScalarEvent":
            spot = Spot(scalar(event), line)
        else:
            if event.anchor:
                self._anchors[event.anchor] = None  # an alias to what it is in would be endless
            spot = self._mapping(line) if kind == "MappingStartEvent" else self._sequence(line)
            if spot.size > MOST:
                raise ValueError(f"line {line + 1}: its aliases unfold to more than {MOST} values")
        if event.anchor:
            self._anchors[event.anchor] = spot
        return spot

    def _sequence(self, line: int) -> Spot:
        made = Spot([], line)
        while type(event := next(self._events)).__name__ != "SequenceEndEvent":
            spot = self._spot(event)
            made.inside[len(made.data)] = (spot.line if spot.line >= line else line, spot)
            made.data.append(spot.data)
            made.size += spot.size
        return made

    def _mapping(self, line: int) -> Spot:
        made = Spot({}, line)
        merged: list[Spot] = []
        while type(event := next(self._events)).__name__ != "MappingEndEvent":
            if type(event).__name__ != "ScalarEvent":
                raise ValueError(f"line {event.start_mark.line + 1}: a key must be a text")
            key, at = event.value, event.start_mark.line
            if event.anchor:
                self._anchors[event.anchor] = Spot(scalar(event), at)
            spot = self._spot(next(self._events))
            made.size += spot.size
            if key == "<<" and not event.style:
                merged += [one for _, one in spot.inside.values()] if isinstance(spot.data, list) else [spot]
            elif key in made.data:
                raise ValueError(f"line {at + 1}: the key {key} is there twice")
            else:
                made.data[key] = spot.data
                made.inside[key] = (at, spot)
        for one in merged:
            if isinstance(one.data, dict):
                made.data = {**one.data, **made.data}
                made.inside = {**one.inside, **made.inside}
        return made


def scalar(event: Any) -> Any:
    """The value of a scalar: a text, unless it is plain and reads like something else."""
    text: str = event.value
    if event.style or (event.tag and not event.tag.startswith(_CORE)) or event.tag == f"{_CORE}str":
        return text
    return plain(text)


def plain(text: str) -> Any:
    """What an unquoted `text` stands for by YAML's core schema, and for Go: 0644 is octal, too."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    if _NUMBER.fullmatch(text):
        return int(text, 0) if text.lstrip("+-")[:2] in ("0o", "0x") else int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    return text
