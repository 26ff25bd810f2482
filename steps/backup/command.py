"""`homelab backup` and `homelab restore --control-plane`: what their words mean, and which steps run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from steps import ORDER
from steps.backup import head, make, passphrase
from steps.backup.head import ControlPlaneBack
from steps.backup.make import Backup
from steps.lifecycle import LATER, LIVING, chosen
from wizard.errors import BadInput, Problem
from wizard.state import State
from wizard.step import AnyStep

__all__ = ["LIVING", "OWN", "begin", "end"]

OWN: Sequence[AnyStep] = (Backup(), ControlPlaneBack())
_PREPARED = 2  # Machines and Prepare come before the data


def begin(state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run. Raises `WizardError`."""
    command = given["command"]
    if not state.answers.get("machines", {}).get("hosts"):
        state.close()
        fix = "Name its state with --state FILE." if command == "backup" else "First without --control-plane."
        problem = Problem(command, "no cluster is known here.", fix)
        raise BadInput([problem], "The command does not fit the cluster; nothing was touched.")
    if command == "backup":
        target = {"to": make.FILE.parse(given["file"])} if given.get("file") else {}
        etcd = {"etcd": False} if "no_etcd" in given else {}
        state.answers[make.NAME] = {**state.answers.get(make.NAME, {}), **target, **passphrase.given(given), **etcd}
        return OWN[:1]
    words = {"file": str(Path(given["file"]).expanduser().absolute())} if given.get("file") else {}
    state.answers[head.NAME] = {**state.answers.get(head.NAME, {}), **words, **passphrase.given(given)}
    until = [step.name for step in ORDER].index(
        "flux"
    ) + 1  # then it runs again; who reaches what is measured by verify
    rest = [step for step in ORDER[:until] if step.name not in LATER or chosen(state.answers, step.name)]
    return [*rest[:_PREPARED], OWN[1], *rest[_PREPARED:]]


def end(state: State) -> None:
    """After the run, however it ended: the passphrase's place and the file's are not kept."""
    for name in (make.NAME, head.NAME):
        state.answers.pop(name, None)
    state.save()
