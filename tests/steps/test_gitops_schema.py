"""Objects against schemas, and that the schemas which come with homelab are understood."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from steps.gitops import charts, schemas
from steps.gitops.schema import Checker
from wizard import assets
from wizard.yamllines import documents

FILES = sorted((assets.root() / "schemas").glob("*/*.json"))
UNDERSTOOD = {
    "type", "properties", "required", "items", "additionalProperties", "enum", "const", "pattern", "minimum", "maximum",
    "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "anyOf", "oneOf",
    "allOf", "not",
    "$ref", "$defs", "definitions", "nullable", "x-kubernetes-int-or-string", "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-list-map-keys", "x-kubernetes-embedded-resource", "x-scope", "x-soft", "x-commented",
}  # fmt: skip


def words(schema: Any, *, names: bool = False) -> Iterator[str]:
    """Every word of a schema; the names of properties are none."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if not names:
                yield key
            yield from words(value, names=key in ("properties", "$defs", "definitions") and not names)
    elif isinstance(schema, list):
        for one in schema:
            yield from words(one)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_word_of_every_schema_is_understood(file: Any) -> None:
    assert set(words(json.loads(file.read_text()))) <= UNDERSTOOD


def test_the_kinds_of_what_is_installed_are_there() -> None:
    known = {version.partition("/")[0] for version, _ in schemas.installed()}
    assert {"gateway.networking.k8s.io", "metallb.io", "cert-manager.io", "helm.toolkit.fluxcd.io"} <= known
    assert len(schemas.built_in()) > 70
    assert not schemas.built_in()["v1", "Namespace"].namespaced
    assert schemas.built_in()["apps/v1", "Deployment"].namespaced


def test_there_is_a_schema_for_every_chart_that_is_installed() -> None:
    for name in assets.versions()["charts"]:
        assert charts.schema(name), name


SCHEMA = {
    "type": "object", "required": ["name"],
    "properties": {
        "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"}, "port": {"type": "integer", "maximum": 9},
        "target": {"x-kubernetes-int-or-string": True}, "on": {"type": "boolean"}, "kind": {"enum": ["a", "b"]},
        "open": {"type": "object", "additionalProperties": {"type": "string"}}, "any": {"type": "object"},
        "kept": {"type": "object", "properties": {"x": {}}, "x-kubernetes-preserve-unknown-fields": True},
        "list": {"type": "array", "maxItems": 3, "items": {"$ref": "#/definitions/item"},
                 "x-kubernetes-list-map-keys": ["key"]},
        "one": {"type": "object", "properties": {"a": {}, "b": {}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        "not": {"type": "object", "properties": {"a": {}, "b": {}}, "not": {"required": ["a", "b"]}},
    },
    "definitions": {"item": {"type": "object", "properties": {"key": {"type": "string"}}}},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: ab", []), ("{}", ["field-missing"]), ("name: a", ["field-value"]), ("name: a1", ["field-value"]),
        ("name: 12", ["field-type"]), ("{name: ab, port: '1'}", ["field-type"]),
        ("{name: ab, port: 10}", ["field-value"]),
        ("{name: ab, port: 1.0}", []), ("{name: ab, port: true}", ["field-type"]), ("{name: ab, target: http}", []),
        ("{name: ab, target: 80}", []), ("{name: ab, target: [80]}", ["field-type"]),
        ("{name: ab, on: 'true'}", ["field-type"]),
        ("{name: ab, kind: c}", ["field-value"]), ("{name: ab, open: {x: y}}", []),
        ("{name: ab, open: {x: 1}}", ["field-type"]),
        ("{name: ab, any: {x: {y: 1}}}", []), ("{name: ab, kept: {y: 1}}", []),
        ("{name: ab, nam: ab}", ["field-ignored"]),
        ("{name: ab, list: [{key: a}, {key: a}]}", ["field-value"]),
        ("{name: ab, list: [{kay: a}]}", ["field-ignored"]),
        ("{name: ab, list: [{}, {}, {}, {}]}", ["field-value"]), ("{name: ab, one: {a: 1}}", []),
        ("{name: ab, one: {}}", ["field-missing"]), ("{name: ab, one: {a: 1, b: 1}}", ["field-missing"]),
        ("{name: ab, not: {a: 1, b: 1}}", ["field-value"]), ("{name: ab, port: '${PORT}'}", []),
        ("{name: ab, port: null}", []), ("{name: 'ENC[AES256_GCM,x]'}", []), ("[]", ["field-type"]),
    ],
)  # fmt: skip
def test_checks(text: str, said: list[str]) -> None:
    (document,) = documents(text)
    assert [one.code for one in Checker(SCHEMA).check(document.data, SCHEMA)] == said


@pytest.mark.parametrize(
    ("memory", "good"), [("64Mi", True), ("1", True), ("1.5", True), ("500m", True), ("64MB", False), ("lots", False)]
)
def test_quantities(memory: str, good: bool) -> None:
    kind = schemas.built_in()["v1", "Pod"]
    (pod,) = documents(f"spec: {{containers: [{{name: a, resources: {{limits: {{memory: {memory}}}}}}}]}}")
    assert ([*kind.checker.check(pod.data, kind.schema)] == []) is good


def test_a_value_that_may_be_secret_is_not_shown() -> None:
    schema = {"type": "object", "properties": {"apiToken": {"type": "string"}}}
    (one,) = Checker(schema).check({"apiToken": 4711}, schema)
    assert "4711" not in one.what
