"""One run: a session over some steps, the front end that shows it, and how it ends."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from wizard import __version__
from wizard.commands import ending, joint, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any, Protocol

    from wizard.context import Context
    from wizard.home import Front
    from wizard.session import Session
    from wizard.state import State
    from wizard.step import AnyStep
    from wizard.ui.proved import Proof
    from wizard.world import World

    class Later(Protocol):
        """A module of steps that have a command of their own, with what its words mean for the answers."""

        @property
        def OWN(self) -> Sequence[AnyStep]: ...  # noqa: N802 - the steps that the journey does not have
        @property
        def LIVING(self) -> Sequence[tuple[str, str]]: ...  # noqa: N802
        def begin(self, state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]: ...
        def end(self, state: State) -> None: ...


def session_of(args: Namespace, steps: Sequence[AnyStep], world: World, state: State) -> Session:
    from wizard.consent import Consent
    from wizard.logfile import LogFile
    from wizard.session import Session

    consent = Consent(
        yes="yes" in args, allow=frozenset(getattr(args, "allow", ())), confirm=getattr(args, "confirm", "")
    )
    log = LogFile(state.path.parent / "homelab.log", f"homelab {__version__}: {typed.go_on(args)}")
    session = Session(steps, world, state, typed.go_on(args), typed.unasked(args), consent, log, joint.close_all)
    session.inside = "inside" in args and full_screen(args)
    if "simulated" in args:
        session.proposing, session.fronting = args.simulated.proposing, args.simulated.fronting
        session.fleeting, session.remains = True, state.path != args.simulated.state
    return session


def run(session: Session, shown: Callable[[Session], None]) -> int:
    """One run of the wizard, whichever front end; says how to go on when it ends early."""
    from wizard.errors import Declined, ExitCode, Interrupted, WizardError

    try:
        shown(session)
    except WizardError as problem:
        stopped = session.world.stop.is_set() and not isinstance(problem, Interrupted)
        error = Interrupted("Stopped.") if stopped else problem
        if session.log is not None:
            session.log.error(problem)
        if isinstance(error, Interrupted) and not isinstance(error, Declined):
            error.fix = ""  # the farewell says it, and in a demo something else
        if error is not session.shown:
            ending.show(error)
        ending.say(session.farewell)
        if session.log_path and not session.fleeting and not isinstance(error, Interrupted):
            ending.say(f"What happened in detail: {session.log_path}")
        return error.exit_code
    finally:
        session.close()
    return ExitCode.OK


def told(args: Namespace, find: Callable[[Context], Proof], *, save: bool = False) -> int:
    """What `find` finds, as text or as JSON; nothing is written, except what it remembers where `save` allows it."""
    from wizard import opening
    from wizard.session import Session
    from wizard.ui import proved

    state = opening.open_state(getattr(args, "cluster", None), typed.file_of(args), save=save)
    session = Session(joint.order(), joint.real_world(), state, finish=joint.close_all, go_on=typed.go_on(args))
    try:
        return proved.run(session, find, as_json="json" in args)
    finally:
        session.close()


def planned(args: Namespace, steps: Sequence[AnyStep], state: State) -> int:
    """What `steps` would change, as text or as JSON; nothing is written."""
    from wizard.session import Session
    from wizard.ui import planned

    go_on = typed.go_on(args)
    session = Session(steps, joint.real_world(), state, dry_run=True, finish=joint.close_all, go_on=go_on)
    try:
        return planned.run(session, as_json="json" in args)
    finally:
        session.close()


def later(args: Namespace, part: Later) -> int:
    """What happens to a cluster later: other steps over the same engine and the same front ends."""
    from wizard import opening

    named, file, known = getattr(args, "cluster", None), typed.file_of(args), (*joint.order(), *part.OWN)
    if "answers" in args:
        answers, living = typed.path(args.answers), part.LIVING
        state = opening.open_answered(named, file, answers, known, save=True, needed=(), living=living)
    else:
        state = opening.open_state(named, file)

    def close(ctx: Context) -> None:
        joint.close_all(ctx)
        part.end(state)

    session = session_of(args, part.begin(state, vars(args)), joint.real_world(), state)
    session.finish = close
    return run(session, front(args))


def front(args: Namespace) -> Callable[[Session], None]:
    return silent(args) if "yes" in args else interactive(args)


def interactive(args: Namespace) -> Callable[[Session], None]:
    """The full screen, or plain lines where a full screen can't be."""
    if not full_screen(args):
        from wizard.ui import plain

        return plain.run
    from wizard.ui import tui

    return tui.run


def home_front(args: Namespace) -> Front:
    """The same for what comes before and after a journey."""
    if not full_screen(args):
        from wizard.ui.plain_home import PlainHome

        return PlainHome()
    from wizard.ui.tui import FullScreen

    return FullScreen()


def full_screen(args: Namespace) -> bool:
    import os

    from wizard.ui import terminals

    able = sys.stdin.isatty() and sys.stdout.isatty() and terminals.draws(os.environ)
    return able and "plain" not in args


def silent(args: Namespace) -> Callable[[Session], None]:
    from wizard.ui import unattended

    return lambda session: unattended.run(session, verbose="verbose" in args)
