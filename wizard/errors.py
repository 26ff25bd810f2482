"""What a person is told when something does not work: what happened, why, and what to do.

Every failure that can reach a user is a `WizardError`. The front ends render the three sentences and the exit
code; a traceback never reaches anybody.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class ExitCode:
    """Exit codes of the `homelab` command, as documented in README.md."""

    OK = 0
    FAILED = 1  # a step could not be completed; the state is saved, run again to go on
    USAGE = 2  # the command line itself was wrong
    BAD_INPUT = 3  # the answers or the state file were refused, nothing was touched
    TRUST = 4  # a host key, machine or cluster is not the one that was pinned
    NOT_READY = 5  # `status`, `plan` or `verify`: something is left to do
    MISTAKES = 6  # `repo validate`: the repository holds mistakes
    INTERRUPTED = 130  # Ctrl-C, or a no to a change; stopped cleanly, run again to go on


class WizardError(Exception):
    """A failure in three sentences. `why` and `fix` may be empty only when nothing is known."""

    exit_code = ExitCode.FAILED
    cause = ""  # its name in docs/doctor.md, where it has one
    answers: tuple[str, ...] = ()  # those that may be its cause (``machines.user``): trying again asks for them again

    def __init__(self, what: str, why: str = "", fix: str = "", *, host: str | None = None) -> None:
        super().__init__(what)
        self.what, self.why, self.fix, self.host = what, why, fix, host

    def sentences(self) -> list[str]:
        """The lines to show, most important first."""
        where = f"{self.host}: " if self.host else ""
        return [f"{where}{self.what}", *(line for line in (self.why, self.fix) if line)]

    def __str__(self) -> str:
        return " ".join(self.sentences())


class RouterRefused(WizardError):
    """The home router answered by UPnP, and would not. `code` is UPnP's number."""

    def __init__(self, action: str, code: int, why: str = "") -> None:
        super().__init__(f"The router refused {action} (UPnP error {code}).", why)
        self.code = code


class Blocked(WizardError):
    """A step's `check` found something that only the person can change."""


class StillToDo(WizardError):
    """A step was applied, but checking again found work left: the step is not done."""


class Interrupted(WizardError):
    """The person stopped the run. Nothing is half-recorded; running again goes on."""

    exit_code = ExitCode.INTERRUPTED


class Declined(Interrupted):
    """The person said no to a change."""


class Unavailable(WizardError):
    """The cluster's API does not answer for now: it restarts, or is busy. A wait goes on; elsewhere the step ends."""


class StateError(WizardError):
    """The state file is unreadable, foreign, newer or locked. It is left as it was."""

    exit_code = ExitCode.BAD_INPUT


class TrustError(WizardError):
    """Something is not what was pinned: a host key, a machine-id, a cluster. Nothing was sent."""

    exit_code = ExitCode.TRUST


class HostError(WizardError):
    """A host did not do what was asked."""


class Unreachable(HostError):
    """No SSH connection: nothing answers, or the connection broke and did not come back."""


class ConnectionLost(Unreachable):
    """An open connection broke: the host rebooted by itself, or its network went away for a while.

    What ran may have come to its end, or not: only a new look at the host tells. `come_back` tries once to connect
    again; it raises `HostError` when the host is not back yet and `TrustError` when it is another one.
    """

    def __init__(
        self, what: str, why: str = "", fix: str = "", *, host: str, address: str, come_back: Callable[[], None]
    ) -> None:
        super().__init__(what, why, fix, host=host)
        self.address, self.come_back = address, come_back
        self.is_back = False  # set by whoever has waited for it


class LoginRefused(HostError):
    """The host answered but refused every way to log in, or refused the sudo password."""


class CommandFailed(HostError):
    """A script ended with a non-zero exit code. `output` holds its last lines, already redacted."""

    def __init__(self, what: str, why: str = "", fix: str = "", *, host: str | None = None, output: str = "") -> None:
        super().__init__(what, why, fix, host=host)
        self.output = output


@dataclass(frozen=True)
class Problem:
    """One mistake in what the person gave us. `path` is dotted: ``addresses.pool``; `line` counts from 1."""

    path: str
    what: str
    fix: str = ""
    file: str = ""
    line: int | None = None

    @property
    def text(self) -> str:
        """What is wrong and what to do, for somebody who sees which answer is meant."""
        what = self.what if self.what.endswith((".", "?", "!")) else f"{self.what}."
        return f"{what} {self.fix}".rstrip()

    def sentence(self) -> str:
        where = f"{self.file}:{self.line}: " if self.line else (f"{self.file}: " if self.file else "")
        return f"{where}{self.path}: {self.text}"


class BadInput(WizardError):
    """Every mistake that was found, before anything was touched."""

    exit_code = ExitCode.BAD_INPUT

    def __init__(self, problems: list[Problem], what: str = "") -> None:
        count = len(problems)
        super().__init__(
            what or f"{count} {'mistake' if count == 1 else 'mistakes'} in the answers; nothing was touched."
        )
        self.problems = problems

    def sentences(self) -> list[str]:
        return [self.what, *(problem.sentence() for problem in self.problems)]
