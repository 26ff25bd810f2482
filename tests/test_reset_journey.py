"""`homelab reset` in the simulated world: a finished journey is undone, however often the undoing is killed."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, RESET, nodes
from tests.test_journey import Killed, Mortal
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, Unreachable, WizardError
from wizard.events import Bus, Note, Planned
from wizard.opening import open_answered
from wizard.session import Session
from wizard.state import State
from wizard.step import AnyStep
from wizard.ui.unattended import Unattended

pytestmark = pytest.mark.timeout(300)

HEAD, WORKER = "192.168.1.11", "192.168.1.12"
ALLOWED = Consent(yes=True, allow=frozenset({"reset/cluster"}), confirm="demo")


@contextmanager
def started(
    demo: Demo,
    state: State,
    order: tuple[AnyStep, ...] = RESET,
    consent: Consent = ALLOWED,
    died: set[tuple[str, str | None]] | None = None,
    late: bool = False,
) -> Iterator[Engine]:
    ctx = Mortal(demo.world, state, Unattended(Session(order, demo.world, state)), Bus(), died=died, late=late)
    try:
        yield Engine(order, ctx, consent)
    finally:
        nodes.close_all(ctx)
        state.close()


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A journey that has come to its end."""
    with prepared(fast=True) as demo:
        state = open_answered(None, demo.state, demo.answers, ORDER, save=True)
        with started(demo, state, ORDER, Consent(yes=True)) as engine:
            engine.run()
        yield demo


def opened(demo: Demo) -> State:
    return State.open(demo.state, "demo")


def sections(demo: Demo) -> dict[str, dict[str, str]]:
    """The machines, without what every boot makes new, and without newlines at the ends."""
    return {
        address: {name: text.strip() for name, text in machine.sections.items() if name != "boot-id"}
        for address, machine in demo.world.machines.items()
    }


def at_the_start() -> dict[str, dict[str, str]]:
    with prepared(fast=True) as fresh:
        return copy.deepcopy(sections(fresh))


def test_a_finished_journey_is_undone(demo: Demo) -> None:
    folder = demo.state.parent
    notes: list[Note] = []
    with started(demo, opened(demo)) as engine:
        engine.ctx.bus.listen(lambda event: notes.append(event) if isinstance(event, Note) else None)
        engine.run()
    assert sections(demo) == at_the_start()
    assert not demo.world.api.up and demo.world.web.members == {}
    assert not demo.state.exists() and not (folder / "kubeconfig").exists() and not (folder / "id_ed25519").exists()
    (aside,) = folder.glob("state.reset-*.yaml")
    assert str(aside) in notes[-1].text
    saved = State.open(aside, "demo")
    assert set(saved.done) == {"reset"} and saved.answers["machines"]["hosts"]
    with started(demo, saved) as engine:
        planned: list[Any] = []
        engine.ctx.bus.listen(lambda event: planned.append(event.changes) if isinstance(event, Planned) else None)
        engine.run()
        assert planned == [()], "the second time there is nothing to do"


@pytest.mark.parametrize("late", [False, True], ids=["before a change", "after it"])
def test_killed_at_every_change_it_goes_on(demo: Demo, late: bool) -> None:
    died: set[tuple[str, str | None]] = set()
    sessions = 0
    while demo.state.exists() and sessions < 80:
        sessions += 1
        with suppress(Killed), started(demo, opened(demo), died=died, late=late) as engine:
            engine.run()
    assert len(died) == 3 + 6 * 3
    assert demo.world.web.members == {}
    assert {("reset/kubernetes", HEAD), ("reset/forget", WORKER), ("reset/computer", None)} <= died
    assert sections(demo) == at_the_start()
    assert [path.name for path in demo.state.parent.glob("state*.yaml")] != ["state.yaml"]


def writes_of_nobody(demo: Demo, consent: Consent) -> WizardError:
    before = list(demo.world.writes)
    with started(demo, opened(demo), consent=consent) as engine, pytest.raises(WizardError) as caught:
        engine.run()
    assert demo.world.writes == before
    return caught.value


@pytest.mark.parametrize(
    "consent",
    [
        Consent(yes=True),
        Consent(yes=True, allow=frozenset({"reset/cluster"})),
        Consent(yes=True, allow=frozenset({"reset/cluster"}), confirm="homelab"),
        Consent(yes=True, confirm="demo"),
    ],
    ids=["yes alone", "without the name", "another name", "without allow"],
)
def test_it_is_never_done_by_yes_alone(demo: Demo, consent: Consent) -> None:
    error = writes_of_nobody(demo, consent)
    assert "--allow reset/cluster --confirm demo" in error.fix


def test_a_pi_that_does_not_answer_is_named_and_can_be_left_out(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = demo.world.connect

    def silent(login: Any) -> Any:
        if login.address == WORKER:
            raise Unreachable("Nothing answers on the SSH port.", host=login.name)
        return connect(login)

    monkeypatch.setattr(demo.world, "connect", silent)
    error = writes_of_nobody(demo, ALLOWED)
    assert isinstance(error, Blocked) and "does not answer" in error.what and f"--skip {WORKER}" in error.fix

    state = opened(demo)
    state.answers["reset"] = {"skip": [WORKER]}
    with started(demo, state) as engine:
        engine.run()
    first = at_the_start()
    assert sections(demo)[HEAD] == first[HEAD] and sections(demo)[WORKER] != first[WORKER]
    assert (demo.state.parent / "id_ed25519").exists(), "the key still opens that one"

    monkeypatch.setattr(demo.world, "connect", connect)
    (aside,) = demo.state.parent.glob("state.reset-*.yaml")
    late = State.open(aside, "demo")
    late.answers["reset"] = {"skip": None}
    with started(demo, late) as engine:
        engine.run()
    assert sections(demo) == first
    assert not (demo.state.parent / "id_ed25519").exists()
    assert [path.name for path in Path(demo.state.parent).glob("state*.yaml")] == [aside.name]


def test_a_journey_can_begin_again_and_be_undone_again(demo: Demo) -> None:
    with started(demo, opened(demo)) as engine:
        engine.run()
    state = open_answered(None, demo.state, demo.answers, ORDER, save=True)
    with started(demo, state, ORDER[:3], Consent(yes=True)) as engine:
        engine.run()
    assert demo.world.api.up
    with started(demo, opened(demo)) as engine:
        engine.run()
    assert sections(demo) == at_the_start()
