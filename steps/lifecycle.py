"""`homelab node …`: what the words of these commands mean for the answers, and which steps then run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steps import NODE_ADD, NODE_REMOVE, NODE_UPGRADE, nodes
from steps.kubernetes import VERSION
from wizard.errors import BadInput, Problem, TrustError
from wizard.question import Answers
from wizard.state import State
from wizard.step import AnyStep

LISTS: Mapping[str, Sequence[AnyStep]] = {
    "node add": NODE_ADD, "node remove": NODE_REMOVE, "node upgrade": NODE_UPGRADE,
}  # fmt: skip
OWN = (NODE_ADD[0], NODE_REMOVE[0], NODE_UPGRADE[0])  # the steps that the journey does not have
BEFORE = "before-adding"  # evidence: what `node add` has taken back, given again when nothing came of it
LATER = ("tailnet", "snapshots")  # steps that a cluster may do without

LIVING = (
    ("machines", "hosts"), ("machines", "control_plane"), ("machines", "more_control_planes"),
    ("prepare", "kubernetes_version"), ("domains", "issuer"),
)  # fmt: skip
"""Answers that these commands change: an answers file from before does not bring the old ones back."""


def begin(state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run. Raises `WizardError`."""
    command = given["command"]
    try:
        {"node add": _add, "node remove": _remove, "node upgrade": _upgrade}[command](state, given)
        state.save()
    except BaseException:
        state.close()
        raise
    return [step for step in LISTS[command] if step.name not in LATER or chosen(state.answers, step.name)]


def chosen(answers: Answers, step: str) -> bool:
    """Whether the cluster has what `step` brings, as far as the answers tell."""
    return any(value is not None for value in answers.get(step, {}).values())


def end(state: State) -> None:
    """After the run, however it ended: forgets what never began, so that it can be begun differently."""
    _end_of_adding(state)
    leaving = state.answers.get("node-remove", {}).get("node")
    if leaving and not state.recall("machines", leaving, "leaving"):
        state.answers.pop("node-remove")
    state.save()


# -- add -------------------------------------------------------------------------------------------------


def _add(state: State, given: Mapping[str, Any]) -> None:
    machines = state.answers.setdefault("machines", {})
    if to := given.get("to"):
        _point_at(state, to)
    elif not machines.get("hosts"):
        raise _mistake(
            "node add", "no cluster is known here.",
            "Make one with homelab, or name the control plane of one that is there with --to ADDRESS.",
        )  # fmt: skip
    if given.get("addresses") or to:
        state.answers["node-add"] = {
            "addresses": list(dict.fromkeys(given.get("addresses") or [])), "control_plane": "control_plane" in given,
            "expected": {key: given[key] for key in ("ca_hash", "uid") if given.get(key)},
        }  # fmt: skip
    done = state.done.pop("workers", None)  # its end tells whether they have joined
    needless = [key for key in ("password", "sudo_password") if machines.get(key, "") is None]
    for key in needless:  # the wizard's own key was enough so far; a new Pi does not know it
        machines.pop(key)
    if done:
        state.evidence[BEFORE] = {"workers": done, "needless": needless}


def _point_at(state: State, address: str) -> None:
    """`--to`: the cluster that a state without one is to take over; for a state with one, a promise that is checked."""
    machines = state.answers["machines"]
    if state.recall("cluster", "uid") and address not in nodes.control_planes(state.answers):
        raise TrustError(
            f"{address} is not a control plane of the cluster {state.cluster!r}.",
            f"Those are {', '.join(nodes.control_planes(state.answers))}.",
            "Leave --to out for this cluster; for another one, name a state of its own with --state FILE.",
        )  # fmt: skip
    if not state.recall("cluster", "uid"):
        machines.update({"hosts": [address], "control_plane": address, "more_control_planes": None})


def _end_of_adding(state: State) -> None:
    """A Pi whose host key was never approved leaves the list again; once all have joined nothing is pending."""
    pending = state.answers.get("node-add", {}).get("addresses") or []
    strangers = [address for address in pending if not state.recall("machines", address, "host_keys")]
    machines = state.answers.get("machines", {})
    for key in ("hosts", "more_control_planes"):
        if machines.get(key):
            machines[key] = [address for address in machines[key] if address not in strangers] or None
    left = [address for address in pending if address not in strangers]
    if not left or "workers" in state.done:
        state.answers.pop("node-add", None)
        before = state.evidence.pop(BEFORE, None)
        if before and "workers" not in state.done:  # nothing was begun: the cluster is as done as it was
            state.done["workers"] = before["workers"]
            machines.update({key: None for key in before["needless"] if key not in machines})
    else:
        state.answers["node-add"]["addresses"] = left


# -- remove and upgrade ----------------------------------------------------------------------------------


def _remove(state: State, given: Mapping[str, Any]) -> None:
    if not state.answers.get("machines", {}).get("hosts"):
        raise _mistake("node remove", "no cluster is known here.", "Name its state with --state FILE.")
    if word := given.get("node"):
        state.answers["node-remove"] = {"node": address_of(state, word)}


def address_of(state: State, word: str) -> str:
    """The address of the Pi that is called `word`, by its name or its address. Raises `BadInput`."""
    hosts = nodes.addresses(state.answers)
    names = {address: str(state.recall("machines", address, "hostname") or "") for address in hosts}
    found = [address for address in hosts if word in (address, names[address])]
    if not found:
        listed = ", ".join(f"{names[address]} ({address})" if names[address] else address for address in hosts)
        raise _mistake("node remove", f"{word} is none of the cluster's Pis.", f"Those are: {listed}.")
    return found[0]


def _upgrade(state: State, given: Mapping[str, Any]) -> None:
    if not state.answers.get("machines", {}).get("hosts"):
        raise _mistake("node upgrade", "no cluster is known here.", "Name its state with --state FILE.")
    state.answers.pop("node-upgrade", None)
    target = given.get("to") or state.recall("upgrade", "target")
    if target:
        try:
            state.answers["node-upgrade"] = {"to": VERSION.parse(target)}
        except ValueError as error:
            raise _mistake("--to", f"{error}.", "Name a version that this release knows.") from None


def _mistake(path: str, what: str, fix: str) -> BadInput:
    return BadInput([Problem(path, what, fix)], "The command does not fit the cluster; nothing was touched.")
