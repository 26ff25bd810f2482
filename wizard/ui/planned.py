"""`homelab plan`: what every step would change, as text; nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from wizard import report
from wizard.engine import Engine, Outlook
from wizard.errors import ExitCode, Interrupted, WizardError
from wizard.leaving import Leaving
from wizard.session import Session
from wizard.ui.out import Out
from wizard.ui.unattended import Unattended


def run(session: Session, out: Out | None = None) -> int:
    """Prints the outlook. OK when nothing is left to do, NOT_READY when something is.

    Raises the error of a step that can't be looked at although everything before it is done; a step after one
    with work may simply not be plannable yet.
    """
    out = out or Out()
    front = Unattended(session)
    engine = session.engine(front)
    with Leaving(session.world.stop, out.say):
        _take_defaults(engine)
        outlooks = engine.outlook()
    names = {
        change.host: engine.ctx.name_of(change.host) for each in outlooks for change in each.changes if change.host
    }
    out.say(report.outlook_text(outlooks, names))
    first = next((each for each in outlooks if each.changes or each.blocked or not each.answered), None)
    if first is None:
        out.say("Nothing is left to do.")
        return ExitCode.OK
    if first.blocked is not None:
        raise first.blocked
    out.say(
        f"{report.counted(_changes(outlooks), 'change')} left, as far as can be seen from here. Nothing was written."
    )
    return ExitCode.NOT_READY


def _take_defaults(engine: Engine) -> None:
    """Answers with their defaults what was left out, as an unattended run would; what has none stays missing."""
    for step in engine.order:
        try:
            engine.ask(step)
        except Interrupted:
            raise
        except WizardError:
            continue


def _changes(outlooks: Sequence[Outlook]) -> int:
    return sum(len(each.changes) for each in outlooks)
