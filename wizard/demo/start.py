"""Setting the stage for `homelab demo`: a temporary folder, the simulated world, and answers to propose."""

from __future__ import annotations

import copy
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from wizard import assets, yamlfile
from wizard.context import FrontEnd, Verdict
from wizard.demo import faults as known_faults
from wizard.demo.pi import Machine, shipped
from wizard.demo.world import SimWorld
from wizard.errors import WizardError
from wizard.question import Prompt, Turn
from wizard.secret import SecretRef

SPEED = 12.0  # simulated seconds in a real one: the journey takes some minutes of a Pi's time


@dataclass(frozen=True)
class Demo:
    """What a demo runs on. Everything is in `folder`, which is gone afterwards."""

    world: SimWorld
    folder: Path
    answers: Path  # an answers file for the whole journey

    @property
    def state(self) -> Path:
        return self.folder / "state" / "state.yaml"

    def aside(self) -> SimWorld:
        """The same world for a look beside the journey: telling it to stop stops nothing else."""
        beside = copy.copy(self.world)
        beside.stop = threading.Event()
        return beside

    def proposing(self, prompt: Prompt) -> Prompt:
        """`prompt`, with the demo's own answer as its default. A secret left empty is taken from the demo, too."""
        return _proposed(prompt, yamlfile.load(self.answers.read_text(encoding="utf-8")))

    def fronting(self, front: FrontEnd) -> FrontEnd:
        """`front`, which is told what trying again means after a failure that the demo was to have."""
        return _Mending(self, front)

    def mending(self, step: str) -> str:
        """How the person mends what went wrong in `step`; empty when nothing was to go wrong there."""
        return "; ".join(fault.mended for fault in self.world.faults.met(step))

    def mend(self, step: str) -> None:
        """The person has put right what went wrong in `step`."""
        self.world.faults.mend(step, self.world)
        _stage(self.world, self.answers)


@contextmanager
def prepared(
    *, fast: bool = False, folder: Path | None = None, machines: Sequence[str] = (), faults: Sequence[str] = ()
) -> Iterator[Demo]:
    """A demo in a temporary folder, or in `folder`, which stays. `fast` never waits.

    `machines` are names in `assets/machines`; they are then the whole network, and what is proposed to be used.
    `faults` are names in `assets/machines/faults.yaml`: what goes wrong on the way.
    """
    chosen, wrong = shipped(machines), known_faults.chosen(faults)
    with tempfile.TemporaryDirectory(prefix="homelab-demo-") as temporary:
        place = folder or Path(temporary)
        text = assets.text("machines/answers.yaml").replace("DEMO_FOLDER", str(place))
        text = _with_machines(text, chosen) if machines else text
        text = _with_faults(text, wrong).replace("DEMO_FOLDER", str(place)) if wrong else text
        world = SimWorld(place, speed=0 if fast else SPEED, machines=chosen, faults=wrong)
        answers = place / "answers.yaml"
        answers.write_text(text, encoding="utf-8")
        _stage(world, answers)
        (place / "usb-stick").mkdir(exist_ok=True)
        world.make_repository(_repository(answers))
        yield Demo(world, place, answers)


def _repository(answers: Path) -> str:
    return str(yamlfile.load(answers.read_text(encoding="utf-8"))["repository"]["url"])


def _stage(world: SimWorld, answers: Path) -> None:
    """Writes the files that the answers lead to, as the faults that are left want them."""
    host = urlsplit(_repository(answers)).hostname or ""
    files = {
        "known_hosts": _known_hosts(world, host), "pi-password": "raspberry\n",  # the password of every simulated Pi
        "token": "demo-token-that-nobody-accepts\n",
    }  # fmt: skip
    own = world.home / ".ssh" / "known_hosts"  # what the person's own ssh has seen: nothing but a stranger
    own.parent.mkdir(exist_ok=True)
    files[".ssh/known_hosts"] = ""
    for fault in world.faults.left:
        files |= fault.files
        files[".ssh/known_hosts"] += _known_hosts(world) if fault.stranger else ""
    for name, text in files.items():
        (world.folder / name).write_text(text, encoding="utf-8")


def _with_faults(answers: str, faults: Sequence[known_faults.Fault]) -> str:
    """The answers, with those of the faults laid over them; None takes one out."""
    data = yamlfile.load(answers)
    for fault in faults:
        for step, given in fault.answers.items():
            data[step] = {key: value for key, value in {**data.get(step, {}), **given}.items() if value is not None}
    return yamlfile.dump(data)


def _with_machines(answers: str, chosen: Sequence[Machine]) -> str:
    """The answers, with `chosen` as the Pis to use, the first of them as the control plane."""
    data = yamlfile.load(answers)
    data["machines"]["hosts"] = [machine.address for machine in chosen]
    data["machines"]["control_plane"] = chosen[0].address
    data["machines"]["user"] = chosen[0].ssh.get("user", "pi")
    return yamlfile.dump(data)


def _known_hosts(world: SimWorld, *others: str) -> str:
    """The host keys of the simulated Pis and of `others`, as a person would have checked them beforehand."""
    strangers = {fault.stranger for fault in world.faults.left}
    return "".join(
        f"{address} {key.kind} {key.base64}\n"
        for address in (*(one.address for one in world.machines.values() if one.banner), *others)
        for key in world.host_keys("a card of earlier" if address in strangers else address)
    )


def _proposed(prompt: Prompt, answers: Mapping[str, Any]) -> Prompt:
    """`prompt` with the demo's answer as its proposal: where the step found none in its world, and it would be taken.

    What to choose is no finding: there the demo's answer counts.
    """
    section, question = answers.get(prompt.step, {}), prompt.question
    proposed = section.get(question.key) if isinstance(section, Mapping) else None
    found = callable(question.default) and prompt.default is not None and question.kind.widget != "choice"
    if proposed is None or prompt.problem or prompt.review or found:  # what was typed is worth more
        return prompt
    default = SecretRef.parse(proposed) if question.kind.widget == "secret" else proposed
    try:
        prompt.parse(default)
    except ValueError:
        return prompt
    if proposed != prompt.default:  # the demo's own proposal does not come from where the real one would
        question = replace(question, source="")
    return replace(prompt, question=question, default=default)


class _Mending:
    """A front end for which trying again stands for having put right what the demo was told to let go wrong."""

    def __init__(self, demo: Demo, front: FrontEnd) -> None:
        self._demo, self._front = demo, front
        self.ask, self.confirm, self.revise = front.ask, front.confirm, front.revise

    def failed(self, step: str, error: WizardError) -> Verdict | Turn:
        if (mending := self._demo.mending(step)) and mending not in error.fix:
            error.fix = f"{error.fix} In this demo, trying again means: {mending}.".lstrip()
        decided = self._front.failed(step, error)
        if decided == "retry":
            self._demo.mend(step)
        return decided
