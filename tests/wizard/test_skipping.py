"""Going on without a step: only where it says so, remembered with its day, offered again, told everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import ORDER
from tests.wizard.test_engine import Bake, Front, Run
from wizard import remembered
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.session import Session
from wizard.state import State


class Icing(Bake):
    """Fails until there is sugar."""

    name, title = "icing", "Icing"
    skip = "The cake is bare."
    wanted = (("icing", None, False),)
    sugar = False

    def check(self, ctx: Context) -> list[str]:
        if not self.sugar:
            raise Blocked("There is no sugar.", "It was eaten.", "Buy some.")
        return super().check(ctx)


class Skipping(Front):
    def failed(self, step: str, error: WizardError) -> Any:
        self.errors.append(error)
        return "skip" if len(self.errors) == 1 else "stop"


def test_the_rest_goes_on_and_the_day_is_remembered(tmp_path: Path) -> None:
    run = Run(tmp_path, Icing(), Bake(), front=Skipping())
    run.engine.run()
    assert sorted(run.world.made) == ["bill", "roll1", "roll2"]
    assert run.statuses()[:3] == ["checking", "failed", "skipped"]
    saved = run.saved()
    assert list(saved.done) == ["bake"] and list(saved.skipped) == ["icing"]
    assert saved.skipped["icing"] >= saved.done["bake"][:10]


def test_it_is_offered_again_and_then_no_longer_skipped(tmp_path: Path) -> None:
    Run(tmp_path, Icing(), front=Skipping()).engine.run()
    again = Run(tmp_path, type("Sweet", (Icing,), {"sugar": True})())
    again.engine.run()
    assert again.world.made == ["icing"] and again.saved().skipped == {}
    assert "skipped" not in again.path.read_text()


def test_what_was_done_and_then_skipped_is_not_done(tmp_path: Path) -> None:
    run = Run(tmp_path, Icing(), front=Skipping())
    run.state.verified("icing")
    run.engine.run()
    assert "icing" not in run.saved().done


def test_a_step_that_does_not_say_so_can_not_be_skipped(tmp_path: Path) -> None:
    run = Run(tmp_path, type("Needed", (Icing,), {"skip": ""})(), Bake(), front=Skipping())
    with pytest.raises(Blocked):
        run.engine.run()
    assert run.world.made == [] and run.saved().skipped == {}


def test_only_what_the_others_can_do_without_may_be_skipped() -> None:
    assert [step.name for step in ORDER if step.skip] == ["snapshots", "router", "proof"]
    assert all(step.skip[0].isupper() and step.skip.endswith(".") for step in ORDER if step.skip)


def test_the_status_says_by_whom_and_when(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.yaml", "lab", lock=False)
    for step in ORDER:
        state.verified(step.name)
    state.skip("router")
    rows = {row.what: row for row in remembered.journey(state, ORDER)}
    assert rows["router"].level == "warn" and rows["router"].text.startswith("skipped by you, 20")
    status = remembered.status(state, ORDER, "homelab")
    assert status.next_step == "Router" and not status.good


def test_a_session_tells_what_was_left_out_and_what_is_asked_again(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.yaml", "lab", lock=False)
    state.skip("router")
    session = Session(ORDER, None, state)  # type: ignore[arg-type]
    (said,) = session.skipped()
    assert said.startswith("Router was skipped by you, 20") and "The cluster runs" in said
    error = WizardError("No.")
    state.take("machines", {"user": "pi", "key_file": None, "key_passphrase": None})  # no key: no passphrase is asked
    error.answers = ("machines.user", "machines.nothing", "machines.password", "machines.key_passphrase")
    assert session.asked_again(error) == ["Who logs in on the Pis?"]


def test_a_state_with_another_shape_is_refused(tmp_path: Path) -> None:
    from wizard.errors import StateError

    state = State.open(tmp_path / "state.yaml", "lab", lock=False)
    state.skip("router")
    state.path.write_text(state.path.read_text().replace("skipped:\n", "skipped: yes\nother:\n"))
    with pytest.raises(StateError):
        State.open(state.path, "lab", lock=False)
