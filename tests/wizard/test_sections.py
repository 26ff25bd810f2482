"""Looks at a cluster: side by side, each with the deadline of all, and honest about what could not be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.wizard.toys import ORDER, ToyWorld
from wizard.context import Context
from wizard.events import Bus
from wizard.sections import Lookout, Nobody, Part, Seen
from wizard.state import State


def context(state: State) -> Context:
    return Context(ToyWorld(), state, Nobody(), Bus())  # type: ignore[arg-type]


def looked(look: Any, state: State, deadline: float = 5.0) -> Seen | None:
    found: dict[str, Seen | None] = {}
    part = Part("bowl", "Bowl", look=look)
    lookout = Lookout([part], lambda: context(state), found.__setitem__, deadline).start()
    assert lookout.over.wait(10)
    return found["bowl"]


def test_a_look_is_given_up_at_its_deadline(tmp_path: Path) -> None:
    state = State(tmp_path / "state.yaml", "toys")
    found = looked(lambda ctx: ctx.world.stop.wait(30), state, deadline=0.2)
    assert found is not None
    assert found.summary == "could not look: no answer within 0 seconds"


def test_a_look_cannot_ask_for_a_secret(tmp_path: Path) -> None:
    state = State(tmp_path / "state.yaml", "toys")
    found = looked(lambda ctx: ctx.secret("cake", ORDER[1].questions[0]), state)
    assert found is not None
    assert "could not look: " in found.summary


def test_a_mistake_in_a_look_costs_one_part(tmp_path: Path) -> None:
    found = looked(lambda ctx: 1 / 0, State(tmp_path / "state.yaml", "toys"))
    assert found is not None
    assert found.summary == "could not look: ZeroDivisionError, a mistake in homelab itself"
