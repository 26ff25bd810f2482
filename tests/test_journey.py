"""The whole journey in the simulated world: killed at every change and run again, it ends where it would have ended."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, nodes
from wizard import yamllines
from wizard.context import Context
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.events import Bus, StepChanged
from wizard.opening import open_answered
from wizard.session import Session
from wizard.step import Change
from wizard.ui.unattended import Unattended

pytestmark = pytest.mark.timeout(300)


class Killed(BaseException):
    """What `kill -9` does to a process, as far as it can be done inside one: nobody catches it."""


class Mortal(Context):
    """Dies at each change once: before it is carried out, or after, when only the world knows about it."""

    def __init__(self, *given: Any, died: set[tuple[str, str | None]] | None, late: bool) -> None:
        super().__init__(*given)
        self.died, self.late = died, late

    def do(self, change: Change) -> None:
        at = (change.id, change.host)
        if self.died is None or at in self.died:
            return super().do(change)
        self.died.add(at)
        if not self.late:
            raise Killed

        def and_die(ctx: Context) -> None:
            change.do(ctx)
            raise Killed

        return super().do(replace(change, do=and_die))


@contextmanager
def session(demo: Demo, *, died: set[tuple[str, str | None]] | None = None, late: bool = False) -> Iterator[Engine]:
    """One start of `homelab demo --yes` on what an earlier one left."""
    state = open_answered(None, demo.state, demo.answers, ORDER, save=True)
    run = Session(ORDER, demo.world, state)
    ctx = Mortal(demo.world, state, Unattended(run), Bus(), died=died, late=late)
    try:
        yield Engine(ORDER, ctx, Consent(yes=True))
    finally:
        nodes.close_all(ctx)
        state.close()


EACH_TIME = {  # sections with keys or times
    "boot-id", ".authorized-keys", ".snapshot-last", "file /etc/homelab/snapshots-key",
    "file /etc/homelab/snapshots-key.pub", "file /var/lib/homelab-snapshots/.ssh/authorized_keys",
}  # fmt: skip


def outcome(demo: Demo) -> dict[str, Any]:
    """What the journey has made of the world, without what is new each time (ids, keys, times, commits)."""
    machines = {
        address: {name: text for name, text in machine.sections.items() if name not in EACH_TIME}
        for address, machine in demo.world.machines.items()
    }
    (state,) = yamllines.documents(demo.state.read_text())  # the fast way: this is asked for after every loss
    found = {
        "machines": machines,
        "objects": sorted(demo.world.api.objects),
        "ready": {path: _conditions(obj) for path, obj in sorted(demo.world.api.objects.items())},
        "tailnet": {name: (one.advertised, one.approved) for name, one in demo.world.web.members.items()},
        "split DNS": demo.world.web.split,
        "done": sorted(state.data["done"]),
        "answers": state.data["answers"],
    }
    return _plain(found, demo.folder)


def _conditions(obj: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["status"] for each in obj.get("status", {}).get("conditions", [])}


def _plain(found: Any, folder: Path) -> Any:
    if isinstance(found, dict):
        return {key: _plain(value, folder) for key, value in found.items()}
    if isinstance(found, list | tuple):
        return [_plain(value, folder) for value in found]
    if isinstance(found, str):
        found = found.replace(str(folder), "DEMO")
        return re.sub(r"\b[0-9a-f]{40}\b|demo00\.[0-9a-f]+", "ID", found)
    return found


@pytest.fixture(scope="module")
def straight() -> Iterator[Demo]:
    """A journey that nothing interrupts."""
    with prepared(fast=True) as demo:
        with session(demo) as engine:
            engine.run()
        yield demo


def test_every_step_is_done_and_the_second_run_does_nothing(straight: Demo) -> None:
    before, writes = outcome(straight), list(straight.world.writes)
    assert before["done"] == sorted(step.name for step in ORDER)
    with session(straight) as engine:
        statuses: list[str] = []
        engine.ctx.bus.listen(lambda event: statuses.append(event.status) if isinstance(event, StepChanged) else None)
        engine.run()
        assert "applying" not in statuses
    assert straight.world.writes == writes
    assert outcome(straight) == before


def test_a_person_sees_what_is_left_before_anything_is_done() -> None:
    with prepared(fast=True) as demo, session(demo) as engine:
        found = {each.step: each for each in engine.outlook()}
        assert len(found["machines"].changes) > 0
        assert found["control-plane"].blocked is not None or found["control-plane"].changes
        assert demo.world.writes == []


@pytest.mark.parametrize("late", [False, True], ids=["before a change", "after it"])
def test_killed_at_every_change_it_ends_at_the_same_state(straight: Demo, late: bool) -> None:
    died: set[tuple[str, str | None]] = set()
    with prepared(fast=True) as demo:
        uids, sessions = set(), 0
        while sessions < 200:
            sessions += 1
            try:
                with session(demo, died=died, late=late) as engine:
                    engine.run()
                break
            except Killed:
                system = demo.world.api.get("/api/v1/namespaces/kube-system")
                uids |= {system["metadata"]["uid"]} if system else set()
        assert 30 < sessions < 200
        assert died >= {("control-plane/init", "192.168.1.11"), ("flux/bootstrap", None)}
        assert len(uids) == 1, "one cluster, however often it was killed"
        assert sum(write.endswith("control-plane/init") for write in demo.world.writes) == 1
        assert outcome(demo) == outcome(straight)


def test_three_control_planes_end_at_the_same_state_however_often_they_are_killed() -> None:
    died: set[tuple[str, str | None]] = set()
    with prepared(fast=True) as demo:
        text = demo.answers.read_text().replace(
            "  control_plane: 192.168.1.11\n",
            "  control_plane: 192.168.1.11\n  more_control_planes: [192.168.1.12, 192.168.1.13]\n",
        )
        demo.answers.write_text(text)
        for late in (False, True):
            died.clear()
            for _ in range(200):
                try:
                    with session(demo, died=died, late=late) as engine:
                        Engine(ORDER[:4], engine.ctx, Consent(yes=True)).run()
                    break
                except Killed:
                    continue
        nodes_of = demo.world.api.get("/api/v1/nodes")
        assert nodes_of is not None
        assert [node["metadata"]["name"] for node in nodes_of["items"]] == ["atlas", "boreas", "castor"]
        assert all("node-role.kubernetes.io/control-plane" in node["metadata"]["labels"] for node in nodes_of["items"])
        joins = [write for write in demo.world.writes if write.endswith("control-plane/join")]
        assert sorted(joins) == ["192.168.1.12 control-plane/join", "192.168.1.13 control-plane/join"]
        assert sum(write.endswith("control-plane/init") for write in demo.world.writes) == 1


def test_a_failing_script_is_told_and_the_next_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from wizard.demo import effects

    broken = effects.Effect(code=1, out="E: Unable to fetch some archives\n")
    table = dict(effects.table())
    with prepared(fast=True) as demo:
        monkeypatch.setattr(effects, "table", lambda: {**table, "prepare/packages": (broken,)})
        with session(demo) as engine, pytest.raises(WizardError, match=r"prepare/packages|packages") as caught:
            engine.run()
        assert caught.value.host in ("192.168.1.11", "atlas")
        monkeypatch.setattr(effects, "table", lambda: table)
        with session(demo) as engine:
            engine.run()
        assert outcome(demo)["done"] == sorted(step.name for step in ORDER)
