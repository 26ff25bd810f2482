"""A cluster's API that is away for a moment in the middle of a step: waited for, and in the end told as it was seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.wizard.test_absence import links, ready
from tests.wizard.test_engine import Run
from wizard.context import Context
from wizard.errors import Unavailable, WizardError
from wizard.events import Waiting
from wizard.step import Change


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return ready(tmp_path)


class Api:
    """The cluster's API. It goes away for `seconds` when it is first asked."""

    def __init__(self, run: Run, seconds: float) -> None:
        self.run, self.seconds, self.end = run, seconds, 0.0

    def ask(self, ctx: Context) -> None:
        self.end = self.end or self.run.world.at + self.seconds
        self.look(ctx)

    def look(self, ctx: Context) -> None:
        if self.run.world.at < self.end:
            raise Unavailable("The cluster's API can't be reached.", "It did not answer in time.", "Look at it.")


def test_an_api_that_is_away_for_a_moment_is_waited_for_in_a_look(run: Run) -> None:
    links(run).look = Api(run, 60).ask
    run.engine.run()
    assert run.statuses()[-1] == "done"
    waits = [event for event in run.events if isinstance(event, Waiting)]
    assert (waits[0].what, waits[0].why) == ("the cluster's API to answer", "It did not answer in time.")
    assert waits[-1].left < waits[0].left


def test_an_api_that_stays_away_is_told_as_it_was_seen(run: Run) -> None:
    links(run).look = Api(run, 10_000).ask
    with pytest.raises(WizardError, match="can't be reached") as failed:
        run.engine.run()
    assert (failed.value.why, failed.value.fix) == ("It did not answer in time.", "Look at it.")
    assert run.world.at < 300


def test_an_api_that_goes_away_in_a_change_is_looked_for_and_the_rest_is_done(run: Run) -> None:
    step, api = links(run), Api(run, 30)
    through, step.look = step.through, api.look

    def asking(change: Change) -> Callable[[Context], None]:
        def do(ctx: Context) -> None:
            api.ask(ctx)
            through(change)(ctx)

        return do

    step.through = asking  # type: ignore[method-assign]
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]
    assert len(run.front.approvals) == 1
    assert run.front.errors == []


def test_an_api_that_goes_away_in_every_change_ends_the_step(run: Run) -> None:
    def gone(ctx: Context) -> None:
        raise Unavailable("The cluster's API can't be reached.", "It did not answer in time.", "Look at it.")

    links(run).through = lambda change: gone  # type: ignore[method-assign]
    with pytest.raises(WizardError, match="can't be reached"):
        run.engine.run()
    assert run.world.made == []
