"""What is so now: `status`, `verify`, `doctor`."""

from __future__ import annotations

from collections.abc import Sequence

from wizard.commands import joint, running, typed

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace

    from wizard.context import Context
    from wizard.status import Status
    from wizard.step import AnyStep


def status(args: Namespace) -> int:
    from threading import Event

    from wizard import live, opening
    from wizard.context import Context
    from wizard.events import Bus
    from wizard.sections import Nobody
    from wizard.ui import standing_shown

    state = opening.open_state(getattr(args, "cluster", None), typed.file_of(args), save=False)
    go_on = [word for key in ("state", "cluster") if key in args for word in (f"--{key}", getattr(args, key))]
    there = (state.path.parent / "kubeconfig").exists()
    leave = Event()

    def context() -> Context:  # a world of its own for each look, which ends with it
        world = args.simulated.aside() if "simulated" in args else joint.real_world()
        return Context(world, state, Nobody(), Bus(), dry_run=True)

    def look() -> Status:
        return live.look(
            joint.status_parts() if there else (), context, state, joint.order(), typed.joined("homelab", *go_on)
        )

    ics = typed.path(args.calendar) if "calendar" in args else None
    return standing_shown.run(look, leave, as_json="json" in args, watch="watch" in args, ics=ics)


def doctor(args: Namespace) -> int:
    from steps.doctor import bundle, checks, mend
    from wizard import opening

    if not {"fix", "bundle"} & set(vars(args)):
        return running.told(args, checks.diagnose)
    state = opening.open_state(getattr(args, "cluster", None), typed.file_of(args), save="fix" in args)
    steps: Sequence[AnyStep] = (bundle.Bundle(typed.path(args.bundle)),) if "bundle" in args else (mend.Mend(),)
    return running.run(running.session_of(args, steps, joint.real_world(), state), running.front(args))


def verify(args: Namespace) -> int:
    from functools import partial

    from steps import proof
    from wizard import opening

    known = opening.is_known(getattr(args, "cluster", None), typed.file_of(args))
    return running.told(args, partial(proof.verify, write="write" in args), save=known)
