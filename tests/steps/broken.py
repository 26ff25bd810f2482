"""Broken repositories: the full golden one with one mistake each, from `tests/cases/repository`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.golden.repositories import RECIPIENT, SEAL, repository
from wizard import yamlfile

CASES = Path(__file__).resolve().parent.parent / "cases" / "repository"
# What the product's own house rules do not let a file hold.
STAND_INS = {
    "{x}": "1" + "Q" * 58, "{private}": "PRIVATE KEY", "{auth}": "auth", "{recipient}": RECIPIENT,
    "{seal}": SEAL.format(recipient=RECIPIENT),
}  # fmt: skip


@dataclass(frozen=True)
class Broken:
    """One mistake: `old` in `file` becomes `new`, and in other files what `also` says."""

    code: str
    file: str
    new: str
    old: str = ""
    at: str = ""
    where: str = ""
    also: Mapping[str, list[str]] = field(default_factory=dict)

    def files(self, whole: Mapping[str, str]) -> dict[str, str]:
        made = dict(whole)
        for name, (old, new) in self.also.items():
            made[name] = _replaced(made.get(name, ""), old, new)
        listed = ", ".join(name.rpartition("/")[2] for name in whole if name.startswith("apps/hello/"))
        made[self.file] = _replaced(made.get(self.file, ""), self.old, self.new.replace("{hello}", listed))
        return made

    def line(self) -> str:
        """The line that must be named: the one that holds `at`."""
        wanted = (self.at or self.new).rstrip("\n").splitlines()
        return wanted[0] if "\n" in self.at else wanted[-1]


def _replaced(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1) if old else f"{text}{new}\n"


@cache
def full() -> dict[str, str]:
    return repository("duckdns-full")


def cases() -> list[Broken]:
    return [_case(data) for file in sorted(CASES.glob("*.yaml")) for data in yamlfile.load(file.read_text())]


def _case(data: Mapping[str, Any]) -> Broken:
    given = {("also" if key == "with" else key): value for key, value in data.items()}
    for key in ("old", "new", "at"):
        for stand_in, text in STAND_INS.items():
            given[key] = given.get(key, "").replace(stand_in, text)
    return Broken(**given)
