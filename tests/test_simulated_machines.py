"""Every simulated machine that ships goes through Machines and Prepare, and then there is nothing left to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from steps import ORDER
from steps.facts import NodeFacts, gather
from steps.machines import Machines
from steps.prepare import Prepare
from wizard import answers, cli
from wizard.context import Context
from wizard.demo.pi import names, shipped
from wizard.demo.start import prepared
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.errors import BadInput, Blocked, ExitCode
from wizard.events import Bus
from wizard.session import Session
from wizard.state import State
from wizard.ui.unattended import Unattended

STEPS = [Machines(), Prepare()]
WITH_SSH = [name for name in names() if shipped([name])[0].banner]
TOO_SMALL_FOR_A_CONTROL_PLANE = ["pi3"]
WITH_A_CLUSTER = ["minipc"]  # another Kubernetes runs there


@contextmanager
def stage(machines: Sequence[str]) -> Iterator[tuple[Engine, Context]]:
    with prepared(fast=True, machines=machines) as demo:
        state = State.open(demo.state, "demo")
        given = answers.read(demo.answers, ORDER).answers
        state.answers = {step.name: given.get(step.name, {}) for step in STEPS}
        ctx = Context(demo.world, state, Unattended(Session(STEPS, demo.world, state)), Bus())
        yield Engine(STEPS, ctx, Consent(yes=True)), ctx
        state.close()


@pytest.mark.parametrize("name", [name for name in WITH_SSH if name not in WITH_A_CLUSTER])
def test_it_is_prepared_once(name: str) -> None:
    machines = ["pi4-8gb", name] if name in TOO_SMALL_FOR_A_CONTROL_PLANE else [name]
    address = shipped([name])[0].address
    with stage(machines) as (engine, ctx):
        for step in STEPS:
            engine.run_step(step)
        assert "prepare/packages" in {entry["change"] for entry in ctx.state.journal}
        fit(gather(ctx)[address])
        writes = list(ctx.world.writes)  # type: ignore[attr-defined]
        for step in STEPS:
            engine.run_step(step)
        assert ctx.world.writes == writes, "nothing to do"  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", WITH_A_CLUSTER)
def test_what_runs_another_kubernetes_is_left_as_it_is(name: str) -> None:
    with stage([name]) as (engine, ctx):
        with pytest.raises(Blocked, match="Another Kubernetes runs on this Pi"):
            engine.run_step(STEPS[0])
        assert ctx.world.writes == []  # type: ignore[attr-defined]


def fit(facts: NodeFacts) -> None:
    """What kubeadm looks at."""
    assert facts.memory_cgroup
    assert facts.swaps == ()
    assert facts.ntp_synchronised
    assert facts.sysctl["net.ipv4.ip_forward"] == "1"
    assert facts.installed("kubelet")
    assert "SystemdCgroup = true" in facts.files["/etc/containerd/config.toml"]


def test_the_demo_runs_on_the_machines_that_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["demo", "--fast", "--yes", "--machine", "ubuntu-26.04", "--machine", "debian-13"]
    assert cli.main(words) == ExitCode.OK
    shown = capsys.readouterr().out
    assert "/boot/firmware/current/cmdline.txt and /boot/firmware/new/cmdline.txt" in shown
    assert "atlas" not in shown


def test_a_name_that_no_machine_has_is_answered_with_those_that_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["demo", "--machine", "pi9"]) == ExitCode.BAD_INPUT
    said = capsys.readouterr().err
    assert all(name in said for name in ("pi9", "pi5", "ubuntu-26.04"))


def test_names_keep_their_order_and_default_is_a_small_network() -> None:
    assert [machine.hostname for machine in shipped(["pi5", "debian-12", "pi5"])] == ["castor", "milo"]
    assert len(shipped()) == 6
    with pytest.raises(BadInput):
        shipped(["effects"])


def test_no_two_machines_are_the_same() -> None:
    every = shipped(WITH_SSH)
    for of in ("address", "mac", "hostname", "host_keys"):
        assert len({getattr(machine, of) for machine in every}) == len(every), of


@pytest.mark.parametrize("first", ["HelmRelease", "HTTPRoute"])
def test_a_simulated_chart_brings_the_services_that_its_route_leads_to(tmp_path: Path, first: str) -> None:
    """Or doctor would blame the route, whichever of the two Flux has applied first."""
    world = SimWorld(tmp_path)
    route = {"rules": [{"backendRefs": [{"name": "grafana", "port": 80}]}]}
    made = {"HelmRelease": {"spec": {}}, "HTTPRoute": {"spec": route}}
    for kind in sorted(made, key=lambda kind: kind != first):
        world.api.put(f"/apis/x/v1/namespaces/monitoring/{kind.lower()}s/grafana", {"kind": kind, **made[kind]})
    assert world.api.get("/api/v1/namespaces/monitoring/services/grafana") is None
    world.clock.sleep(10)
    assert world.api.get("/api/v1/namespaces/monitoring/services/grafana")
