"""Three simulated Pis whose keys are pinned already: where the steps after Machines begin."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from wizard import events
from wizard.context import Approval, Context
from wizard.demo import effects
from wizard.demo.pi import Machine
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.question import Prompt
from wizard.secret import Secret
from wizard.state import State
from wizard.step import AnyStep

PIS = ["192.168.1.11", "192.168.1.12", "192.168.1.13"]  # atlas and boreas with Debian 12, castor with Debian 13

ALONE = "192.0.2.10"  # the address of a machine that is made of a capture


class Yes:
    """A front end that approves everything and never has to be asked."""

    def ask(self, prompt: Prompt) -> object:
        raise AssertionError(f"asked {prompt.question.key}")

    def confirm(self, approval: Approval) -> bool:
        return True

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


@dataclasses.dataclass
class Pis:
    """The stage: `run` carries a step out and returns what it planned, as (host, change id) pairs."""

    world: SimWorld
    ctx: Context
    seen: list[events.Event]
    sections: Callable[[str], dict[str, str]]

    def run(self, step: AnyStep) -> list[tuple[str | None, str]]:
        before = len(self.ctx.state.journal)
        Engine([step], self.ctx, Consent(yes=True)).run_step(step)
        return [(entry.get("host"), entry["change"]) for entry in self.ctx.state.journal[before:]]

    def saved(self) -> str:
        """The text of the state file."""
        State.save(self.ctx.state)
        return self.ctx.state.path.read_text()

    def plan(self, step: AnyStep) -> list[str]:
        """The sentences that the step would show now. Advanced answers get their defaults."""
        self.ctx.step = step.name
        Engine([step], self.ctx).ask(step)
        return [change.sentence for change in step.plan(step.check(self.ctx), self.ctx.answers)]


@pytest.fixture
def effect(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets a script of the simulation do something else in this test: ``effect(NAME, out="…", code=1)``."""
    table = dict(effects.table())
    monkeypatch.setattr(effects, "table", lambda: table)

    def change(script: str, **fields: Any) -> None:
        table[script] = (effects.Effect(**fields),)

    return change


def staged(folder: Path, world: SimWorld, hosts: list[str], answers: dict[str, dict[str, Any]]) -> Pis:
    """The stage on `hosts` of `world`, the first as the control plane, with `answers` to steps' questions."""
    state = State.open(folder / "state" / "state.yaml", "demo", lock=False)
    state.save()  # makes its folder
    state.save = lambda: None  # twice a change, and most of a test's time
    seen: list[events.Event] = []
    bus = events.Bus()
    bus.listen(seen.append)
    ctx = Context(world, state, Yes(), bus)  # type: ignore[arg-type]
    given = {"hosts": hosts, "control_plane": hosts[0], "user": "pi", "password": Secret("raspberry")}
    for key, value in given.items():
        ctx.keep("machines", key, value)
    for step, part in answers.items():
        for key, value in part.items():
            ctx.keep(step.replace("_", "-"), key, value)
    for address in hosts:
        machine = world.machines[address]
        pinned = [dataclasses.asdict(key) for key in world.host_keys(address)]
        state.remember("machines", address, "host_keys", value=pinned)
        state.remember("machines", address, "hostname", value=machine.hostname)
        state.remember("machines", address, "machine_id", value=machine.sections["machine-id"].strip())
    return Pis(world, ctx, seen, lambda address: world.machines[address].sections)


@pytest.fixture
def pis(tmp_path: Path) -> Callable[..., Pis]:
    return lambda hosts=PIS, **answers: staged(tmp_path, SimWorld(tmp_path), list(hosts), answers)


@pytest.fixture(scope="session")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Pis]:
    """One machine that looks like a capture: ``alone(SECTIONS, prepare={...})``."""

    def make(sections: dict[str, str], address: str = ALONE, **answers: dict[str, Any]) -> Pis:
        folder = tmp_path_factory.mktemp("alone")
        ssh = {"user": "pi", "password": "raspberry", "sudo": "none"}
        key = {"ssh-ed25519": "AAAAC3NzaC1lZDI1NTE5AAAAIA3EM/7IfauSK1cIzbiEqrIGlmZ4ettkNbvg7YCch6Ki"}
        machine = Machine({
            "address": address, "mac": "", "banner": "SSH-2.0-OpenSSH", "ssh": ssh, "host_keys": key,
            "sections": sections,
        })  # fmt: skip
        return staged(folder, SimWorld(folder, machines=[machine]), [address], answers)

    return make


@pytest.fixture
def stage(pis: Callable[..., Pis]) -> Callable[..., Pis]:
    """Prepared Pis: `stage(SECOND, THIRD)` names those two as control planes too."""
    from steps.prepare import Prepare

    def make(*more: str, hosts: Sequence[str] = PIS) -> Pis:
        made = pis(list(hosts), machines={"more_control_planes": list(more)})
        made.run(Prepare())
        return made

    return make
