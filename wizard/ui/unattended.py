"""The front end that never asks: a missing answer is an error that names it, one line for each event."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from wizard import events, report
from wizard.context import Approval, Revision
from wizard.errors import Interrupted, WizardError
from wizard.leaving import Leaving
from wizard.question import Prompt
from wizard.session import Session
from wizard.ui.out import Out


class Unattended:
    """Answers with defaults, agrees to nothing that was not allowed beforehand."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def ask(self, prompt: Prompt) -> object:
        if self._session.world.stop.is_set():
            raise Interrupted("Stopped before the next question.")
        question, name = prompt.question, f"{prompt.step}.{prompt.question.key}"
        if prompt.problem:
            raise WizardError(
                f"The answer {name} is refused.", prompt.problem, f"Correct {name} in the answers file."
            )  # fmt: skip
        if (prompt.default is None and question.required) or question.needs_person:
            raise WizardError(
                f"The answer {name} is missing.", f"It is asked: {question.ask}", f"Add {name} to the answers file."
            )  # fmt: skip
        return prompt.default

    def confirm(self, approval: Approval) -> bool:
        """Called only for what `--yes` and `--allow` do not cover."""
        if not approval.danger:
            raise WizardError(
                f"{approval.title}: {report.counted(len(approval.changes), 'change')} need a yes.",
                "Nobody can be asked here.", "Add --yes, or look first with: homelab plan.",
            )  # fmt: skip
        change = approval.changes[0]
        raise WizardError(
            f"Not done: {change.sentence}.",
            f"{change.because}, so --yes alone does not cover it."
            + (f"\n{report.clean(change.detail)}" if change.detail else ""),
            f"Allow it with --allow {change.id}{f' --confirm {change.word}' if change.word else ''}, or do it in the "
            "wizard, where it is asked.",
            host=approval.names.get(change.host or ""),
        )

    def revise(self, revision: Revision) -> bool:
        """Never called: what is given in a file is changed there."""
        return False

    def failed(self, step: str, error: WizardError) -> Literal["retry", "stop"]:
        return "stop"


def run(session: Session, out: Out | None = None, *, verbose: bool = False) -> None:
    """The whole journey without a question. Raises what stopped it; a summary is printed either way."""
    out = out or Out()
    quiet = report.Quiet()

    def listen(event: events.Event) -> None:
        if quiet.worth(event) or (verbose and isinstance(event, events.Line)):
            at = f"{datetime.fromtimestamp(event.at):%H:%M:%S}"
            if isinstance(event, events.Note):  # tables and instructions keep their lines
                out.say(f"{at} {report.clean(event.title)}:")
                out.say("\n".join(f"           {line}" for line in report.clean(event.text).splitlines()))
            else:
                out.say(f"{at} {report.event_line(event)}")

    session.bus.listen(listen)
    engine = session.engine(Unattended(session))
    with Leaving(session.world.stop):
        try:
            engine.run()
        finally:
            out.say()
            out.say(session.summary.table())
