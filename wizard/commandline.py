"""The command line: commands, options, help and exit codes as a person reads them."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from wizard import __version__, helptext, options
from wizard.completion import LISTS, SHELLS
from wizard.helptext import Parser
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
  130  stopped by you, with Ctrl-C or a no; everything up to there is saved

state:
  what was answered and done is kept in $XDG_STATE_HOME/homelab-wizard/CLUSTER/ (~/.local/state when that is
  not set), together with a log of every run. Secrets are never saved.
"""


def parse(words: Sequence[str]) -> argparse.Namespace:
    """The command line as a namespace that holds only what was given, plus `command` and `words`.

    Leaves with `SystemExit` after --help, --version or a usage error.
    """
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
    shared = _options()
    whole = Parser(
        "homelab", description="From bare Raspberry Pis to a private, GitOps-run Kubernetes cluster.", epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter, parents=[shared["common"], shared["plain"]],
        allow_abbrev=False,
    )  # fmt: skip
    whole.add_argument("--version", action="version", version=f"homelab {__version__}")
    whole.set_defaults(command="wizard")
    made, places = {"": whole}, {"": whole.add_subparsers(title="commands", metavar="COMMAND", prog="homelab")}
    for name, about, taken, more in COMMANDS:
        group, _, word = name.rpartition(" ")
        if group not in places:
            places[group] = made[group].add_subparsers(
                title="commands", metavar="COMMAND", prog=f"homelab {group}", required=group not in ALONE
            )
        made[name] = places[group].add_parser(
            word, help=about, description=f"{about[0].upper()}{about[1:]}.",
            parents=[shared[one] for one in ("common", *taken)], allow_abbrev=False,
        )  # fmt: skip
        made[name].set_defaults(command=name)
        if more is not None:
            more(made[name])
    return whole


def _demo(demo: Parser) -> None:
    _add(demo, "--fast", action="store_true", help="do not take the time that real Pis would")
    _add(demo, "--machine", metavar="NAME", action="append", help="use this simulated machine (repeatable)")
    _add(demo, "--fault", metavar="NAME", action="append", help="let this go wrong on the way (repeatable)")
    _add(demo, "--list-faults", action="store_true", help="tell what can be made to go wrong, and nothing else")
    _add(demo, "--json", action="store_true", help="with --list-faults: print them as JSON")
    demo.formatter_class, demo.late = argparse.RawDescriptionHelpFormatter, helptext.faults


def _resetting(reset: Parser) -> None:
    confirm = "with --yes --allow reset/cluster: the cluster's name, instead of typing it"
    _add(reset, "--confirm", metavar="NAME", help=confirm)
    skip = "go on without a Pi that does not answer (repeatable)"
    _add(reset, "--skip", metavar="ADDRESS", action="append", help=skip)
    _add(reset, "--plan", action="store_true", help="say what would be done; write nothing")
    _add(reset, "--json", action="store_true", help="with --plan: print it as JSON")


def _plan(plan: Parser) -> None:
    _add(plan, "--json", action="store_true", help="print the steps and changes as JSON")
    _until(plan)


def _until(made: Parser, about: str = "stop after this step (named below)") -> None:
    _add(made, "--until", metavar="STEP", help=about)
    made.formatter_class, made.late = argparse.RawDescriptionHelpFormatter, helptext.steps


def _expose(expose: Parser) -> None:
    options.expose(expose)
    expose.formatter_class, expose.late = argparse.RawDescriptionHelpFormatter, helptext.apps


def _verify(verify: Parser) -> None:
    _add(verify, "--json", action="store_true", help="print the rows and causes as JSON")
    _add(verify, "--write", action="store_true", help="write the table into the repository's runbook, when it differs")


def _certificates(tls: Parser) -> None:
    _add(tls, "--json", action="store_true", help="print them as JSON")


def _promote(promote: Parser) -> None:
    _add(promote, "--to", choices=("production", "staging"), help="production when left out")


def _node_add(add: Parser) -> None:
    _add(add, "addresses", metavar="ADDRESS", nargs="*", type=_address, help="their addresses; asked for when left out")
    _add(add, "--control-plane", action="store_true", help="they run the control plane too")
    there = "the control plane of a cluster that this computer does not know"
    _add(add, "--to", metavar="ADDRESS", type=_address, help=there)
    _add(add, "--ca-hash", metavar="HASH", help="with --to: the CA that this cluster must have (sha256:…)")
    _add(add, "--uid", metavar="UID", help="with --to: the UID of its namespace kube-system")


def _node_remove(remove: Parser) -> None:
    _add(remove, "node", metavar="NAME|ADDRESS", nargs="?", help="which one; asked for when left out")


def _node_upgrade(upgrade: Parser) -> None:
    _add(upgrade, "--to", metavar="VERSION", help="which version; the one this release knows when left out")


def _repo_validate(validate: Parser) -> None:
    _repo_hook(validate)
    _add(validate, "--json", action="store_true", help="print the findings as JSON")
    _add(validate, "--pre-push", action="store_true", help="look at what git tells a pre-push hook on standard input")


def _repo_hook(hook: Parser) -> None:
    hook.add_argument("path", metavar="PATH", nargs="?", default=".", help="its topmost folder; here when left out")


def _answers_init(init: Parser) -> None:
    _add(init, "file", metavar="FILE", nargs="?", help="a new file; printed when left out")


def _answers_check(check: Parser) -> None:
    check.add_argument("file", metavar="FILE")
    _until(check, "only the answers up to this step are needed (named below)")
    _add(check, "--no-secrets", action="store_true", help="do not look whether the secrets are there")
    _add(check, "--json", action="store_true", help="print the findings as JSON")


def _completion(completion: Parser) -> None:
    completion.add_argument("shell", metavar="SHELL", nargs="?", choices=SHELLS, help=", ".join(SHELLS))
    _add(completion, "--list", choices=LISTS, help=argparse.SUPPRESS)  # what the completions ask


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


def _options() -> dict[str, Parser]:
    """Options that several commands share."""
    names = ("common", "plain", "answers", "consent")
    common, plain, answers, consent = made = [Parser(add_help=False) for _ in names]
    _add(common, "--state", metavar="FILE", help="keep the state in FILE, and the log beside it")
    _add(common, "--cluster", metavar="NAME", help="which cluster, when there are several")
    _add(plain, "--plain", action="store_true", help="lines of text instead of a full screen")
    _add(answers, "--answers", metavar="FILE", help="take the answers from FILE (YAML)")
    _add(consent, "--yes", action="store_true", help="agree to every change that is not dangerous")
    _add(consent, "--allow", metavar="ID", action="append", help="agree to the dangerous change ID too (repeatable)")
    _add(
        consent,
        "--verbose",
        action="store_true",
        help="with --yes: print every line of the hosts, not only what shows how far they are",
    )
    return dict(zip(names, made, strict=True))


LATER = ("plain", "answers", "consent")
ALONE = frozenset({"certificates"})  # commands of their own, with others below
COMMANDS: Sequence[tuple[str, str, Sequence[str], Callable[[Parser], None] | None]] = (
    # its words, what it is for, the shared options beside the common ones, its own
    ("demo", "the whole journey on simulated Pis; touches no network", LATER, _demo),
    ("plan", "what would change; writes nothing", ("answers",), _plan),
    ("run", "the whole journey without a question; needs --answers and --yes", ("answers", "consent"), _until),
    ("reset", "end the cluster and give every Pi back as it was before; asked twice", ("plain", "consent"), _resetting),
    ("status", "how the cluster stands: asked, and as remembered where it can't be", (), options.status),
    ("doctor", "what is wrong, by name, and what to do", ("plain", "consent"), options.doctor),
    ("verify", "measure again who reaches what, from the LAN, the VPN and outside", (), _verify),
    ("certificates", "every certificate, until when, and how many more there are this week", (), _certificates),
    ("certificates promote", "from staging to production, or back: one commit, waited for and proved", LATER, _promote),
    ("backup", "all that a cluster can be brought back from, in one encrypted file", LATER, options.backup),
    ("restore", "bring a computer, or a lost control plane, back from a backup", LATER, options.restore),
    ("upgrade", "bring what runs to the versions of this release, by one commit; or back", LATER, options.upgrade),
    ("node", "add, remove or upgrade the Pis of a cluster", (), None),
    ("node add", "let more Pis join the cluster", LATER, _node_add),
    ("node remove", "take a Pi out of the cluster: its pods move, the cluster forgets it", LATER, _node_remove),
    ("node upgrade", "bring Kubernetes to another version, one Pi after the other", LATER, _node_upgrade),
    ("app", "expose, list or remove the apps of a cluster", (), None),
    ("app expose", "give an app a name, at home or for the internet; asks for what is left out", LATER, _expose),
    ("app list", "what is reached, from where, and whether it is ready", (), options.apps),
    ("app remove", "take an app away again; its data stays", LATER, options.remove),
    ("repo", "check a repository for Flux, before each push or in CI", (), None),
    (
        "repo validate",
        "find mistakes in it: every file, what is staged, and commits not yet pushed",
        (),
        _repo_validate,
    ),
    ("repo hook", "have git validate it before each push", (), _repo_hook),
    ("completion", "print completions for a shell: source <(homelab completion bash)", (), _completion),
    ("answers", "the whole interview in a file: begin one, check it", (), None),
    ("answers init", "write a file with every question and its help; asks nothing", (), _answers_init),
    ("answers schema", "print the JSON schema of such files, for editors and CI", (), None),
    ("answers check", "find every mistake in one, with its line; touches nothing", (), _answers_check),
)
