"""The file that an interview can begin with, and the schema: from the questions' data alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.wizard.test_answers import RIGHT, STEPS, Machines
from wizard import answers, answersform, yamlfile
from wizard.errors import BadInput
from wizard.question import CHOICE, SECRET, TEXT, Choice, Question


def line_of(text: str, key: str) -> str:
    (found,) = [line for line in text.splitlines() if line.strip().lstrip("#").startswith(f"{key}:")]
    return found.strip()


@pytest.mark.parametrize(
    ("key", "line"),
    [
        ("network", "network:  # needed: network"), ("user", "#user: pi  # text"),
        ("extra", "#extra: {a: [1]}  # mapping"),
        ("password", "#password: {env: HOMELAB_MACHINES_PASSWORD}  # secret"), ("kind", "kind:  # needed: choice"),
        ("token", "token: {env: HOMELAB_ADDRESSES_TOKEN}  # needed: secret"), ("found", "#found:  # text"),
        ("pool", "#pool:  # address range"),
    ],
)  # fmt: skip
def test_a_key_is_there_when_it_is_needed_and_left_out_otherwise(key: str, line: str) -> None:
    assert line_of(answersform.form(STEPS), key) == line


def test_help_choices_and_where_a_default_comes_from_stand_above_the_key(monkeypatch: pytest.MonkeyPatch) -> None:
    question = Question(
        "way", "Which way?", CHOICE, "It is a long way.", lambda ctx: "up", (Choice("up", "Up", "steep"),),
        source="the map", when=lambda given: True,
    )  # fmt: skip
    monkeypatch.setattr(Machines, "questions", (question,))
    assert answersform.form(STEPS[:1]).split("machines:\n")[1].splitlines() == [
        "  # Which way?", "  # It is a long way.", "    # up - Up: steep",
        "  # Only where earlier answers call for it. Left out: the map.", "  #way:  # choice",
    ]  # fmt: skip


def test_it_is_yaml_and_lacks_nothing_but_what_is_needed(tmp_path: Path) -> None:
    text = answersform.form(STEPS)
    file = tmp_path / "answers.yaml"
    file.write_text(text)
    with pytest.raises(BadInput) as caught:
        answers.read(file, STEPS)
    needed = {line.strip().partition(":")[0] for line in text.splitlines() if "  # needed: " in line}
    assert {problem.path.rpartition(".")[2] for problem in caught.value.problems} == needed
    lines = text.splitlines()
    assert all("# needed" in lines[(problem.line or 0) - 1] for problem in caught.value.problems)


def test_with_every_left_out_default_taken_it_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taking the # away from a line that has a value changes nothing."""
    monkeypatch.setenv("HOMELAB_ADDRESSES_TOKEN", "token-of-the-test")
    monkeypatch.setenv("HOMELAB_MACHINES_PASSWORD", "password-of-the-test")
    given = {"network:": "network: 192.168.1.0/24", "hosts:": "hosts: [192.168.1.11]", "kind:": "kind: none"}
    text = answersform.form(STEPS)
    for key, filled in given.items():
        text = text.replace(f"  {key}", f"  {filled}")
    file = tmp_path / "answers.yaml"
    file.write_text(text)
    before = answers.read(file, STEPS).answers
    file.write_text(text.replace("#user:", "user:").replace("#timeout:", "timeout:").replace("#extra:", "extra:"))
    assert answers.read(file, STEPS).answers == before


def judge(data: Any) -> list[str]:
    schema = answersform.schema(STEPS)
    jsonschema.Draft202012Validator.check_schema(schema)
    return [str(error.json_path) for error in jsonschema.Draft202012Validator(schema).iter_errors(data)]


def test_the_schema_lets_right_answers_pass() -> None:
    assert judge(yamlfile.load(RIGHT)) == []
    assert judge({"machines": {"password": None}, "addresses": None}) == []


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("machines:", "machnies:", "$"), ("  hosts:", "  host:", "$.machines"),
        ("[192.168.1.11, 192.168.1.12]", "[]", "$.machines.hosts"), ("kind: pool", "kind: lake", "$.addresses.kind"),
        ("{env: HW_TOKEN}", "token-in-plain", "$.addresses.token"),
        ("{env: HW_TOKEN}", "{env: A, file: b}", "$.addresses.token"), ("{env: HW_TOKEN}", "{}", "$.addresses.token"),
    ],
)  # fmt: skip
def test_the_schema_finds_what_a_schema_can_find(old: str, new: str, where: str) -> None:
    assert judge(yamlfile.load(RIGHT.replace(old, new, 1))) == [where]


def test_the_schema_says_what_the_form_says(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = (Question("a", "A?", TEXT, "Help.", "x"), Question("b", "B?", SECRET, required=False))
    monkeypatch.setattr(Machines, "questions", questions)
    properties = answersform.schema(STEPS[:1])["properties"]["machines"]["properties"]
    assert properties["a"] == {"title": "A?", "description": "Help.", "default": "x", "type": "string"}
    assert properties["b"]["anyOf"] == [{"$ref": "#/$defs/secret"}, {"type": "null"}]
