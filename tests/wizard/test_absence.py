"""A host that is lost in mid-step: waited for in its lane, looked at again, and at the end given up with a reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.wizard.test_engine import Bake, Front, Run, made
from wizard import absence
from wizard.context import Context
from wizard.errors import (
    CommandFailed,
    ConnectionLost,
    Interrupted,
    LoginRefused,
    TrustError,
    Unreachable,
    WizardError,
)  # fmt: skip
from wizard.events import ChangeEnded, Planned, Progress, Waiting
from wizard.question import Answers
from wizard.step import Change
from wizard.wait import until

AWAY = Unreachable("No SSH connection.", "Nothing answered.")


class Link:
    """The connection to one host. It breaks at the calls of `use` that `breaks` counts; `refusals` delay its return."""

    def __init__(self, world: Any, name: str, *breaks: int, refusals: tuple[WizardError, ...] = ()) -> None:
        self.world, self.name, self.breaks, self.refusals = world, name, breaks, list(refusals)
        self.uses = 0

    def use(self) -> None:
        self.uses += 1
        if self.uses in self.breaks:
            raise ConnectionLost(
                f"The connection broke at use {self.uses}.", host=self.name, address=self.name, come_back=self.come_back
            )

    def come_back(self) -> None:
        if self.refusals:
            raise self.refusals.pop(0) if len(self.refusals) > 1 else self.refusals[0]


class Links(Bake):
    """Rolls at hosts with a connection each. A change is not made when its connection breaks, or is when `late`."""

    def __init__(self) -> None:
        self.links: dict[str, Link] = {}
        self.late = False
        self.look: Callable[[Context], None] = lambda ctx: None

    def check(self, ctx: Context) -> list[str]:
        self.look(ctx)
        return super().check(ctx)

    def plan(self, facts: list[str], answers: Answers) -> list[Change]:
        return [
            Change(each.id, each.sentence, self.through(each), each.host, danger=each.danger)
            for each in super().plan(facts, answers)
        ]

    def through(self, change: Change) -> Callable[[Context], None]:
        def do(ctx: Context) -> None:
            link = self.links.get(change.host or "here")
            if self.late:
                change.do(ctx)
            if link:
                link.use()
            if not self.late:
                change.do(ctx)

        return do


def ready(folder: Path) -> Run:
    """A run of `Links` in which sleeping only moves the clock."""
    run = Run(folder, Links())

    def sleep(seconds: float) -> None:
        if run.world.stop.wait(0.001):
            raise Interrupted("Stopped.")
        run.world.at += seconds

    run.world.sleep = sleep  # type: ignore[attr-defined]
    return run


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return ready(tmp_path)


def links(run: Run, **breaks: Any) -> Links:
    step = run.engine.order[0]
    assert isinstance(step, Links)
    for host, what in breaks.items():
        step.links[host] = Link(run.world, host, *what[0], refusals=tuple(what[1:]))
    return step


def said(run: Run, host: str) -> list[str]:
    return [event.text for event in run.events if isinstance(event, Progress) and event.host == host]


@pytest.mark.parametrize("late", [False, True], ids=["before it was done", "after"])
@pytest.mark.parametrize(
    "broken", [("h1",), ("h2",), ("h1", "h2"), ("here",), ("h1", "h2", "here")], ids=lambda hosts: "+".join(hosts)
)
def test_a_lost_host_is_picked_up_and_the_step_ends_as_it_would_have(run: Run, broken: Any, late: bool) -> None:
    links(run, **{host: ((1,),) for host in broken}).late = late
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]
    assert run.statuses()[-1] == "done"
    assert run.front.errors == []
    assert len(run.front.approvals) == 1, "what was agreed to is not asked about again"
    for host in broken:
        assert said(run, host)[0] == "connection lost; waiting for it to come back"
        assert said(run, host)[1].startswith("connected again after")
    lost = [event for event in run.events if isinstance(event, ChangeEnded) and event.outcome == "lost"]
    assert len(lost) == len(broken)


def test_the_journal_says_what_was_lost_and_that_it_came_back(run: Run) -> None:
    links(run, h1=((1,),))
    run.engine.run()
    entries = [entry for entry in run.saved().journal if entry["change"] == "connection-lost"]
    assert [(entry["host"], entry["sentence"]) for entry in entries] == [("h1", "The connection broke at use 1.")]
    assert entries[0]["finished"] >= entries[0]["begun"]
    rolls = [entry for entry in run.saved().journal if entry["change"] == "bake/roll1"]
    assert ["finished" in entry for entry in rolls] == [False, True]


def test_the_wait_is_shown_with_its_reason_and_what_is_left(run: Run) -> None:
    step = links(run, h1=((1,),))
    tries = [AWAY, LoginRefused("The system is booting."), AWAY]

    def come_back() -> None:
        if tries:
            raise tries.pop(0)

    step.links["h1"].come_back = come_back  # type: ignore[method-assign]
    run.engine.run()
    waits = [event for event in run.events if isinstance(event, Waiting)]
    assert [(wait.host, wait.what, wait.why) for wait in waits] == [
        ("h1", "the host to come back", why)
        for why in ("Nothing answered.", "The system is booting.", "Nothing answered.")
    ]  # fmt: skip
    assert 0 < waits[-1].left < waits[0].left <= absence.COME_BACK_SECONDS


def test_a_lost_host_is_called_by_its_name(run: Run) -> None:
    run.state.remember("machines", "h1", "hostname", value="boreas")
    links(run, h1=((1,),))
    run.engine.run()
    assert len(said(run, "boreas")) == 2
    assert said(run, "h1") == []


def test_the_other_lanes_go_on_while_one_is_waited_for(run: Run) -> None:
    step = links(run, h1=((1,),))
    gone_on = threading.Event()

    def come_back() -> None:
        assert gone_on.wait(10), "h2's roll was not made while h1 was away"

    step.links["h1"].come_back = come_back  # type: ignore[method-assign]
    run.ctx.bus.listen(
        lambda e: gone_on.set() if isinstance(e, ChangeEnded) and (e.host, e.outcome) == ("h2", "done") else None
    )
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]


def test_a_host_that_does_not_come_back_is_told_with_what_was_seen(run: Run) -> None:
    links(run, h1=((1,), AWAY))
    with pytest.raises(Unreachable, match="did not come back within 300 seconds") as failed:
        run.engine.run()
    assert not isinstance(failed.value, ConnectionLost)
    assert failed.value.host == "h1"
    assert failed.value.why == "The connection broke at use 1. Seen last: Nothing answered."
    assert run.world.made == ["roll2"]
    assert "finished" not in next(e for e in run.saved().journal if e["change"] == "connection-lost")


def test_a_host_that_is_up_and_refuses_to_let_in_is_not_waited_for_as_long(run: Run) -> None:
    links(run, h1=((1,), LoginRefused("The host refused to let pi in.", host="h1")))
    with pytest.raises(LoginRefused):
        run.engine.run()
    waited = [event.left for event in run.events if isinstance(event, Waiting)]
    assert absence.LET_IN_SECONDS * 0.5 < waited[0] - waited[-1] <= absence.LET_IN_SECONDS


def test_another_host_coming_back_stops_everything(run: Run) -> None:
    links(run, h2=((1,), TrustError("The host key is not the one that was approved.", host="h2")), h1=((1,),))
    with pytest.raises(TrustError):
        run.engine.run()
    assert run.world.made == []


def test_a_host_that_is_lost_again_and_again_is_given_up(run: Run) -> None:
    links(run, h1=((1, 2, 3, 4, 5),))
    with pytest.raises(Unreachable, match="broke 4 times in one step") as failed:
        run.engine.run()
    assert not isinstance(failed.value, ConnectionLost)
    assert failed.value.why.startswith("It came back 3 times. (1) The connection broke at use 1. (2) ")
    assert run.world.made == ["roll2"]
    assert len([event for event in run.events if isinstance(event, Planned)]) == 4


def test_three_times_is_not_too_often_and_a_retry_counts_anew(run: Run) -> None:
    links(run, h1=((1, 2, 3),), h2=((1, 2),))
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]
    run.world.made.clear()
    links(run, h1=((1, 2, 3, 4, 5),))
    run.front.retries = 1
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]


def test_a_loss_while_looking_is_picked_up_too(run: Run, tmp_path: Path) -> None:
    step = links(run, h1=((1, 4),), h2=((2,),))
    step.look = lambda ctx: ctx.each(["h1", "h2"], lambda host: step.links[host].use()) and None
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]
    assert run.front.errors == []


def test_a_loss_in_a_wait_is_picked_up_too(run: Run) -> None:
    step = links(run, h1=((2,),))

    def wait(ctx: Context) -> None:
        until(ctx, "it to rise", lambda: step.links["h1"].use() or step.links["h1"].uses > 3, deadline=60, host="h1")

    step.look = wait
    run.engine.run()
    assert step.links["h1"].uses > 3
    assert run.statuses()[-1] == "done"


def test_planning_survives_a_loss_and_writes_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path, Links(), dry_run=True)
    step = links(run, h1=((1,),))
    step.look = lambda ctx: step.links["h1"].use()
    (found,) = run.engine.outlook()
    assert [change.id for change in found.changes] == ["bake/roll1", "bake/roll2", "bake/bill"]
    assert not run.path.exists()


def test_the_gravest_failure_is_told(run: Run) -> None:
    step = links(run, h1=((1,),))
    step.links["h2"] = Link(run.world, "h2")
    step.links["h2"].use = lambda: (_ for _ in ()).throw(CommandFailed("The dough is gone.", host="h2"))  # type: ignore[method-assign]
    with pytest.raises(CommandFailed, match="dough"):
        run.engine.run()
    assert said(run, "h1")[-1].startswith("connected again"), "the lost host was waited for all the same"


def test_what_only_the_interruption_made_necessary_is_asked_about_by_itself(run: Run) -> None:
    class Mending(Links):
        def plan(self, facts: list[str], answers: Answers) -> list[Change]:
            changes = super().plan(facts, answers)
            broken = self.links["h1"].uses == 1 and "mend" not in facts
            return [Change("bake/mend", "scrape the oven", made("mend"), "h1"), *changes] if broken else changes

    for yes in (False, True):
        front = Front()
        again = Run(run.path.parent / str(yes), Mending(), front=front, yes=yes)
        links(again, h1=((1,),))
        again.engine.run()
        assert again.world.made.index("mend") < again.world.made.index("roll1")
        asked = [[change.id for change in approval.changes] for approval in front.approvals]
        assert asked == ([] if yes else [["bake/roll1", "bake/roll2", "bake/bill"], ["bake/mend"]])


@pytest.mark.parametrize("where", ["h1", "here"])
def test_leaving_ends_the_wait_at_once(run: Run, where: str) -> None:
    links(run, **{where: ((1,), AWAY)})
    run.world.sleep = lambda seconds: (run.world.stop.wait(30), (_ for _ in ()).throw(Interrupted("Stopped.")))  # type: ignore[attr-defined]
    threading.Timer(0.2, run.world.stop.set).start()
    began = time.monotonic()
    with pytest.raises(Interrupted):
        run.engine.run()
    assert time.monotonic() - began < 3
    assert run.front.errors == []
