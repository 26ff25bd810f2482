"""YAML in and out: plain values, comments kept, mistakes in one line with its number."""

from __future__ import annotations

import sys

import pytest

from wizard import yamlfile


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\nb: [x, 'y', 2.5, true, null]\n", {"a": 1, "b": ["x", "y", 2.5, True, None]}),
        ("on: no\n", {"on": "no"}), ("a: &x true\nb: *x\n", {"a": True, "b": True}), ("", None), ("text", "text"),
        ("a: |\n  two\n  lines\n", {"a": "two\nlines\n"}), ("1: one\n", {"1": "one"}),
    ],
)  # fmt: skip
def test_plain_values_come_out(text: str, value: object) -> None:
    found = yamlfile.load(text)
    assert found == value
    assert type(found) in (dict, str, type(None))
    if isinstance(found, dict):
        assert {type(each) for each in found.values()} <= {str, int, bool, list}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\nb: [\n", "line"), ("a: 1\na: 2\n", "line 2: found duplicate key"), ("a: 'x\n", "line"),
        ("a: 1\n b: 2\n", "line 2"), ("a: \x00\n", "special characters"), 
        ("a: *nowhere\n", "line 1"), ("a: 1\n---\nb: 2\n", "line 2"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_line_that_says_where(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        yamlfile.load(text)
    assert "\n" not in str(caught.value)


def test_every_document_is_read_and_written() -> None:
    text = "---\na: 1\n---\n---\nb: 2\n"
    assert yamlfile.load_all(text) == [{"a": 1}, {"b": 2}]
    assert yamlfile.load_all(yamlfile.dump({"a": 1}, {"b": 2})) == [{"a": 1}, {"b": 2}]


def test_comments_and_quotes_stay() -> None:
    text = '# why\na: "1"   # quoted\nlist:\n  - x\n'
    assert yamlfile.dump(yamlfile.load_marked(text)) == text


def test_the_same_bytes_every_time() -> None:
    data = {"b": 1, "a": ["x" * 200, {"c": None}], "text": "two\nlines"}
    assert yamlfile.dump(data) == yamlfile.dump(data)
    assert yamlfile.load(yamlfile.dump(data)) == data


def test_nesting_without_end_is_a_mistake_too() -> None:
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(400)
    try:
        with pytest.raises(ValueError, match="nested too deeply"):
            yamlfile.load("[" * 300)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.parametrize(
    "data",
    [
        {}, [], "", None, True, 0, -1.5, "text", {"a": {}, "b": [], "c": None, "d": False},
        {"a": {"b": {"c": [1, [2, [3, {"d": "e", "f": ["g"]}]], {}]}}},
        {"list": [{"a": 1, "b": [{"c": 2}]}, [], [[]], "x"]},
        ["yes", "No", "on", "null", "~", "", " ", "a: b", "a #b", "- a"],
        ["192.168.1.11", "1.5", "1e3", "0x1f", "012", "1_000"],
        ["2026-11-23T15:08:34+00:00", "two\nlines", "tab\t", "\"quoted\"", "it's", "{a}", "[b]"],
        ["&x", "*x", "!t", "%d", "@a"],
        ["ünïcode ✓ 🍓", "\u2028", "\x7f", "a" * 500, "a  b", "/a/b-c.d@e+f"],
        ["key:", ":", "?", "|", ">", "`", ".", "-"],
        {"yes": 1, "192.168.1.11": {"a b": 2}, "": 3, "1": 4, "a: b": 5, "#": 6},
    ],
)  # fmt: skip
def test_the_fast_way_says_the_same(data: object) -> None:
    assert yamlfile.load(yamlfile.dump_plain(data)) == data


def test_the_fast_way_refuses_what_it_does_not_know() -> None:
    with pytest.raises(TypeError):
        yamlfile.dump_plain({"a": object()})


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"a": 1, "b": ["x", "y z", None, True]}, '{a: 1, b: [x, "y z", null, true]}'), ("no", '"no"'), ([], "[]"),
        ({"a b": {"c": "d, e"}}, '{"a b": {c: "d, e"}}'), ("two\nlines", '"two\\nlines"'), ({}, "{}"),
    ],
)  # fmt: skip
def test_one_line_of_yaml(data: object, text: str) -> None:
    assert yamlfile.flow(data) == text and yamlfile.load(text) == data


def test_events_have_their_places_and_mistakes_their_lines() -> None:
    scalars = [event for event in yamlfile.events("a: x # y\n") if hasattr(event, "value")]
    assert [(event.value, event.start_mark.index) for event in scalars] == [("a", 0), ("x", 3)]
    with pytest.raises(ValueError, match="line 2"):
        yamlfile.events("a: 1\n b: 2\n")


def test_every_reader_gets_its_own_copy() -> None:
    """What was read is remembered; nobody's change may reach the next one."""
    text = "a: {b: [1]}\n---\nc: 2\n"
    first, every = yamlfile.load("a: {b: [1]}"), yamlfile.load_all(text)
    first["a"]["b"].append(2)
    every[0]["a"]["b"].append(2)
    assert yamlfile.load("a: {b: [1]}") == {"a": {"b": [1]}}
    assert yamlfile.load_all(text) == [{"a": {"b": [1]}}, {"c": 2}]
