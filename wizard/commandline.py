"""The command line: commands, options, help and exit codes as a person reads them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from wizard import __version__, options
from wizard.completion import LISTS, SHELLS
from wizard.options import add as _add

TYPE_CHECKING = False  # as in typing

if TYPE_CHECKING:
    from wizard.step import AnyStep

EPILOG = """\
exit codes:
    0  done, or nothing is left to do
    1  a step could not be completed; the state is saved, run the same command again to go on
    2  the command line itself was wrong
    3  the answers or the state file were refused; nothing was touched
    4  a host key, a machine or a cluster is not the one that was pinned
    5  plan, status, doctor, verify: something is left to do, or is not as it must be
    6  repo validate: the repository holds mistakes
  130  stopped with Ctrl-C; everything up to there is saved

state:
  what was answered and done is kept in $XDG_STATE_HOME/homelab-wizard/CLUSTER/ (~/.local/state when that is
  not set), together with a log of every run. Secrets are never saved.
"""


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence instead of printing the whole usage."""

    late: Callable[[], str] | None = None  # what stands below the help, where it has to be read from a file

    def format_help(self) -> str:
        if self.late is not None:
            self.epilog = self.late()
        return super().format_help()

    def error(self, message: str) -> NoReturn:
        print(f"homelab: {message}. See: {self.prog} --help", file=sys.stderr)
        raise SystemExit(2)


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace that holds only what was given, plus `command` and `words`.

    Leaves with `SystemExit` after --help, --version or a usage error.
    """
    if not words:  # `homelab` alone: nothing to tell apart, and a person waits for the screen
        return argparse.Namespace(command="wizard", words=[])
    made = parser()
    args = made.parse_args(words)
    if args.command == "node add" and {"ca_hash", "uid"} & set(vars(args)) and "to" not in args:
        made.error("--ca-hash and --uid say which cluster is at --to ADDRESS, so they need it")
    if args.command == "run" and not ("answers" in args and "yes" in args):
        made.error("run changes hosts without asking, so it needs --answers FILE and --yes; look first with plan")
    if args.command == "reset" and "json" in args and "plan" not in args:
        made.error("--json says what would be done, so it needs --plan")
    if args.command == "demo" and "json" in args and "list_faults" not in args:
        made.error("--json is for what can go wrong, so it needs --list-faults")
    if args.command == "completion" and not (args.shell or "list" in args):
        made.error(f"completion needs a shell: {', '.join(SHELLS)}")
    options.read_words(made, args)
    args.words = list(words)
    return args


def parser() -> Parser:
    """Every command with its options."""
    # long because: one or two lines a command
    common, plain, answers, consent = _options()
    later = (plain, answers, consent)
    whole = Parser(
        "homelab", description="From bare Raspberry Pis to a private, GitOps-run Kubernetes cluster.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, parents=[common, plain], allow_abbrev=False,
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=f"homelab {__version__}")
    whole.set_defaults(command="wizard")
    commands = whole.add_subparsers(title="commands", metavar="COMMAND", prog="homelab")

    def command(name: str, about: str, *parents: Parser) -> Parser:
        made = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", parents=[common, *parents],
            allow_abbrev=False,
        )  # fmt: skip
        made.set_defaults(command=name)
        return made

    _demo(command("demo", "the whole journey on simulated Pis; touches no network", plain, answers, consent))
    plan = command("plan", "what would change; writes nothing", answers)
    run = command("run", "the whole journey without a question; needs --answers and --yes", answers, consent)
    _add(plan, "--json", action="store_true", help="print the steps and changes as JSON")
    for made in (plan, run):
        _add(made, "--until", metavar="STEP", help="stop after this step")
    _resetting(command("reset", "end the cluster and give every Pi back as it was before; asked twice", plain, consent))
    options.status(command("status", "how the cluster stands: asked, and as remembered where it can't be"))
    options.doctor(command("doctor", "what is wrong, by name, and what to do", plain, consent))
    verify = command("verify", "measure again who reaches what, from the LAN, the VPN and outside")
    _add(verify, "--json", action="store_true", help="print the rows and causes as JSON")
    _add(verify, "--write", action="store_true", help="write the table into the repository's runbook, when it differs")
    tls = command("certificates", "every certificate, until when, and how many more there are this week")
    _certificates(tls, [common, plain, answers, consent])
    options.backup(command("backup", "all that a cluster can be brought back from, in one encrypted file", *later))
    options.restore(command("restore", "bring a computer, or a lost control plane, back from a backup", *later))
    options.upgrade(
        command("upgrade", "bring what runs to the versions of this release, by one commit; or back", *later)
    )
    node = command("node", "add, remove or upgrade the Pis of a cluster")
    _node(node, [common, plain, answers, consent])
    options.app(
        command("app", "expose, list or remove the apps of a cluster"), common, [common, plain, answers, consent]
    )
    _repo(command("repo", "check a repository for Flux, before each push or in CI"), [common])
    completion = command("completion", "print completions for a shell: source <(homelab completion bash)")
    completion.add_argument("shell", metavar="SHELL", nargs="?", choices=SHELLS, help=", ".join(SHELLS))
    _add(completion, "--list", choices=LISTS, help=argparse.SUPPRESS)  # what the completions ask
    _answers(command("answers", "the whole interview in a file: begin one, check it"), [common])
    return whole


def _demo(demo: Parser) -> None:
    _add(demo, "--fast", action="store_true", help="do not take the time that real Pis would")
    _add(demo, "--machine", metavar="NAME", action="append", help="use this simulated machine (repeatable)")
    _add(demo, "--fault", metavar="NAME", action="append", help="let this go wrong on the way (repeatable)")
    _add(demo, "--list-faults", action="store_true", help="tell what can be made to go wrong, and nothing else")
    _add(demo, "--json", action="store_true", help="with --list-faults: print them as JSON")
    demo.formatter_class, demo.late = argparse.RawDescriptionHelpFormatter, _faults


def _faults() -> str:
    from wizard.demo import faults

    return "faults, by the step that meets them:\n" + faults.listed()


def _resetting(reset: Parser) -> None:
    confirm = "with --yes --allow reset/cluster: the cluster's name, instead of typing it"
    _add(reset, "--confirm", metavar="NAME", help=confirm)
    skip = "go on without a Pi that does not answer (repeatable)"
    _add(reset, "--skip", metavar="ADDRESS", action="append", help=skip)
    _add(reset, "--plan", action="store_true", help="say what would be done; write nothing")
    _add(reset, "--json", action="store_true", help="with --plan: print it as JSON")


def _certificates(tls: Parser, parents: list[Parser]) -> None:
    """`homelab certificates`, which looks, and `homelab certificates promote`."""
    _add(tls, "--json", action="store_true", help="print them as JSON")
    commands = tls.add_subparsers(title="commands", metavar="COMMAND", prog="homelab certificates")
    about = "from staging to production, or back: one commit, waited for and proved"
    promote: Parser = commands.add_parser(
        "promote", help=about, description=f"{about[0].upper()}{about[1:]}.", parents=parents, allow_abbrev=False
    )
    promote.set_defaults(command="certificates promote")
    _add(promote, "--to", choices=("production", "staging"), help="production when left out")


def _node(node: Parser, parents: list[Parser]) -> None:
    """`homelab node …`: what happens to single Pis of a cluster that runs."""
    commands = node.add_subparsers(title="commands", metavar="COMMAND", prog="homelab node", required=True)

    def command(name: str, about: str) -> Parser:
        made: Parser = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", parents=parents, allow_abbrev=False
        )
        made.set_defaults(command=f"node {name}")
        return made

    add = command("add", "let more Pis join the cluster")
    _add(add, "addresses", metavar="ADDRESS", nargs="*", type=_address, help="their addresses; asked for when left out")
    _add(add, "--control-plane", action="store_true", help="they run the control plane too")
    _add(
        add,
        "--to",
        metavar="ADDRESS",
        type=_address,
        help="the control plane of a cluster that this computer does not know",
    )
    _add(add, "--ca-hash", metavar="HASH", help="with --to: the CA that this cluster must have (sha256:…)")
    _add(add, "--uid", metavar="UID", help="with --to: the UID of its namespace kube-system")
    remove = command("remove", "take a Pi out of the cluster: its pods move, the cluster forgets it")
    _add(remove, "node", metavar="NAME|ADDRESS", nargs="?", help="which one; asked for when left out")
    upgrade = command("upgrade", "bring Kubernetes to another version, one Pi after the other")
    _add(upgrade, "--to", metavar="VERSION", help="which version; the one this release knows when left out")


def _repo(repo: Parser, parents: list[Parser]) -> None:
    """`homelab repo …`: a repository on this computer, whoever wrote it. Needs no state, no cluster, no network."""
    commands = repo.add_subparsers(title="commands", metavar="COMMAND", prog="homelab repo", required=True)

    def command(name: str, about: str) -> Parser:
        made: Parser = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", parents=parents, allow_abbrev=False
        )
        made.add_argument("path", metavar="PATH", nargs="?", default=".", help="its topmost folder; here when left out")
        made.set_defaults(command=f"repo {name}")
        return made

    validate = command("validate", "find mistakes in it: every file, what is staged, and commits not yet pushed")
    _add(validate, "--json", action="store_true", help="print the findings as JSON")
    _add(validate, "--pre-push", action="store_true", help="look at what git tells a pre-push hook on standard input")
    command("hook", "have git validate it before each push")


def _answers(answers: Parser, parents: list[Parser]) -> None:
    """`homelab answers …`: the file for `plan` and `run`. Needs no state, no cluster, no network."""
    commands = answers.add_subparsers(title="commands", metavar="COMMAND", prog="homelab answers", required=True)

    def command(name: str, about: str) -> Parser:
        made: Parser = commands.add_parser(
            name, help=about, description=f"{about[0].upper()}{about[1:]}.", parents=parents, allow_abbrev=False
        )
        made.set_defaults(command=f"answers {name}")
        return made

    init = command("init", "write a file with every question and its help; asks nothing")
    _add(init, "file", metavar="FILE", nargs="?", help="a new file; printed when left out")
    command("schema", "print the JSON schema of such files, for editors and CI")
    check = command("check", "find every mistake in one, with its line; touches nothing")
    check.add_argument("file", metavar="FILE")
    _add(check, "--until", metavar="STEP", help="only the answers up to this step are needed")
    _add(check, "--no-secrets", action="store_true", help="do not look whether the secrets are there")
    _add(check, "--json", action="store_true", help="print the findings as JSON")


def _address(text: str) -> str:
    from wizard.question import ADDRESS

    try:
        return str(ADDRESS.parse(text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def until(args: argparse.Namespace, steps: Sequence[AnyStep]) -> Sequence[AnyStep]:
    """The steps up to the one that `--until` names; all of them without it. Leaves when it names none of them."""
    names = [step.name for step in steps]
    if "until" not in args:
        return steps
    if args.until not in names:
        _mistake(args, f"there is no step {args.until!r} to stop after; steps: {', '.join(names)}")
    return steps[: names.index(args.until) + 1]


def skipped(args: argparse.Namespace) -> list[str] | None:
    """The Pis that `reset` leaves out; None for none. Leaves when one is no address."""
    from wizard.question import ADDRESS

    try:
        return [str(ADDRESS.parse(text)) for text in args.skip] if "skip" in args else None
    except ValueError as error:
        _mistake(args, f"argument --skip: {error}")


def _mistake(args: argparse.Namespace, message: str) -> NoReturn:
    print(f"homelab: {message}. See: homelab {args.command} --help", file=sys.stderr)
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
