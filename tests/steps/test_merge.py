"""A person's edits and homelab's changes meet in one file: tables of cases, and what must hold for any of them."""

from __future__ import annotations

import io
import random
from pathlib import Path
from typing import Any

import pytest

from steps.gitops.merge import merge, same
from wizard import yamlfile

FOLDER = Path(__file__).parent.parent / "cases" / "merge"
CASES: list[dict[str, Any]] = [
    case for file in sorted(FOLDER.glob("*.yaml")) for case in yamlfile.load(file.read_text(encoding="utf-8"))
]


def sides(case: dict[str, Any]) -> tuple[str, str, str]:
    return case["base"], case.get("theirs", case["base"]), case.get("wanted", case["base"])


@pytest.mark.parametrize("case", CASES, ids=[case["case"].replace(" ", "-") for case in CASES])
def test_yaml(case: dict[str, Any]) -> None:
    base, theirs, wanted = sides(case)
    found = merge("f.yaml", base, theirs, wanted)
    assert found.text == case["merged"]
    assert {c.way: [c.line, c.theirs, c.wanted] for c in found.conflicts} == case.get("conflicts", {})
    taken = merge("f.yaml", base, theirs, wanted, lambda conflict: True)
    assert taken.text == case.get("taken", case["merged"]) and taken.conflicts == found.conflicts


# -- any text ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "theirs", "wanted", "merged", "clashes"),
    [
        ("a\nb\nc\nd\n", "a\nmine\nb\nc\nd\n", "a\nb\nc\nD\n", "a\nmine\nb\nc\nD\n", []),
        ("a\nb\nc\n", "b\nc\n", "a\nb\nc\nnew\n", "b\nc\nnew\n", []),
        ("a\nb\nc\n", "a\nmine\nc\n", "a\nnew\nc\n", "a\nmine\nc\n", [("line 2", "mine\n", "new\n")]),
        ("a\nb\nc\n", "a\nc\n", "a\nnew\nc\n", "a\nc\n", [("line 2", "", "new\n")]),
        ("a\nb\n", "a\nsame\n", "a\nsame\n", "a\nsame\n", []),
        ("a\nb\nc\nd\n", "A\r\nb\r\nc\r\nd\r\n", "a\nb\nc\nd\ne\n", "A\r\nb\r\nc\r\nd\r\ne\r\n", []),
        ("a\nb\nc\n", "a  \nb\nc", "a\nb\nc\nd\n", "a  \nb\nc\nd\n", []),
        ("a\nb\nc\n", "\ufeffA\nb\nc\n", "a\nb\nC\n", "\ufeffA\nb\nC\n", []),
        ("a\nb\na\nb\n", "a\nb\nmine\na\nb\n", "a\nb\na\nb\na\nb\n", "a\nb\nmine\na\nb\na\nb\n", []),
        ("a\nb\n", "x\ny\n", "", "x\ny\n", [("line 1", "x\ny\n", "")]),
    ],
)
def test_lines(base: str, theirs: str, wanted: str, merged: str, clashes: list[tuple[str, str, str]]) -> None:
    found = merge("README.md", base, theirs, wanted)
    assert found.text == merged
    assert [(one.way, one.theirs, one.wanted) for one in found.conflicts] == clashes
    assert merge("README.md", wanted, merged, wanted).text == merged


def test_several_places_are_decided_one_by_one() -> None:
    base, theirs, wanted = "a\n-\nb\n-\nc\n", "A\n-\nb\n-\nC\n", "1\n-\n2\n-\n3\n"
    found = merge("README.md", base, theirs, wanted, lambda conflict: conflict.key == "README.md#line 5")
    assert found.text == "A\n-\n2\n-\n3\n" and [one.key for one in found.conflicts] == [
        "README.md#line 1", "README.md#line 5"
    ]  # fmt: skip


def test_lines_of_json_are_only_merged_to_json() -> None:
    base, theirs = '{\n"a": 1\n}\n', '{\n"mine": 0,\n"a": 1\n}\n'
    assert merge("f.json", base, theirs, '{\n"a": 1\n}\n\n').text == theirs + "\n"
    (found,) = merge("f.json", "[\n1,\n2\n]\n", "[\n1\n]\n", "[\n0,\n1,\n2\n]\n").conflicts
    assert found.key == "f.json#line 2"
    base, theirs = "[\n1\n\n]\n", '{"x":\n1\n\n}\n'
    merged = merge("f.json", base, theirs, "[\n1\n,2\n\n]\n")
    assert merged.text == theirs and [one.key for one in merged.conflicts] == ["f.json"]


# -- whole files ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "theirs", "wanted", "merged", "taken"),
    [
        ("a: 1\n", "a: 1\n", None, None, None), ("a: 1\n", None, "a: 1\n", None, None),
        (None, None, "a: 1\n", "a: 1\n", "a: 1\n"), ("a: 1\n", "a: 2\n", None, "a: 2\n", None),
        ("a: 1\n", None, "a: 2\n", None, "a: 2\n"), (None, "a: 2\n", "a: 3\n", "a: 2\n", "a: 3\n"),
        (None, "a: 2\n", "a: 2\n", "a: 2\n", "a: 2\n"), (None, "a: 2\n", None, "a: 2\n", "a: 2\n"),
        ("a: 1\n", "a: [\n", "a: 2\n", "a: [\n", "a: 2\n"),
        ("a: 1\n", "a: 1\na: 2\n", "a: 2\n", "a: 1\na: 2\n", "a: 2\n"),
        ("a: 1\n", "a: !mine 1\n", "a: 2\n", "a: !mine 1\n", "a: 2\n"),
        ("a: 1\n", "a: *x\n", "a: 2\n", "a: *x\n", "a: 2\n"), ("a: 1\n", "\ta: 1\n", "a: 2\n", "\ta: 1\n", "a: 2\n"),
        ("a: 1\n", "a: \ufffd\n", "a: 2\n", "a: \ufffd\n", "a: 2\n"), ("a: 1\n", "- a\n", "a: 2\n", "- a\n", "a: 2\n"),
    ],
)  # fmt: skip
def test_a_file_that_can_only_be_taken_as_a_whole(
    base: str | None, theirs: str | None, wanted: str | None, merged: str | None, taken: str | None
) -> None:
    found = merge("f.yaml", base, theirs, wanted)
    assert (found.text, merge("f.yaml", base, theirs, wanted, lambda conflict: True).text) == (merged, taken)
    assert [one.key for one in found.conflicts] == (["f.yaml"] if merged != taken else [])


def test_what_can_not_be_read_is_said_with_its_line() -> None:
    (found,) = merge("f.yaml", "a: 1\n", "b: 1\na: 1\na: 2\n", "a: 2\n").conflicts
    assert (found.line, found.reason) == (3, "It can't be read: the key a is there twice.")
    assert found.diff().splitlines()[:2] == ["f.yaml:3", found.reason]


def test_a_conflict_is_shown_as_a_diff() -> None:
    base, theirs, wanted = "s:\n  a: 1\n", "# mine\ns:\n  a: 2 # two\n", "s:\n  a: [3]\n"
    (found,) = merge("d/f.yaml", base, theirs, wanted).conflicts
    assert found.key == "d/f.yaml#s.a" and found.diff() == "d/f.yaml:3 s.a\n-a: 2\n+a: [3]"


# -- whatever the texts ----------------------------------------------------------------------------------------


def looks(data: Any, dice: random.Random) -> str:
    """`data` as one of the ways to write it: order, indentation, quotes, brackets, comments."""
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap, CommentedSeq
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    def dressed(value: Any, flow: bool = False) -> Any:
        if isinstance(value, str) and dice.random() < 0.3:
            return DoubleQuotedScalarString(value)
        if not isinstance(value, dict | list):
            return value
        flow = flow or dice.random() < 0.2
        made: Any = CommentedMap() if isinstance(value, dict) else CommentedSeq()
        if isinstance(value, dict):
            keys = list(value)
            dice.shuffle(keys)
            made.update({key: dressed(value[key], flow) for key in keys})
            if keys and not flow and dice.random() < 0.3:
                made.yaml_add_eol_comment(f"mine {dice.random()}", keys[0])
        else:
            made.extend(dressed(one, flow) for one in value)
        if flow:
            made.fa.set_flow_style()
        return made

    yaml, out = YAML(), io.StringIO()
    yaml.indent(mapping=dice.choice((2, 4)), sequence=(offset := dice.choice((0, 2))) + 2, offset=offset)
    yaml.dump(dressed(data), out)
    return f"# {dice.random()}\n{out.getvalue()}"


def some(dice: random.Random, depth: int = 0) -> Any:
    kind = dice.random()
    if depth > 2 or kind < 0.4:
        return dice.choice(("x", "y z", "10", "a: b", "# no", "it's", "two\nlines\n", "", True, None, 7))
    if kind < 0.8:
        return {key: some(dice, depth + 1) for key in dice.sample("abcdef", dice.randint(1, 4))}
    if kind < 0.9:
        return [{"name": name, "v": some(dice, depth + 1)} for name in dice.sample("nmop", dice.randint(1, 3))]
    return [some(dice, 3) for _ in range(dice.randint(1, 3))]


def other(data: Any, dice: random.Random) -> Any:
    """`data` with a few changes."""
    if isinstance(data, dict) and data:
        made = {key: other(value, dice) for key, value in data.items() if dice.random() > 0.05}
        return made | ({dice.choice("ghi"): some(dice, 2)} if dice.random() < 0.2 else {})
    if isinstance(data, list):
        return [other(one, dice) for one in data if dice.random() > 0.1]
    return some(dice, 3) if dice.random() < 0.15 else data


@pytest.mark.parametrize("seed", range(60))
def test_what_holds_for_all_texts(seed: int) -> None:
    dice = random.Random(seed)  # noqa: S311
    data = {"kind": "A", "spec": {key: some(dice) for key in "abcd"}}
    base, wanted = looks(data, dice), looks({"kind": "A", "spec": other(data["spec"], dice)}, dice)
    clothes = looks(data, dice)
    theirs = looks({"kind": "A", "spec": other(data["spec"], dice)}, dice)
    assert merge("f.yaml", base, theirs, base).text == theirs, "nothing from homelab: not one byte"
    assert merge("f.yaml", base, base, wanted).text == wanted, "nothing from the person: all of homelab's"
    dressed = merge("f.yaml", base, clothes, wanted)
    assert not dressed.conflicts and same(dressed.text or "", wanted), "another look is no change"
    assert clothes.splitlines()[0] in (dressed.text or ""), "the person's comments stay"
    for take in (False, True):
        found = merge("f.yaml", base, theirs, wanted, lambda conflict, take=take: take)
        assert not any(one.reason for one in found.conflicts)
        assert merge("f.yaml", wanted, found.text, wanted).text == found.text, "once is enough"
