"""Questions as data. A step lists them; the front ends render them; the answers file is checked by them.

A `Kind` turns what a person gave (typed text, or a YAML value) into a plain value that YAML can hold, or
raises `ValueError` with one sentence that says what is wrong and what would be right.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wizard import giturl, ipv4, weburl
from wizard.secret import Secret, SecretRef

if TYPE_CHECKING:
    from wizard.context import Context

Answers = dict[str, dict[str, Any]]  # step name -> question key -> plain value


@dataclass(frozen=True)
class Kind:
    """How an answer is read and shown. `widget` tells front ends what to draw: text, secret, yes/no, …"""

    name: str
    parse: Callable[[object], Any]
    show: Callable[[Any], str] = str
    widget: str = "text"
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    told: Callable[[object, Any], str] = lambda raw, value: ""  # a sentence, when the value is not just what was given


@dataclass(frozen=True)
class Choice:
    """One thing to choose. `value` is what the answer holds, `label` what is shown, `help` one line more."""

    value: Any
    label: str
    help: str = ""
    chosen: bool = False  # offered as already chosen, where several may be


def ALWAYS(answers: Answers) -> bool:  # noqa: N802  (a value for `when`)
    """When a question is asked whatever the other answers are."""
    return True


@dataclass(frozen=True)
class Question:
    """One thing to ask. `key` is its name in the answers file; `ask` is the sentence shown.

    `default` and `choices` may be functions of the context, so that they can come from the real world
    (`source` then says from where). `when` decides from earlier answers whether it is asked at all.
    A question may be asked before its step's turn once the steps that it `needs` are finished. Whoever declares these
    promises that its functions read answers and the state, and never look at the world.
    An `advanced` question is never asked by itself: its default holds unless the answers file says otherwise.
    """

    key: str
    ask: str
    kind: Kind
    help: str = ""
    default: Any = None
    choices: Sequence[Choice] | Callable[[Context], Sequence[Choice]] = ()
    required: bool = True
    advanced: bool = False
    when: Callable[[Answers], bool] = ALWAYS
    source: str = ""
    explain: Callable[[Context], str] | None = None  # what the real world says about it now, in a few lines
    needs_person: bool = False  # what follows from the answer must be wanted: a default is only proposed, never taken
    needs: Sequence[str] | None = None  # steps to be finished before it is asked; None: all, where it has a function
    declined: Any = None  # what an empty answer stands for where there is a proposal
    follows: Sequence[str] = ()  # answers that its proposal is made of (``domains.external_domain``)

    def default_for(self, ctx: Context) -> Any:
        return self.default(ctx) if callable(self.default) else self.default

    def explanation_for(self, ctx: Context) -> str:
        return self.explain(ctx) if self.explain else ""

    def choices_for(self, ctx: Context) -> tuple[Choice, ...]:
        return tuple(self.choices(ctx) if callable(self.choices) else self.choices)


@dataclass(frozen=True)
class Prompt:
    """A question ready to be shown: everything dynamic already worked out. What a front end's `ask` gets."""

    step: str
    title: str
    question: Question
    default: Any = None
    choices: tuple[Choice, ...] = ()
    problem: str = ""  # why the last answer was refused
    explanation: str = ""  # what was found out about it: lines to be shown with the question
    judge: Callable[[Any], str] = lambda value: ""  # what is wrong with a value beside the other answers, or nothing
    number: int = 1  # of `total`, within the step
    total: int = 1
    turns: bool = False  # whether a `Turn` is understood as the answer
    back: bool = False  # whether there is a question before it, if only in an earlier step
    ahead: bool = False  # its step's turn has not come
    review: bool = False  # it has been answered, by `default`: to be looked at once more
    again: bool = False  # it was answered with `default` before, and has to be answered once more

    def parse(self, raw: object) -> Any:
        """The value of `raw`, or ValueError with a sentence. Front ends may call it as the person types."""
        value = self._value(raw)
        if problem := self.judge(value):
            raise ValueError(problem)
        return value

    def _value(self, raw: object) -> Any:
        if (raw is None or raw == "" or raw == []) and not self.question.required:
            return None if self.default is None else self.question.declined
        if raw is None:
            raise ValueError("this must not be empty")
        value = self.question.kind.parse(raw)
        if self.choices and self.question.kind.widget == "choice" and value not in [c.value for c in self.choices]:
            names = ", ".join(str(choice.value) for choice in self.choices)
            raise ValueError(f"{value!r} is not one of: {names}")
        return value


class Turn:
    """What a front end returns instead of an answer or a yes when the person wants to see an earlier answer."""


@dataclass(frozen=True)
class Revise(Turn):
    """The answer `key` of `step`, to be looked at and perhaps changed."""

    step: str
    key: str


BACK = Turn()  # the question before


def _text(raw: object) -> str:
    if isinstance(raw, bool) or not isinstance(raw, str | int | float):
        raise ValueError("this must be text")
    text = str(raw).strip()
    if not text:
        raise ValueError("this must not be empty")
    if not text.isprintable():
        raise ValueError("this holds characters that cannot be shown")
    return text


def _integer(raw: object) -> int:
    try:
        if isinstance(raw, bool):
            raise TypeError
        return int(str(raw).strip())
    except (TypeError, ValueError):
        raise ValueError(f"{raw!r} is not a whole number") from None


def _yes_no(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = str(raw).strip().lower()
    if word in ("y", "yes", "true"):
        return True
    if word in ("n", "no", "false"):
        return False
    raise ValueError(f"{raw!r} is neither yes nor no")


def _secret(raw: object) -> Secret | SecretRef:
    if isinstance(raw, Secret | SecretRef):
        return raw
    return SecretRef.parse(raw)


def _path(raw: object) -> str:
    path = Path(_text(raw)).expanduser()
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return str(path)


def _typed(read: Callable[[str], str]) -> Callable[[object], str]:
    return lambda raw: read(_text(raw))


_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")


def _domain(raw: object) -> str:
    text = _text(raw).lower().rstrip(".")
    labels = text.split(".")
    right = len(text) <= 253 and len(labels) > 1 and all(_LABEL.fullmatch(label) for label in labels)
    if not right or labels[-1].isdigit():  # 192.168.1.1 is no name
        raise ValueError(f"{text!r} is not a domain name such as myhome.duckdns.org")
    return text


def _name(raw: object) -> str:
    text = _text(raw)
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not a name of small letters, digits and dashes")
    return text


def _email(raw: object) -> str:
    text = _text(raw)
    local, at, domain = text.rpartition("@")
    if not (at and local) or " " in local or "@" in local:
        raise ValueError(f"{text!r} is not an e-mail address such as me@example.org")
    return f"{local}@{_domain(domain)}"


def _mapping(raw: object) -> dict[str, Any]:
    if not isinstance(raw, Mapping):
        raise ValueError("this must be a mapping of names to values")
    return plain(raw)  # type: ignore[no-any-return]


def plain(value: Any) -> Any:
    """`value` without any YAML library's own types: dict, list, str, int, float, bool, None."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, bool) or value is None:
        return value
    if type(value).__name__ == "ScalarBoolean":  # ruamel's own, a kind of int, for one with an anchor
        return bool(value)
    for kind in (int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def list_of(kind: Kind, *, distinct: bool = True) -> Kind:
    """A list of `kind`; text is split at commas and spaces."""

    def parse(raw: object) -> list[Any]:
        items = [part for part in re.split(r"[,\s]+", raw) if part] if isinstance(raw, str) else raw
        if not isinstance(items, list | tuple) or not items:
            raise ValueError("choose at least one" if isinstance(items, list | tuple) else "this must be a list")
        values, wrong = [], []
        for item in items:
            try:
                values.append(kind.parse(item))
            except ValueError as error:
                wrong.append(str(error))
        if distinct:
            wrong += [f"{value} is named twice" for n, value in enumerate(values) if values.index(value) < n]
        if wrong:
            raise ValueError("; ".join(wrong))
        return values

    return Kind(
        f"list of {kind.name}", parse, lambda values: ", ".join(map(kind.show, values)), "many",
        {"type": "array", "items": dict(kind.schema), "minItems": 1},
    )  # fmt: skip


def exactly(word: str) -> Kind:
    """Nothing but `word`: for what must not be agreed to by habit."""

    def parse(raw: object) -> str:
        if str(raw).strip() != word:
            raise ValueError(f"type {word}, or leave it empty")
        return word

    return Kind("word", parse)


TEXT = Kind("text", _text)
NAME = Kind("name", _name)
INTEGER = Kind("whole number", _integer, schema={"type": "integer"})
YES_NO = Kind("yes or no", _yes_no, lambda v: "yes" if v else "no", "yes-no", {"type": "boolean"})
CHOICE = Kind("choice", _text, widget="choice")
SECRET = Kind("secret", _secret, widget="secret", schema={"type": "object", "maxProperties": 1})
PATH = Kind("file", _path)
NETWORK = Kind("network", _typed(ipv4.network))
ADDRESS = Kind("address", _typed(ipv4.address))
RANGE = Kind("address range", _typed(ipv4.span))
DOMAIN = Kind("domain", _domain)
EMAIL = Kind("e-mail address", _email)
URL = Kind("web address", _typed(weburl.of("http", "https")))
GIT_URL = Kind("git address", giturl.parse, told=giturl.told)
OCI_URL = Kind("registry address", _typed(weburl.of("oci")))
MAPPING = Kind("mapping", _mapping, widget="none", schema={"type": "object"})
