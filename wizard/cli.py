"""The command `homelab`: reads the command line, joins steps, world and front end, and turns every end into a code.

Only what `--version` and `--help` need is imported here; everything else is imported where it is used.
"""

# long because: one small function for each command, and one joint for all of them

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence

from wizard import __version__

TYPE_CHECKING = False  # as in typing, which alone takes longer to import than everything else here

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path
    from typing import Any, Protocol

    from wizard.context import Context
    from wizard.errors import WizardError
    from wizard.home import Front
    from wizard.sections import Part
    from wizard.session import Session
    from wizard.state import State
    from wizard.status import Status
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


_DEMO: list[World] = []  # the world of a demo, while it lasts


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
    except KeyboardInterrupt:
        _say("Stopped. Nothing is half done.")
        return 130
    except BrokenPipeError:
        return 1
    except BaseException as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # Python 3.11 wraps one that comes while a class is made
            _say("Stopped. Nothing is half done.")
            return 130
        return _mistake(error, words)


def _run(words: list[str]) -> int:
    from wizard import commandline
    from wizard.errors import WizardError

    args = commandline.parse(words)
    try:
        _side_by_side()
        return COMMANDS[args.command](args)
    except WizardError as error:
        _show(error)
        return error.exit_code


# -- commands --------------------------------------------------------------------------------------------


def _wizard(args: Namespace) -> int:
    return _home(args, _file(args))


def _home(args: Namespace, file: Path | None) -> int:
    """Where a cluster stands, its journey, what can be done with it: one after the other until the person leaves."""
    from wizard import home, opening

    def look(state: State) -> Context:
        from wizard.context import Context
        from wizard.events import Bus
        from wizard.sections import Nobody

        return Context(args.simulated.aside() if "simulated" in args else real_world(), state, Nobody(), Bus())

    def journey(cluster: str) -> tuple[int, bool]:
        state = opening.open_state(cluster, file)
        session = _session(_about(args, cluster), order(), real_world(), state)
        session.overview = _full_screen(args)
        return _journey(session, _interactive(args)), session.stay

    def command(cluster: str, words: Sequence[str]) -> int:
        return _inside(args, [*words, *(["--state", str(file)] if file else ["--cluster", cluster])])

    stage = home.Stage(order(), look, journey, command, COMMANDS, parts, getattr(args, "cluster", None), file)
    return home.run(stage, _home_front(args))


def _about(args: Namespace, cluster: str) -> Namespace:
    """`args` with the words that open `cluster` again, where `homelab` alone would not be enough."""
    from argparse import Namespace

    from wizard import opening

    if {"state", "cluster", "simulated"} & set(vars(args)) or not {*opening.clusters()} - {cluster}:
        return args
    return Namespace(**{**vars(args), "words": [*args.words, "--cluster", cluster]})


def _inside(args: Namespace, words: Sequence[str]) -> int:
    """A command that was chosen in the wizard instead of typed. Its errors are told as if it had been."""
    from wizard import commandline
    from wizard.errors import ExitCode, WizardError

    made = commandline.parse(words)
    for key in ("plain", "simulated"):
        if key in args:
            setattr(made, key, getattr(args, key))
    made.inside = True
    if "simulated" in args:
        made.words = args.words  # the demo is all that can be begun again
    try:
        return COMMANDS[made.command](made)
    except WizardError as error:
        _show(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED


def _unattended(args: Namespace) -> int:
    from wizard import commandline, opening

    steps, named = order(), getattr(args, "cluster", None)
    part = commandline.until(args, steps)
    state = opening.open_answered(named, _file(args), _path(args.answers), steps, save=True, needed=part)
    return _journey(_session(args, part, real_world(), state), _silent(args))


def _plan(args: Namespace) -> int:
    from wizard import commandline, opening
    from wizard.session import Session
    from wizard.ui import planned

    steps, named, file = order(), getattr(args, "cluster", None), _file(args)
    part = commandline.until(args, steps)
    if "answers" in args:
        state = opening.open_answered(named, file, _path(args.answers), steps, save=False, needed=part)
    else:
        state = opening.open_state(named, file, save=False)
    session = Session(part, real_world(), state, dry_run=True, finish=close_all, go_on=_command(args))
    try:
        return planned.run(session, as_json="json" in args)
    finally:
        session.close()


def _status(args: Namespace) -> int:
    from threading import Event

    from wizard import live, opening
    from wizard.context import Context
    from wizard.events import Bus
    from wizard.sections import Nobody
    from wizard.ui import standing_shown

    state = opening.open_state(getattr(args, "cluster", None), _file(args), save=False)
    go_on = [word for key in ("state", "cluster") if key in args for word in (f"--{key}", getattr(args, key))]
    there = (state.path.parent / "kubeconfig").exists()
    leave = Event()

    def context() -> Context:  # a world of its own for each look, which ends with it
        world = args.simulated.aside() if "simulated" in args else real_world()
        return Context(world, state, Nobody(), Bus(), dry_run=True)

    def look() -> Status:
        return live.look(status_parts() if there else (), context, state, order(), _joined("homelab", *go_on))

    ics = _path(args.calendar) if "calendar" in args else None
    return standing_shown.run(look, leave, as_json="json" in args, watch="watch" in args, ics=ics)


def _doctor(args: Namespace) -> int:
    from steps.doctor import bundle, checks, mend
    from wizard import opening
    from wizard.session import Session
    from wizard.ui import proved

    named, file = getattr(args, "cluster", None), _file(args)
    writes = {"fix", "bundle"} & set(vars(args))
    state = opening.open_state(named, file, save="fix" in args)
    if writes:
        steps: Sequence[AnyStep] = (bundle.Bundle(_path(args.bundle)),) if "bundle" in args else (mend.Mend(),)
        return _journey(_session(args, steps, real_world(), state), _front(args))
    session = Session(order(), real_world(), state, finish=close_all, go_on=_command(args))
    try:
        return proved.run(session, checks.diagnose, as_json="json" in args)
    finally:
        session.close()


def _verify(args: Namespace) -> int:
    from functools import partial

    from steps import proof
    from wizard import opening
    from wizard.session import Session
    from wizard.ui import proved

    named, file = getattr(args, "cluster", None), _file(args)
    state = opening.open_state(named, file, save=opening.is_known(named, file))
    session = Session(order(), real_world(), state, finish=close_all, go_on=_command(args))
    try:
        return proved.run(session, partial(proof.verify, write="write" in args), as_json="json" in args)
    finally:
        session.close()


def _reset(args: Namespace) -> int:
    from wizard import commandline, opening
    from wizard.errors import ExitCode
    from wizard.session import Session
    from wizard.ui import planned
    from wizard.ui.out import Out

    named, file, dry = getattr(args, "cluster", None), _file(args), "plan" in args
    if not opening.is_known(named, file):
        Out().say(f"Nothing is left to reset: this computer remembers no cluster {opening.cluster_name(named, file)}.")
        return ExitCode.OK
    skip = commandline.skipped(args)
    state = opening.open_state(named, file, save=not dry)
    state.answers.setdefault("reset", {})["skip"] = skip
    if not dry:
        return _journey(_session(args, resetting(), real_world(), state), _front(args))
    session = Session(resetting(), real_world(), state, dry_run=True, finish=close_all, go_on=_command(args))
    try:
        return planned.run(session, as_json="json" in args)
    finally:
        session.close()


def _demo(args: Namespace) -> int:
    from wizard import opening
    from wizard.demo.start import prepared
    from wizard.errors import StateError

    if "list_faults" in args:
        return _faults(args)
    steps, file = order(), _file(args)
    if file is not None and file.exists():
        raise StateError(
            f"The demo begins anew each time, and {file} exists.", "Its simulated Pis live only as long as it runs.",
            "Remove the file or name another one with --state.",
        )  # fmt: skip
    machines, faults = getattr(args, "machine", ()), getattr(args, "fault", ())
    with prepared(fast="fast" in args, machines=machines, faults=faults) as demo:
        file = file or demo.state
        if "yes" in args:
            answers = _path(args.answers) if "answers" in args else demo.answers
            state = opening.open_answered(None, file, answers, steps, save=True)
            session = _session(args, steps, demo.world, state)
            session.fleeting = True
            return _journey(session, _front(args))
        args.simulated, args.cluster = demo, "demo"
        _DEMO.append(demo.world)
        try:
            return _home(args, file)
        finally:
            _DEMO.pop()


def _faults(args: Namespace) -> int:
    import json

    from wizard.demo import faults
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    Out().say(json.dumps(faults.data(), indent=2) if "json" in args else faults.listed())
    return ExitCode.OK


def _certificates(args: Namespace) -> int:
    from steps.tls import report

    return _told(args, report.report)


def _told(args: Namespace, find: Callable[[Context], Proof]) -> int:
    """What `find` finds, as text or as JSON; nothing is written."""
    from wizard import opening
    from wizard.session import Session
    from wizard.ui import proved

    state = opening.open_state(getattr(args, "cluster", None), _file(args), save=False)
    session = Session(order(), real_world(), state, finish=close_all, go_on=_command(args))
    try:
        return proved.run(session, find, as_json="json" in args)
    finally:
        session.close()


def _node(args: Namespace) -> int:
    from steps import lifecycle

    return _later(args, lifecycle)


def _promote(args: Namespace) -> int:
    from steps.tls import switch

    return _later(args, switch)


def _app(args: Namespace) -> int:
    from steps.expose import command

    return _later(args, command)


def _app_list(args: Namespace) -> int:
    from steps.expose import listing

    return _told(args, listing.listing)


def _upgrade(args: Namespace) -> int:
    from steps.release import command

    return _later(args, command)


def _upgrade_list(args: Namespace) -> int:
    from steps.release import look

    return _told(args, look.listed)


def _backup(args: Namespace) -> int:
    from steps.backup import command

    return _later(args, command)


def _backup_show(args: Namespace) -> int:
    from steps.backup import computer, read
    from wizard.ui import proved

    session = _apart(args, lambda state: computer.begin(state, vars(args), None))
    try:
        return proved.run(session, read.show, as_json="json" in args)
    finally:
        session.close()
        session.state.path.unlink(missing_ok=True)


def _restore(args: Namespace) -> int:
    from steps.backup import command, computer

    if "control_plane" in args:
        return _later(args, command)
    session = _apart(args, lambda state: computer.begin(state, vars(args), _file(args)))
    try:
        return _journey(session, _front(args))
    finally:
        session.state.path.unlink(missing_ok=True)


def _apart(args: Namespace, begin: Callable[[State], Sequence[AnyStep]]) -> Session:
    """A run about a file: which cluster it is of shows only once it is open, so that run has a state of its own."""
    from wizard import state as states
    from wizard.errors import WizardError
    from wizard.state import State

    asked = sys.stdin.isatty() and "yes" not in args
    if not (asked or {"passphrase_env", "passphrase_file"} & set(vars(args))):
        raise WizardError("The passphrase of the backup is missing.", "Nobody can be asked for it here.",
                          "Give --passphrase-env NAME or --passphrase-file FILE.")  # fmt: skip
    folder = states.home() / "restoring" / "at-work"
    (folder / "state.yaml").unlink(missing_ok=True)
    state = State.open(folder / "state.yaml", "restore")
    return _session(args, begin(state), real_world(), state)


def _later(args: Namespace, part: Later) -> int:
    """What happens to a cluster later: other steps over the same engine and the same front ends."""
    from wizard import opening

    named, file, known = getattr(args, "cluster", None), _file(args), (*order(), *part.OWN)
    if "answers" in args:
        answers, living = _path(args.answers), part.LIVING
        state = opening.open_answered(named, file, answers, known, save=True, needed=(), living=living)
    else:
        state = opening.open_state(named, file)

    def close(ctx: Context) -> None:
        close_all(ctx)
        part.end(state)

    session = _session(args, part.begin(state, vars(args)), real_world(), state)
    session.finish = close
    return _journey(session, _front(args))


def _repo_validate(args: Namespace) -> int:
    from steps.gitops.inspection import inspect
    from wizard import checkout
    from wizard.ui import validated

    path = _path(args.path)
    pushed = "pre_push" in args
    seen = checkout.read_pushed(path, sys.stdin.read().splitlines()) if pushed else [checkout.read(path)]
    files = max((len(one.files) for one in seen), default=0)
    return validated.show(path.resolve(), files, inspect(seen), as_json="json" in args)


def _repo_hook(args: Namespace) -> int:
    from wizard import prepush
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    Out().say(f"Before each push git now runs homelab repo validate: {prepush.install(_path(args.path))}")
    return ExitCode.OK


def _answers_init(args: Namespace) -> int:
    from wizard.ui import answering

    return answering.init(order(), _path(args.file) if "file" in args else None)


def _answers_schema(args: Namespace) -> int:
    from wizard.ui import answering

    return answering.schema(order())


def _answers_check(args: Namespace) -> int:
    from wizard import commandline
    from wizard.ui import answering

    steps, file = order(), _path(args.file)
    part = commandline.until(args, steps)
    return answering.check(steps, part, file, secrets="no_secrets" not in args, as_json="json" in args)


def _completion(args: Namespace) -> int:
    from wizard import commandline, completion
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    if "list" in args:
        lines = completion.names(args.list)
    else:
        from steps.gitops.catalogue import catalogue
        from wizard.demo import faults, pi

        words = {"until": [step.name for step in order()], "machine": pi.names(), "fault": list(faults.table())}
        words["entry"] = list(catalogue())
        lines = [completion.script(commandline.parser(), args.shell, words)]
    for line in lines:
        Out().say(line)
    return ExitCode.OK


COMMANDS: Mapping[str, Callable[[Namespace], int]] = {
    "wizard": _wizard, "run": _unattended, "plan": _plan, "status": _status, "doctor": _doctor, "demo": _demo,
    "node add": _node, "node remove": _node, "node upgrade": _node,
    "app expose": _app, "app remove": _app, "app list": _app_list,
    "certificates": _certificates, "certificates promote": _promote,
    "upgrade": _upgrade, "upgrade list": _upgrade_list,
    "backup": _backup, "backup show": _backup_show, "restore": _restore,
    "reset": _reset, "verify": _verify,
    "repo validate": _repo_validate, "repo hook": _repo_hook,
    "answers init": _answers_init, "answers schema": _answers_schema, "answers check": _answers_check,
    "completion": _completion,
}  # fmt: skip


# -- what the commands share -----------------------------------------------------------------------------


def order() -> Sequence[AnyStep]:
    """The steps of the journey."""
    from steps import ORDER

    return ORDER


def resetting() -> Sequence[AnyStep]:
    """The steps of `homelab reset`."""
    from steps import RESET

    return RESET


def real_world() -> World:
    """The real world; while a demo lasts, the demo's: what is chosen in it stays in it."""
    if _DEMO:
        _DEMO[-1].stop.clear()  # a command before this one may have been left
        return _DEMO[-1]
    from wizard.realworld import RealWorld

    return RealWorld()


def parts(finished: bool) -> Sequence[Part]:
    """What is looked at before the journey goes on, or what the dashboard shows once it is `finished`."""
    from steps import overview, status

    return (status.CAUSES, *overview.DASHBOARD) if finished else overview.OPENING


def status_parts() -> Sequence[Part]:
    """What `homelab status` asks the cluster."""
    from steps import status

    return status.STATUS


def close_all(ctx: Context) -> None:
    from steps import nodes

    nodes.close_all(ctx)


def _session(args: Namespace, steps: Sequence[AnyStep], world: World, state: State) -> Session:
    from wizard.consent import Consent
    from wizard.logfile import LogFile
    from wizard.session import Session

    consent = Consent(
        yes="yes" in args, allow=frozenset(getattr(args, "allow", ())), confirm=getattr(args, "confirm", "")
    )
    log = LogFile(state.path.parent / "homelab.log", f"homelab {__version__}: {_command(args)}")
    session = Session(steps, world, state, _command(args), consent, log, close_all)
    session.inside = "inside" in args and _full_screen(args)
    if "simulated" in args:
        session.proposing, session.fronting = args.simulated.proposing, args.simulated.fronting
        session.fleeting = True
    return session


def _front(args: Namespace) -> Callable[[Session], None]:
    return _silent(args) if "yes" in args else _interactive(args)


def _interactive(args: Namespace) -> Callable[[Session], None]:
    """The full screen, or plain lines where a full screen can't be."""
    if not _full_screen(args):
        from wizard.ui import plain

        return plain.run
    from wizard.ui import tui

    return tui.run


def _home_front(args: Namespace) -> Front:
    """The same for what comes before and after a journey."""
    if not _full_screen(args):
        from wizard.ui.plain_home import PlainHome

        return PlainHome()
    from wizard.ui.tui import FullScreen

    return FullScreen()


def _full_screen(args: Namespace) -> bool:
    import os

    from wizard.ui import terminals

    able = sys.stdin.isatty() and sys.stdout.isatty() and terminals.draws(os.environ)
    return able and "plain" not in args


def _silent(args: Namespace) -> Callable[[Session], None]:
    from wizard.ui import unattended

    return lambda session: unattended.run(session, verbose="verbose" in args)


def _journey(session: Session, run: Callable[[Session], None]) -> int:
    """One run of the wizard, whichever front end; says how to go on when it ends early."""
    from wizard.errors import ExitCode, Interrupted, WizardError

    try:
        run(session)
    except WizardError as problem:
        stopped = session.world.stop.is_set() and not isinstance(problem, Interrupted)
        error = Interrupted("Stopped.") if stopped else problem
        if session.log is not None:
            session.log.error(problem)
        if error is not session.shown:
            _show(error)
        _say(session.farewell)
        if session.log_path and not session.fleeting and not isinstance(error, Interrupted):
            _say(f"What happened in detail: {session.log_path}")
        return error.exit_code
    finally:
        session.close()
    return ExitCode.OK


# -- endings ---------------------------------------------------------------------------------------------


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


def _mistake(error: BaseException, words: list[str]) -> int:
    """An unexpected error: a private file gets the traceback, the person gets a sentence."""
    from wizard import state
    from wizard.logfile import report_mistake

    path = report_mistake(error, state.home() / "mistakes", f"homelab {__version__}: {_joined('homelab', *words)}")
    _say("This is a mistake in homelab itself. What was done so far is saved.")
    _say(f"The details are in {path}." if path else f"Its details could not be saved: {type(error).__name__}.")
    _say("Running the same command again is safe.")
    return 1


def _show(error: WizardError) -> None:
    from wizard.report import error_text

    _say(error_text(error))


def _say(text: str) -> None:
    """To standard error, without ever failing for it."""
    try:
        print(text, file=sys.stderr, flush=True)
    except (OSError, UnicodeEncodeError):
        return


def _file(args: Namespace) -> Path | None:
    return _path(args.state) if "state" in args else None


def _path(text: str) -> Path:
    from pathlib import Path

    return Path(text).expanduser()


def _command(args: Namespace) -> str:
    """The command line that goes on where this one ends: the same one."""
    return _joined("homelab", *args.words)


def _joined(*words: str) -> str:
    import shlex

    return shlex.join(words)
