"""`demo`: the journey on simulated Pis."""

from __future__ import annotations

from wizard.commands import joint, running, start, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace


def demo(args: Namespace) -> int:
    from wizard import opening
    from wizard.demo.start import prepared
    from wizard.errors import StateError

    if "list_faults" in args:
        return faults_told(args)
    steps, file = joint.order(), typed.file_of(args)
    if file is not None and file.exists():
        raise StateError(
            f"The demo begins anew each time, and {file} exists.", "Its simulated Pis live only as long as it runs.",
            "Remove the file or name another one with --state.",
        )  # fmt: skip
    machines, faults = getattr(args, "machine", ()), getattr(args, "fault", ())
    with prepared(fast="fast" in args, machines=machines, faults=faults) as demo:
        file = file or demo.state
        if "yes" in args:
            answers = typed.path(args.answers) if "answers" in args else demo.answers
            state = opening.open_answered(None, file, answers, steps, save=True)
            session = running.session_of(args, steps, demo.world, state)
            session.fleeting, session.remains = True, file != demo.state
            return running.run(session, running.front(args))
        args.simulated, args.cluster = demo, "demo"
        joint.demos.append(demo.world)
        try:
            return start.at_home(args, file)
        finally:
            joint.demos.pop()


def faults_told(args: Namespace) -> int:
    import json

    from wizard.demo import faults
    from wizard.errors import ExitCode
    from wizard.ui.out import Out

    Out().say(json.dumps(faults.data(), indent=2) if "json" in args else faults.listed())
    return ExitCode.OK
