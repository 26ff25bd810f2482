"""The journey without a person at hand: `run`, `plan`, and `reset`, which ends what it made."""

from __future__ import annotations

from wizard.commands import joint, running, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace


def run(args: Namespace) -> int:
    from wizard import commandline, opening

    steps, named = joint.order(), getattr(args, "cluster", None)
    part = commandline.until(args, steps)
    state = opening.open_answered(named, typed.file_of(args), typed.path(args.answers), steps, save=True, needed=part)
    return running.run(running.session_of(args, part, joint.real_world(), state), running.silent(args))


def plan(args: Namespace) -> int:
    from wizard import commandline, opening

    steps, named, file = joint.order(), getattr(args, "cluster", None), typed.file_of(args)
    part = commandline.until(args, steps)
    if "answers" in args:
        state = opening.open_answered(named, file, typed.path(args.answers), steps, save=False, needed=part)
    else:
        state = opening.open_state(named, file, save=False)
    return running.planned(args, part, state)


def reset(args: Namespace) -> int:
    from wizard import commandline, opening
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    named, file, dry = getattr(args, "cluster", None), typed.file_of(args), "plan" in args
    if not opening.is_known(named, file) and "json" not in args:
        Out().say(f"Nothing is left to reset: this computer remembers no cluster {opening.cluster_name(named, file)}.")
        return ExitCode.OK
    skip = commandline.skipped(args)
    state = opening.open_state(named, file, save=not dry)
    state.answers.setdefault("reset", {})["skip"] = skip
    if dry:
        return running.planned(args, joint.resetting(), state)
    return running.run(running.session_of(args, joint.resetting(), joint.real_world(), state), running.front(args))
