"""Cloned cards on simulated Pis: what is offered, what is asked, and what is remembered when it is cut off."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from steps import machines, mend, nodes
from wizard.demo.world import SimHost
from wizard.errors import Declined, TrustError, Unreachable
from wizard.step import Change

FIRST, COPY, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
MENDS = ["machines/mend-hostname", "machines/mend-host-key", "machines/mend-machine-id"]


@pytest.fixture
def cloned(pis):
    """Three Pis whose keys are pinned, the second one's card a copy of the first one's."""
    stage = pis(machines={"key_file": None, "sudo_password": None})
    first, copy = stage.world.machines[FIRST], stage.world.machines[COPY]
    for section in ("hostname", "machine-id", "host-keys"):
        copy.sections[section] = first.sections[section]
    nodes.pin(stage.ctx, COPY, copy.host_keys)
    for key in ("hostname", "machine_id"):
        stage.ctx.state.remember("machines", COPY, key, value=None)
    return stage


def section(stage, address: str, name: str) -> str:
    return stage.world.machines[address].sections[name].strip()


def test_a_copy_gets_what_is_its_own_and_the_second_run_does_nothing(cloned):
    planned = [change for host, change in cloned.run(machines.Machines()) if host == COPY]
    assert [change for change in planned if "mend" in change] == MENDS
    assert section(cloned, COPY, "hostname") == "atlas-12"
    assert section(cloned, COPY, "machine-id") != section(cloned, FIRST, "machine-id")
    shown = cloned.world.machines[COPY].host_keys
    assert not set(shown) & set(cloned.world.machines[FIRST].host_keys)
    assert nodes.pinned_keys(cloned.ctx, COPY) == shown
    recall = cloned.ctx.state.recall
    assert recall("machines", COPY, "hostname") == "atlas-12"
    assert recall("machines", COPY, "machine_id") == section(cloned, COPY, "machine-id")
    assert recall("machines", COPY, "mending") is None
    assert "127.0.1.1\tatlas-12" in section(cloned, COPY, "file /etc/hosts")
    assert {what for what in cloned.world.writes if "reboot" in what} == {f"{COPY} reboot"}
    nodes.close_all(cloned.ctx)
    assert cloned.run(machines.Machines()) == []


def planned(stage) -> list[Change]:
    step = machines.Machines()
    stage.plan(step)
    return [change for change in step.plan(step.check(stage.ctx), stage.ctx.answers) if "mend" in change.id]


def test_it_is_asked_about_one_by_one_with_the_reasons(cloned):
    changes = planned(cloned)
    assert [change.id for change in changes] == MENDS
    assert all(change.danger and change.host == COPY for change in changes)
    assert [FIRST in change.sentence for change in changes] == [True] * 3
    assert "ssh-keygen -R 192.168.1.12" in changes[1].detail
    assert "reserve 192.168.1.12" in changes[2].detail
    for change, name in zip(changes, ("hostname", "host-key", "machine-id"), strict=True):
        assert f"name {name} under machines.ignore_health" in change.detail


@pytest.mark.parametrize("name", ["hostname", "host-key", "machine-id"])
def test_what_is_accepted_is_left_alone(cloned, name):
    cloned.ctx.keep("machines", "ignore_health", [name])
    assert f"machines/mend-{name}" not in [change.id for change in planned(cloned)]
    assert len(planned(cloned)) == 2


def test_a_no_is_a_no(cloned, monkeypatch):
    monkeypatch.setattr(cloned.ctx.front, "confirm", lambda approval: False, raising=False)
    before = dict(cloned.world.machines[COPY].sections)
    with pytest.raises(Declined, match="--allow machines/mend-hostname"):
        cloned.run(machines.Machines())
    assert cloned.world.machines[COPY].sections == before


@pytest.mark.parametrize(
    ("name", "address", "taken", "own"),
    [
        ("raspberrypi", "192.168.1.12", [], "raspberrypi-12"),
        ("raspberrypi", "192.168.1.12", ["raspberrypi-12"], "raspberrypi-1-12"),
        ("pi.home.arpa", "10.0.0.7", [], "pi-7.home.arpa"),
        ("p" * 63, "10.0.0.7", [], f"{'p' * 61}-7"),
    ],
)
def test_a_name_of_its_own(name, address, taken, own):
    assert mend.own_name(name, address, [name, *taken]) == own
    assert len(own) <= 63


class CutOff(BaseException):
    """The wizard's process is gone."""


def cut(monkeypatch, script: str, *, after: bool) -> Callable[[], None]:
    """The wizard dies when `script` runs, or right after it. Returns what ends that."""
    real = SimHost.run

    def run(host, what, **more):
        if what.name != script:
            return real(host, what, **more)
        if after:
            real(host, what, **more)
        raise CutOff

    monkeypatch.setattr(SimHost, "run", run)
    return lambda: monkeypatch.setattr(SimHost, "run", real)


SCRIPTS = ["machines/hostname", "machines/host-keys-new", "machines/host-keys-use", "machines/machine-id", "reboot"]


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("script", SCRIPTS)
def test_cut_off_anywhere_the_next_run_goes_on(cloned, monkeypatch, script, after):
    mended = cut(monkeypatch, script, after=after)
    with pytest.raises(CutOff):
        cloned.run(machines.Machines())
    mended()
    nodes.close_all(cloned.ctx)
    cloned.run(machines.Machines())
    assert cloned.ctx.state.recall("machines", COPY, "mending") is None
    assert cloned.ctx.state.recall("machines", COPY, "machine_id") == section(cloned, COPY, "machine-id")
    assert nodes.pinned_keys(cloned.ctx, COPY) == cloned.world.machines[COPY].host_keys
    writes = [what for what in cloned.world.writes if what.startswith(f"{COPY} ")]
    assert writes.index(f"{COPY} reboot") > writes.index(f"{COPY} machines/machine-id")
    nodes.close_all(cloned.ctx)
    assert cloned.run(machines.Machines()) == []


def test_only_the_machine_id_that_was_begun_is_no_stranger(cloned, monkeypatch):
    cloned.ctx.state.remember("machines", COPY, "machine_id", value=section(cloned, COPY, "machine-id"))
    mended = cut(monkeypatch, "machines/machine-id", after=True)
    with pytest.raises(CutOff):
        cloned.run(machines.Machines())
    mended()
    cloned.world.machines[COPY].sections["machine-id"] = "0123456789abcdef0123456789abcdef\n"
    with pytest.raises(TrustError, match="not the machine"):
        cloned.run(machines.Machines())


def test_a_host_key_that_nobody_made_is_refused_after_the_change(cloned, monkeypatch):
    real = SimHost.run

    def run(host, what, **more):
        result = real(host, what, **more)
        if what.name == "machines/host-keys-use":
            cloned.world.machines[COPY].host_keys = cloned.world.machines[THIRD].host_keys
        return result

    monkeypatch.setattr(SimHost, "run", run)
    with pytest.raises(TrustError):
        cloned.run(machines.Machines())


def test_one_that_does_not_come_back_may_have_another_address(cloned, monkeypatch):
    def reboot(host, *, timeout=0):
        raise Unreachable("It was rebooted and did not come back.", "", "Look at its lights.")

    monkeypatch.setattr(SimHost, "reboot", reboot)
    with pytest.raises(Unreachable) as gone:
        cloned.run(machines.Machines())
    assert "another address" in gone.value.fix


def test_three_copies_get_three_names(cloned):
    third = cloned.world.machines[THIRD]
    third.sections["hostname"] = "atlas\n"
    cloned.ctx.state.remember("machines", THIRD, "hostname", value=None)
    cloned.run(machines.Machines())
    names = [section(cloned, address, "hostname") for address in (FIRST, COPY, THIRD)]
    assert names == ["atlas", "atlas-12", "atlas-13"]
    assert [cloned.ctx.state.recall("machines", a, "hostname") for a in (FIRST, COPY, THIRD)] == names


def test_all_that_was_written_is_in_the_journal(cloned):
    cloned.run(machines.Machines())
    done = [entry for entry in cloned.ctx.state.journal if "mend" in entry["change"]]
    assert len(done) == 3
    assert all(entry["finished"] for entry in done)
