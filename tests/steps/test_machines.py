"""The step Machines on simulated Pis: what is asked, pinned and refused, and nothing to do the second time."""
# long because: one set of simulated Pis serves questions, pinning and the gate

from __future__ import annotations

import dataclasses
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from steps import discovery, machines, nodes, own_key
from wizard import events
from wizard.context import Approval, Context
from wizard.demo.world import SimWorld
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, TrustError, Unreachable, WizardError
from wizard.host.base import HostKey
from wizard.host.trust import host_key
from wizard.question import Prompt
from wizard.secret import Secret
from wizard.state import State

HOSTS = ["192.168.1.11", "192.168.1.12", "192.168.1.13"]
FIRST = HOSTS[0]
ANSWERS = {
    "hosts": HOSTS, "control_plane": FIRST, "user": "pi", "key_file": None, "sudo_password": None, "known_hosts": None,
    "ignore_health": None, "replaced": None,
}  # fmt: skip


class Front:
    """Says yes to everything and writes down what it was asked."""

    def __init__(self) -> None:
        self.dangers: list[str] = []
        self.prompts: dict[str, Prompt] = {}
        self.replies: dict[str, Any] = {}

    def ask(self, prompt: Prompt) -> object:
        self.prompts[prompt.question.key] = prompt
        return self.replies.get(prompt.question.key, prompt.default)

    def confirm(self, approval: Approval) -> bool:
        if approval.danger:
            self.dangers += [change.sentence for change in approval.changes]
        return True

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


@dataclasses.dataclass
class Stage:
    world: SimWorld
    ctx: Context
    engine: Engine
    front: Front
    planned: list[tuple[str, ...]]
    notes: list[str]

    def run(self) -> list[tuple[str, ...]]:
        """Runs the step and returns the sentences of each plan, empty plans too."""
        self.planned.clear()
        self.engine.run_step(machines.Machines())
        return list(self.planned)

    def again(self, **answers: Any) -> Stage:
        """A new run on the same world and state, as after a restart."""
        nodes.close_all(self.ctx)
        return stage(self.world, self.ctx.state, {"password": Secret("raspberry")} | answers)


def stage(world: SimWorld, state: State, answers: dict[str, Any]) -> Stage:
    front, bus = Front(), events.Bus()
    planned: list[tuple[str, ...]] = []
    notes: list[str] = []

    def listen(event: events.Event) -> None:
        if isinstance(event, events.Planned):
            planned.append(tuple(sentence for _, sentence in event.changes))
        elif isinstance(event, events.Note):
            notes.append(event.text)

    bus.listen(listen)
    ctx = Context(world, state, front, bus)
    for key, value in answers.items():
        ctx.keep("machines", key, value)
    return Stage(world, ctx, Engine([machines.Machines()], ctx, Consent(yes=True)), front, planned, notes)


@pytest.fixture
def world(tmp_path: Path) -> SimWorld:
    return SimWorld(tmp_path)


@pytest.fixture
def start(world, tmp_path):
    def make(**different: Any) -> Stage:
        state = State.open(tmp_path / "state" / "state.yaml", "demo", lock=False)
        return stage(world, state, ANSWERS | {"password": Secret("raspberry")} | different)

    return make


def ed25519(world: SimWorld, address: str) -> HostKey:
    return next(key for key in world.machines[address].host_keys if key.kind == "ssh-ed25519")


def write_known_hosts(world: SimWorld, path: Path, addresses: list[str] = HOSTS) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(f"{a} {ed25519(world, a).kind} {ed25519(world, a).base64}\n" for a in addresses))
    return str(path)


def test_first_contact_then_key_then_nothing_left(start, world):
    first = start()
    plans = first.run()
    assert [len(plan) for plan in plans] == [3, 7, 0]  # host keys; a key pair, its installation, machine-ids; nothing
    assert first.front.dangers == list(plans[0])
    assert ed25519(world, FIRST).fingerprint in plans[0][0]
    assert "first time" in plans[0][0]
    assert plans[1][0] == "make an SSH key of the wizard's own"
    key = own_key.file(first.ctx)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    for address in HOSTS:
        assert nodes.pinned_keys(first.ctx, address) == (ed25519(world, address),)
        listed = world.machines[address].sections[".authorized-keys"]
        assert listed.split() == own_key.public(first.ctx).split()
        assert (
            first.ctx.state.recall("machines", address, "machine_id")
            == world.machines[address].sections["machine-id"].strip()
        )
    writes = list(world.writes)
    assert first.again().run() == [()]
    assert world.writes == writes


def test_the_second_run_needs_no_password(start):
    first = start()
    first.run()
    second = first.again(password=None, sudo_password=Secret("raspberry"))
    assert second.run() == [()]


def test_no_secret_is_in_the_state(start):
    first = start()
    first.run()
    assert "raspberry\n" not in first.ctx.state.path.read_text().replace("Raspberry", "")
    assert "'raspberry'" not in first.ctx.state.path.read_text()


@pytest.mark.parametrize("where", ["answer", "home"])
def test_a_key_in_a_known_hosts_file_is_not_dangerous(start, world, tmp_path, where):
    file = write_known_hosts(world, tmp_path / ("checked" if where == "answer" else ".ssh/known_hosts"))
    first = start(known_hosts=file if where == "answer" else None)
    plan = first.run()[0]
    assert first.front.dangers == []
    assert all(f"which is in {file}" in sentence for sentence in plan)


def test_a_key_other_than_in_the_file_is_refused_with_both(start, world, tmp_path):
    wrong = ed25519(world, HOSTS[1])
    (tmp_path / "checked").write_text(f"{FIRST} {wrong.kind} {wrong.base64}\n")
    first = start(known_hosts=str(tmp_path / "checked"))
    with pytest.raises(TrustError) as refused:
        first.run()
    assert wrong.fingerprint in refused.value.why
    assert ed25519(world, FIRST).fingerprint in refused.value.why
    assert first.ctx.state.recall("machines", FIRST, "host_keys") is None
    assert world.writes == []


def test_a_revoked_key_is_refused(start, world, tmp_path):
    key = ed25519(world, FIRST)
    (tmp_path / "checked").write_text(f"@revoked * {key.kind} {key.base64}\n")
    with pytest.raises(TrustError, match="revoked"):
        start(known_hosts=str(tmp_path / "checked")).run()


def reflash(world: SimWorld, address: str, *, new_key: bool = True) -> None:
    machine = world.machines[address]
    if new_key:
        machine.host_keys = (
            host_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"),
        )
    machine.sections["machine-id"] = "0123456789abcdef0123456789abcdef\n"
    machine.sections.pop(".authorized-keys", None)


def test_a_reflashed_pi_is_refused_until_it_is_named_and_approved(start, world):
    first = start()
    first.run()
    old = nodes.pinned_keys(first.ctx, FIRST)[0]
    reflash(world, FIRST)
    with pytest.raises(TrustError):
        first.again().run()
    named = first.again(replaced=[FIRST])
    plans = named.run()
    assert len(named.front.dangers) == 1
    assert f"forget the old host key {old.fingerprint}" in named.front.dangers[0]
    assert nodes.pinned_keys(named.ctx, FIRST)[0] != old
    assert len(plans[1]) == 2
    assert named.again(replaced=[FIRST]).run() == [()]


@pytest.mark.parametrize("new_key", [True, False])
def test_trying_again_asks_which_pis_were_reflashed(start, world, new_key):
    start().run()
    reflash(world, FIRST, new_key=new_key)
    again = start().again()
    again.front.failed = lambda step, error: "retry"
    again.front.replies = {"replaced": [FIRST]}
    again.engine.run()
    assert [choice.value for choice in again.front.prompts["replaced"].choices] == HOSTS
    assert len(again.front.dangers) == 1
    assert again.ctx.answers["machines"]["replaced"] is None  # the next surprise is one again
    reflash(world, FIRST)
    world.machines[FIRST].host_keys = world.machines[HOSTS[1]].host_keys
    with pytest.raises(TrustError):
        again.again().run()


def test_another_machine_with_the_same_host_key_is_refused_until_it_is_named(start, world):
    first = start()
    first.run()
    reflash(world, FIRST, new_key=False)
    with pytest.raises(TrustError, match="not the machine") as refused:
        first.again().run()
    assert "0123456789abcdef" in refused.value.why
    named = first.again(replaced=[FIRST])
    named.run()
    assert "no longer" in named.front.dangers[0]
    assert named.again().run() == [()]


def test_everything_that_stands_in_the_way_is_named_at_once(start, world):
    world.machines[HOSTS[1]].sections["cores"] = "1\n"
    world.machines[HOSTS[1]].sections["memory"] = "MemTotal:         440000 kB\n"
    world.machines[HOSTS[2]].sections["arch"] = "riscv64\n"
    first = start()
    with pytest.raises(Blocked) as blocked:
        first.run()
    assert "430 MB" in blocked.value.why
    assert "riscv64" in blocked.value.why
    assert first.again(ignore_health=["memory", "arch"]).run()


def test_warnings_are_told_once(start, world):
    world.machines[FIRST].sections["throttled"] = "throttled=0x50005\n"
    first = start()
    first.run()
    assert len(first.notes) == 2
    assert FIRST in first.notes[0]  # who they are
    assert "power supply" in first.notes[1]
    assert "slowed down" in first.notes[1]


def test_with_hosts_given_nothing_is_scanned(start, world, monkeypatch):
    monkeypatch.setattr(world, "scan", lambda *given: pytest.fail("scanned"))
    assert start().run()


@pytest.mark.parametrize(
    ("answers", "path", "said"),
    [
        ({"control_plane": "192.168.1.99"}, "machines.control_plane", "not one of"),
        ({"hosts": ["127.0.0.1"], "control_plane": "127.0.0.1"}, "machines.hosts", "not the address of a computer"),
        ({"ignore_health": ["memroy"]}, "machines.ignore_health", "Did you mean memory?"),
    ],
)
def test_mistakes(answers, path, said):
    problems = machines.Machines().validate({"machines": ANSWERS | answers})
    assert [problem.path for problem in problems] == [path]
    assert said in problems[0].sentence()


def test_the_labs_answers_hold_no_mistake():
    given = ANSWERS | {"ignore_health": ["fsync", "memory", "dhcp"]}
    assert machines.Machines().validate({"machines": given}) == []


@pytest.mark.parametrize("user", ["-rf", "pi;id", "Pi", ""])
def test_strange_user_names_are_refused(user):
    with pytest.raises(ValueError, match=r"user name|empty"):
        machines.QUESTIONS["user"].kind.parse(user)


ROUTES = [
    {"dst": "default", "gateway": "192.168.7.1", "dev": "wlan0"},
    {"dst": "172.17.0.0/16", "dev": "docker0", "scope": "link", "prefsrc": "172.17.0.1"},
    {"dst": "192.168.7.0/24", "dev": "wlan0", "scope": "link", "prefsrc": "192.168.7.20"},
]


@pytest.mark.parametrize(
    ("routes", "network"),
    [
        (ROUTES, "192.168.7.0/24"),
        (ROUTES[1:], None),
        ([ROUTES[0], ROUTES[2] | {"dst": "10.0.0.0/8"}], None),
        ([], None),
    ],
)
def test_the_network_of_this_computer_is_proposed(routes, network):
    assert discovery.network_of(json.dumps(routes)) == network


def test_a_damaged_own_key_is_named(start):
    first = start()
    first.run()
    own_key.file(first.ctx).write_text("damaged")
    with pytest.raises(WizardError, match="own SSH key"):
        first.again().run()


def test_an_address_without_a_pi_is_said_to_be_none_and_the_hosts_are_asked_for_again(start) -> None:
    with pytest.raises(Unreachable) as nobody:
        start(hosts=[*HOSTS, "192.168.1.77"]).run()
    assert "No SSH connection to 192.168.1.77 port 22." in str(nobody.value)
    assert "Check that it is switched on" in nobody.value.fix and "may be the address of no Pi" in nobody.value.fix
    assert nobody.value.answers == ("machines.hosts",)


def test_no_network_is_scanned_that_nobody_has_named() -> None:
    assert machines.QUESTIONS["network"].needs_person


def test_a_pi_of_the_cluster_is_not_just_left_out_of_the_answers(tmp_path: Path) -> None:
    state = State.open(tmp_path / "state.yaml", "lab", lock=False)
    state.answers["machines"] = {"hosts": HOSTS}
    state.remember("machines", HOSTS[1], "hostname", value="boreas")
    ctx = Context(None, state, Front(), events.Bus())  # type: ignore[arg-type]

    def objections(*hosts: str) -> list[str]:
        found = machines.Machines().objections(ctx, {"machines": {"hosts": list(hosts)}})
        return [problem.text for problem in found]

    assert objections(FIRST) == []
    state.begin("workers", "workers/join", HOSTS[1], "join")
    assert objections(FIRST) == []  # it has not come to its end
    state.finish("workers", "workers/join", HOSTS[1])
    (said,) = objections(FIRST)
    assert "boreas" in said and "homelab node remove" in said
    assert objections(*HOSTS, "192.168.1.14") == []
    state.answers["machines"] = {"hosts": [FIRST]}  # homelab node remove has taken it out
    assert objections(FIRST) == []
