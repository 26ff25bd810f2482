"""What the words of a command line mean, and the words that go on where a run ends."""

from __future__ import annotations

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path


def file_of(args: Namespace) -> Path | None:
    return path(args.state) if "state" in args else None


def path(text: str) -> Path:
    from pathlib import Path

    return Path(text).expanduser()


def go_on(args: Namespace) -> str:
    """The command line that goes on where this one ends: the same one."""
    return joined("homelab", *args.words)


def unasked(args: Namespace) -> str:
    """How to do the same where nobody can be asked."""
    if "simulated" in args or args.command == "demo":
        return "Let it answer for you: homelab demo --yes."
    if args.command == "wizard":
        return "Give the answers in a file: homelab run --answers FILE --yes."
    if args.command in ("backup", "backup show", "restore"):
        return "Give what it asks for as options, such as --passphrase-env NAME or --passphrase-file FILE, and --yes."
    from wizard.commandline import COMMANDS

    if any(name == args.command and "answers" in taken for name, _, taken, _ in COMMANDS):
        return f"Give the answers in a file: {go_on(args)} --answers FILE --yes."
    return f"Agree beforehand: {go_on(args)} --yes, and --allow ID for what is dangerous."


def joined(*words: str) -> str:
    import shlex

    return shlex.join(words)
