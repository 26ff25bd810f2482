"""What each kind of answer accepts, what it makes of it, and what it says about the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wizard.question import (
    ADDRESS,
    CHOICE,
    DOMAIN,
    EMAIL,
    GIT_URL,
    INTEGER,
    MAPPING,
    NAME,
    NETWORK,
    OCI_URL,
    PATH,
    RANGE,
    SECRET,
    TEXT,
    URL,
    YES_NO,
    Choice,
    Kind,
    Prompt,
    Question,
    list_of,
    plain,
)
from wizard.secret import Secret, SecretRef

ADDRESSES = list_of(ADDRESS)

GOOD: list[tuple[Kind, Any, Any]] = [
    (TEXT, " a text ", "a text"),
    (TEXT, 5, "5"),
    (TEXT, 1.5, "1.5"),
    (TEXT, "ünïcode", "ünïcode"),
    (NAME, "homelab-2", "homelab-2"),
    (NAME, 4, "4"),
    (INTEGER, "42", 42),
    (INTEGER, 42, 42),
    (INTEGER, " -1 ", -1),
    (YES_NO, "Yes", True),
    (YES_NO, "n", False),
    (YES_NO, True, True),
    (YES_NO, "no", False),
    (CHOICE, "apple", "apple"),
    (NETWORK, "192.168.1.0/24", "192.168.1.0/24"),
    (NETWORK, "10.0.0.0/255.0.0.0", "10.0.0.0/8"),
    (ADDRESS, " 192.168.1.50", "192.168.1.50"),
    (RANGE, "192.168.1.50 - 192.168.1.59", "192.168.1.50-192.168.1.59"),
    (RANGE, "10.0.0.1-10.0.0.1", "10.0.0.1-10.0.0.1"),
    (DOMAIN, "MyHome.DuckDNS.org.", "myhome.duckdns.org"),
    (DOMAIN, "a.b", "a.b"),
    (EMAIL, "me@Example.org", "me@example.org"),
    (URL, "https://git.example.org/", "https://git.example.org"),
    (URL, "http://198.18.0.1:8000/x", "http://198.18.0.1:8000/x"),
    (URL, "https://Pi_4.local:8443", "https://Pi_4.local:8443"),
    (URL, "http://[fd00::1]:3000/", "http://[fd00::1]:3000"),
    (GIT_URL, "ssh://git@git.example.org:2222/me/homelab.git", "ssh://git@git.example.org:2222/me/homelab.git"),
    (OCI_URL, "oci://198.18.0.1:5000", "oci://198.18.0.1:5000"),
    (MAPPING, {"a": {1: ["x"]}}, {"a": {"1": ["x"]}}),
    (MAPPING, {}, {}),
    (SECRET, {"env": "TOKEN"}, SecretRef("env", "TOKEN")),
    (SECRET, Secret("typed"), Secret("typed")),
    (SECRET, SecretRef("prompt"), SecretRef("prompt")),
    (ADDRESSES, "10.0.0.1, 10.0.0.2 10.0.0.3", ["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
    (ADDRESSES, ["10.0.0.1"], ["10.0.0.1"]),
    (list_of(TEXT, distinct=False), ["a", "a"], ["a", "a"]),
]  # fmt: skip

BAD: list[tuple[Kind, Any, str]] = [
    (TEXT, "", "empty"),
    (TEXT, "  ", "empty"),
    (TEXT, None, "text"),
    (TEXT, ["a"], "text"),
    (TEXT, True, "text"),
    (TEXT, "bell\x07", "can't be|cannot be"),
    (TEXT, "two\nlines", "cannot be"),
    (TEXT, "\x1b[31mred", "cannot be"),
    (NAME, "Homelab", "small letters"),
    (NAME, "-a", "small"),
    (NAME, "a-", "small"),
    (NAME, "a" * 64, "small"),
    (NAME, "a.b", "small"),
    (NAME, "../x", "small"),
    (NAME, "a b", "small"),
    (INTEGER, "many", "whole number"),
    (INTEGER, 1.5, "whole"),
    (INTEGER, True, "whole"),
    (INTEGER, None, "whole"),
    (YES_NO, "maybe", "neither"),
    (YES_NO, 1, "neither"),
    (YES_NO, None, "neither"),
    (NETWORK, "home", "such as"),
    (ADDRESS, 5, "1 of 4 numbers"),
    (RANGE, "-", "first address of the range is missing"),
    (DOMAIN, "duckdns", "such as"),
    (DOMAIN, "my_home.org", "such as"),
    (DOMAIN, "-a.org", "such as"),
    (DOMAIN, "a..org", "such as"),
    (DOMAIN, "192.168.1.1", "such as"),
    (DOMAIN, f"{'a' * 64}.org", "such as"),
    (DOMAIN, f"{'a.' * 127}org", "such as"),
    (DOMAIN, "https://a.org", "such as"),
    (DOMAIN, "*.a.org", "such as"),
    (EMAIL, "me", "e-mail"),
    (EMAIL, "@a.org", "e-mail"),
    (EMAIL, "a b@c.org", "e-mail"),
    (EMAIL, "a@b@c.org", "e-mail"),
    (EMAIL, "a@b", "domain"),
    (URL, "git.example.org", "begins with"),
    (URL, "ftp://a.org", "begins with"),
    (URL, "https://", "begins with"),
    (URL, "https://me:hunter2@a.org", "password or token"),
    (URL, "https://ghp_hunter2@a.org", "password or token"),
    (URL, "http://[::1", "not a web address"),
    (URL, "http://a.org:http", "not a web address"),
    (URL, "http://a.org:99999", "not a web"),
    (URL, "http://foo bar", "a space"),
    (URL, "http://a.org/x y", "a space"),
    (URL, "http://a.org\nHost: b.org", "cannot be shown"),
    (URL, "http://a.org\\b", "a sign that has no place"),
    (URL, "http://@a.org", "must not be part"),
    (URL, "http://a.org:", "has no host"),
    (URL, "http://:80", "begins with"),
    (URL, "http://a..org", "has no host"),
    (URL, "http://a.org:0", "has no host"),
    (URL, "http://192.168.1", "has no host"),
    (URL, "http://a.org?x=1", "after the ?"),
    (URL, "http://a.org/#top", "after the #"),
    (OCI_URL, "docker://a.org", "begins with oci://"),
    (MAPPING, ["a"], "mapping"),
    (MAPPING, "a: b", "mapping"),
    (MAPPING, None, "mapping"),
    (SECRET, "hunter2", "by reference"),
    (SECRET, {"value": "hunter2"}, "by reference"),
    (SECRET, None, "by reference"),
    (ADDRESSES, [], "at least one"),
    (ADDRESSES, ",", "at least one"),
    (ADDRESSES, {"a": 1}, "list"),
    (ADDRESSES, 5, "list"),
    (ADDRESSES, "10.0.0.1,10.0.0.1", "10.0.0.1 is named twice"),
    (ADDRESSES, ["10.0.0.1", "x"], "such as"),
    (PATH, "/no/such/file", "there is no file"),
    (PATH, "/", "there is no file"),
    (PATH, 5, "there is no file"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "raw", "value"), GOOD)
def test_what_is_right_becomes_a_plain_value(kind: Kind, raw: Any, value: Any) -> None:
    found = kind.parse(raw)
    assert found == value
    assert type(found) is type(value)
    assert kind.parse(found) == found, "a parsed answer must be read back from the state"


@pytest.mark.parametrize(("kind", "raw", "said"), BAD)
def test_what_is_wrong_is_said_in_one_sentence_without_secrets(kind: Kind, raw: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        kind.parse(raw)
    text = str(caught.value)
    assert "hunter2" not in text
    assert text.isprintable()
    assert not text.endswith(".")  # whoever shows it ends the sentence


def test_a_file_is_found_from_home_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "key").write_text("x")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert PATH.parse("~/key") == str(tmp_path / "key")


@pytest.mark.parametrize("kind", [kind for kind, _, _ in GOOD], ids=lambda kind: kind.name)
def test_what_is_shown_is_understood_again(kind: Kind) -> None:
    for each, raw, value in GOOD:
        if each is kind and kind not in (SECRET, MAPPING):
            assert kind.parse(kind.show(value)) == value, raw


FRUIT = (Choice("apple", "Apple"), Choice("pear", "Pear"))


@pytest.mark.parametrize(
    ("question", "choices", "raw", "expected"),
    [
        (Question("k", "?", CHOICE), FRUIT, "pear", "pear"),
        (Question("k", "?", CHOICE), FRUIT, "plum", ValueError("'plum' is not one of: apple, pear")),
        (Question("k", "?", list_of(TEXT)), FRUIT, ["plum"], ["plum"]),  # a list may name what was not found
        (Question("k", "?", TEXT, required=False), (), "", None),
        (Question("k", "?", TEXT, required=False), (), None, None),
        (Question("k", "?", list_of(TEXT), required=False), (), [], None),
        (Question("k", "?", TEXT), (), "", ValueError("this must not be empty")),
        (Question("k", "?", RANGE), (), None, ValueError("this must not be empty")),
    ],
)
def test_a_prompt_knows_its_choices_and_what_may_be_left_out(
    question: Question, choices: tuple[Choice, ...], raw: object, expected: Any
) -> None:
    prompt = Prompt("step", "Step", question, choices=choices)
    if isinstance(expected, ValueError):
        with pytest.raises(ValueError, match=str(expected)):
            prompt.parse(raw)
    else:
        assert prompt.parse(raw) == expected


def test_defaults_and_choices_may_come_from_the_world() -> None:
    ctx: Any = {"found": "pi"}
    asked = Question("k", "?", TEXT, default=lambda c: c["found"], choices=lambda c: [Choice(c["found"], "it")])
    assert asked.default_for(ctx) == "pi"
    assert asked.choices_for(ctx) == (Choice("pi", "it"),)
    fixed = Question("k", "?", TEXT, default="x", choices=FRUIT)
    assert (fixed.default_for(ctx), fixed.choices_for(ctx)) == ("x", FRUIT)


def test_plain_takes_off_a_librarys_own_types() -> None:
    class OwnText(str): ...

    class OwnMap(dict[Any, Any]): ...

    found = plain(OwnMap({OwnText("a"): [OwnText("b"), (1, 2.5, True, None)]}))
    assert found == {"a": ["b", [1, 2.5, True, None]]}
    assert type(found) is dict
    assert type(found["a"][0]) is str
