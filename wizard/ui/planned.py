"""`homelab plan`: what every step would change, as text or as JSON; nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wizard import events, report
from wizard.context import Outlook
from wizard.engine import Engine
from wizard.errors import ExitCode, Interrupted, WizardError
from wizard.leaving import Leaving
from wizard.session import Session
from wizard.step import AnyStep
from wizard.ui.out import Out
from wizard.ui.unattended import Unattended

FORM = 1  # of the JSON, as docs/json.md describes it


def run(session: Session, out: Out | None = None, *, as_json: bool = False) -> int:
    """Prints the outlook. OK when nothing is left to do, NOT_READY when something is.

    Raises the error of a step that can't be looked at although everything before it is done; a step after one
    with work may simply not be plannable yet.
    """
    out = out or Out()
    front = Unattended(session)
    notes: list[events.Note] = []
    session.bus.listen(lambda event: notes.append(event) if isinstance(event, events.Note) else None)
    engine = session.engine(front)
    with Leaving(session.world.stop):
        outlooks = _outlook(engine)
    names = {
        change.host: engine.ctx.name_of(change.host) for each in outlooks for change in each.changes if change.host
    }
    first = next((each for each in outlooks if each.changes or each.blocked or not each.answered), None)
    if as_json:
        found = _data(session, outlooks, names, report.latest(notes))
        out.say(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        _tell(out, outlooks, names, report.latest(notes))
    if first is None:
        return ExitCode.OK
    if first.blocked is not None:
        raise first.blocked
    return ExitCode.NOT_READY


def _tell(out: Out, outlooks: Sequence[Outlook], names: Mapping[str, str], notes: Iterable[events.Note]) -> None:
    out.say(report.outlook_text(outlooks, names))
    for note in notes:
        out.say(f"\n{report.clean(note.title)}")
        out.say(report.wrapped(report.clean(note.text), out.width, "    "))
    out.say()
    first = next((each for each in outlooks if each.changes or each.blocked or not each.answered), None)
    if first is None:
        out.say("Nothing is left to do.")
    elif first.blocked is None:
        count = report.counted(_changes(outlooks), "change")
        out.say(f"{count} to make, as far as can be seen from here. Nothing was written.")
        if not outlooks[-1].answered:
            out.say("Give the missing answers with --answers FILE, or in the wizard.")


def _data(
    session: Session, outlooks: Sequence[Outlook], names: Mapping[str, str], notes: Iterable[events.Note]
) -> dict[str, Any]:
    return {
        "form": FORM, "cluster": session.state.cluster, "changes": _changes(outlooks),
        "steps": [_step(each, session.title(each.step), names) for each in outlooks],
        "notes": [{"title": report.clean(note.title), "text": report.clean(note.text)} for note in notes],
    }  # fmt: skip


def _step(one: Outlook, title: str, names: Mapping[str, str]) -> dict[str, Any]:
    error = one.blocked
    status = "blocked" if error else "unanswered" if not one.answered else "changes" if one.changes else "done"
    changes = [
        {"id": each.id, "sentence": report.clean(each.sentence), "address": each.host, "danger": each.danger,
         "host": names.get(each.host) if each.host else None}
        for each in one.changes
    ]  # fmt: skip
    blocked = _error(error) if error else None
    return {"step": one.step, "title": title, "status": status, "changes": changes, "blocked": blocked}


def _error(error: WizardError) -> dict[str, Any]:
    return {"host": error.host, **{part: report.clean(getattr(error, part)) for part in ("what", "why", "fix")}}


def _outlook(engine: Engine) -> list[Outlook]:
    """What left-out answers have as defaults is taken, as in an unattended run. Steps may need the answers of those
    before them, so the first step whose answers are missing ends what can be looked at.
    """
    order = engine.order
    for number, step in enumerate(order):
        if not _takes_defaults(engine, step):
            engine.order = order[:number]
            return [*engine.outlook(), *(Outlook(later.name, answered=False) for later in order[number:])]
    return engine.outlook()


def _takes_defaults(engine: Engine, step: AnyStep) -> bool:
    """Answers `step` with its defaults; false when that is not enough.

    A question without a default is recognised before the engine prepares it: its choices may come from a look at
    the network, and nobody has agreed to one here.
    """
    answers = engine.ctx.answers
    given = answers.get(step.name, {})
    asked = [question for question in step.questions if not question.advanced and question.key not in given]
    if any(question.required and question.default is None and question.when(answers) for question in asked):
        return False
    try:
        engine.ask(step)
    except Interrupted:
        raise
    except WizardError:
        return False
    return True


def _changes(outlooks: Sequence[Outlook]) -> int:
    return sum(len(each.changes) for each in outlooks)
