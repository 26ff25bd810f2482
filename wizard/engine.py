"""Runs steps in order: ask what is missing, check, plan, approve, apply, verify.

The engine holds no knowledge of any step and no knowledge of any front end. Every front end drives this one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import TypeVar

from wizard.absence import TIMES
from wizard.ahead import Ahead
from wizard.asking import Asking
from wizard.consent import Consent
from wizard.context import Approval, Context, Outlook
from wizard.errors import ConnectionLost, Declined, Interrupted, StillToDo, Unavailable, WizardError
from wizard.events import Planned, StepChanged, StepStatus
from wizard.question import Turn
from wizard.revising import Moved, Revising
from wizard.step import AnyStep, Change
from wizard.wait import look

T = TypeVar("T")


class Engine:
    """One run over `order`."""

    def __init__(self, order: Sequence[AnyStep], ctx: Context, consent: Consent | None = None) -> None:
        self.order, self.ctx, self.consent = tuple(order), ctx, consent or Consent()
        self.asking = Asking(self.order, ctx, self._turn)
        self.ahead = Ahead(self.asking)
        self._worked: set[str] = set()  # steps that have changed something in this run
        self._revising = Revising(self.asking, lambda other, steps: Engine(steps, other).outlook())

    # -- the whole journey -----------------------------------------------------------------------------

    def run(self) -> None:
        """Every step, in order; from an earlier one on again when the person changes an answer of it.

        Raises the error that stopped it; what was done is saved.
        """
        at = 0
        while at < len(self.order):
            try:
                self._with_retry(self.order[at])
                at += 1
            except Moved as moved:
                at = min(at, self.order.index(moved.step))

    def ask(self, step: AnyStep) -> None:
        """Asks what `step` still has to know."""
        self.asking.ask(step)

    def _turn(self, turn: Turn, step: AnyStep, key: str) -> None:
        self._revising.turn(turn, step, key)

    def _with_retry(self, step: AnyStep) -> None:
        while True:
            try:
                return self.run_step(step)
            except Interrupted:
                raise
            except WizardError as error:
                if self._skipped(step, error):
                    return self._status(step, "skipped")

    def _skipped(self, step: AnyStep, error: WizardError) -> bool:
        """Shows the failure until the person decides: to skip the step, or not, to try again. Else raises it."""
        while True:
            self._status(step, "failed", error.what)
            decided = self.ctx.front.failed(step.name, error)
            if decided == "retry":
                self.asking.take_back(step, error.answers)
                return False
            if decided == "skip" and step.skip:
                self.ctx.state.skip(step.name)
                return True
            if not isinstance(decided, Turn):
                raise error
            try:
                self._revising.turn(decided, step)
            except Interrupted:
                raise
            except WizardError as another:  # an answer could not even be shown
                error = another

    def run_step(self, step: AnyStep) -> None:
        """One step, until planning it again finds nothing to do."""
        self.ctx.step = step.name
        self.ahead.reached(step)
        self.ask(step)
        approved: set[tuple[str, str | None]] = set()
        self._surviving(partial(self._rounds, step, approved))

    def _surviving(self, work: Callable[[], T]) -> T:
        """`work`, which looks before it does anything; begun again each time that a host was lost and has come back.

        The same when the cluster's API went away in the middle of a change.

        How long and how often that is waited for is bounded: see `wizard.absence` and `wizard.wait.look`.
        """
        self.ctx.absences.begin()
        tries = TIMES
        while True:
            try:
                return work()
            except ConnectionLost as lost:
                self.ctx.wait_for(lost)
            except Unavailable:
                tries -= 1
                if not tries:
                    raise

    def _rounds(self, step: AnyStep, approved: set[tuple[str, str | None]]) -> None:
        """Check, plan, approve, apply, as often as the step may need it. What is agreed to is added to `approved`."""
        for _ in range(step.rounds):
            changes = self._plan(step)
            if not changes:
                return self._done(step)
            if self.ctx.dry_run:
                return self._apply(step, changes)
            self.ctx.state.reopened(step.name)
            self._approve(step, changes, approved)
            approved |= {(change.id, change.host) for change in changes}
            self._status(step, "applying", f"{len(changes)} {'change' if len(changes) == 1 else 'changes'}")
            self._apply(step, changes)
        self._status(step, "verifying")
        if left := step.plan(look(self.ctx, partial(step.check, self.ctx)), self.ctx.answers):
            names = "; ".join(f"{self.ctx.name_of(change.host)}: {change.sentence}" for change in left[:5])
            raise StillToDo(
                f"{step.title} was carried out, but {len(left)} of its changes did not hold.",
                f"Looking again, this is still to do: {names}.",
                "Run it again; when it stays so, the log shows what each change printed.",
            )
        return self._done(step)

    def outlook(self) -> list[Outlook]:
        """What every step would do, nothing written. Steps after the first that has work may not be plannable yet."""
        found = []
        for step in self.order:
            self.ctx.step = step.name
            self.asking.take_settings(step)
            if not self.asking.answered(step):
                found.append(Outlook(step.name, answered=False))
                continue
            try:
                found.append(Outlook(step.name, tuple(self._surviving(partial(self._plan, step)))))
            except Interrupted:
                raise
            except WizardError as error:
                found.append(Outlook(step.name, blocked=error))
        return found

    # -- planning and applying ---------------------------------------------------------------------------

    def _plan(self, step: AnyStep) -> list[Change]:
        self._status(step, "checking")
        facts = look(self.ctx, partial(step.check, self.ctx))
        self._status(step, "planning")
        changes = step.plan(facts, self.ctx.answers)
        self.ctx.bus.emit(Planned(step.name, tuple((self.ctx.name_of(c.host), c.sentence) for c in changes)))
        return changes

    def _approve(self, step: AnyStep, planned: list[Change], approved: Set[tuple[str, str | None]]) -> None:
        """Asks for a yes to what is planned, except for what was agreed to earlier in this step.

        A dangerous change is asked for by itself; where all are, the question for all of them would be one too many.
        """
        changes = [change for change in planned if (change.id, change.host) not in approved]
        names = {c.host: self.ctx.name_of(c.host) for c in changes if c.host}
        usual = not self.consent.yes and not all(change.danger for change in changes)
        if usual and not self._confirmed(step, Approval(step.name, step.title, tuple(changes), names)):
            raise self._declined(step)
        for change in changes:
            if not change.danger or self.consent.covers(change):
                continue
            if not self._confirmed(step, Approval(step.name, step.title, (change,), names, danger=True)):
                raise Declined(
                    f"Not done: {change.sentence}.", f"{change.because}, so it needs a yes of its own.",
                    f"Say yes when asked, or allow it with --allow {change.id}{_confirming(change)}.",
                )  # fmt: skip

    def _declined(self, step: AnyStep) -> Declined:
        """What is so after a no; how to go on is said by whoever ends the run."""
        if not self._worked:
            return Declined("Nothing was changed.")
        left = "the rest was not done" if step.name in self._worked else "nothing was changed"
        return Declined(f"{step.title}: {left}.", "What was done before stays as it is.")

    def _confirmed(self, step: AnyStep, approval: Approval) -> bool:
        """The person's yes or no, in the end: earlier answers may be looked at before."""
        approval = replace(approval, back=bool(self.asking.before(step)))
        while isinstance(agreed := self.ctx.front.confirm(approval), Turn):
            self._revising.turn(agreed, step)
        return agreed

    def _apply(self, step: AnyStep, changes: list[Change]) -> None:
        """Neighbours that belong to hosts run in lanes; a change of this computer runs alone."""
        if not self.ctx.dry_run:
            self._worked.add(step.name)
        for on_hosts, group in groupby(changes, key=lambda change: change.host is not None and not step.one_by_one):
            if not on_hosts:
                for change in group:
                    self.ctx.do(change)
                continue
            lanes: dict[str | None, list[Change]] = {}
            for change in group:
                lanes.setdefault(change.host, []).append(change)
            self.ctx.each(lanes, self._lane(lanes))

    def _lane(self, lanes: dict[str | None, list[Change]]) -> Callable[[str | None], None]:
        def work(host: str | None) -> None:
            for change in lanes[host]:
                self.ctx.do(change)

        return work

    def _done(self, step: AnyStep) -> None:
        if not self.ctx.dry_run:
            self.ctx.state.verified(step.name)
        self._status(step, "done")

    def _status(self, step: AnyStep, status: StepStatus, detail: str = "") -> None:
        self.ctx.bus.emit(StepChanged(step.name, status, detail))


def _confirming(change: Change) -> str:
    return f" --confirm {change.word}" if change.word else ""
