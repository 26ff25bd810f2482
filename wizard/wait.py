"""Waiting with a deadline: every wait says what it waits for and, when it fails, why."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from wizard.context import Context
from wizard.errors import Interrupted, Unavailable, WizardError
from wizard.events import Waiting
from wizard.secret import redact

T = TypeVar("T")
API_SECONDS = 90.0  # an API server that starts anew, after an upgrade or a boot, is away for as long on a Pi


def look(ctx: Context, check: Callable[[], T]) -> T:
    """What `check` returns. A cluster's API that is away for a moment is waited for; in the end its error is raised."""
    end = ctx.world.now() + API_SECONDS
    while True:
        try:
            return check()
        except Unavailable as error:
            left = end - ctx.world.now()
            if left <= 0:
                raise WizardError(error.what, error.why, error.fix, host=error.host) from None
            ctx.bus.emit(Waiting(ctx.name_of(None), "the cluster's API to answer", redact(error.why), left))
            ctx.world.sleep(min(2.0, left))


def until(
    ctx: Context,
    what: str,
    probe: Callable[[], T | None],
    *,
    deadline: float,
    every: float = 2.0,
    host: str | None = None,
    why: Callable[[], str] = lambda: "",
    fix: str = "",
) -> T:
    """Calls `probe` every `every` seconds until it returns something true, for at most `deadline` seconds.

    A cluster that does not answer for a while (`Unavailable`) is waited for as well.
    `why` is asked now and then for the reason it is not there yet; its last answer is the error's.
    Raises `WizardError` at the deadline and `Interrupted` when the person leaves.
    """  # fmt: skip
    end = ctx.world.now() + deadline
    reason = ""
    while True:
        try:
            if got := probe():
                return got
            reason = redact(_told(why)) or reason
        except Unavailable as error:
            reason = redact(str(error))
        left = end - ctx.world.now()
        if left <= 0:
            raise WizardError(
                f"Waited {deadline:.0f} seconds for {what}, in vain.",
                reason,
                fix,
                host=host and ctx.name_of(host),
            )
        ctx.bus.emit(Waiting(ctx.name_of(host), what, reason, left))
        ctx.world.sleep(min(every, max(left, 0.01)))


def _told(why: Callable[[], str]) -> str:
    """The reason; when even that can't be found out, why not. It must not hide what is waited for."""
    try:
        return why()
    except Interrupted:
        raise
    except WizardError as error:
        return " ".join(error.sentences())
