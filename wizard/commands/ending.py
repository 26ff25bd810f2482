"""Endings: what a person is told when something stopped."""

from __future__ import annotations

import sys

from wizard import __version__
from wizard.commands import typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from wizard.errors import WizardError


def say(text: str) -> None:
    """To standard error, without ever failing for it."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, UnicodeEncodeError):
        return


def show(error: WizardError) -> None:
    from wizard.report import error_text

    say(error_text(error))


def mistake(error: BaseException, words: list[str]) -> int:
    """An unexpected error: a private file gets the traceback, the person gets a sentence."""
    from wizard import state
    from wizard.logfile import report_mistake

    path = report_mistake(error, state.home() / "mistakes", f"homelab {__version__}: {typed.joined('homelab', *words)}")
    saved = "" if "demo" in words else " What was done so far is saved."
    say(f"This is a mistake in homelab itself.{saved}")
    say(f"The details are in {path}." if path else f"It was a {type(error).__name__}; its details could not be saved.")
    say("Running the same command again is safe.")
    return 1
