"""A secret is shown nowhere: every way that Python turns a value into text is tried."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from wizard.errors import WizardError
from wizard.host.base import Login
from wizard.secret import MASK, Secret, SecretRef, redact

VALUE = "correct horse/battery+staple"


def login() -> Login:
    return Login("192.168.1.11", "pi", (), password=Secret(VALUE))


@pytest.mark.parametrize(
    "shown",
    [
        lambda s: repr(s), lambda s: str(s), lambda s: f"{s}", lambda s: f"{s!r:>40}", lambda s: "%s %r" % (s, s),  # noqa: UP031
        lambda s: "{0}".format(s), lambda s: repr([s]), lambda s: repr({"password": s}), lambda s: repr(login()),  # noqa: UP030, UP032
        lambda s: repr(dataclasses.asdict(login())), lambda s: str(ValueError(s)), lambda s: repr(vars(login())),
    ],
)  # fmt: skip
def test_no_text_of_it_shows_it(shown: object) -> None:
    text = shown(Secret(VALUE))  # type: ignore[operator]
    assert VALUE not in text
    assert MASK in text


def test_a_log_line_does_not_show_it(caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("x").warning("password %s of %r", Secret(VALUE), login())
    assert VALUE not in caplog.text
    assert MASK in caplog.text


def test_a_traceback_with_its_variables_does_not_show_it() -> None:
    def fails(password: Secret) -> None:
        raise RuntimeError(f"could not log in with {password}")

    try:
        fails(Secret(VALUE))
    except RuntimeError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        text = "".join(told.format())
    assert "password = Secret" in text
    assert VALUE not in text


def test_it_is_neither_pickled_nor_json() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(Secret(VALUE))
    with pytest.raises(TypeError):
        json.dumps({"password": Secret(VALUE)})


def test_it_is_copied_compared_and_hashed_by_value() -> None:
    one = Secret(VALUE)
    assert copy.copy(one) == copy.deepcopy(one) == one
    assert {one, Secret(VALUE)} == {one}
    assert one != VALUE
    assert not Secret("")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (VALUE, f"sudo: {VALUE}: no"), (VALUE, "token=correct%20horse%2Fbattery%2Bstaple&x"),
        (VALUE, "Authorization: Basic Y29ycmVjdCBob3JzZS9iYXR0ZXJ5K3N0YXBsZQ=="),
        ("-----BEGIN KEY-----\nc2VjcmV0LWxpbmU\n-----END KEY-----", "read: c2VjcmV0LWxpbmU"),
        ("longer-than-other", "a longer-than-other b"),
    ],
    ids=["plain", "in a query", "base64", "one line of a key", "word"],
)  # fmt: skip
def test_redact_masks_it_in_every_guise(value: str, text: str) -> None:
    Secret(value), Secret("longer")
    masked = redact(text)
    assert MASK in masked
    for part in [value, *value.splitlines()]:
        assert part not in masked


def test_short_values_do_not_mask_ordinary_words() -> None:
    Secret("pi")
    assert redact("a pip of a quince, pi") == "a pip of a quince, pi"


@pytest.mark.parametrize("raw", [{"env": "NAME"}, {"file": "~/key"}, {"command": "pass show x"}, {"prompt": True}])
def test_a_reference_survives_being_saved(raw: dict[str, object]) -> None:
    assert SecretRef.parse(SecretRef.parse(raw).dump()) == SecretRef.parse(raw)


@pytest.mark.parametrize(
    "raw", ["hunter2-plain", None, 5, [], {}, {"env": ""}, {"env": 5}, {"vault": "x"}, {"env": "A", "file": "b"}]
)
def test_anything_else_is_refused_without_quoting_it(raw: object) -> None:
    with pytest.raises(ValueError, match="by reference") as caught:
        SecretRef.parse(raw)
    assert "hunter2" not in str(caught.value)


def test_references_are_fetched(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HW_TEST", "from the environment")
    (tmp_path / "key").write_text("from a file\n")
    assert SecretRef("env", "HW_TEST").resolve().reveal() == "from the environment"
    assert SecretRef("file", str(tmp_path / "key")).resolve().reveal() == "from a file"
    assert SecretRef("command", "printf 'from a command'").resolve().reveal() == "from a command"


@pytest.mark.parametrize(
    ("kind", "where", "why"),
    [
        ("env", "HW_NOT_SET", "HW_NOT_SET is not set"), ("file", "/nowhere/key", "No such file"),
        ("file", "/", "directory"), ("file", "~nobody-here/key", "does not know"), ("file", "/dev/null", "regular"),
        ("command", "hw-no-such-program show", "hw-no-such-program could not be run"),
        ("command", "sh -c 'echo hunter2-output; exit 3'", "exit code 3"), ("command", "true", "gave nothing"),
        ("command", "cat 'unbalanced", "could not be run"), ("prompt", "", "never saved"),
    ],
)  # fmt: skip
def test_a_missing_one_is_named_and_never_quoted(kind: str, where: str, why: str) -> None:
    with pytest.raises(WizardError, match="A secret is missing") as caught:
        SecretRef(kind, where).resolve()  # type: ignore[arg-type]
    assert why in caught.value.why
    assert "hunter2" not in str(caught.value)
    does = {"env": "export HW_NOT_SET", "file": "that file", "command": "print the secret", "prompt": "type it"}
    assert does[kind] in caught.value.fix
