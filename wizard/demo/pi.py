"""A simulated Pi, and the simulated connection to it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from wizard import assets, yamlfile
from wizard.demo import effects
from wizard.demo.effects import Effect, Filling
from wizard.errors import BadInput, LoginRefused, Problem, TrustError
from wizard.host.base import HostKey, Login, OnLine, Result, Script
from wizard.host.failures import command_failed
from wizard.host.trust import host_key
from wizard.world import Found

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld


class Machine:
    """What a simulated Pi is: the sections that `facts` prints, and how it lets people in."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self.address, self.mac = str(data["address"]), str(data["mac"])
        self.banner, self.name = str(data.get("banner", "")), str(data.get("name", ""))
        self.kubernetes = bool(data.get("kubernetes"))
        self.ssh: Mapping[str, str] = data.get("ssh", {})
        self.sections: dict[str, str] = dict(data.get("sections", {}))
        keys = data.get("host_keys", {})
        self.sections["host-keys"] = "".join(f"{kind} {text}\n" for kind, text in keys.items())
        self.start = dict(self.sections)
        self.lock = threading.RLock()

    @property
    def found(self) -> Found:
        by = [*(["SSH"] if self.banner else []), *(["mDNS"] if self.name else [])] or ["the neighbour table"]
        return Found(
            self.address, self.banner, self.mac, self.name, tuple(by), refuses=not self.banner,
            kubernetes=self.kubernetes,
        )  # fmt: skip

    @property
    def host_keys(self) -> tuple[HostKey, ...]:
        return tuple(host_key(line) for line in self.sections["host-keys"].splitlines())

    @host_keys.setter
    def host_keys(self, keys: tuple[HostKey, ...]) -> None:
        self.sections["host-keys"] = "".join(f"{key.kind} {key.base64}\n" for key in keys)

    @property
    def hostname(self) -> str:
        return self.sections["hostname"].strip()

    def facts(self) -> str:
        """The output of the `facts` script. A section whose name begins with a dot is the simulation's own."""
        filling = Filling(self.sections, self.address, self.mac)
        shown = ((name, text) for name, text in self.sections.items() if not name.startswith("."))
        return "".join(f"\n@@ {name}\n{filling.text(text)}" for name, text in shown)

    def admit(self, login: Login) -> None:
        """Raises `TrustError` or `LoginRefused`, as a real one would."""
        if not set(login.host_keys) & set(self.host_keys):
            raise TrustError("The host key is not the one that was approved.", "Nothing was sent.", host=login.name)
        by_password = login.password is not None and login.password.reveal() == self.ssh["password"]
        by_key = bool(login.key_files) and bool(self.sections.get(".authorized-keys", "").strip())
        if login.user != self.ssh["user"] or not (by_password or by_key):
            raise LoginRefused(
                f"{login.user} is not let in.", "The user name, the password or the key is wrong.",
                "Give the user that Raspberry Pi Imager was told.", host=login.name or login.address,
            )  # fmt: skip
        sudo = login.sudo_password or login.password
        if self.ssh.get("sudo") == "password" and (sudo is None or sudo.reveal() != self.ssh["password"]):
            raise LoginRefused("The sudo password was refused.", host=login.name or login.address)


def names() -> list[str]:
    """The names of the machines in `assets/machines`."""
    skip = ("effects", "answers", "faults")
    return sorted(file.stem for file in (assets.root() / "machines").glob("*.yaml") if file.stem not in skip)


def shipped(wanted: Sequence[str] = ()) -> list[Machine]:
    """The machines called `wanted`, in that order; without any, those that the demo has by default, by address.

    Raises `BadInput` for a name that there is no machine for.
    """
    if unknown := [name for name in wanted if name not in names()]:
        problem = Problem("--machine", f"there is no machine {unknown[0]!r}.", f"There are: {', '.join(names())}.")
        raise BadInput([problem], "That simulated machine does not exist; nothing was begun.")
    data = {name: yamlfile.load(assets.text(f"machines/{name}.yaml")) for name in dict.fromkeys(wanted or names())}
    if wanted:
        return [Machine(each) for each in data.values()]
    machines = [Machine(each) for each in data.values() if each.get("default", True)]
    return sorted(machines, key=lambda machine: [int(part) for part in machine.address.split(".")])


class SimHost:
    """The connection to a simulated Pi."""

    def __init__(self, machine: Machine, login: Login, world: SimWorld) -> None:
        self.machine, self.world = machine, world
        self.address, self.name = machine.address, login.name or machine.address

    def run(self, script: Script, *, on_line: OnLine | None = None, check: bool = True) -> Result:
        """Carries out the effects of the script's name; its text is not looked at."""
        if script.name == "facts":
            self.world.clock.sleep(0.3)
            return Result(0, self.machine.facts())
        out, code, written = "", 0, False
        with self.machine.lock:
            for effect in self.world.faults.effects(self, script) or effects.of(script.name):
                if effects.applies(effect, self.machine.sections, script.args):
                    if effect.writes and not written:  # one script, one write, however many effects say what it does
                        self.world.wrote(f"{self.address} {script.name}")
                        written = True
                    out += self._carry_out(effect, script, on_line)
                    code = effect.code or code
        if check and code:
            raise command_failed(script, Result(code, out), self.name)
        return Result(code, out)

    def _carry_out(self, effect: Effect, script: Script, on_line: OnLine | None) -> str:
        machine = self.machine
        stdin = script.stdin.decode(errors="replace")
        filling = Filling(machine.sections, machine.address, machine.mac, script.args, stdin, self.world.api.get)
        lines = [filling.text(line) for line in effect.lines]
        for line in lines:
            self.world.clock.sleep(effect.seconds / len(lines))
            if on_line:
                on_line(line)
        if not lines:
            self.world.clock.sleep(effect.seconds)
        effects.change(effect, machine.sections, filling, machine.start)
        for step in effect.cluster:
            self.world.api.event(filling.tree(dict(step)))
        if effect.tailnet:
            self.world.web.tailnet(effect.tailnet, machine, filling)
        out = filling.text(effect.out)
        return "".join(f"{line}\n" for line in lines) + out

    def reboot(self, *, timeout: float = 300.0) -> None:
        self.run(Script("reboot", "", timeout=timeout))

    def close(self) -> None:
        """Nothing is open."""
