"""The passphrase of a backup: typed twice, or from the environment or a file; never on a command line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from wizard.backupfile import LEAST
from wizard.context import Context
from wizard.errors import WizardError
from wizard.question import SECRET, Answers, Question
from wizard.secret import Secret, SecretRef

ASK = Question(
    "passphrase", "Which passphrase shall open the backup?", SECRET,
    help=f"At least {LEAST} characters, for example five words that do not belong together. Without it nobody opens the"
    " backup, you neither: keep it where you keep other passwords.",
)  # fmt: skip
OPENS = Question("passphrase", "Which passphrase opens the backup?", SECRET)


def is_typed(answers: Answers, step: str) -> bool:
    """Whether it was typed, so that a slip of the fingers could lock the backup for good."""
    given = answers.get(step, {}).get("passphrase")
    return isinstance(given, SecretRef) and given.kind == "prompt"


def given(words: Mapping[str, Any]) -> dict[str, SecretRef]:
    """The answer that the options ``--passphrase-env`` and ``--passphrase-file`` make; empty without one."""
    for kind in ("env", "file"):
        if where := words.get(f"passphrase_{kind}"):
            return {"passphrase": SecretRef(kind, str(where))}
    return {}


def fit(ctx: Context, step: str, again: Question | None) -> Secret:
    """The passphrase of a new backup. Raises `WizardError` when it is short, or was typed in two ways."""
    chosen = ctx.secret(step, ASK)
    if len(chosen.reveal()) < LEAST:
        raise _not_taken(step, "That passphrase is too short.", f"It has fewer than {LEAST} characters.", again)
    if again and is_typed(ctx.answers, step) and ctx.secret(step, again) != chosen:
        raise _not_taken(step, "The passphrase was typed in two ways.", "One of them has a slip in it.", again)
    return chosen


def _not_taken(step: str, what: str, why: str, again: Question | None) -> WizardError:
    error = WizardError(what, why, "Try again, and it is asked for once more.")
    error.answers = (f"{step}.passphrase", *([f"{step}.{again.key}"] if again else []))
    return error
