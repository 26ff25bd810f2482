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


def joined(*words: str) -> str:
    import shlex

    return shlex.join(words)
