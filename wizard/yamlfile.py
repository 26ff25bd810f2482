"""YAML in and out with ruamel.yaml: line numbers for messages, comments kept, the same bytes every time."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from wizard.question import plain

MOST = 1_000_000  # values of one document, with what aliases stand for


def _yaml(*, round_trip: bool) -> Any:
    from ruamel.yaml import YAML  # slow to import: only where YAML is read or written

    yaml = YAML(typ="rt" if round_trip else "safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 1000
    if round_trip:
        yaml.preserve_quotes = True
        yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def load(text: str) -> Any:
    """The first document as plain dicts and lists. Raises ValueError with the line of a syntax error."""
    with _in_words(text):
        return plain(_read(text))


def load_marked(text: str) -> Any:
    """The first document with comments and line numbers kept (``.lc``). Raises ValueError with the line."""
    with _in_words(text):
        return _bounded(_yaml(round_trip=True).load(text))


def load_all(text: str) -> list[Any]:
    """Every document as plain data, empty ones left out."""
    with _in_words(text):
        return [plain(document) for document in _read_all(text)]


@lru_cache(maxsize=128)  # a repository's files are read again and again; each reader gets a copy of its own
def _read(text: str) -> Any:
    return plain(load_marked(text))


@lru_cache(maxsize=128)
def _read_all(text: str) -> list[Any]:
    return [plain(document) for document in load_all_marked(text) if document is not None]


def load_all_marked(text: str) -> list[Any]:
    """Every document with comments and line numbers kept. Raises ValueError with the line."""
    with _in_words(text):
        return [_bounded(document) for document in _yaml(round_trip=True).load_all(text)]


def events(text: str) -> list[Any]:
    """What the parser sees, each with its place (``start_mark.index``). Raises ValueError with the line."""
    with _in_words(text):
        return list(_yaml(round_trip=False).parse(text))


def _bounded(document: Any) -> Any:
    """`document`, unless its aliases would make it endless once they are written out. Raises ValueError."""
    sizes: dict[int, int] = {}

    def size(node: Any) -> int:
        if not isinstance(node, Mapping | list):
            return 1
        if id(node) not in sizes:
            sizes[id(node)] = 0
            sizes[id(node)] = 1 + sum(map(size, node.values() if isinstance(node, Mapping) else node))
        if not 0 < sizes[id(node)] < MOST:
            raise ValueError("its aliases (*) repeat too much")
        return sizes[id(node)]

    size(document)
    return document


@contextmanager
def _in_words(text: str) -> Iterator[None]:
    """Turns what ruamel.yaml raises into a ValueError of one line: ``line 3: …``."""
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        yield
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        said = (error.problem or error.context or "it can't be understood").splitlines()[0]
        said = said.replace("'<stream end>'", "the end")
        last = max(1, len(text.splitlines()))  # the end of the text is behind it
        raise ValueError(f"line {min(mark.line + 1, last)}: {said}" if mark else said) from None
    except YAMLError as error:
        raise ValueError(str(error).splitlines()[0]) from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def dump(*documents: Any) -> str:
    """The documents as YAML text, divided by ``---``."""
    texts = []
    for document in documents:
        out = io.StringIO()
        _yaml(round_trip=True).dump(document, out)
        texts.append(out.getvalue())
    return "---\n".join(texts)


_BARE = re.compile(r"[A-Za-z/][A-Za-z0-9_./@+-]*|\d+\.\d+\.\d+[A-Za-z0-9_./-]*", re.ASCII)
_WORDS = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n"))


def dump_plain(data: Any) -> str:
    """Dicts, lists, texts, numbers, truths and None as YAML, far faster than `dump`: for what is saved often.

    Raises TypeError for anything else.
    """
    return "".join(f"{line}\n" for line in _lines(data))


def flow(data: Any) -> str:
    """What `dump_plain` takes, in one line: ``{a: 1, b: [x, y]}``."""
    if isinstance(data, dict):
        return "{" + ", ".join(f"{_scalar(str(key))}: {flow(value)}" for key, value in data.items()) + "}"
    if isinstance(data, list):
        return "[" + ", ".join(map(flow, data)) + "]"
    return _scalar(data)


def _lines(data: Any, indent: str = "") -> Iterator[str]:
    if isinstance(data, dict) and data:
        for key, value in data.items():
            yield from _entry(f"{indent}{_scalar(str(key))}:", value, indent)
    elif isinstance(data, list) and data:
        for value in data:
            inner = list(_lines(value, f"{indent}  "))
            yield f"{indent}- {inner[0].lstrip()}"
            yield from inner[1:]
    else:
        yield indent + _scalar(data)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, dict | list) and value:
        yield head
        yield from _lines(value, f"{indent}  ")
    else:
        yield f"{head} {_scalar(value)}"


def _scalar(value: Any) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and value.lower() not in _WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)  # JSON is YAML
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in text)
