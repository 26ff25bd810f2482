"""`homelab`, and what is chosen in it: where a cluster stands, its journey, its dashboard."""

from __future__ import annotations

from collections.abc import Sequence

from wizard import commands
from wizard.commands import ending, joint, running, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from wizard.context import Context
    from wizard.state import State


def begin(args: Namespace) -> int:
    return at_home(args, typed.file_of(args))


def at_home(args: Namespace, file: Path | None) -> int:
    """Where a cluster stands, its journey, what can be done with it: one after the other until the person leaves."""
    from wizard import home, opening

    def look(state: State) -> Context:
        from wizard.context import Context
        from wizard.events import Bus
        from wizard.sections import Nobody

        return Context(args.simulated.aside() if "simulated" in args else joint.real_world(), state, Nobody(), Bus())

    def journey(cluster: str) -> tuple[int, bool]:
        state = opening.open_state(cluster, file)
        session = running.session_of(about(args, cluster), joint.order(), joint.real_world(), state)
        session.overview = running.full_screen(args)
        return running.run(session, running.interactive(args)), session.stay

    def command(cluster: str, chosen: Sequence[str]) -> int:
        return inside(args, [*chosen, *(["--state", str(file)] if file else ["--cluster", cluster])])

    stage = home.Stage(
        joint.order(), look, journey, command, commands.COMMANDS, joint.parts, getattr(args, "cluster", None), file
    )
    return home.run(stage, running.home_front(args))


def about(args: Namespace, cluster: str) -> Namespace:
    """`args` with the words that open `cluster` again, where `homelab` alone would not be enough."""
    from argparse import Namespace

    from wizard import opening

    if {"state", "cluster", "simulated"} & set(vars(args)) or not {*opening.clusters()} - {cluster}:
        return args
    return Namespace(**{**vars(args), "words": [*args.words, "--cluster", cluster]})


def inside(args: Namespace, chosen: Sequence[str]) -> int:
    """A command that was chosen in the wizard instead of typed. Its errors are told as if it had been."""
    from wizard import commandline
    from wizard.errors import ExitCode, WizardError

    made = commandline.parse(chosen)
    for key in ("plain", "simulated"):
        if key in args:
            setattr(made, key, getattr(args, key))
    made.inside = True
    if "simulated" in args:
        made.words = args.words  # the demo is all that can be begun again
    try:
        return commands.run(made)
    except WizardError as error:
        ending.show(error)
        return error.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
