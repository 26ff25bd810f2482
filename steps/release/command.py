"""`homelab upgrade`: what its words mean for the answers, and which steps run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from steps.backup import make, passphrase
from steps.flux import Flux
from steps.release import back, upgrade
from steps.release.back import Back
from steps.release.upgrade import Upgrade
from wizard.errors import BadInput, Problem
from wizard.state import State
from wizard.step import AnyStep

OWN: Sequence[AnyStep] = (Upgrade(), Back())
LIVING: Sequence[tuple[str, str]] = (
    ("machines", "hosts"), ("machines", "control_plane"), ("machines", "more_control_planes"),
    ("prepare", "kubernetes_version"), ("domains", "issuer"),
)  # fmt: skip


def begin(state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run. Raises `WizardError`."""
    if not state.answers.get("repository"):
        state.close()
        problem = Problem("upgrade", "no cluster with a repository is known here.", "Name its state with --state FILE.")
        raise BadInput([problem], "The command does not fit the cluster; nothing was touched.")
    if "back" in given:
        return [OWN[1], Flux()]
    answers = state.answers.setdefault(upgrade.NAME, {})
    answers["anyway"] = "anyway" in given
    if given.get("backup"):
        answers |= {"due": True, "to": make.FILE.parse(given["backup"])}
    answers |= passphrase.given(given)
    return [OWN[0], Flux()]


def end(state: State) -> None:
    """After the run, however it ended: nothing of it is kept."""
    for name in (upgrade.NAME, back.NAME):
        state.answers.pop(name, None)
    state.save()
