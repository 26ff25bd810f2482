"""The journey in the simulated world, with a Pi that reboots by itself or drops the connection: it ends as without."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from steps import ORDER, nodes
from tests.test_journey import outcome
from wizard.context import Context
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent, Engine
from wizard.errors import ConnectionLost, Unreachable
from wizard.events import Bus
from wizard.host.base import Host, Login, OnLine, Result, Script
from wizard.opening import open_answered
from wizard.session import Session
from wizard.step import AnyStep
from wizard.ui.unattended import Unattended

pytestmark = pytest.mark.timeout(300)

HEAD, WORKER = "192.168.1.11", "192.168.1.12"
AWAY_SECONDS = 45.0
Breaks = Callable[[str, int], bool]  # whether the n-th script of a step (counted from 1) loses its connection


class Shaky:
    """A connection that breaks when a script is sent (`late`: when its result is due), and comes back after a while."""

    def __init__(self, inner: Host, demo: Demo, step: Callable[[], str], breaks: Breaks, late: bool) -> None:
        self.inner, self.demo, self.step, self.breaks, self.late = inner, demo, step, breaks, late
        self.name, self.address = inner.name, inner.address
        self.sent: dict[str, list[str]] = {}  # step -> its scripts
        self.away_until, self.losses = 0.0, 0

    def run(self, script: Script, *, on_line: OnLine | None = None, check: bool = True) -> Result:
        assert self.demo.world.now() >= self.away_until, "it was spoken to while it was away"
        sent = self.sent.setdefault(self.step(), [])
        sent.append(script.name)
        if not self.breaks(self.step(), len(sent)):
            return self.inner.run(script, on_line=on_line, check=check)
        if self.late:
            self.inner.run(script, on_line=on_line, check=check)
        self.losses += 1
        self.away_until = self.demo.world.now() + AWAY_SECONDS
        raise ConnectionLost(
            f"It broke in {script.name}.", host=self.name, address=self.address, come_back=self.come_back
        )

    def come_back(self) -> None:
        if self.demo.world.now() < self.away_until:
            raise Unreachable("No SSH connection.", "Nothing answered.", host=self.name)

    def reboot(self, *, timeout: float = 300.0) -> None:
        self.inner.reboot(timeout=timeout)

    def close(self) -> None:
        self.inner.close()


@contextmanager
def journey(
    order: tuple[AnyStep, ...], shaky: dict[str, Breaks], *, late: bool = False
) -> Iterator[tuple[Demo, Engine, dict[str, Shaky]]]:
    """A demo whose Pis in `shaky` lose their connection, and one run of the wizard on it."""
    with prepared(fast=True) as demo:
        state = open_answered(None, demo.state, demo.answers, ORDER, save=True)
        ctx = Context(demo.world, state, Unattended(Session(order, demo.world, state)), Bus())
        made: dict[str, Shaky] = {}
        connect = demo.world.connect

        def connecting(login: Login) -> Any:
            host = connect(login)
            if login.address not in shaky:
                return host
            assert login.address not in made, "one connection a host"
            made[login.address] = Shaky(host, demo, lambda: ctx.step, shaky[login.address], late)
            return made[login.address]

        demo.world.connect = connecting  # type: ignore[method-assign]
        try:
            yield demo, Engine(order, ctx, Consent(yes=True)), made
        finally:
            nodes.close_all(ctx)
            state.close()


PREPARE = ORDER[: [step.name for step in ORDER].index("prepare") + 1]


def never(step: str, number: int) -> bool:
    return False


@pytest.fixture(scope="module")
def straight() -> Iterator[tuple[dict[str, Any], int]]:
    """What Machines and Prepare make of the Pis when nothing breaks, and how many scripts Prepare sends to one."""
    with journey(PREPARE, {WORKER: never}) as (demo, engine, made):
        engine.run()
        yield outcome(demo), len(made[WORKER].sent["prepare"])


@pytest.mark.parametrize("late", [False, True], ids=["as it is sent", "as it has ended"])
def test_a_loss_at_any_script_of_prepare_ends_as_without(straight: tuple[dict[str, Any], int], late: bool) -> None:
    expected, scripts = straight
    assert scripts > 10
    for lost in range(1, scripts + 1):

        def at(step: str, number: int, lost: int = lost) -> bool:
            return step == "prepare" and number == lost

        with journey(PREPARE, {WORKER: at}, late=late) as (demo, engine, made):
            engine.run()
            assert made[WORKER].losses == 1
            assert outcome(demo) == expected, f"script {lost}: {made[WORKER].sent['prepare'][lost - 1]}"
            assert [e["change"] for e in engine.ctx.state.journal].count("connection-lost") == 1


@pytest.mark.parametrize("late", [False, True], ids=["as it is sent", "as it has ended"])
def test_two_pis_that_break_in_every_step_end_where_the_others_do(late: bool) -> None:
    with journey(ORDER, {}) as (demo, engine, _):
        engine.run()
        expected = outcome(demo)
    shaky: dict[str, Breaks] = {HEAD: lambda step, n: n in (1, 4), WORKER: lambda step, n: n in (2, 3, 7)}
    with journey(ORDER, shaky, late=late) as (demo, engine, made):
        engine.run()
        assert outcome(demo) == expected
        assert made[HEAD].losses > 5
        assert made[WORKER].losses > 5
        assert sum(write.endswith("control-plane/init") for write in demo.world.writes) == 1
