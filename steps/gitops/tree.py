"""A repository's files as Kubernetes objects, each with its place, so that a finding can name file and line."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

from wizard.yamllines import Document, documents

Way = tuple[str | int, ...]
Name = tuple[str, str]  # namespace and name
ERROR, WARNING = "error", "warning"


@dataclass(frozen=True)
class Finding:
    """One mistake in the repository, or something to think about (`severity`).

    `code` is its name in docs/validation.md; `line` counts from 1, and 0 means the file as a whole.
    """

    code: str
    file: str
    line: int
    what: str
    fix: str = ""
    severity: str = ERROR
    commit: str = ""  # "staged" or a commit's id, when it is not in the files themselves

    def sentence(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f" {self.fix}" if self.fix else "")


@dataclass(frozen=True, eq=False)
class Object:
    """One object. `body` is plain data as Flux would apply it, `place` where it stands in `file`, below `base`."""

    file: str
    body: Mapping[str, Any]
    place: Document | None = field(default=None, repr=False, compare=False)
    base: Way = ()
    made: bool = False  # by a generator of kustomize: its name gets a suffix, its data come from elsewhere

    @cached_property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @cached_property
    def version(self) -> str:
        return str(self.body.get("apiVersion", ""))

    @cached_property
    def group(self) -> str:
        """The API group; empty for the core one."""
        return self.version.rpartition("/")[0]

    @cached_property
    def meta(self) -> Mapping[str, Any]:
        return mapping(self.body.get("metadata"))

    @cached_property
    def name(self) -> str:
        return str(self.meta.get("name", ""))

    @cached_property
    def namespace(self) -> str:
        return str(self.meta.get("namespace") or "")

    @property
    def key(self) -> Name:
        return self.namespace, self.name

    @cached_property
    def spec(self) -> Mapping[str, Any]:
        return mapping(self.body.get("spec"))

    def with_body(self, body: Mapping[str, Any]) -> Object:
        return replace(self, body=body)

    def at(self, *way: str | int) -> int:
        """The line of what lies at `way`, or of the last thing on the way that is there."""
        return self.place.line((*self.base, *way)) if self.place else 0

    def finding(self, code: str, way: Sequence[str | int], what: str, fix: str = "") -> Finding:
        return Finding(code, self.file, self.at(*way), f"{self.kind} {self.name}: {what}.", fix)


def mapping(value: Any) -> Mapping[str, Any]:
    """`value` when it is a mapping, else an empty one: rules look into objects of any shape."""
    return value if isinstance(value, Mapping) else {}


def items(value: Any) -> list[tuple[int, Mapping[str, Any]]]:
    """The mappings in the list `value` with their positions; nothing when it is no list."""
    return [(n, one) for n, one in enumerate(value) if isinstance(one, Mapping)] if isinstance(value, list) else []


def texts(value: Any) -> list[str]:
    """What is in the list `value`, as text; nothing when it is no list."""
    return [str(one) for one in value] if isinstance(value, list) else []


@lru_cache(maxsize=1024)
def pattern(text: str) -> re.Pattern[str] | None:
    """A regular expression that somebody else wrote, for Go; None when Python does not understand it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return re.compile(re.sub(r"\[\[:\w+:\]\]", r"[\\w]", text))
        except (re.error, RecursionError, OverflowError):
            return None


def get(body: Any, *way: str | int) -> Any:
    """What lies at `way` in plain data, or None."""
    for step in way:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body


@dataclass(frozen=True, eq=False)
class Part:
    """One of Flux' Kustomizations and what it applies. `parent` applies it; None for the cluster's own."""

    one: Object | None
    objects: tuple[Object, ...] = ()
    parent: Name | None = None
    folder: str = ""  # in this repository, without slashes around it; empty is all of it
    here: bool = True  # its files are in this repository

    @property
    def key(self) -> Name:
        return self.one.key if self.one else ("", "")


@dataclass(frozen=True, eq=False)
class Tree:
    """Everything that one cluster gets from the repository.

    `unseen` says what else it gets that is not in these files, and why it can't be looked at.
    """

    files: Mapping[str, str]
    parts: tuple[Part, ...]
    unseen: tuple[str, ...] = ()
    own: bool = True  # rendered here: everything in it is known, and nothing may be left to chance

    @cached_property
    def objects(self) -> tuple[Object, ...]:
        return tuple(one for part in self.parts for one in part.objects)

    @cached_property
    def _by_kind(self) -> Mapping[str, list[Object]]:
        found: dict[str, list[Object]] = {}
        for one in self.objects:
            found.setdefault(one.kind, []).append(one)
        return found

    def of(self, kind: str, group: str | None = None) -> list[Object]:
        return [one for one in self._by_kind.get(kind, ()) if group in (None, one.group)]

    def named(self, kind: str) -> Mapping[Name, Object]:
        return {one.key: one for one in self.of(kind)}

    @cached_property
    def by_key(self) -> Mapping[Name, Part]:
        """The parts that are Kustomizations of Flux."""
        return {part.key: part for part in self.parts if part.one}

    def before(self, part: Part) -> list[Part]:
        """What is ready when `part` is applied: what it depends on and what applied it, all the way, and itself."""
        seen: dict[Name, Part] = {part.key: part}
        todo = [part]
        while todo:
            one = todo.pop()
            for key in [*needs(one), *([one.parent] if one.parent else [])]:
                if (known := self.by_key.get(key) or self._root(key)) and key not in seen:
                    seen[key] = known
                    todo.append(known)
        return list(seen.values())

    def _root(self, key: Name) -> Part | None:
        return next((part for part in self.parts if part.key == key), None)


def needs(part: Part) -> Iterator[Name]:
    """What a Kustomization of Flux depends on, by its own words."""
    for _, other in items(part.one.spec.get("dependsOn")) if part.one else ():
        yield str(other.get("namespace") or part.key[0]), str(other.get("name"))


# -- reading ----------------------------------------------------------------------------------------------


def is_yaml(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


@lru_cache(maxsize=4096)  # a repository is checked more than once in a run
def read(name: str, text: str) -> tuple[tuple[Object, ...], tuple[Finding, ...]]:
    """The objects in a YAML file, and what Flux would not understand in it."""
    try:
        found = documents(text)
    except ValueError as error:
        return (), (_unreadable(name, str(error)),)
    objects: list[Object] = []
    wrong: list[Finding] = []
    for one in found:
        if is_object(one.data):
            objects += unfolded(Object(name, one.data, one))
        else:
            what = "This is no Kubernetes object: it has no apiVersion or no kind."
            fix = "Flux would refuse the whole folder: move it out of there, or begin it with apiVersion and kind."
            wrong.append(Finding("not-an-object", name, one.first, what, fix))
    return tuple(objects), tuple(wrong)


def parse(files: Mapping[str, str]) -> tuple[Tree, list[Finding]]:
    """The objects of every YAML file that no program of its own reads, and what could not be read.

    Whatever Flux makes of the files: `steps/gitops/reach.py` follows it.
    """
    objects: list[Object] = []
    wrong: list[Finding] = []
    for name in sorted(files):
        if is_yaml(name) and not any(part.startswith(".") for part in name.split("/")):
            there, unread = read(name, files[name])
            objects += there
            wrong += unread
    return Tree(files, (Part(None, tuple(objects)),), ("it is not known what is applied",), own=False), wrong


def is_object(data: Any) -> bool:
    return isinstance(data, Mapping) and bool(data.get("apiVersion")) and bool(data.get("kind"))


def unfolded(one: Object) -> Iterable[Object]:
    """The object, or those that a List holds."""
    if one.kind != "List" or not isinstance(one.body.get("items"), list):
        return [one]
    inside = items(one.body["items"])
    return [Object(one.file, body, one.place, ("items", number)) for number, body in inside]


def _unreadable(name: str, error: str) -> Finding:
    where, colon, why = error.partition(": ")
    number = where.removeprefix("line ")
    if colon and number.isdigit():
        return Finding("yaml", name, int(number), f"This is not YAML: {why}.", "Look at the indentation around here.")
    return Finding("yaml", name, 0, f"This is not YAML: {error}.", "Look at the file with an editor that knows YAML.")
