"""YAML in, fast: plain data, and the line of anything in it. What is to be written back is read by `wizard/yamlfile.py`.

ruamel.yaml, which keeps comments, reads some 7,000 lines a second; libyaml, through PyYAML, some 200,000. A home's
repository with its CRDs has 50,000. Scalars are what Kubernetes' tools take them for: `yes` is a text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

MOST = 500_000  # values in a document once its aliases are unfolded
_TEXT, _MERGE = "tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"
_CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True), **dict.fromkeys(("false", "False", "FALSE"), False),
}  # fmt: skip
_NUMBER = re.compile(r"[-+]?(?:\d+|0o[0-7]+|0x[0-9a-fA-F]+)", re.ASCII)
_FRACTION = re.compile(r"[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?", re.ASCII)
Way = Sequence[str | int]


@dataclass(frozen=True)
class Document:
    """One document of a file: its plain data, and where everything in it stands."""

    data: Any
    node: Any = field(repr=False, compare=False)

    @property
    def first(self) -> int:
        """The line it begins in, from 1."""
        line: int = self.node.start_mark.line
        return line + 1

    def line(self, way: Way) -> int:
        """The line of what lies at `way`, or of the last thing on the way that is there."""
        line, node = self.first, self.node
        for step in way:
            found = _step(node, step)
            if found is None:
                break
            line, node = found
        return line


def _step(node: Any, step: str | int) -> tuple[int, Any] | None:
    if node.id == "mapping":
        for key, value in node.value:
            if key.value == str(step):
                return key.start_mark.line + 1, value
    elif node.id == "sequence" and isinstance(step, int) and 0 <= step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def documents(text: str) -> list[Document]:
    """Every document in `text` that holds something.

    Raises ValueError, ``line 3: …``, for what is no YAML, for a key that is there twice, and for aliases that unfold
    to more than `MOST` values.
    """
    import yaml

    try:
        nodes = [node for node in yaml.compose_all(text, Loader=_loader()) if node is not None]
        found = [Document(_Builder().build(node), node) for node in nodes]
        return [one for one in found if one.data is not None]
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = (error.problem or error.context or "it can't be understood").splitlines()[0]
        raise ValueError(f"line {mark.line + 1}: {said}" if mark else said) from None
    except yaml.YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


@cache
def _loader() -> Any:
    import yaml

    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Builder:
    """Turns nodes into plain data. A node that aliases lead to is built once, and counted as often as it is used."""

    def __init__(self) -> None:
        self._built: dict[int, tuple[Any, int]] = {}

    def build(self, node: Any) -> Any:
        return self._build(node)[0]

    def _build(self, node: Any) -> tuple[Any, int]:
        if node.id == "scalar":
            return scalar(node), 1
        if id(node) not in self._built:
            self._built[id(node)] = ({}, MOST)  # as long as it is being built: an alias to itself is endless
            data, size = self._mapping(node) if node.id == "mapping" else self._sequence(node)
            if size > MOST:
                raise ValueError(f"line {node.start_mark.line + 1}: its aliases unfold to more than {MOST} values")
            self._built[id(node)] = data, size
        return self._built[id(node)]

    def _sequence(self, node: Any) -> tuple[list[Any], int]:
        pairs = [self._build(one) for one in node.value]
        return [data for data, _ in pairs], 1 + sum(size for _, size in pairs)

    def _mapping(self, node: Any) -> tuple[dict[str, Any], int]:
        data: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        size = 1
        for key, value in node.value:
            if key.id != "scalar":
                raise ValueError(f"line {key.start_mark.line + 1}: a key must be a text")
            built, more = self._build(value)
            size += more
            if key.tag == _MERGE and key.value == "<<":
                for one in built if isinstance(built, list) else [built]:
                    merged = {**(one if isinstance(one, dict) else {}), **merged}
            elif key.value in data:
                raise ValueError(f"line {key.start_mark.line + 1}: the key {key.value} is there twice")
            else:
                data[key.value] = built
        return ({**merged, **data} if merged else data), size


def scalar(node: Any) -> Any:
    """The value of a scalar node: a text, unless it is plain and reads like something else."""
    text: str = node.value
    if node.style or not node.tag.startswith("tag:yaml.org,2002:"):
        return text
    if node.tag == _TEXT and not text.startswith("0o"):  # YAML 1.1, which PyYAML goes by, knows no 0o644
        return text
    return plain(text)


def plain(text: str) -> Any:
    """What an unquoted `text` stands for by YAML's core schema."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _NUMBER.fullmatch(text):
        return int(text, 0) if text.lstrip("+-")[:2] in ("0o", "0x") else int(text)
    if _FRACTION.fullmatch(text):
        return float(text)
    return text
