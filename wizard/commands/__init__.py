"""The commands, a family in a module that is imported when one of them is run: steps, world and front end meet here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace

COMMANDS: Mapping[str, str] = {  # by the words of the command line: module and function
    "wizard": "start.begin", "run": "journey.run", "plan": "journey.plan", "reset": "journey.reset",
    "status": "looking.status", "doctor": "looking.doctor", "verify": "looking.verify", "demo": "demo.demo",
    "node add": "later.node", "node remove": "later.node", "node upgrade": "later.node",
    "app expose": "later.app", "app remove": "later.app", "app list": "later.app_list",
    "certificates": "later.certificates", "certificates promote": "later.promote",
    "upgrade": "later.upgrade", "upgrade list": "later.upgrade_list",
    "backup": "backing.backup", "backup show": "backing.show", "restore": "backing.restore",
    "repo validate": "files.repo_validate", "repo hook": "files.repo_hook",
    "answers init": "files.answers_init", "answers schema": "files.answers_schema",
    "answers check": "files.answers_check", "completion": "files.completion",
}  # fmt: skip


def run(args: Namespace) -> int:
    """Runs the command that `args` names; its exit code."""
    module, _, function = COMMANDS[args.command].partition(".")
    made: Callable[[Namespace], int] = getattr(import_module(f"wizard.commands.{module}"), function)
    return made(args)
