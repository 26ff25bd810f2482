"""An answers file to begin with, and the JSON schema of all of them: both made from the questions' own data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wizard import yamlfile
from wizard.answers import is_needed, is_open
from wizard.question import NAME, Answers, Question, plain
from wizard.step import AnyStep

HEAD = """\
# Answers for homelab: one section a step, one key a question.
# What says "needed" wants a value. A key with # before it is left out, and the
# lines above it say what then holds; take the # away to decide yourself.
# A secret is never written here, only where it is: {env: NAME}, {file: PATH} or
# {command: CMD}.
#
#   homelab answers check FILE       every mistake, with its line
#   homelab plan --answers FILE      what would change
cluster: homelab
"""
WIDTH = 80
SCHEMA = "https://json-schema.org/draft/2020-12/schema"


# -- the file ----------------------------------------------------------------------------------------------


def form(steps: Sequence[AnyStep]) -> str:
    """The text of an answers file in which every question stands with its help, and nothing is decided yet."""
    given = _undecided(steps)
    return HEAD + "".join(f"\n{_section(step, given)}" for step in steps if step.questions)


def _undecided(steps: Sequence[AnyStep]) -> Answers:
    """What holds when nothing is answered: the defaults that are known beforehand."""
    return {
        step.name: {q.key: plain(q.default) for q in step.questions if not callable(q.default) and not is_open(q)}
        for step in steps
    }


def _section(step: AnyStep, given: Answers) -> str:
    lines = [*_comment(f"{step.title}. {step.intro}", ""), f"{step.name}:"]
    for question in step.questions:
        lines += [*_about(question), f"  {_line(step, question, given)}", ""]
    return "\n".join(lines)


def _about(question: Question) -> Iterator[str]:
    yield from _comment(question.ask, "  ")
    if question.help:
        yield from _comment(question.help, "  ")
    if not callable(question.choices):
        for choice in question.choices:
            more = f": {choice.help}" if choice.help else ""
            yield from _comment(f"{yamlfile.flow(plain(choice.value))} - {choice.label}{more}", "    ")
    if said := _left_out(question):
        yield from _comment(said, "  ")


def _left_out(question: Question) -> str:
    """What happens without an answer, where the line itself does not show it."""
    only = "" if question.when is Question.when else "Only where earlier answers call for it. "
    if callable(question.default):
        return f"{only}Left out: {question.source or 'the wizard works it out'}."
    return only.rstrip() if question.required else f"{only}Left out: none."


def _line(step: AnyStep, question: Question, given: Answers) -> str:
    needed = is_needed(question, given)
    value, form = "", question.kind.name
    if question.kind.widget == "secret":
        value = f"{{env: {f'homelab_{step.name}_{question.key}'.replace('-', '_').upper()}}}"
    elif question.default is not None and not callable(question.default):
        value = yamlfile.flow(plain(question.default))
    key = f"{question.key}: {value}".rstrip()
    return f"{key}  # needed: {form}" if needed else f"#{key}  # {form}"


def _comment(text: str, indent: str) -> list[str]:
    fold = textwrap.TextWrapper(
        WIDTH, initial_indent=f"{indent}# ", subsequent_indent=f"{indent}# ", break_on_hyphens=False,
        break_long_words=False,
    )  # fmt: skip
    return [line for part in text.splitlines() for line in fold.wrap(part)]


# -- the schema --------------------------------------------------------------------------------------------


def schema(steps: Sequence[AnyStep]) -> dict[str, Any]:
    """The answers file as a JSON schema (draft 2020-12), for editors and CI.

    It tells names and shapes. What is needed depends on other answers, and which values go together only the steps
    know: `homelab answers check` tells those.
    """
    return {
        "$schema": SCHEMA,
        "title": "Answers for homelab",
        "description": "One section a step, one key a question. homelab answers check FILE tells what a schema can't.",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "cluster": {"title": "What is the cluster called?", **NAME.schema, "default": "homelab"},
            **{step.name: _step(step) for step in steps},
        },
        "$defs": {"secret": _secret()},
    }


def _step(step: AnyStep) -> dict[str, Any]:
    return {
        "title": step.title, "description": step.intro, "type": ["object", "null"], "additionalProperties": False,
        "properties": {question.key: _property(question) for question in step.questions},
    }  # fmt: skip


def _property(question: Question) -> dict[str, Any]:
    about: dict[str, Any] = {"title": question.ask}
    if said := " ".join(part for part in (question.help, _left_out(question)) if part):
        about["description"] = said
    if question.default is not None and not callable(question.default):
        about["default"] = plain(question.default)
    return about | _shape(question)


def _shape(question: Question) -> dict[str, Any]:
    shape: dict[str, Any] = dict(question.kind.schema)
    if question.kind.widget == "secret":
        shape = {"$ref": "#/$defs/secret"}
    elif question.kind.widget == "choice" and not callable(question.choices) and question.choices:
        shape = {"enum": [plain(choice.value) for choice in question.choices]}
    return shape if question.required else {"anyOf": [shape, {"type": "null"}]}


def _secret() -> Mapping[str, Any]:
    text = {"type": "string", "minLength": 1}
    about = {
        "env": "the name of an environment variable that holds it", "file": "the path of a file that holds it alone",
        "command": "a command that prints it, such as pass show NAME",
    }  # fmt: skip
    return {
        "description": "A secret is only ever a reference.", "type": "object", "additionalProperties": False,
        "minProperties": 1, "maxProperties": 1,
        "properties": {name: {**text, "description": said} for name, said in about.items()},
    }  # fmt: skip
