"""Variables in objects (`postBuild` of a Flux Kustomization), filled in as far as their values are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steps.gitops.tree import Object, get, items, mapping
from wizard.yamllines import plain

LABEL = "kustomize.toolkit.fluxcd.io/substitute"
_INSIDE = re.compile(r"(\w+)(?::?[-=](.*))?", re.ASCII | re.DOTALL)


@dataclass
class Variables:
    """`known` values; `complete` when there can be no others. `missed` collects uses that lead nowhere."""

    known: Mapping[str, str]
    complete: bool
    missed: list[tuple[Object, tuple[str | int, ...], str]] = field(default_factory=list)

    def fill(self, one: Object) -> Object:
        """The object with its variables replaced. What is not known stays as it is."""
        for place in ("labels", "annotations"):
            if get(one.meta, place, LABEL) == "disabled":
                return one
        filled = self._fill(one, one.body, ())
        return one if filled is one.body else one.with_body(filled)

    def _fill(self, one: Object, body: Any, way: tuple[str | int, ...]) -> Any:
        if isinstance(body, str):
            return self._text(one, body, way) if "${" in body else body
        if isinstance(body, Mapping):
            made = {key: self._fill(one, value, (*way, key)) for key, value in body.items()}
            return made if any(made[key] is not body[key] for key in made) else body
        if isinstance(body, list):
            new = [self._fill(one, value, (*way, number)) for number, value in enumerate(body)]
            return new if any(a is not b for a, b in zip(new, body, strict=True)) else body
        return body

    def _text(self, one: Object, text: str, way: tuple[str | int, ...]) -> Any:
        made: list[str] = []
        rest = text
        while (begin := rest.find("${")) >= 0:
            end = _closing(rest, begin)
            escaped = rest[:begin].endswith("$")  # $${…} is for a shell, not for Flux
            if end < 0 or escaped:
                made.append(rest[: begin + 2])
                rest = rest[begin + 2 :]
                continue
            value = self._value(one, rest[begin + 2 : end], way)
            made += [rest[:begin], rest[begin : end + 1] if value is None else value]
            rest = rest[end + 1 :]
        filled = "".join(made) + rest
        whole = text.startswith("${") and _closing(text, 0) == len(text) - 1
        return _read_again(filled) if whole and filled != text else filled

    def _value(self, one: Object, inside: str, way: tuple[str | int, ...]) -> str | None:
        """What a use stands for; None when that can't be told."""
        found = _INSIDE.fullmatch(inside)
        if found is None:
            return None
        name, default = found.groups()
        if name in self.known and (self.known[name] or default is None):
            return self.known[name]
        if default is not None:
            return str(self._text(one, default, way))
        if self.complete:
            self.missed.append((one, way, str(name)))
        return None


def _read_again(text: str) -> Any:
    """What Flux makes of a text that a variable became: it reads the YAML once more."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'"
    return text[1:-1] if quoted else plain(text)


def _closing(text: str, begin: int) -> int:
    """Where the variable that begins at `begin` ends; one may be the default of another."""
    depth, place = 0, begin
    while place < len(text):
        if text.startswith("${", place):
            depth += 1
            place += 1
        elif text[place] == "}":
            depth -= 1
            if depth == 0:
                return place
        place += 1
    return -1


def of_part(part: Object, objects: Mapping[tuple[str, str, str], Object]) -> Variables | None:
    """The variables that a Flux Kustomization fills in; None when it fills in none.

    `objects` are the ConfigMaps and Secrets that are known, by kind, namespace and name.
    """
    given = mapping(part.spec.get("postBuild"))
    if not given.get("substitute") and not given.get("substituteFrom"):
        return None
    known: dict[str, str] = {}
    complete = True
    for _, source in items(given.get("substituteFrom")):
        kind = str(source.get("kind"))
        one = objects.get((kind, part.namespace, str(source.get("name"))))
        if one is None:
            complete = False
            continue
        data = {**mapping(one.body.get("data")), **mapping(one.body.get("stringData"))}
        secret = kind == "Secret"  # it has a value, which nobody may know here
        known |= {key: f"${{{key}}}" if secret else str(value) for key, value in data.items()}
    known |= {key: str(value) for key, value in mapping(given.get("substitute")).items()}
    return Variables(known, complete)
