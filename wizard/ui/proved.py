"""`homelab verify`: the proof measured once more, as a table or as JSON; only the record of it is written."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from wizard import events, report
from wizard.context import Context
from wizard.errors import ExitCode, Interrupted
from wizard.leaving import Leaving
from wizard.question import Prompt
from wizard.secret import Secret
from wizard.session import Session
from wizard.ui import lines, plain
from wizard.ui.out import Out
from wizard.ui.unattended import Unattended

FORM = 1  # of the JSON, as docs/json.md describes it


class Proof(Protocol):
    """What was measured, ready to be shown."""

    @property
    def good(self) -> bool:
        """Whether no row is wrong."""
        ...

    def text(self) -> str: ...

    def data(self) -> Mapping[str, Any]: ...


def run(session: Session, prove: Callable[[Context], Proof], *, as_json: bool, out: Out | None = None) -> int:
    """Measures and prints. OK when no row is wrong, NOT_READY when one is. Raises what kept it from measuring.

    A person at a terminal may be asked what only they can see.
    """
    out = out or Out()
    if not as_json:
        session.bus.listen(lambda event: _tell(event, out))
    with Leaving(session.world.stop) as leaving:
        somebody = not as_json and sys.stdin.isatty() and sys.stdout.isatty()
        person = plain.Plain(session, out, lines.keyboard(), leaving) if somebody else None
        found = prove(session.engine(_Asking(session, person)).ctx)
    out.say(json.dumps({"form": FORM, **found.data()}, indent=2) if as_json else report.clean(found.text()))
    return ExitCode.OK if found.good else ExitCode.NOT_READY


class _Asking(Unattended):
    """Asks for secrets, at the terminal itself, since what is printed may go into a file; all else asks `person`."""

    def __init__(self, session: Session, person: plain.Plain | None) -> None:
        super().__init__(session)
        self._person = person
        self._without: set[str] = set()  # secrets that the person does not give

    def ask(self, prompt: Prompt) -> object:
        if prompt.question.kind.widget != "secret" or not sys.stdin.isatty():
            return self._person.ask(prompt) if self._person else super().ask(prompt)
        key = f"{prompt.step}.{prompt.question.key}"
        if key in self._without:
            return None
        try:
            print(f"{prompt.question.ask}\n{prompt.question.help}", file=sys.stderr)
            given = getpass.getpass("What you type does not show; Enter alone goes on without it: ")
        except (EOFError, KeyboardInterrupt):
            raise Interrupted("Stopped.") from None
        if not given:
            self._without.add(key)
        return Secret(given) if given else None


def _tell(event: events.Event, out: Out) -> None:
    if isinstance(event, events.Progress):
        out.say(report.event_line(event))
