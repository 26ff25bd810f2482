"""The proof's probes in the demo: what would answer, by the routes and releases that were pushed to the repository."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

from wizard.errors import WizardError
from wizard.host.base import Result

if TYPE_CHECKING:
    from wizard.demo.world import SimWorld


def shell(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """``sh -s`` with the probe script on its input, from this computer; the script's last lines name the probes."""
    if list(argv[1:]) != ["-s"]:
        raise _stranger()
    return _probes(world, stdin, at_home=True)


def ssh(world: SimWorld, argv: Sequence[str], stdin: bytes) -> Result:
    """The same on another machine: one that is called laptop is on the VPN, every other one is somewhere outside."""
    if argv[-1] != "sh -s":
        raise _stranger()
    return _probes(world, stdin, at_home=argv[-2].partition("@")[2].startswith("laptop"))


def _stranger() -> WizardError:
    return WizardError("The demo does not run shell scripts.", "", "It only pretends to send the proof's probes.")


def _probes(world: SimWorld, stdin: bytes, *, at_home: bool) -> Result:
    _, begin, after = stdin.decode().partition("main <<'PROBES'\n")
    if not begin:
        raise _stranger()
    world.clock.sleep(2)
    world.api.arrived()
    nonce, *lines = after.splitlines()[:-1]
    return Result(0, "".join(f"@@ {_one(world, line, nonce, at_home=at_home)}\n" for line in lines))


def _one(world: SimWorld, line: str, nonce: str, *, at_home: bool) -> str:
    number, address, port, _, host = line.split()
    objects = list(world.api.objects.values())
    releases = [one for one in objects if one.get("kind") == "HelmRelease"]
    gateway = next((_name(one) for one in releases if _serves(one, address)), "")
    if not at_home:  # the router forwards two ports of the public address, and nothing else
        public = not IPv4Address(address).is_private or address.startswith("203.0.113.")
        gateway = "traefik-external" if public and port in ("80", "443") else ""
    if not gateway:
        return f"{number} timeout 000 no"
    routes = (one["spec"] for one in objects if one.get("kind") == "HTTPRoute")
    parents = [parent["name"] for spec in routes if host in spec.get("hostnames", ()) for parent in spec["parentRefs"]]
    if gateway not in parents:
        return f"{number} http 404 no 404 page not found"
    served = any(nonce == word for one in objects if one.get("kind") == "Deployment" for word in _words(world, one))
    return f"{number} http 200 {'yes' if served else 'no'} Name: simulated"


def _words(world: SimWorld, deployment: dict[str, Any]) -> Iterator[str]:
    """What the pods of `deployment` get out of Secrets, as far as these are there and readable."""
    for container in deployment.get("spec", {}).get("template", {}).get("spec", {}).get("containers", ()):
        for variable in container.get("env", ()):
            if ref := variable.get("valueFrom", {}).get("secretKeyRef"):
                space = deployment["metadata"]["namespace"]
                secret = world.api.objects.get(f"/api/v1/namespaces/{space}/secrets/{ref['name']}", {})
                yield base64.b64decode(secret.get("data", {}).get(ref["key"], "")).decode()


def _name(obj: dict[str, Any]) -> str:
    return str(obj["metadata"]["name"])


def _serves(release: dict[str, Any], address: str) -> bool:
    """Whether the release asks for this address, and for it alone."""
    return f'"{address}"' in json.dumps(release)
