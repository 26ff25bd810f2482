"""What the tailnet's tests on lab hosts share: headscale, three Pis of their own, and the step on some of them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from steps import nodes
from steps.machines import Machines
from steps.tailnet import QUESTIONS, Tailnet
from tests.lab.conftest import HOME, Node, lab
from wizard import events
from wizard.context import Approval, Context
from wizard.engine import Consent, Engine
from wizard.errors import WizardError
from wizard.question import plain
from wizard.realworld import RealWorld
from wizard.secret import Secret
from wizard.state import State

SERVER = "https://198.18.64.1"
SERVICE = "198.18.0.204"  # an address of the pool that one of the Pis answers at, in place of a load balancer
ADDRESSES = {
    "lan": "198.18.0.0/24", "pool": "198.18.0.200-198.18.0.207", "arp": False,
    "internal_address": SERVICE, "external_address": "198.18.0.205", "dns_address": "198.18.0.206",
}  # fmt: skip
ROUTES = [f"198.18.0.{n}/32" for n in (204, 205, 206)]


class Yes:
    """A front end that approves everything."""

    def ask(self, prompt: Any) -> object:
        raise AssertionError(f"asked {prompt.question.key}")

    def confirm(self, approval: Approval) -> bool:
        return True

    def failed(self, step: str, error: WizardError) -> str:
        return "stop"


class Wizard:
    """The wizard with a state of its own, on `pis`, the first two of which are control planes, as far as it knows."""

    def __init__(self, folder: Path, pis: tuple[Node, ...], **tailnet: Any) -> None:
        hosts = [pi.address for pi in pis]
        folder.mkdir(parents=True, exist_ok=True)
        state = State.open(folder / "state.yaml", "lab", lock=False)
        self.notes: list[events.Note] = []
        bus = events.Bus()
        bus.listen(lambda event: self.notes.append(event) if isinstance(event, events.Note) else None)
        self.ctx = Context(RealWorld(), state, Yes(), bus)  # type: ignore[arg-type]
        machines = {
            question.key: plain(question.default) for question in Machines.questions if not callable(question.default)
        }
        machines |= {
            "network": "none", "hosts": hosts, "control_plane": hosts[0], "more_control_planes": hosts[1:2] or None,
            "user": "pi", "key_file": str(HOME / "id_ed25519"), "known_hosts": str(HOME / "known_hosts"),
            "ignore_health": ["fsync", "memory", "dhcp"],
        }  # fmt: skip
        key = str(HOME / "apt-key.asc")
        given = {question.key: plain(question.default) for question in QUESTIONS.values()} | {
            "service": "headscale", "login_server": SERVER, "ca_file": str(HOME / "headscale_ca.crt"),
            "tailscale_apt": "http://198.18.0.1:8000/tailscale", "apt_key_file": key,
        }  # fmt: skip
        state.answers |= {"machines": machines, "addresses": dict(ADDRESSES), "tailnet": {}}
        for name, value in (given | tailnet).items():
            self.ctx.keep("tailnet", name, value)

    def run(self, step: Any) -> list[str]:
        """Carries the step out, to the end; the ids of what was done, each once."""
        before = len(self.ctx.state.journal)
        Engine([step], self.ctx, Consent(yes=True, allow=frozenset({"node-remove/take-out"}))).run_step(step)
        return list(dict.fromkeys(entry["change"] for entry in self.ctx.state.journal[before:]))

    def tailnet(self) -> list[str]:
        return self.run(Tailnet())

    def left(self) -> list[str]:
        """What the step would do now."""
        return [change.id for change in Tailnet().plan(Tailnet().check(self.ctx), self.ctx.answers)]

    def close(self) -> None:
        nodes.close_all(self.ctx)
        self.ctx.state.close()


def api(method: str, path: str, body: Any = None) -> Any:
    """headscale's API, by the lab's own key."""
    said = lab("tailnet", "api", method, path, *([json.dumps(body)] if body is not None else []))
    return json.loads(said) if said.strip() else None


def api_key() -> Secret:
    return Secret((HOME / "headscale_api_key").read_text().strip())


def auth_key(
    *, ends: str = "2099-01-01T00:00:00Z", user: str = "", tagged: bool = True, reusable: bool = True
) -> Secret:
    """A key to join with, made on the server."""
    body: dict[str, Any] = {"reusable": reusable, "expiration": ends, "aclTags": ["tag:homelab"] if tagged else []}
    return Secret(api("POST", "/preauthkey", body | ({"user": user} if user else {}))["preAuthKey"]["key"])


def listed() -> dict[str, dict[str, Any]]:
    """headscale's machines, by their unique names."""
    return {node["givenName"]: node for node in api("GET", "/node")["nodes"]}


def forget(*names: str) -> None:
    """Deletes machines on the server, whoever they are."""
    for name, node in listed().items():
        if name in names or re.sub(r"-\d+$", "", name) in names or node["name"] in names:
            api("DELETE", f"/node/{node['id']}")


def status(pi: Node) -> dict[str, Any]:
    """What Tailscale on the Pi says of itself; empty when it does not run."""
    said = pi.shell("tailscale status --json 2>/dev/null || true")
    return json.loads(said) if said.strip() else {}
