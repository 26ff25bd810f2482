"""What `--help` prints: the texts that argparse makes, and below them the names that stand in files or in the steps."""

from __future__ import annotations

import argparse
import sys
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from wizard import assets, leaving


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the whole usage."""

    late: Callable[[], str] | None = None  # what stands below the help, where it has to be read from a file

    def format_help(self) -> str:
        if self.late is not None:
            self.epilog = self.late()
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """argparse itself would take it for told where nothing could be written."""
        if message and file is not None:
            try:
                file.write(message)
                file.flush()
            except BrokenPipeError:  # its reader has read enough
                pass
            except OSError as error:
                leaving.unprinted.append(error.strerror or str(error))

    def error(self, message: str) -> NoReturn:
        print(f"homelab: {message}. See: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def _listed(heading: str, names: Sequence[str]) -> str:
    return textwrap.fill(f"{heading}: {', '.join(names)}", 79, subsequent_indent="  ", break_on_hyphens=False)


def steps() -> str:
    """The steps of the journey, which `--until` stops after."""
    from wizard.commands import joint

    return _listed("steps", [step.name for step in joint.order()])


def apps() -> str:
    """The apps that `homelab app expose` knows."""
    return _listed("apps", sorted(file.stem for file in (assets.root() / "catalogue").glob("*.yaml")))


def faults() -> str:
    """What a demo can be made to meet."""
    from wizard.demo import faults

    return "faults, by the step that meets them:\n" + faults.listed()
