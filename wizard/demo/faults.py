"""What can be made to go wrong in the demo, as `assets/machines/faults.yaml` says it (format: README.md beside it).

A fault lasts until the person tries again, which stands for having mended it; one that mends itself just passes.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from wizard import assets, yamlfile
from wizard.demo.effects import Effect
from wizard.errors import BadInput, ConnectionLost, Problem, Unreachable, WizardError
from wizard.host.base import Result, Script
from wizard.world import Request, Response

if TYPE_CHECKING:
    from wizard.demo.pi import SimHost
    from wizard.demo.world import SimWorld


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong: `what` in a line, the `step` that meets it, `mended` by whom, and how it shows."""

    name: str
    what: str
    step: str
    mended: str
    told: Sequence[str] = ()  # words that the person must see
    answers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # instead of the demo's own
    files: Mapping[str, str] = field(default_factory=dict)  # in the demo's folder, until it is mended
    scripts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # name -> an effect, on one `host` or all
    lost: Mapping[str, Any] = field(default_factory=dict)  # {host, script, seconds}: the power goes in that script
    http: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # in the address -> {status, body}
    git: Mapping[str, str] = field(default_factory=dict)  # a word of its command line -> what it prints, and fails
    taken: Mapping[str, str] = field(default_factory=dict)  # address -> MAC of a machine that has it
    stranger: str = ""  # a Pi that shows another host key than the one that was checked beforehand
    forwarded: bool = True  # whether the router forwards its ports
    conditions: Mapping[str, str] = field(default_factory=dict)  # part of an object's API path -> why it is not Ready


@cache
def table() -> Mapping[str, Fault]:
    """Every fault there is. Raises `WizardError` naming an entry that has another shape."""
    found: dict[str, Fault] = {}
    for name, raw in yamlfile.load(assets.text("machines/faults.yaml")).items():
        try:
            found[name] = Fault(name, **raw)
        except TypeError as error:
            raise WizardError(f"assets/machines/faults.yaml: {name} can't be read.", f"{error}.") from None
    return found


def listed() -> str:
    """A line or two for each fault, as a person reads them."""
    return "\n".join(f"  {name}\n      {fault.step}: {fault.what}" for name, fault in table().items())


def data() -> dict[str, Any]:
    """The same for programs, as docs/json.md describes it."""
    rows = [{"name": one.name, "what": one.what, "step": one.step, "mended": one.mended} for one in table().values()]
    return {"form": 1, "faults": rows}


def chosen(names: Sequence[str]) -> list[Fault]:
    """The faults of these names. Raises `BadInput` for one that there is not."""
    if unknown := [name for name in names if name not in table()]:
        problem = Problem("--fault", f"there is no fault {unknown[0]!r}.", f"There are: {', '.join(table())}.")
        raise BadInput([problem], "That fault does not exist; nothing was begun.")
    return [table()[name] for name in dict.fromkeys(names)]


class Faults:
    """The faults of one demo, and what the world does differently because of them."""

    def __init__(self, faults: Sequence[Fault] = ()) -> None:
        self.left = list(faults)
        self._met = {fault.name for fault in faults if fault.files or fault.stranger}  # these are there from the start
        self._cuts: set[str] = set()  # faults whose power cut has been
        self._spoiled: list[tuple[str, Any]] = []  # statuses that were kept back
        self._lock = threading.Lock()

    def met(self, step: str) -> list[Fault]:
        """What has gone wrong in `step` and is not mended yet."""
        return [fault for fault in self.left if fault.step == step and fault.name in self._met]

    def mend(self, step: str, world: SimWorld) -> None:
        """The person has put right what `step` met, and tries again."""
        gone = self.met(step)
        self.left = [fault for fault in self.left if fault not in gone]
        if any(fault.conditions for fault in gone):
            for path, body in self._spoiled:
                world.api.event({"path": path, "body": body, "after": 3})
            self._spoiled = []

    # -- what the world asks -----------------------------------------------------------------------------------

    def effects(self, host: SimHost, script: Script) -> tuple[Effect, ...] | None:
        """What the script does instead; None when it does what it always does. May raise `ConnectionLost`."""
        for fault in self.left:
            self._cut(fault, host, script)
            said = fault.scripts.get(script.name)
            if said and said.get("host", host.address) == host.address:
                self._met.add(fault.name)
                return (Effect(**{key: value for key, value in said.items() if key != "host"}),)
        return None

    def _cut(self, fault: Fault, host: SimHost, script: Script) -> None:
        """Takes the power from a Pi in the middle of a script, once; it boots by itself after a while."""
        if (fault.lost.get("host"), fault.lost.get("script")) != (host.address, script.name):
            return
        with self._lock:
            if fault.name in self._cuts:
                return
            self._cuts.add(fault.name)
            self._met.add(fault.name)
        clock = host.world.clock
        back = clock.now() + float(fault.lost["seconds"])

        def come_back() -> None:
            if clock.now() < back:
                raise Unreachable("No SSH connection.", "Nothing answers.", host=host.name)
            host.reboot()

        raise ConnectionLost(
            "The connection broke.", "The Pi does not answer any more.", host=host.name, address=host.address,
            come_back=come_back,
        )  # fmt: skip

    def http(self, request: Request) -> Response | None:
        for fault in self.left:
            for part, answer in fault.http.items():
                if part in request.url:
                    self._met.add(fault.name)
                    return Response(int(answer.get("status", 200)), str(answer.get("body", "")).encode())
        return None

    def git(self, argv: Sequence[str]) -> Result | None:
        """What git prints when it fails; None when it is let in."""
        for fault in self.left:
            for word, said in fault.git.items():
                if word in argv:
                    self._met.add(fault.name)
                    return Result(1, "", said)
        return None

    def taken(self) -> dict[str, tuple[str, ...]]:
        """Addresses that a stranger answers for, with its MAC address."""
        found: dict[str, tuple[str, ...]] = {
            address: (mac,) for fault in self.left for address, mac in fault.taken.items()
        }
        self._met |= {fault.name for fault in self.left if fault.taken}
        return found

    def forwarded(self) -> bool:
        """Whether the router forwards its ports."""
        self._met |= {fault.name for fault in self.left if not fault.forwarded}
        return all(fault.forwarded for fault in self.left)

    def spoil(self, path: str, body: Any) -> Any:
        """What the object at `path` gets instead of `body`, which is its status when all is well."""
        for fault in self.left:
            for part, why in fault.conditions.items():
                if part in path and "conditions" in body.get("status", {}):
                    self._met.add(fault.name)
                    self._spoiled.append((path, body))
                    status = dict(body["status"])
                    status["conditions"] = [{**each, **_not(why)} for each in status["conditions"]]
                    return {**body, "status": status}
        return body


def _not(why: str) -> dict[str, str]:
    reason, _, message = why.partition(": ")
    return {"status": "False", "reason": reason, "message": message}
