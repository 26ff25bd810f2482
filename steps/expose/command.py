"""`homelab app …`: what the words of these commands mean for the answers, and which steps then run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steps import lifecycle
from steps.expose import remove, wanted
from steps.expose.expose import AppExpose
from steps.expose.remove import AppData, AppRemove
from steps.flux import Flux
from steps.gitops.catalogue import catalogue
from steps.proof import Proof
from steps.repository import Repository
from wizard.errors import BadInput, Problem
from wizard.question import plain
from wizard.state import State
from wizard.step import AnyStep

EXPOSE: tuple[AnyStep, ...] = (AppExpose(), Repository(), Flux(), Proof())
REMOVE: tuple[AnyStep, ...] = (AppRemove(), Repository(), Flux(), AppData(), Proof())
LISTS: Mapping[str, Sequence[AnyStep]] = {"app expose": EXPOSE, "app remove": REMOVE}
OWN: tuple[AnyStep, ...] = (EXPOSE[0], REMOVE[0], REMOVE[3])  # the steps that the journey does not have
LIVING = lifecycle.LIVING
WORDS = ("service", "image", "port", "data", "chart", "version", "backend", "name", "reach", "host", "size", "storage")
FORMS = {"entry": "catalogue", "service": "service", "image": "image", "chart": "chart"}
UNDONE = ("flux",)  # as long as these are not done, the same command goes on


def begin(state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run. Raises `WizardError`."""
    command = str(given["command"])
    try:
        if not state.answers.get("repository") or not state.answers.get("domains"):
            raise _mistake(command, "no cluster is known here.", "Name its state with --state FILE.")
        {"app expose": _expose, "app remove": _remove}[command](state, given)
        for step in UNDONE:
            state.done.pop(step, None)
        state.save()
    except BaseException:
        state.close()
        raise
    return LISTS[command]


def end(state: State) -> None:
    """After the run, however it ended: what was not agreed to, or is done, is forgotten."""
    begun = state.recall("apps", "pending") or state.recall("apps", "deleting")
    pushed = state.recall("repository", "commit") and not state.recall("apps", "pending")
    if not begun or (pushed and all(step in state.done for step in UNDONE)):
        for name in (wanted.NAMED, remove.NAMED):
            state.answers.pop(name, None)
    state.save()


def _expose(state: State, given: Mapping[str, Any]) -> None:
    words = {key: given[key] for key in WORDS if key in given}
    if entry := given.get("entry"):
        if entry not in catalogue():
            raise _mistake("app expose", f"{entry} is not in the catalogue.", f"It has: {', '.join(catalogue())}.")
        words["entry"] = entry
    what = [key for key in FORMS if key in words]
    if len(what) > 1:
        raise _mistake("app expose", f"{' and '.join(what)} are two apps.", "Name one.")
    if what and "answers" not in given:
        state.answers[wanted.NAMED] = {}
    mine = state.answers.setdefault(wanted.NAMED, {})
    mine.update({key: _value(key, raw) for key, raw in words.items()})
    if what:
        mine["form"] = FORMS[what[0]]


def _value(key: str, raw: str) -> Any:
    question = next(one for one in EXPOSE[0].questions if one.key == key)
    if not raw and not question.required:
        return None
    try:
        value = question.kind.parse(raw)
    except ValueError as error:
        raise _mistake(f"app expose --{key}", f"{error}.", question.help) from None
    choices = [choice.value for choice in question.choices] if not callable(question.choices) else []
    if choices and value not in choices:
        raise _mistake(f"app expose --{key}", f"{value!r} is not one of: {', '.join(choices)}.", "")
    return plain(value)


def _remove(state: State, given: Mapping[str, Any]) -> None:
    if name := given.get("app"):
        state.answers[remove.NAMED] = {"app": name}
    if "delete_data" in given:
        state.answers.setdefault(remove.NAMED, {})["data"] = "delete"


def _mistake(path: str, what: str, fix: str) -> BadInput:
    return BadInput([Problem(path, what, fix)], "The command does not fit the cluster; nothing was touched.")
