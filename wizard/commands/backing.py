"""`backup` and `restore`: runs about a file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import suppress

from wizard.commands import joint, running, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from wizard.session import Session
    from wizard.state import State
    from wizard.step import AnyStep


def backup(args: Namespace) -> int:
    from steps.backup import command

    return running.later(args, command)


def show(args: Namespace) -> int:
    from steps.backup import computer, read
    from wizard.ui import proved

    session = apart(args, lambda state: computer.begin(state, vars(args), None))
    try:
        return proved.run(session, read.show, as_json="json" in args)
    finally:
        session.close()
        done_with(session.state)


def restore(args: Namespace) -> int:
    from steps.backup import command, computer

    if "control_plane" in args:
        return running.later(args, command)
    session = apart(args, lambda state: computer.begin(state, vars(args), typed.file_of(args)))
    try:
        return running.run(session, running.front(args))
    finally:
        done_with(session.state)


def apart(args: Namespace, begin: Callable[[State], Sequence[AnyStep]]) -> Session:
    """A run about a file: which cluster it is of shows only once it is open, so that run has a state of its own."""
    from wizard import state as states
    from wizard.errors import WizardError
    from wizard.state import State

    asked = sys.stdin.isatty() and "yes" not in args
    if not (asked or {"passphrase_env", "passphrase_file"} & set(vars(args))):
        raise WizardError("The passphrase of the backup is missing.", "Nobody can be asked for it here.",
                          "Give --passphrase-env NAME or --passphrase-file FILE.")  # fmt: skip
    if "file" in args:
        refuse_missing(typed.path(args.file))
    file = states.home() / "restoring" / "at-work" / "state.yaml"
    with suppress(OSError):  # opening it says why it can't be used
        file.unlink(missing_ok=True)
    state = State.open(file, "restore")
    session = running.session_of(args, begin(state), joint.real_world(), state)
    session.about = "a backup"
    return session


def refuse_missing(file: Path) -> None:
    """Before anything is asked or made. Raises `StateError`."""
    from wizard.errors import StateError

    try:
        file.stat()
    except OSError as error:
        raise StateError(f"{file} can't be read.", f"{error.strerror}.", "Name another file.") from None


def done_with(state: State) -> None:
    """The answers about a file are of no use for another one."""
    with suppress(OSError):
        state.path.unlink(missing_ok=True)
