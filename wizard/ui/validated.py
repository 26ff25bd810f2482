"""`homelab repo validate`: findings as text that a person reads, or as JSON that a program does."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, Protocol

from wizard import report
from wizard.errors import ExitCode
from wizard.ui.out import Out

FORM = 1  # of the JSON, as docs/validation.md describes it


class Found(Protocol):
    """What a finding has; `commit` is empty for one in the files themselves."""

    @property
    def code(self) -> str: ...
    @property
    def severity(self) -> str: ...
    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def what(self) -> str: ...
    @property
    def fix(self) -> str: ...
    @property
    def commit(self) -> str: ...


def show(folder: Path, files: int, found: Sequence[Found], *, as_json: bool, out: Out | None = None) -> int:
    """Prints the findings. OK when there is no mistake among them, MISTAKES otherwise."""
    out = out or Out()
    errors = sum(one.severity == "error" for one in found)
    if as_json:
        out.say(json.dumps(_as_data(folder, files, found, errors), indent=2))
    else:
        for file, group in groupby(found, key=lambda one: (one.file, one.commit)):
            out.say(_head(*file))
            for one in group:
                out.say(_text(one, out.width))
            out.say()
        out.say(_summary(files, errors, len(found) - errors))
    return ExitCode.MISTAKES if errors else ExitCode.OK


def _as_data(folder: Path, files: int, found: Sequence[Found], errors: int) -> dict[str, Any]:
    fields = ("code", "severity", "file", "line", "what", "fix", "commit")
    return {
        "form": FORM, "folder": str(folder), "files": files, "errors": errors, "warnings": len(found) - errors,
        "findings": [{name: getattr(one, name) for name in fields} for one in found],
    }  # fmt: skip


def _head(file: str, commit: str) -> str:
    where = "" if not commit else " (staged)" if commit == "staged" else f" (commit {commit[:10]})"
    return report.clean(f"{file}{where}")


def _text(one: Found, width: int) -> str:
    line = f"{one.line:>4}" if one.line else "    "
    lines = [f"{line}  {one.severity}: {one.code}"]
    lines += [report.wrapped(report.clean(text), width, "      ") for text in (one.what, one.fix) if text]
    return "\n".join(lines)


def _summary(files: int, errors: int, warnings: int) -> str:
    parts = [report.counted(errors, "mistake") if errors else "no mistake"]
    if warnings:
        parts.append(report.counted(warnings, "warning"))
    return f"{report.counted(files, 'file')}: {', '.join(parts)}."
