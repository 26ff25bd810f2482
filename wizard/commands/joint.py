"""Where the commands get the steps and the world from: the only seam, so that a test can put others there."""

from __future__ import annotations

from collections.abc import Sequence

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from wizard.context import Context
    from wizard.sections import Part
    from wizard.step import AnyStep
    from wizard.world import World

demos: list[World] = []  # the world of a demo, while it lasts


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
    if demos:
        demos[-1].stop.clear()  # a command before this one may have been left
        return demos[-1]
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
