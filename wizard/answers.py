"""The answers file: a whole interview given ahead. Every mistake is named with its line before anything is touched.

```yaml
cluster: homelab
machines:
  hosts: [192.168.1.11, 192.168.1.12]
  password: {env: PI_PASSWORD}
```

One section for each step, one key for each of its questions, advanced ones included.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard import userfile, yamlfile
from wizard.errors import BadInput, Problem, WizardError
from wizard.question import ALWAYS, NAME, Answers, Question, plain
from wizard.secret import SecretRef
from wizard.step import AnyStep


@dataclass(frozen=True)
class Interview:
    cluster: str
    answers: Answers


def is_open(question: Question) -> bool:
    """Whether there is neither a default nor a way to leave `question` out."""
    return question.required and question.default is None


def is_needed(question: Question, answers: Answers) -> bool:
    """Whether nobody but the person can answer `question`, and the other `answers` call for it."""
    return not question.advanced and is_open(question) and question.when(answers)


MOST = 256 << 10  # bytes; all questions with their help are a tenth of it
_TELLING = ("such as", "did you mean", ": ", "{env", "one of", "neither", "twice")


class _Reader:
    def __init__(self, file: Path, steps: Sequence[AnyStep], secrets: bool) -> None:
        self.file, self.steps, self.secrets = file, {step.name: step for step in steps}, secrets
        self.problems: list[Problem] = []
        self.lines: dict[str, int] = {}
        self.refused: set[str] = set()  # paths that have a mistake of their own already, so they are not also missing

    def problem(self, path: str, what: str, fix: str = "") -> None:
        self.refused.add(path)
        line = self.lines.get(path) or self.lines.get(path.rpartition(".")[0])
        self.problems.append(Problem(path, what, fix, str(self.file), line))

    def note_lines(self, node: Any, path: str = "") -> None:
        if not isinstance(node, Mapping) or not hasattr(node, "lc"):
            return
        for key in node:
            here = f"{path}.{key}" if path else str(key)
            self.lines[here] = node.lc.key(key)[0] + 1
            self.note_lines(node[key], here)

    def section(self, name: str, raw: Any) -> dict[str, Any]:
        step = self.steps[name]
        questions = {question.key: question for question in step.questions}
        if raw is None:  # a section of nothing but comments
            return {}
        if not isinstance(raw, Mapping):
            self.problem(name, "this must hold the step's answers, one key each.", _keys(questions))
            return {}
        found: dict[str, Any] = {}
        for key, value in raw.items():
            question = questions.get(str(key))
            if question is None:
                self.refused |= {f"{name}.{meant}" for meant in _close(str(key), questions)}
                self.problem(f"{name}.{key}", "there is no such question.", _nearest(str(key), questions))
            else:
                self.one(f"{name}.{key}", question, value, found)
        return found

    def one(self, path: str, question: Question, raw: Any, found: dict[str, Any]) -> None:
        if raw is None and is_open(question):  # begun, not filled in: `missing` says whether it is needed
            return
        if raw is None and not question.required:
            found[question.key] = None
            return
        try:
            value = question.kind.parse(plain(raw))
            fixed = [choice.value for choice in question.choices] if not callable(question.choices) else []
            if fixed and question.kind.widget == "choice" and value not in fixed:
                raise ValueError(f"{value!r} is not one of: {', '.join(map(str, fixed))}")
            found[question.key] = value
            if isinstance(value, SecretRef) and self.secrets:
                value.resolve()
        except ValueError as error:
            if question.kind.widget == "secret":
                found[question.key] = SecretRef("prompt")  # there is one, however badly it is given
            said = str(error)
            # most kinds say by themselves what would be right; the name of the kind helps only where they don't
            helpful = any(word in said for word in (*_TELLING, question.kind.name))
            self.problem(path, said if said.endswith("?") else f"{said}.", "" if helpful else _expected(question))
        except WizardError as error:
            self.problem(path, f"{error.what} {error.why}".rstrip(), error.fix)

    def missing(self, answers: Answers, needed: Sequence[AnyStep]) -> None:
        """Defaults for what was left out of the steps that are to run; a problem for what has none."""
        for step in needed:
            name = step.name
            doubtful = any(f"{name}.{q.key}" in self.refused for q in step.questions if q.kind.widget == "choice")
            for question in step.questions:
                path = f"{name}.{question.key}"
                if question.key in answers.get(name, {}) or self.refused & {name, path}:
                    continue
                if doubtful and question.when is not ALWAYS:
                    continue  # whether it is asked depends on an answer that has to be corrected first
                if is_needed(question, answers):
                    self.problem(path, f"this is missing: {question.ask}", _expected(question))
                elif not is_open(question) and not callable(question.default):
                    answers.setdefault(name, {})[question.key] = plain(question.default)


def read(
    file: Path, steps: Sequence[AnyStep], needed: Sequence[AnyStep] | None = None, *, secrets: bool = True
) -> Interview:
    """Reads and checks `file`. Raises `BadInput` with every mistake at once.

    Only the steps of `needed` (all, when left out) have to be answered completely. Without `secrets`, where these are
    is not looked at.
    """
    reader = _Reader(file, steps, secrets)
    data = _load(reader)
    cluster = "homelab"
    answers: Answers = {}
    for key, value in data.items():
        if key == "cluster":
            try:
                cluster = NAME.parse(value)
            except ValueError as error:
                reader.problem(
                    "cluster", f"{error}.", "It names the cluster and its state folder, for example: homelab."
                )
        elif key in reader.steps:
            answers[str(key)] = reader.section(str(key), value)
        else:
            reader.problem(str(key), "there is no such section.", _nearest(str(key), ["cluster", *reader.steps]))
    reader.missing(answers, steps if needed is None else needed)
    refused = set(reader.refused)
    for step in steps:
        for problem in step.validate(answers):
            if problem.path not in refused:
                reader.problem(problem.path, problem.what, problem.fix)
    if reader.problems:
        raise BadInput(sorted(reader.problems, key=lambda problem: problem.line or 10**9))
    return Interview(cluster, answers)


def _load(reader: _Reader) -> Mapping[str, Any]:
    try:
        data = yamlfile.load_marked(userfile.read_text(reader.file, MOST, pipe=True))
    except OSError as error:
        raise BadInput(
            [Problem("answers", f"{error.strerror}.", "Give the path of an answers file.", str(reader.file))]
        ) from None
    except (UnicodeDecodeError, ValueError) as error:
        found = re.search(r"\bline (\d+)", str(error)) if not isinstance(error, UnicodeDecodeError) else None
        line = int(found[1]) if found else None
        what = f"this is not YAML: {error}." if not isinstance(error, UnicodeDecodeError) else "this is not UTF-8 text."
        raise BadInput([Problem("answers", what, "", str(reader.file), line)]) from None
    if not isinstance(data, Mapping):
        raise BadInput([Problem("answers", "this holds no answers.", "Begin with: cluster: homelab", str(reader.file))])
    reader.note_lines(data)
    return data


def _expected(question: Question) -> str:
    if question.kind.widget == "secret":
        return "Write {env: NAME}, {file: PATH} or {command: CMD}."
    return f"Expected: {question.kind.name}."


def _keys(questions: Mapping[str, Question]) -> str:
    return f"Its keys: {', '.join(questions)}." if questions else "This step asks nothing."


def _nearest(key: str, known: Mapping[str, Any] | Sequence[str]) -> str:
    close = _close(key, known)
    return f"Did you mean {close[0]}?" if close else f"Known here: {', '.join(known)}."


def _close(key: str, known: Mapping[str, Any] | Sequence[str]) -> list[str]:
    return difflib.get_close_matches(key, list(known), n=1)
