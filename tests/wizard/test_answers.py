"""The answers file: every mistake at once, with file, line and what would be right."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import ORDER
from wizard import answers, assets, yamlfile
from wizard.errors import BadInput, ExitCode, Problem
from wizard.question import (
    ADDRESS,
    CHOICE,
    INTEGER,
    MAPPING,
    NETWORK,
    RANGE,
    SECRET,
    TEXT,
    Answers,
    Choice,
    Question,
    list_of,
    plain,
)
from wizard.secret import SecretRef
from wizard.step import Change, Step


class Plain(Step[None]):
    def check(self, ctx: Any) -> None: ...

    def plan(self, facts: None, answers: Answers) -> list[Change]:
        return []


class Machines(Plain):
    name, title, intro = "machines", "Machines", "."
    questions = (
        Question("network", "Which network?", NETWORK),
        Question("hosts", "Which Pis?", list_of(ADDRESS)),
        Question("user", "Which user?", TEXT, default="pi"),
        Question("password", "The password?", SECRET, required=False),
        Question("timeout", "How long?", INTEGER, default=30, advanced=True),
        Question("extra", "What else?", MAPPING, default={"a": [1]}, advanced=True),
        Question("found", "What was found?", TEXT, default=lambda ctx: "it"),
    )


class Addresses(Plain):
    name, title, intro = "addresses", "Addresses", "."
    questions = (
        Question("kind", "Which kind?", CHOICE, choices=(Choice("pool", "A pool"), Choice("none", "None"))),
        Question("pool", "Which range?", RANGE, when=lambda given: given.get("addresses", {}).get("kind") == "pool"),
        Question("token", "The token?", SECRET),
    )

    def validate(self, answers: Answers) -> list[Problem]:
        if answers.get("addresses", {}).get("pool", "").startswith("10."):
            return [Problem("addresses.pool", "it is not in 192.168.1.0/24.", "Take addresses of your LAN.")]
        return []


STEPS = (Machines(), Addresses())
RIGHT = """\
cluster: lab
machines:
  network: 192.168.1.0/24
  hosts: [192.168.1.11, 192.168.1.12]
addresses:
  kind: pool
  pool: 192.168.1.200-192.168.1.210   # a comment
  token: {env: HW_TOKEN}
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("HW_TOKEN", "token-of-the-test")
    file = tmp_path / "answers.yaml"

    def run(text: str | bytes) -> Any:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return answers.read(file, STEPS)

    return run


def mistakes(read: Any, text: str | bytes) -> list[Problem]:
    with pytest.raises(BadInput) as caught:
        read(text)
    assert caught.value.exit_code == ExitCode.BAD_INPUT
    assert "token-of-the-test" not in "".join(caught.value.sentences())
    return caught.value.problems


def test_a_right_file_becomes_plain_answers(read: Any) -> None:
    interview = read(RIGHT)
    assert interview.cluster == "lab"
    assert interview.answers == {
        "machines": {
            "network": "192.168.1.0/24", "hosts": ["192.168.1.11", "192.168.1.12"], "user": "pi", "password": None,
            "timeout": 30, "extra": {"a": [1]},
        },
        "addresses": {"kind": "pool", "pool": "192.168.1.200-192.168.1.210", "token": SecretRef("env", "HW_TOKEN")},
    }  # fmt: skip
    assert type(interview.answers["machines"]["hosts"]) is list  # plain, so that the state can hold it
    interview.answers["machines"]["extra"]["a"].append(2)
    assert read(RIGHT).answers["machines"]["extra"] == {"a": [1]}, "a default must not be shared"


def test_what_is_not_asked_is_not_missing(read: Any) -> None:
    assert "pool" not in read(RIGHT.replace("kind: pool", "kind: none").replace("  pool:", "  #")).answers["addresses"]


def test_defaults_from_the_world_are_left_for_later(read: Any) -> None:
    assert "found" not in read(RIGHT).answers["machines"]


POOL = "  pool: 192.168.1.200-192.168.1.210"

# the text to replace, by what, and the one mistake: path, line, words of what and of fix
ONE: list[tuple[str, str, str, int | None, str, str]] = [
    ("cluster: lab", "cluster: Lab!", "cluster", 1, "small letters", "homelab"),
    ("cluster: lab", "cluster: [lab]", "cluster", 1, "text", "homelab"),
    ("machines:", "machnies:", "machnies", 2, "no such section", "Did you mean machines"),
    ("  hosts:", "  host:", "machines.host", 4, "no such question", "Did you mean hosts"),
    ("  hosts:", "  colour: red\n  hosts:", "machines.colour", 4, "no such question", "Known here: network"),
    ("[192.168.1.11, 192.168.1.12]", "192.168.1.300", "machines.hosts", 4, "192.168.1.300", ""),
    ("[192.168.1.11, 192.168.1.12]", "[192.168.1.11, 192.168.1.11]", "machines.hosts", 4, "named twice", ""),
    ("[192.168.1.11, 192.168.1.12]", "[1.2.3, a, a]", "machines.hosts", 4, "3 of 4 numbers; 'a' is not", ""),
    ("[192.168.1.11, 192.168.1.12]", "", "machines.hosts", 4, "missing: Which Pis?", "Expected: list of address"),
    ("[192.168.1.11, 192.168.1.12]", "[]", "machines.hosts", 4, "choose at least one", "Expected"),
    ("192.168.1.0/24", "192.168.1.7/24", "machines.network", 3, "did you mean 192.168.1.0/24", ""),
    ("  network: 192.168.1.0/24\n", "", "machines.network", 2, "missing: Which network?", "Expected: network"),
    ("  kind: pool", "  kind: lake", "addresses.kind", 6, "not one of: pool, none", ""),
    (POOL, "  pool: 192.168.1.210-192.168.1.200", "addresses.pool", 7, "before it begins", ""),
    (POOL, "  pool: 10.0.0.1-10.0.0.9", "addresses.pool", 7, "not in 192.168.1.0/24", "LAN"),
    (POOL, "  # pool", "addresses.pool", 5, "missing", "address range"),
    ("{env: HW_TOKEN}", "{env: HW_NOT_SET}", "addresses.token", 8, "HW_NOT_SET is not set", ""),
    ("{env: HW_TOKEN}", "{file: /nowhere/token}", "addresses.token", 8, "/nowhere/token could not be read", ""),
    ("{env: HW_TOKEN}", "token-in-plain", "addresses.token", 8, "{env: NAME}", ""),
    ("  token: {env: HW_TOKEN}\n", "", "addresses.token", 5, "missing", "{env: NAME}"),
    ("cluster: lab", "cluster: lab\nmachines: {}", "answers", 3, "duplicate key", ""),
    ("cluster: lab", "cluster: 'lab", "answers", None, "not YAML", ""),
]


@pytest.mark.parametrize(("old", "new", "path", "line", "what", "fix"), ONE)
def test_each_mistake_is_one_message_with_its_place(
    read: Any, tmp_path: Path, old: str, new: str, path: str, line: int | None, what: str, fix: str
) -> None:
    assert old in RIGHT
    problems = mistakes(read, RIGHT.replace(old, new, 1))
    if path == "machnies":
        assert {problem.path for problem in problems[1:]} <= {"machines.network", "machines.hosts"}
        problems = problems[:1]
    assert [problem.path for problem in problems] == [path]
    found = problems[0]
    assert what in found.what
    assert fix in found.fix
    assert found.line == line if line else found.line
    assert found.sentence().startswith(f"{tmp_path / 'answers.yaml'}:{found.line}: {path}: ")


def test_all_mistakes_come_at_once_in_the_files_order(read: Any) -> None:
    text = RIGHT.replace("/24", "/99").replace("kind: pool", "kind: lake").replace("{env: HW_TOKEN}", "plain")
    assert [(problem.path, problem.line) for problem in mistakes(read, text)] == [
        ("machines.network", 3), ("addresses.kind", 6), ("addresses.token", 8),
    ]  # fmt: skip


def test_mistakes_between_answers_are_told_beside_those_within_one(read: Any) -> None:
    text = RIGHT.replace("[192.168.1.11,", "[192.168.1.12,").replace(POOL, "  pool: 10.0.0.1-10.0.0.9")
    assert [problem.path for problem in mistakes(read, text)] == ["machines.hosts", "addresses.pool"]


class Tailnet(Plain):
    name, title, intro = "tailnet", "Tailnet", "."
    questions = (
        Question("service", "Which?", CHOICE, default="own", choices=(Choice("own", "Own"), Choice("none", "None"))),
        Question("api_key", "A key to all?", SECRET, required=False),
        Question("auth_key", "A key?", SECRET, when=lambda given: not given["tailnet"].get("api_key")),
    )


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("{}", ["tailnet.auth_key"]),
        ("{api_key: {env: HW_NOT_SET}}", ["tailnet.api_key"]),
        ("{api_key: in-plain}", ["tailnet.api_key"]),
        ("{service: ouwn}", ["tailnet.service"]),
    ],
)
def test_a_refused_answer_makes_no_other_one_missing(tmp_path: Path, text: str, paths: list[str]) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(f"tailnet: {text}\n")
    with pytest.raises(BadInput) as caught:
        answers.read(file, [Tailnet()])
    assert [problem.path for problem in caught.value.problems] == paths


def test_every_step_judges_answers_of_which_any_part_is_missing() -> None:
    """The others are judged, too, when one has a mistake of its own: nothing may rely on it."""
    whole = plain(yamlfile.load(assets.text("machines/answers.yaml")))
    for name in [each for each in whole if each != "cluster"]:
        for left in [None, *(whole[name] or {})]:
            part = {key: value for key, value in whole[name].items() if key != left}
            given = {n: s for n, s in whole.items() if n not in ("cluster", name)} | ({name: part} if left else {})
            for step in ORDER:
                step.validate(given)


def test_a_section_that_is_no_mapping_is_one_mistake(read: Any) -> None:
    problems = mistakes(read, RIGHT.split("addresses:")[0] + "addresses: all of them\n")
    assert [(problem.path, problem.line) for problem in problems] == [("addresses", 5)]
    assert "kind, pool, token" in problems[0].fix


@pytest.mark.parametrize(
    ("text", "said"), [("", "holds no answers"), ("- a\n", "holds no answers"), (b"\xff\xfe\x00", "not UTF-8 text")]
)
def test_a_file_that_is_no_answers_file(read: Any, text: str | bytes, said: str) -> None:
    assert said in mistakes(read, text)[0].what


@pytest.mark.parametrize("name", ["not-there.yaml", "."])
def test_a_file_that_can_not_be_read(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadInput) as caught:
        answers.read(tmp_path / name, STEPS)
    assert caught.value.problems[0].file == str(tmp_path / name)
    assert caught.value.problems[0].what
