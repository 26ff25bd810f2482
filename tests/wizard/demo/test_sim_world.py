"""The simulated world: reachable without a single socket, and strict enough that a demo can't pretend."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from wizard import assets, yamlfile
from wizard.demo import effects
from wizard.demo.clock import Clock
from wizard.demo.effects import Effect
from wizard.demo.pi import Machine, shipped
from wizard.demo.start import prepared
from wizard.demo.world import SimWorld
from wizard.errors import CommandFailed, Interrupted, LoginRefused, TrustError, Unreachable, WizardError
from wizard.host.base import HostKey, Login, Script
from wizard.host.facts import sections
from wizard.secret import Secret
from wizard.world import Request

PI = "192.168.1.11"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> dict[str, tuple[Effect, ...]]:
    """A table of effects of our own, to be filled by a test."""
    table: dict[str, tuple[Effect, ...]] = {}
    monkeypatch.setattr(effects, "table", lambda: table)
    return table


def login(world: SimWorld, address: str = PI, **changed: Any) -> Login:
    machine = world.machines[address]
    given = {"user": machine.ssh["user"], "host_keys": machine.host_keys, "password": Secret("raspberry"), **changed}
    return Login(address, **given)


def test_everything_a_step_may_do_needs_no_socket(world: SimWorld) -> None:
    seen: list[Any] = []
    found = world.scan("192.168.1.0/24", seen.append)
    assert [each.address for each in found] == sorted(world.machines, key=lambda a: int(a.split(".")[3]))
    assert seen == [each for each in found if each.banner]  # all but the Pi whose SSH is off
    assert world.scan("10.0.0.0/24", seen.append) == []
    assert [(each.name, each.mac, each.refuses) for each in found if not each.banner] == [
        ("raspberrypi", "88:a2:9e:17:c0:5d", True)
    ]
    host = world.connect(login(world))
    assert "@@ machine-id" in host.run(Script("facts", "")).out
    assert world.arp([PI, "192.168.1.99"]) == {PI: (world.machines[PI].mac,)}
    request = Request("GET", "https://api.tailscale.com/api/v2/tailnet/-/devices", token=Secret("any-token"))
    assert world.http(request).status == 200
    world.make_repository("ssh://git@git.example.org/you/homelab.git")
    assert world.run(["git", "ls-remote", "ssh://git@git.example.org/you/homelab.git"]).code == 0
    assert world.host_keys("git.example.org", 2222) == world.host_keys("git.example.org")
    assert world.writes == []


@pytest.mark.parametrize("network", ["10.0.0.0/8", "8.8.8.0/24"])
def test_a_network_that_is_never_looked_through_is_refused_here_too(world: SimWorld, network: str) -> None:
    with pytest.raises(WizardError, match="is not looked through"):
        world.scan(network, lambda hit: None)


def test_five_machines_with_ssh_ship_and_look_like_what_they_are() -> None:
    from steps.facts import parse

    found = {each.address: parse(each.address, each.facts()) for each in shipped() if each.banner}
    assert [(f.hostname, f.is_pi, round(f.memory_bytes / 2**30), f.arch) for f in found.values()] == [
        ("atlas", True, 8, "arm64"), ("boreas", True, 4, "arm64"), ("castor", True, 8, "arm64"),
        ("delos", True, 1, "arm64"), ("nas", False, 15, "amd64"),
    ]  # fmt: skip
    for each in found.values():
        assert each.ips == (each.address,)
        assert each.default_mac
        assert each.long_bits == 64
        assert abs(each.clock_unix - time.time()) < 5
        assert each.memory_cgroup == (not each.is_pi)
        assert each.swaps
    assert len({f.machine_id for f in found.values()} | {f.boot_id for f in found.values()}) == 10
    assert found["192.168.1.14"].throttled == 0x50005


def test_fingerprints_are_openssh_ones() -> None:
    keys = [key for each in shipped() for key in each.host_keys]
    assert len({key.fingerprint for key in keys}) == len(keys) == 10
    assert all(key.fingerprint.startswith("SHA256:") and len(key.fingerprint) == 50 for key in keys)


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"host_keys": (HostKey("ssh-ed25519", "AAAA", "SHA256:other"),)}, TrustError), ({"host_keys": ()}, TrustError),
        ({"password": Secret("guessed")}, LoginRefused), ({"password": None}, LoginRefused),
        ({"user": "root"}, LoginRefused), ({"key_files": ("id",), "password": None}, LoginRefused),
        ({"sudo_password": Secret("guessed")}, LoginRefused),
    ],
)  # fmt: skip
def test_not_everybody_is_let_in(world: SimWorld, changed: dict[str, Any], error: type[WizardError]) -> None:
    with pytest.raises(error):
        world.connect(login(world, **changed))


def test_a_key_is_let_in_once_it_was_installed(world: SimWorld) -> None:
    world.machines[PI].sections[".authorized-keys"] = "ssh-ed25519 AAAA\n"
    world.connect(login(world, password=None, key_files=("id",), sudo_password=Secret("raspberry")))


@pytest.mark.parametrize("call", ["host_keys", "connect"])
def test_nobody_answers_at_an_address_without_a_machine(world: SimWorld, call: str) -> None:
    for address in ("192.168.1.99", "192.168.1.21"):  # nobody is there; there SSH is off
        with pytest.raises(Unreachable):
            if call == "connect":
                world.connect(Login(address, "pi", ()))
            else:
                world.host_keys(address)


def test_a_reboot_brings_a_new_boot_id_and_what_the_kernel_was_told(world: SimWorld) -> None:
    host, machine = world.connect(login(world)), world.machines[PI]
    before = sections(machine.facts())
    machine.sections["file /boot/firmware/cmdline.txt"] = "root=x rootwait cgroup_enable=memory\n"
    host.reboot()
    after = sections(machine.facts())
    assert after["boot-id"] != before["boot-id"]
    assert after["cmdline"].startswith("coherent_pool=1M")
    assert after["cmdline"].endswith("root=x rootwait cgroup_enable=memory")
    assert (before["cgroup-controllers"], after["cgroup-controllers"]) == (
        "cpuset cpu io pids",
        "cpuset cpu io memory pids",
    )


def test_effects_do_what_they_say_in_order(world: SimWorld, told: dict[str, tuple[Effect, ...]]) -> None:
    told["x"] = (
        Effect(
            lines=["{arg1} on {address}", "{section hostname}"], set={"file {arg2}": "{stdin}"}, out="bye {arg9}{x}\n"
        ),
        Effect(when={"file /etc/x": "hello"}, append={"kubernetes": "{arg1}\n"}, sub={"hostname": {"^at": "AT"}}),
        Effect(when={"file /etc/x": "!hello"}, set={"hostname": "never\n"}),
        Effect(remove=["swaps"]),
    )
    host, lines = world.connect(login(world)), []  # type: ignore[var-annotated]
    result = host.run(Script("x", "", ("one", "/etc/x"), b"hello {arg1}"), on_line=lines.append)
    found = world.machines[PI].sections
    assert lines == ["one on 192.168.1.11", "atlas"]
    assert result.out == "one on 192.168.1.11\natlas\nbye {x}\n"
    assert found["file /etc/x"] == "hello {arg1}", "what was put in is not filled a second time"
    assert (found["kubernetes"], found["hostname"]) == ("one\n", "ATlas\n")
    assert "swaps" not in found
    assert world.writes == ["192.168.1.11 x"], "one script, one write"


def test_a_failing_script_fails_as_a_real_one(world: SimWorld, told: dict[str, tuple[Effect, ...]]) -> None:
    told["x"] = (Effect(out="no space left\n", code=7),)
    host = world.connect(login(world))
    assert host.run(Script("x", ""), check=False).code == 7
    with pytest.raises(CommandFailed, match="exit code 7") as caught:
        host.run(Script("x", ""))
    assert "no space left" in caught.value.output
    assert world.writes == []


def test_what_nobody_described_is_an_error(world: SimWorld) -> None:
    with pytest.raises(WizardError, match="no-such-script"):
        world.connect(login(world)).run(Script("no-such-script", ""))
    with pytest.raises(WizardError, match="no-such-program"):
        world.run(["no-such-program"])
    with pytest.raises(WizardError, match="no web server"):
        world.http(Request("GET", "https://nowhere.example.org/"))


def test_every_effect_that_ships_can_be_read() -> None:
    data = yamlfile.load(assets.text("machines/effects.yaml"))
    assert set(effects.table()) == set(data)
    known = {field for field in Effect.__dataclass_fields__}
    for name, raw in data.items():
        for entry in raw if isinstance(raw, list) else [raw or {}]:
            assert set(entry) <= known, name


def test_a_mistaken_effect_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "text", lambda name: "a/b: {sets: {x: y}}\n")
    effects.table.cache_clear()
    try:
        with pytest.raises(WizardError, match="a/b can't be read"):
            effects.of("a/b")
    finally:
        effects.table.cache_clear()


def test_time_runs_faster_or_does_not_wait(tmp_path: Path) -> None:
    stop = threading.Event()
    quick, fast = Clock(1000, stop), Clock(0, stop)
    began = time.monotonic()
    quick.sleep(30)
    fast.sleep(3600)
    assert 0.02 < time.monotonic() - began < 5
    assert quick.now() >= 30
    assert fast.now() >= 3600
    stop.set()
    for clock in (quick, fast):
        with pytest.raises(Interrupted):
            clock.sleep(0.01)


def test_the_stage_has_all_a_demo_needs_and_is_gone_afterwards() -> None:
    with prepared(fast=True) as demo:
        answers = yamlfile.load(demo.answers.read_text())
        assert Path(answers["machines"]["password"]["file"]).read_text().strip() == "raspberry"
        assert set(answers["machines"]["hosts"]) <= set(demo.world.machines)
        assert demo.world.run(["git", "ls-remote", answers["repository"]["url"]]).code == 0
        assert demo.folder.is_dir()
    assert not demo.folder.exists()


def test_a_machine_knows_how_to_hide_its_own_memory() -> None:
    machine = Machine({
        "address": "10.0.0.1", "mac": "x", "banner": "y", "ssh": {"user": "pi", "password": "z"}, "host_keys": {},
        "sections": {"hostname": "h\n", ".memory": "secret\n", "clock": "{now}\n"},
    })  # fmt: skip
    text = machine.facts()
    assert ".memory" not in text
    assert "{now}" not in text
