"""A repository's files as Kubernetes objects, each with its place, so that a finding can name file and line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from wizard import yamlfile
from wizard.question import plain


@dataclass(frozen=True)
class Finding:
    """One mistake in the repository. `line` counts from 1 and is 0 where the file as a whole is meant."""

    file: str
    line: int
    what: str
    fix: str = ""

    def sentence(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return f"{where}: {self.what}" + (f" {self.fix}" if self.fix else "")


@dataclass(frozen=True)
class Object:
    """One document of one file. `body` is plain data, `marked` the same with line numbers."""

    file: str
    body: Mapping[str, Any]
    marked: Any = field(repr=False, compare=False)

    @property
    def kind(self) -> str:
        return str(self.body.get("kind", ""))

    @property
    def group(self) -> str:
        """The API group; empty for the core one."""
        version = str(self.body.get("apiVersion", ""))
        return version.rpartition("/")[0]

    @property
    def meta(self) -> Mapping[str, Any]:
        found = self.body.get("metadata")
        return found if isinstance(found, Mapping) else {}

    @property
    def name(self) -> str:
        return str(self.meta.get("name", ""))

    @property
    def namespace(self) -> str:
        return str(self.meta.get("namespace", ""))

    @property
    def spec(self) -> Mapping[str, Any]:
        found = self.body.get("spec")
        return found if isinstance(found, Mapping) else {}

    def at(self, *way: str | int) -> int:
        """The line of what lies at `way`, or of the last thing on the way that is there."""
        return line_of(self.marked, way)

    def finding(self, way: Sequence[str | int], what: str, fix: str = "") -> Finding:
        return Finding(self.file, self.at(*way), f"{self.kind} {self.name}: {what}", fix)


def line_of(marked: Any, way: Sequence[str | int]) -> int:
    line: int = marked.lc.line + 1
    place: Any = marked
    for step in way:
        try:
            line = (place.lc.item(step) if hasattr(place, "append") else place.lc.key(step))[0] + 1
            place = place[step]
        except (AttributeError, KeyError, IndexError, TypeError):
            break
    return line


def get(body: Any, *way: str | int) -> Any:
    """What lies at `way` in plain data, or None."""
    for step in way:
        try:
            body = body[step]
        except (KeyError, IndexError, TypeError):
            return None
    return body


@dataclass(frozen=True)
class Tree:
    """All objects of a repository, and the files that hold them."""

    files: frozenset[str]
    objects: tuple[Object, ...]

    def of(self, kind: str, group: str | None = None) -> list[Object]:
        return [one for one in self.objects if one.kind == kind and group in (None, one.group)]

    def below(self, path: str) -> list[Object]:
        """What Flux finds in the folder that a Kustomization's `path` names."""
        folder = folder_of(path)
        return [one for one in self.objects if one.file.startswith(folder)]


def folder_of(path: str) -> str:
    """``./apps/hello`` -> ``apps/hello/``; the whole repository is an empty text."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "".join(f"{part}/" for part in parts)


def parse(files: Mapping[str, str]) -> tuple[Tree, list[Finding]]:
    """The objects in every YAML file that Flux would look at, and what could not be read."""
    objects: list[Object] = []
    findings: list[Finding] = []
    for name, text in sorted(files.items()):
        if name.endswith((".yaml", ".yml")) and not any(part.startswith(".") for part in name.split("/")):
            there, wrong = _parse_file(name, text)
            objects += there
            findings += wrong
    return Tree(frozenset(files), tuple(objects)), findings


@lru_cache(maxsize=256)  # a repository is checked more than once in a run
def _parse_file(name: str, text: str) -> tuple[tuple[Object, ...], tuple[Finding, ...]]:
    try:
        documents = yamlfile.load_all_marked(text)
    except ValueError as error:
        return (), (_unreadable(name, str(error)),)
    objects = tuple(Object(name, plain(one), one) for one in documents if isinstance(one, Mapping))
    return objects, tuple(_not_objects(name, documents))


def _unreadable(name: str, error: str) -> Finding:
    where, colon, why = error.partition(": ")
    number = where.removeprefix("line ")
    if colon and number.isdigit():
        return Finding(name, int(number), f"This is not YAML: {why}.")
    return Finding(name, 0, f"This is not YAML: {error}.")


def _not_objects(name: str, documents: Sequence[Any]) -> Iterator[Finding]:
    for document in documents:
        if document is not None and not isinstance(document, Mapping):
            yield Finding(name, 0, "This holds something that is no Kubernetes object.", "Each begins with apiVersion.")
