"""Which cluster a command is about, and its state: from the command line, the answers file or this computer."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from wizard import state as states
from wizard import userfile, yamlfile
from wizard.answers import Interview, read
from wizard.errors import BadInput, Problem, StateError
from wizard.question import NAME
from wizard.state import State
from wizard.step import AnyStep
from wizard.unsaved import Unsaved

DEFAULT = "homelab"


def clusters() -> list[str]:
    """The clusters that this computer remembers."""
    return sorted(file.parent.name for file in states.home().glob("*/state.yaml"))


def cluster_name(named: str | None, file: Path | None) -> str:
    """The cluster that is meant: the named one, the one the state file holds, or the only one there is.

    Raises `WizardError` when several are possible or the name is none.
    """
    if named is not None:
        try:
            return str(NAME.parse(named))
        except ValueError as error:
            raise BadInput([Problem("--cluster", f"{error}.", "For example: --cluster homelab.")]) from None
    if file is not None:
        return _inside(file)
    known = clusters()
    if len(known) > 1:
        raise StateError(
            f"Several clusters are known here: {', '.join(known)}.", "", f"Name one: --cluster {known[0]}."
        )  # fmt: skip
    return known[0] if known else DEFAULT


def _inside(file: Path) -> str:
    """The cluster that the state at `file` says it is about; opening it properly tells what is wrong with it."""
    try:
        data = yamlfile.load(userfile.read_text(file))
    except (OSError, UnicodeDecodeError, ValueError):
        return DEFAULT
    return str(data.get("cluster", DEFAULT)) if isinstance(data, dict) else DEFAULT


def is_known(named: str | None, file: Path | None) -> bool:
    """Whether there is a state of the cluster that is meant."""
    return (file or states.path_for(cluster_name(named, file))).exists()


def open_state(named: str | None, file: Path | None, *, save: bool = True) -> State:
    """The state of the cluster that is meant. Without `save` nothing is locked, created or ever written."""
    cluster = cluster_name(named, file)
    return _open(cluster, file, save)


def open_answered(
    named: str | None,
    file: Path | None,
    answers: Path,
    order: Sequence[AnyStep],
    *,
    save: bool,
    needed: Sequence[AnyStep] | None = None,
    living: Collection[tuple[str, str]] = (),
) -> State:
    """As `open_state`, for the cluster that the answers file names, its answers taken over. Raises `BadInput`.

    Only the steps of `needed` have to be answered completely. What is `living`, as (step, key), has changed with the
    cluster since the file was written: there the state's own answer stays.
    """
    interview = read(answers, order, needed)
    if named is not None and named != interview.cluster:
        raise BadInput(
            [Problem("cluster", f"the file is about {interview.cluster!r}, --cluster says {named!r}.",
                     "Make them agree, or leave --cluster out.", str(answers))]
        )  # fmt: skip
    state = _open(interview.cluster, file, save)
    _take(state, interview, living)
    return state


def _open(cluster: str, file: Path | None, save: bool) -> State:
    path = file or states.path_for(cluster)
    return State.open(path, cluster) if save else Unsaved.open(path, cluster, lock=False)


def _take(state: State, interview: Interview, living: Collection[tuple[str, str]]) -> None:
    """The file's answers win over what was answered before, except for what is `living`."""
    for step, given in interview.answers.items():
        mine = state.answers.setdefault(step, {})
        mine.update({key: value for key, value in given.items() if (step, key) not in living or key not in mine})
    state.save()
