"""The command `homelab`: reads the command line, has the command run, and turns every end into a code.

Only what `--version` and `--help` need is imported here; everything else is imported where it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import SimpleNamespace

from wizard import __version__

TYPE_CHECKING = False  # as in typing, which takes long to read

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any


def main(argv: Sequence[str] | None = None) -> int:
    """Runs `argv` (the process's arguments by default) and returns the exit code. Never raises, never a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["--version"]:
        return _version()
    code = _ended(words, last=argv is None)
    from wizard.leaving import printed

    return printed(code)


def _version() -> int:
    try:
        print(f"homelab {__version__}", flush=True)
    except OSError:  # nobody could be told
        from wizard.leaving import printed

        return printed(1)
    return 0


def _ended(words: list[str], *, last: bool) -> int:
    """`last`: the process ends with it."""
    try:
        from wizard.leaving import told_to_end

        with told_to_end(last=last):
            return _run(words)
    except SystemExit as leaving:  # argparse: --help, or a usage error already shown
        return leaving.code if isinstance(leaving.code, int) else 2
    except BrokenPipeError:
        return 1
    except BaseException as error:
        from wizard.commands import ending

        # Python 3.11 wraps one that comes while a class is made
        if isinstance(error, KeyboardInterrupt) or isinstance(error.__cause__, KeyboardInterrupt):
            ending.say("Stopped. Nothing is half done.")
            return 130
        return ending.mistake(error, words)


def _run(words: list[str]) -> int:
    from wizard import commands
    from wizard.commands import ending
    from wizard.errors import WizardError

    args: Any = _typed(words) if words else Alone(command="wizard", words=[])
    try:
        _side_by_side()
        return commands.run(args)
    except WizardError as error:
        ending.show(error)
        return error.exit_code


class Alone(SimpleNamespace):
    """`homelab` without a word, as argparse would tell it: to read that takes a while, and somebody waits."""

    def __contains__(self, key: str) -> bool:
        return key in self.__dict__


def _typed(words: list[str]) -> Namespace:
    from wizard import commandline

    return commandline.parse(words)


def _side_by_side() -> None:
    """`steps` is also the name of another package on the index: refuse to run with that one."""
    from importlib.util import find_spec
    from pathlib import Path

    from wizard.errors import WizardError

    spec = find_spec("steps")
    found = Path(spec.origin).resolve().parent if spec and spec.origin else None
    if found is None or found.parent != Path(__file__).resolve().parent.parent:
        raise WizardError(
            "The package 'steps' that Python finds is not homelab's own.", f"Found: {found or 'none'}.",
            "Install homelab in an environment of its own: pipx install homelab-wizard.",
        )  # fmt: skip
