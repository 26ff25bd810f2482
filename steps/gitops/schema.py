"""Plain data against a schema: the part of JSON Schema that Kubernetes' own schemas and those of charts use.

Stricter than the cluster: where a schema names fields, others are refused, unless it keeps them
(`additionalProperties`, `x-kubernetes-preserve-unknown-fields`). A cluster drops an unknown field without a word.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steps.gitops.tree import pattern

Way = tuple[str | int, ...]
_PRIVATE = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
Schema = Mapping[str, Any]
OPEN = "x-kubernetes-preserve-unknown-fields"
SOFT = "x-soft"  # beside additionalProperties: false that is ours, not the chart's own
EITHER = "x-kubernetes-int-or-string"
_NAMES: Mapping[str, tuple[type, str]] = {
    "object": (Mapping, "a mapping"), "array": (list, "a list"), "string": (str, "a text"),
    "integer": (int, "a whole number"), "number": (float, "a number"), "boolean": (bool, "true or false"),
    "null": (type(None), "nothing"),
}  # fmt: skip


@dataclass(frozen=True)
class Complaint:
    """`code`: field-unknown, field-ignored (unknown, but not forbidden), field-missing, field-type or field-value."""

    code: str
    way: Way
    what: str
    fix: str = ""


@dataclass(frozen=True)
class Checker:
    """Checks by the schemas in `root`, where ``$ref`` leads. `nullable`: nothing may stand in every field's place."""

    root: Schema
    nullable: bool = False
    closed: bool = True

    def check(self, body: Any, schema: Schema, way: Way = ()) -> Iterator[Complaint]:
        """Every complaint about `body`. What is a variable or encrypted is not looked into."""
        while "$ref" in schema:
            schema = self._ref(schema["$ref"])
        if undecided(body) or (body is None and (self.nullable or schema.get("nullable"))):
            return
        if wrong := _wrong_type(body, schema, way):
            yield Complaint("field-type", way, wrong, _unquoted(body, schema) or "Write a value of that kind.")
            return
        yield from _value(body, schema, way)
        if isinstance(body, Mapping):
            yield from self._mapping(body, schema, way)
        elif isinstance(body, list):
            yield from self._list(body, schema, way)
        yield from self._choices(body, schema, way)

    def _ref(self, ref: str) -> Schema:
        place: Any = self.root
        for step in ref.removeprefix("#").split("/")[1:]:
            place = place.get(step, {})
        return place if isinstance(place, Mapping) else {}

    def _mapping(self, body: Mapping[str, Any], schema: Schema, way: Way) -> Iterator[Complaint]:
        known: Mapping[str, Any] = schema.get("properties") or {}
        rest = schema.get("additionalProperties")
        for field in schema.get("required") or ():
            if field not in body:
                yield Complaint("field-missing", way, f"{field} is missing", f"Add {field}.")
        for key, value in body.items():
            if key in known:
                if value is not None or key in (schema.get("required") or ()):
                    yield from self.check(value, known[key], (*way, key))
            elif isinstance(rest, Mapping):
                yield from self.check(value, rest, (*way, key))
            elif rest is False or (rest is None and known and self.closed and not schema.get(OPEN)):
                code = "field-ignored" if rest is None or schema.get(SOFT) else "field-unknown"
                yield Complaint(code, (*way, key), f"there is no field {key} here", _close(key, known))

    def _list(self, body: list[Any], schema: Schema, way: Way) -> Iterator[Complaint]:
        items = schema.get("items")
        if isinstance(items, Mapping):
            for number, value in enumerate(body):
                yield from self.check(value, items, (*way, number))
        seen: set[str] = set()
        for number, value in enumerate(body):
            keys = schema.get("x-kubernetes-list-map-keys") or ()
            if not keys or not isinstance(value, Mapping):
                continue
            alike = ", ".join(f"{key} {value[key]}" for key in keys if key in value)
            if alike and alike in seen:
                yield Complaint("field-value", (*way, number), f"{alike} is there twice", "Each may be there once.")
            seen.add(alike)

    def _choices(self, body: Any, schema: Schema, way: Way) -> Iterator[Complaint]:
        for one in schema.get("allOf") or ():
            yield from self._loosely(body, one, way)
        for word in ("anyOf", "oneOf"):
            choices: Sequence[Schema] = schema.get(word) or ()
            if choices and not schema.get(EITHER):
                fitting = self._fitting(body, choices, way)
                if fitting == 0 or (word == "oneOf" and fitting > 1):
                    yield self._none(choices, way)
        if "not" in schema and not any(self._loosely(body, schema["not"], way)):
            yield Complaint("field-value", way, "these fields do not go together", "Leave one of them out.")

    def _fitting(self, body: Any, choices: Sequence[Schema], way: Way) -> int:
        return sum(1 for one in choices if not any(self._loosely(body, one, way)))

    def _loosely(self, body: Any, schema: Schema, way: Way) -> Iterator[Complaint]:
        """By a schema that only adds to another one: it need not name every field."""
        return Checker(self.root, self.nullable, closed=False).check(body, schema, way)

    def _none(self, choices: Sequence[Schema], way: Way) -> Complaint:
        needed = [", ".join(one["required"]) for one in choices if one.get("required")]
        if len(needed) == len(choices):
            return Complaint("field-missing", way, f"exactly one of these is needed: {'; '.join(needed)}", "Add one.")
        return Complaint(
            "field-value", way, "this is none of the things that may stand here", "Compare with its description."
        )


def undecided(body: Any) -> bool:
    """Whether `body` is a text that becomes something else later: a variable of Flux, or what sops encrypted."""
    return isinstance(body, str) and ("${" in body or body.startswith("ENC[AES256_GCM,"))


def _wrong_type(body: Any, schema: Schema, way: Way) -> str:
    """What `body` should have been; empty when it is of the right type."""
    if schema.get(EITHER):
        kinds: Sequence[str] = ("integer", "string")
    else:
        wanted = schema.get("type") or ()
        kinds = (wanted,) if isinstance(wanted, str) else wanted
    if not kinds or any(_is(body, kind) for kind in kinds):
        return ""
    names = " or ".join(_NAMES[kind][1] for kind in kinds if kind in _NAMES)
    return f"{_shown(body, way)} is not {names}"


def _is(body: Any, kind: str) -> bool:
    if isinstance(body, bool):
        return kind == "boolean"
    if kind == "number":
        return isinstance(body, int | float)
    if kind == "integer":
        return isinstance(body, int) or (isinstance(body, float) and body.is_integer())
    return kind in _NAMES and isinstance(body, _NAMES[kind][0])


def _unquoted(body: Any, schema: Schema) -> str:
    if schema.get("type") == "string" and isinstance(body, bool | int | float):
        return "Put it in quotes."
    if isinstance(body, str) and schema.get("type") in ("integer", "number", "boolean"):
        return "Leave the quotes out." if re.fullmatch(r"\d+|true|false", body) else ""
    return ""


def _value(body: Any, schema: Schema, way: Way) -> Iterator[Complaint]:
    if "const" in schema and body != schema["const"]:
        yield Complaint("field-value", way, f"{_shown(body, way)} is not {schema['const']}", "Write that.")
    if (choices := schema.get("enum")) and body not in choices:
        fix = (
            f"Choose one of: {', '.join(str(one) or '(empty)' for one in choices)}."
            if len(choices) < 20
            else "Is it spelt right?"
        )
        yield Complaint("field-value", way, f"{_shown(body, way)} is not one of the known values", fix)
    if isinstance(body, str):
        if (found := pattern(schema.get("pattern") or "")) and not found.search(body):
            fix = f"The form: {schema.get('pattern')}"
            yield Complaint("field-value", way, f"{_shown(body, way)} has not the right form", fix)
        yield from _range(len(body), schema, "Length", "this text is", "characters long", way)
    elif isinstance(body, int | float) and not isinstance(body, bool):
        if body < schema.get("minimum", body) or body > schema.get("maximum", body):
            low, high = schema.get("minimum", "…"), schema.get("maximum", "…")
            yield Complaint("field-value", way, f"{body} is out of range", f"It must be from {low} to {high}.")
    elif isinstance(body, list):
        yield from _range(len(body), schema, "Items", "the list has", "items", way)
    elif isinstance(body, Mapping):
        yield from _range(len(body), schema, "Properties", "it has", "fields", way)


def _range(size: int, schema: Schema, of: str, begin: str, end: str, way: Way) -> Iterator[Complaint]:
    low, high = schema.get(f"min{of}", 0), schema.get(f"max{of}")
    if size < low or (high is not None and size > high):
        wanted = f"at least {low}" if size < low else f"at most {high}"
        yield Complaint("field-value", way, f"{begin} {size} {end}", f"It must be {wanted}.")


def _close(key: str, known: Mapping[str, Any]) -> str:
    if found := difflib.get_close_matches(key, known, 1, 0.75):
        return f"Is {found[0]} meant?"
    return f"Known here: {', '.join(sorted(known))}." if len(known) <= 12 else "Is it at the right place, spelt right?"


def _shown(body: Any, way: Way) -> str:
    """A value in a sentence. One that may be a secret is never shown."""
    if isinstance(body, Mapping | list):
        return "a mapping" if isinstance(body, Mapping) else "a list"
    if body is None:
        return "nothing"
    if isinstance(body, bool):
        return str(body).lower()
    if way and _PRIVATE.search(str(way[-1])):
        return "this value"
    text = f'"{body}"' if isinstance(body, str) else str(body)
    return text if len(text) <= 60 else f"{text[:57]}…"
