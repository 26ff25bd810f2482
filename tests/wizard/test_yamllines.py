"""YAML read fast: the values that Kubernetes' tools see, and the line of each."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from wizard.yamllines import documents


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("a: 1", {"a": 1}), ("a: '1'", {"a": "1"}), ('a: "true"', {"a": "true"}), ("a: true", {"a": True}),
        ("a: yes", {"a": "yes"}), ("a: on", {"a": "on"}), ("a: 1:30", {"a": "1:30"}), ("a: 1.5", {"a": 1.5}),
        ("a: 0o644", {"a": 0o644}), ("a: 0x1F", {"a": 31}), ("a: 0400", {"a": 256}), ("a: 08", {"a": 8}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a:", {"a": None}), ("a: ~", {"a": None}), ("a: !!str 12", {"a": "12"}), ("a: !Ref b", {"a": "b"}),
        ("a: |\n  b\n", {"a": "b\n"}), ("{a: [1, b]}", {"a": [1, "b"]}), ("1: a\ntrue: b", {"1": "a", "true": "b"}),
        ("a: &x {b: 1}\nc: *x", {"a": {"b": 1}, "c": {"b": 1}}), ("a: &x 1\nb: &x 2\nc: *x", {"a": 1, "b": 2, "c": 2}),
        ("a: &x {b: 1, c: 2}\nd: {<<: *x, b: 3}", {"a": {"b": 1, "c": 2}, "d": {"b": 3, "c": 2}}),
        ("a: <<", {"a": "<<"}), ("\ufeffa: 1", {"a": 1}),
    ],
)  # fmt: skip
def test_values(text: str, data: Any) -> None:
    assert [one.data for one in documents(text)] == [data]


def test_every_document_that_holds_something() -> None:
    assert [one.data for one in documents("---\na: 1\n---\n---\n# nothing\n---\nb\n")] == [{"a": 1}, "b"]
    assert documents("") == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2", "line 2: the key a is there twice"), ("a: [", "line 2: "), ("\ta: 1", "line 1: "),
        ("? [a]\n: 1", "line 1: a key must be a text"), ("a: *b", "line 1: the alias b leads nowhere"),
        ("a: &a\n  b: *a", "line 2: the alias a leads nowhere"), ("[" * 900 + "]" * 900, "deep|depth"),
        ("[" * 9000, "deep|depth"), ("- " * 9000 + "a", "deep|depth"), ("a: \x00", "unacceptable character"),
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_what_is_no_yaml_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        documents(text)


def test_aliases_that_would_fill_the_memory_are_refused() -> None:
    names = "abcdefghij"
    text = "a: &a [x, x, x, x, x, x, x, x, x]\n"
    for before, name in pairwise(names):
        text += f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
    with pytest.raises(ValueError, match="unfold to more than"):
        documents(text)


def test_lines() -> None:
    (one,) = documents("# first\na: 1\nb:\n  - c\n  - d: 2\n    e: 3\nf: &x {g: 1}\nh: *x\n")
    assert one.first == 2
    assert one.line(()) == 2
    assert (one.line(("b",)), one.line(("b", 0)), one.line(("b", 1, "e"))) == (3, 4, 6)
    assert one.line(("b", 7, "e")) == 3, "as far as the way goes"
    assert one.line(("h", "g")) == 7, "where it is written"
