"""The health gate on simulated Pis: what it measures, what it says, and what it leaves to be mended."""

from __future__ import annotations

import time

import pytest

from steps import facts, gate
from wizard import events
from wizard.demo.pi import SimHost
from wizard.errors import Blocked

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


@pytest.fixture
def measured(monkeypatch):
    """The addresses at which the disk was measured."""
    seen: list[str] = []
    real = SimHost.run

    def run(host, script, **more):
        if script.name == "machines/fsync":
            seen.append(host.address)
        return real(host, script, **more)

    monkeypatch.setattr(SimHost, "run", run)
    return seen


def hold(stage):
    return gate.hold(stage.ctx, facts.gather(stage.ctx), time.time())


def test_the_disk_of_every_control_plane_is_measured_once_a_run(pis, measured):
    stage = pis(machines={"more_control_planes": [THIRD]})
    assert hold(stage) == hold(stage) == []
    assert sorted(measured) == [FIRST, THIRD]


@pytest.mark.parametrize("dry_run", [True, False])
def test_it_is_not_measured_when_nobody_wants_to_know(pis, measured, dry_run):
    stage = pis(machines={"ignore_health": [] if dry_run else ["fsync"]})
    stage.ctx.dry_run = dry_run
    hold(stage)
    assert measured == []


def test_a_slow_disk_is_told_once_with_the_pis_name(pis, effect):
    effect("machines/fsync", out="0.061000")
    stage = pis()
    assert hold(stage) == hold(stage) == []
    (note,) = (event for event in stage.seen if isinstance(event, events.Note))
    assert "atlas: A safe write to its disk takes 61 ms" in note.text


def test_a_disk_that_says_nothing_is_not_slow(pis, effect):
    effect("machines/fsync", out="dd: not there", code=1)
    stage = pis()
    hold(stage)
    assert "safe write" not in "".join(event.text for event in stage.seen if isinstance(event, events.Note))


def test_what_can_be_mended_is_handed_on_and_does_not_block(pis):
    stage = pis()
    stage.sections(SECOND)["hostname"] = stage.sections(FIRST)["hostname"]
    (finding,) = hold(stage)
    assert (finding.name, finding.address, finding.severity) == ("hostname", SECOND, "mend")


def test_pis_of_one_name_are_told_apart_by_their_addresses(pis):
    stage = pis()
    stage.sections(SECOND)["hostname"] = stage.sections(FIRST)["hostname"]
    stage.sections(SECOND)["arch"] = "riscv64\n"
    with pytest.raises(Blocked) as blocked:
        hold(stage)
    assert f"atlas ({SECOND}): Its processor is a riscv64." in blocked.value.why
    assert blocked.value.fix.endswith("machines.ignore_health: arch.")
