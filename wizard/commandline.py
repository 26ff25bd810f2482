"""The command line: commands, options, help and exit codes as a person reads them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from wizard import __version__

EPILOG = """\
exit codes:
    0  done, or nothing is left to do
    1  a step could not be completed; the state is saved, run the same command again to go on
    2  the command line itself was wrong
    3  the answers or the state file were refused; nothing was touched
    4  a host key, a machine or a cluster is not the one that was pinned
    5  plan, status: something is left to do
  130  stopped with Ctrl-C; everything up to there is saved

state:
  what was answered and done is kept in $XDG_STATE_HOME/homelab-wizard/CLUSTER/ (~/.local/state when that is
  not set), together with a log of every run. Secrets are never saved.
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the whole usage."""

    def error(self, message: str) -> NoReturn:
        print(f"homelab: {message}. See: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace that holds only what was given, plus `command` and `words`.

    Leaves with `SystemExit` after --help, --version or a usage error.
    """
    parser = _parser()
    args = parser.parse_args(words)
    if args.command == "run" and not ("answers" in args and "yes" in args):
        parser.error("run changes hosts without asking, so it needs --answers FILE and --yes; look first with plan")
    args.words = list(words)
    return args


def _parser() -> Parser:
    common, plain, answers, consent = _options()
    parser = Parser(
        "homelab", description="From bare Raspberry Pis to a private, GitOps-run Kubernetes cluster.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, parents=[common, plain], allow_abbrev=False,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"homelab {__version__}")
    parser.set_defaults(command="wizard")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", prog="homelab")

    def command(name: str, about: str, *parents: Parser) -> Parser:
        made = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", parents=[common, *parents],
            allow_abbrev=False,
        )  # fmt: skip
        made.set_defaults(command=name)
        return made

    demo = command("demo", "the whole journey on simulated Pis; touches no network", plain, answers, consent)
    _add(demo, "--fast", action="store_true", help="do not take the time that real Pis would")
    plan = command("plan", "what would change; writes nothing", answers)
    run = command("run", "the whole journey without a question; needs --answers and --yes", answers, consent)
    for made in (plan, run):
        _add(made, "--until", metavar="STEP", help="stop after this step")
    command("status", "what is done and what is next, as remembered; needs no network")
    return parser


def mistake(words: Sequence[str], message: str) -> NoReturn:
    """A mistake in the command line that only shows once the steps are known. Leaves as the parser does."""
    print(f"homelab: {message}. See: homelab {words[0]} --help", file=sys.stderr)
    raise SystemExit(2)


def _options() -> tuple[Parser, Parser, Parser, Parser]:
    """Options that several commands share."""
    common, plain, answers, consent = (Parser(add_help=False) for _ in range(4))
    _add(common, "--state", metavar="FILE", help="keep the state in FILE, and the log beside it")
    _add(common, "--cluster", metavar="NAME", help="which cluster, when there are several")
    _add(plain, "--plain", action="store_true", help="lines of text instead of a full screen")
    _add(answers, "--answers", metavar="FILE", help="take the answers from FILE (YAML)")
    _add(consent, "--yes", action="store_true", help="agree to every change that is not dangerous")
    _add(consent, "--allow", metavar="ID", action="append", help="agree to the dangerous change ID too (repeatable)")
    _add(consent, "--verbose", action="store_true", help="print what the hosts print, too")
    return common, plain, answers, consent


def _add(target: Parser, *names: str, **settings: Any) -> None:
    """An option that is simply absent from the namespace when it was not given, wherever on the line it stands."""
    target.add_argument(*names, default=argparse.SUPPRESS, **settings)
