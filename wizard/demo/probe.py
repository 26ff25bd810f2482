"""The proof's probes in the demo: what would answer, by the routes and releases that were pushed to the repository."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.host.base import Result

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld


def shell(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``sh -s`` with the probe script on its input; the script's last lines name the probes."""
    text = stdin.decode()
    if list(argv[1:]) != ["-s"] or "main <<'PROBES'\n" not in text:
        raise WizardError("The demo does not run shell scripts.", "", "It only pretends to send the proof's probes.")
    world.clock.sleep(2)
    nonce, *lines = text.partition("main <<'PROBES'\n")[2].splitlines()[:-1]
    return Result(0, "".join(f"@@ {_one(world, line, nonce)}\n" for line in lines))


def _one(world: SimWorld, line: str, nonce: str) -> str:
    number, address, _, _, host = line.split()
    world.api.arrived()
    objects = list(world.api.objects.values())
    gateway = next((_name(o) for o in objects if o.get("kind") == "HelmRelease" and _serves(o, address)), "")
    if not gateway:
        return f"{number} timeout 000 no"
    routes = (o["spec"] for o in objects if o.get("kind") == "HTTPRoute")
    parents = [parent["name"] for spec in routes if host in spec.get("hostnames", ()) for parent in spec["parentRefs"]]
    if gateway not in parents:
        return f"{number} http 404 no 404 page not found"
    served = any(nonce in json.dumps(o) for o in objects if o.get("kind") == "Deployment")
    return f"{number} http 200 {'yes' if served else 'no'} Name: simulated"


def _name(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def _serves(release: dict[str, Any], address: str) -> bool:
    """Whether the release asks for this address, and for it alone."""
    return f'"{address}"' in json.dumps(release)
