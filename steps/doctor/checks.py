"""The checks in their order. Each relies on others: what follows from a finding of theirs is not told again.

What was seen is looked at once (`look`) and shared by all: a check only thinks.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from steps import proof
from steps.doctor.look import Looked, look
from steps.why import nodes, walk
from steps.why.finding import Finding, find, together
from wizard.context import Context
from wizard.errors import Interrupted, WizardError
from wizard.report import counted
from wizard.status import MARKS, Level

State = Literal["well", "found", "not looked", "left out"]
LEVELS: Mapping[State, Level] = {"well": "good", "found": "bad", "not looked": "unknown", "left out": "note"}
WORDS: Mapping[State, str] = {"well": "in order", "not looked": "could not be looked at", "left out": "left out"}


@dataclass(frozen=True)
class Check:
    """One check. `needs`: checks without whose answer it can't be made."""

    name: str
    title: str
    needs: tuple[str, ...]
    think: Callable[[Looked], Iterable[Finding]]


def _pis(looked: Looked) -> Iterator[Finding]:
    for short, why in looked.strangers.items():
        yield find("node-host-key", f"Node {short}", [why])
    for short, view in looked.sight.views.items():
        if short not in looked.strangers and (found := nodes.by_view(short, view)):
            yield found


def _api(looked: Looked) -> Iterator[Finding]:
    if looked.api is None:
        return
    text = " ".join(looked.api.sentences())
    code = "api-refuses" if "(401)" in text or "(403)" in text or "certificate" in text.lower() else "api-away"
    down = [one for one in _pis(looked) if one.code != "node-containerd"]
    if not down:  # a control plane that is off is the cause, and was told
        yield find(code, "Kubernetes API", [text, *looked.heads[:4]])


def _layer(which: str) -> Callable[[Looked], Iterable[Finding]]:
    return lambda looked: walk.layer(looked.sight, which)


CHECKS: tuple[Check, ...] = (
    Check("pis", "The Pis", (), _pis),
    Check("api", "The Kubernetes API", (), _api),
    Check("nodes", "Nodes", ("api",), _layer("nodes")),
    Check("system", "What every app relies on", ("api",), _layer("system")),
    Check("storage", "Volumes", ("api",), _layer("storage")),
    Check("apps", "Pods and workloads", ("api",), _layer("apps")),
    Check("flux", "Flux and the repository", ("api",), _layer("flux")),
    Check("certificates", "Certificates", ("api",), _layer("certificates")),
    Check("gateways", "Gateways and routes", ("api",), _layer("gateways")),
    Check("addresses", "Addresses on the LAN", ("api",), _layer("addresses")),
    Check("tailnet", "The tailnet", (), _layer("tailnet")),
)
REACH = "reach"  # the last one: requests are sent, and only when nothing was found before


@dataclass(frozen=True)
class Result:
    """What one check came to. `why` is said where it was not made."""

    name: str
    title: str
    state: State
    findings: tuple[Finding, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Diagnosis:
    """All results, and every finding once. Implements `wizard.ui.proved.Proof`."""

    results: tuple[Result, ...]
    looked: Looked = field(default_factory=Looked, repr=False)
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def findings(self) -> list[Finding]:
        return [one for result in self.results for one in result.findings]

    @property
    def good(self) -> bool:
        return not self.findings and not self.unseen

    @property
    def unseen(self) -> str:
        """Why the cluster was not looked at at all, so that finding nothing says nothing; else empty."""
        return next((one.why for one in self.results if one.name == "api" and one.state == "not looked"), "")

    def text(self) -> str:
        """A line for each check, then each finding with all that is known of it."""
        lines = [f"{MARKS[LEVELS[one.state]]}  {one.title}: {_summary(one)}" for one in self.results]
        for one in self.findings:
            lines += ["", *(part for line in one.text().splitlines() for part in _folded(line))]
        count = len(self.findings)
        if count:
            end = f"{counted(count, 'cause')} found. homelab doctor --fix offers what is safe."
        else:
            end = "The cluster could not be looked at." if self.unseen else "Nothing is wrong."
        return "\n".join([*lines, "", end])

    def data(self) -> dict[str, Any]:
        return {
            "form": 1, "at": self.at.isoformat(timespec="seconds"), "good": self.good,
            "checks": [
                {"name": one.name, "title": one.title, "state": one.state, "why": one.why,
                 "findings": [each.data() for each in one.findings]}
                for one in self.results
            ],
        }  # fmt: skip


def _folded(line: str) -> list[str]:
    """A line of a finding in 80 columns, what goes on set in; commands and paths are not cut."""
    indent = "        " if line.startswith(" ") else "  "
    return textwrap.wrap(line, 80, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _summary(one: Result) -> str:
    if one.state == "found":
        return ", ".join(dict.fromkeys(each.code for each in one.findings))
    return f"{WORDS[one.state]} ({one.why.rstrip('.')})" if one.why else WORDS[one.state]


def diagnose(ctx: Context) -> Diagnosis:
    """Looks, and makes every check. Once in a run: whoever asks again gets the same."""
    if "diagnosis" not in ctx.scratch:
        looked = look(ctx)
        results = judge(looked)
        ctx.scratch["diagnosis"] = Diagnosis((*results, _reach(ctx, results)), looked)
    found: Diagnosis = ctx.scratch["diagnosis"]
    return found


def judge(looked: Looked) -> tuple[Result, ...]:
    """Every check but the last, which sends requests. Pure."""
    results: list[Result] = []
    told: set[tuple[str, str]] = set()
    real = {
        one.key for one in together(each for check in CHECKS if _can(check, looked) for each in check.think(looked))
    }
    for check in CHECKS:
        if check.name in looked.missed:
            results.append(Result(check.name, check.title, "not looked", why=looked.missed[check.name]))
            if check.name != "tailnet":
                continue
            results.pop()
        if not _can(check, looked):
            results.append(Result(check.name, check.title, "left out", why="the Kubernetes API does not answer"))
            continue
        mine = [one for one in together(check.think(looked)) if one.key in real and one.key not in told]
        told |= {one.key for one in mine}
        if mine:
            results.append(Result(check.name, check.title, "found", tuple(mine)))
        elif why := _unread(check, looked):
            results.append(Result(check.name, check.title, "not looked", why=why))
        else:
            results.append(Result(check.name, check.title, "well"))
    return tuple(results)


def _can(check: Check, looked: Looked) -> bool:
    return not (set(check.needs) and (looked.api is not None or "api" in looked.missed))


def _unread(check: Check, looked: Looked) -> str:
    """Why a check that found nothing may have missed something; empty when it saw everything."""
    if check.name in looked.missed:
        return looked.missed[check.name]
    if check.name == "tailnet" and looked.sight.tailnet is None:
        return "there is none, or its step has not been done"
    if check.name == "apps" and looked.sight.unread:
        return next(iter(looked.sight.unread.values()))
    return ""


def _reach(ctx: Context, results: Sequence[Result]) -> Result:
    """Who reaches what, as `homelab verify` measures it; left out while something else is wrong."""
    title = "Who reaches what"
    if any(one.state == "found" for one in results):
        return Result(REACH, title, "left out", why="what was found comes first; homelab verify measures it anyway")
    if "proof" not in ctx.state.done:
        return Result(REACH, title, "left out", why="the step Proof has not been done")
    try:
        measured = proof.explained(ctx, proof.measure(ctx))
    except Interrupted:
        raise
    except WizardError as error:
        return Result(REACH, title, "not looked", why=" ".join(error.sentences()))
    if measured.incomplete and not measured.causes:
        return Result(REACH, title, "not looked", why=measured.incomplete)
    found = tuple(
        Finding(one.code, one.cells[0].probe.host or one.cells[0].probe.address, one.text, (one.sentence(),), "",
                "homelab verify") for one in measured.causes
    )  # fmt: skip
    return Result(REACH, title, "found" if found else "well", found)
