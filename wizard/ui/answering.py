"""`homelab answers`: a file to begin with, its JSON schema, and everything that is wrong with one."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from wizard import answers, answersform, report
from wizard.errors import BadInput, ExitCode, Problem
from wizard.step import AnyStep
from wizard.ui.out import Out

FORM = 1  # of the JSON, as docs/answers.md describes it


def init(steps: Sequence[AnyStep], file: Path | None, out: Out | None = None) -> int:
    """Writes every question with its help to `file`, or prints it. An existing file is left as it is."""
    out, text = out or Out(), answersform.form(steps)
    if file is None:
        out.say(text.rstrip("\n"))
        return ExitCode.OK
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        fix = "Name another file." if isinstance(error, FileExistsError) else "Name a file that can be written."
        raise BadInput([Problem("answers", f"{error.strerror}.", fix, str(file))], "Nothing was written.") from None
    needed = text.count("  # needed: ")
    out.say(f"{file}: {report.counted(needed, 'answer')} needed, marked so. Then: homelab answers check {file}")
    return ExitCode.OK


def schema(steps: Sequence[AnyStep], out: Out | None = None) -> int:
    (out or Out()).say(schema_text(steps).rstrip("\n"))
    return ExitCode.OK


def schema_text(steps: Sequence[AnyStep]) -> str:
    return json.dumps(answersform.schema(steps), indent=2, ensure_ascii=False) + "\n"


def check(
    steps: Sequence[AnyStep], needed: Sequence[AnyStep], file: Path, *, secrets: bool, as_json: bool,
    out: Out | None = None,
) -> int:  # fmt: skip
    """Prints everything that is wrong with `file`: OK for nothing, BAD_INPUT otherwise. Only reads."""
    out = out or Out()
    found: list[Problem] = []
    try:
        answers.read(file, steps, needed, secrets=secrets)
    except BadInput as error:
        found = error.problems
    if as_json:
        findings = [{"path": one.path, "line": one.line or 0, "what": one.what, "fix": one.fix} for one in found]
        out.say(json.dumps({"form": FORM, "file": str(file), "mistakes": len(found), "findings": findings}, indent=2))
    else:
        for one in found:
            out.say(report.wrapped(report.clean(one.sentence()), out.width))
        out.say(f"{file}: {report.counted(len(found), 'mistake') if found else 'no mistake'}.")
    return ExitCode.BAD_INPUT if found else ExitCode.OK
