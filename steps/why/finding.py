"""What is found: a code, a sentence, what was seen, what to do, and the command that shows it. Pure.

The texts are data, ``assets/why/causes.yaml``; docs/doctor.md has them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from wizard import assets, yamlfile
from wizard.secret import redact

LONG = 400  # characters of one piece of evidence
SYMPTOMS = ("unknown", "flux-timeout", "flux-gave-up")  # said only where nothing deeper was found


@dataclass(frozen=True)
class Finding:
    """One cause. `trail` leads from what waits to what it is about; `subject` is what it is counted once for."""

    code: str
    about: str  # Pod apps/web-1
    sentence: str
    evidence: tuple[str, ...] = ()  # in the components' own words
    fix: str = ""
    command: str = ""
    trail: tuple[str, ...] = ()
    subject: str = ""

    @property
    def key(self) -> tuple[str, str]:
        return self.code, self.subject or self.about

    def below(self, *above: str) -> Finding:
        """The same, found on the way down from `above`."""
        return replace(self, trail=(*above, *self.trail))

    def text(self) -> str:
        """Everything about it, one thing a line."""
        lines = [f"{self.code}: {self.sentence}"]
        lines += [f"  from {' > '.join(self.trail)}"] if len(self.trail) > 1 else []
        lines += [f"  seen: {one}" for one in self.evidence]
        lines += [f"  do: {self.fix}"] if self.fix else []
        lines += [f"  look: {self.command}"] if self.command else []
        return "\n".join(lines)

    def data(self) -> dict[str, Any]:
        """The same for programs."""
        return {
            "code": self.code, "about": self.about, "sentence": self.sentence, "evidence": list(self.evidence),
            "fix": self.fix, "command": self.command, "trail": list(self.trail),
        }  # fmt: skip


@dataclass(frozen=True)
class Words:
    """What is said of a code. ``{name}`` and the like are filled in."""

    means: str
    fix: str
    show: str


@cache
def catalogue() -> Mapping[str, Words]:
    """Every code that can be found, the way it is told."""
    return {
        str(code): Words(str(one["means"]), str(one["fix"]), str(one["show"]))
        for code, one in yamlfile.load(assets.text("why/causes.yaml")).items()
    }


def find(code: str, about: str, evidence: Iterable[str] = (), *, subject: str = "", **words: str) -> Finding:
    """The finding `code` about `about` (``Kind namespace/name``, or a name alone)."""
    told = catalogue()[code]
    kind, _, place = about.partition(" ")
    space, _, name = place.rpartition("/")
    known = _Known({"about": about, "kind": kind, "namespace": space or "default", "name": name or about, **words})
    seen = tuple(dict.fromkeys(_short(one) for one in evidence if one.strip()))
    sentence = told.means.format_map(known)
    if not told.means.startswith("{"):  # a name is left as it is
        sentence = sentence[:1].upper() + sentence[1:]
    return Finding(
        code, about, f"{sentence}.", seen, told.fix.format_map(known), told.show.format_map(known),
        (about,), subject,
    )  # fmt: skip


class _Known(dict[str, str]):
    """A word that nobody gave is shown as an ellipsis rather than failing: a diagnosis must not break a diagnosis."""

    def __missing__(self, key: str) -> str:
        return "…"


def _short(text: str) -> str:
    flat = redact(re.sub(r"\s+", " ", text).strip())
    return flat if len(flat) <= LONG else f"{flat[: LONG // 2]} … {flat[-LONG // 3 :]}"


def together(findings: Iterable[Finding]) -> list[Finding]:
    """Each once, in order; mere symptoms are left out where something else was found."""
    once: dict[tuple[str, str], Finding] = {}
    for one in findings:
        once.setdefault(one.key, one)
    real = [one for one in once.values() if one.code not in SYMPTOMS]
    return real or list(once.values())
