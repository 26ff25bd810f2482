"""What happens to a cluster later: its Pis, apps, certificates and versions."""

from __future__ import annotations

from wizard.commands import running

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace


def node(args: Namespace) -> int:
    from steps import lifecycle

    return running.later(args, lifecycle)


def app(args: Namespace) -> int:
    from steps.expose import command

    return running.later(args, command)


def app_list(args: Namespace) -> int:
    from steps.expose import listing

    return running.told(args, listing.listing)


def certificates(args: Namespace) -> int:
    from steps.tls import report

    return running.told(args, report.report)


def promote(args: Namespace) -> int:
    from steps.tls import switch

    return running.later(args, switch)


def upgrade(args: Namespace) -> int:
    from steps.release import command

    return running.later(args, command)


def upgrade_list(args: Namespace) -> int:
    from steps.release import look

    return running.told(args, look.listed)
