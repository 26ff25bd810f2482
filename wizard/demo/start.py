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
from wizard.demo.pi import Machine, shipped
from wizard.demo.world import SimWorld
from wizard.question import Prompt
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


@contextmanager
def prepared(*, fast: bool = False, folder: Path | None = None, machines: Sequence[str] = ()) -> Iterator[Demo]:
    """A demo in a temporary folder, or in `folder`, which stays. `fast` never waits.

    `machines` are names in `assets/machines`; they are then the whole network, and what is proposed to be used.
    """
    chosen = shipped(machines)
    with tempfile.TemporaryDirectory(prefix="homelab-demo-") as temporary:
        place = folder or Path(temporary)
        text = assets.text("machines/answers.yaml").replace("DEMO_FOLDER", str(place))
        text = _with_machines(text, chosen) if machines else text
        world = SimWorld(place, speed=0 if fast else SPEED, machines=chosen)
        answers = place / "answers.yaml"
        answers.write_text(text, encoding="utf-8")
        url = yamlfile.load(text)["repository"]["url"]
        (place / "known_hosts").write_text(_known_hosts(world, urlsplit(url).hostname or ""), encoding="utf-8")
        (place / "pi-password").write_text("raspberry\n", encoding="utf-8")  # the password of every simulated Pi
        (place / "token").write_text("demo-token-that-nobody-accepts\n", encoding="utf-8")
        (place / "usb-stick").mkdir(exist_ok=True)
        world.make_repository(url)
        yield Demo(world, place, answers)


def _with_machines(answers: str, chosen: Sequence[Machine]) -> str:
    """The answers, with `chosen` as the Pis to use, the first of them as the control plane."""
    data = yamlfile.load(answers)
    data["machines"]["hosts"] = [machine.address for machine in chosen]
    data["machines"]["control_plane"] = chosen[0].address
    data["machines"]["user"] = chosen[0].ssh.get("user", "pi")
    return yamlfile.dump(data)


def _known_hosts(world: SimWorld, *others: str) -> str:
    """The host keys of the simulated Pis and of `others`, as a person would have checked them beforehand."""
    return "".join(
        f"{address} {key.kind} {key.base64}\n"
        for address in (*(one.address for one in world.machines.values() if one.banner), *others)
        for key in world.host_keys(address)
    )


def _proposed(prompt: Prompt, answers: Mapping[str, Any]) -> Prompt:
    section = answers.get(prompt.step, {})
    proposed = section.get(prompt.question.key) if isinstance(section, Mapping) else None
    if proposed is None or prompt.problem or prompt.review:  # what was typed is worth more
        return prompt
    question = prompt.question
    if proposed != prompt.default:  # the demo's own proposal does not come from where the real one would
        question = replace(question, source="")
    default = SecretRef.parse(proposed) if question.kind.widget == "secret" else proposed
    return replace(prompt, question=question, default=default)
