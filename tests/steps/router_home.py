"""A home with a router, for test_router.py and test_router_upnp.py."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from steps.router import Router
from wizard import events
from wizard.context import Context
from wizard.demo.router import SimRouter
from wizard.demo.web import SimWeb
from wizard.errors import RouterRefused
from wizard.state import State
from wizard.world import DnsAnswer, Request, Response


class Web:
    def __init__(self) -> None:
        self.stop = threading.Event()
        self.written: list[str] = []
        self.sim = SimWeb(self.written.append)
        self.router = SimRouter(self.written.append)
        self.refuses: dict[tuple[str, str], int] = {}  # (action, port) -> UPnP's number
        self.wan = "203.0.113.7"

    def now(self) -> float:
        return 0.0

    def dns(self, server: str, name: str, kind: str) -> DnsAnswer:
        assert (server, kind) == ("10.0.0.53", "A")
        return DnsAnswer("NOERROR", ({"pihole.in.home.test": "10.0.0.50", "hello.home.test": "10.0.0.51"}[name],))

    def upnp(self, router: str, action: str, values: Mapping[str, str]) -> dict[str, str]:
        key = (action, values.get("NewExternalPort", ""))
        if key in self.refuses and values.get("NewLeaseDuration") != "0":
            raise RouterRefused(action, self.refuses[key])
        said = self.router.call(router, action, values)
        return {"NewExternalIPAddress": self.wan} if action == "GetExternalIPAddress" else said

    def http(self, request: Request) -> Response:
        return self.sim.http(request)


def context(folder: Path) -> Context:
    made = Context(Web(), State(folder / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    made.answers.update({
        "tailnet": {"service": "tailscale"},
        "addresses": {
            "internal_address": "10.0.0.50", "external_address": "10.0.0.51", "dns_address": "10.0.0.53",
            "pool": "10.0.0.50-10.0.0.59",
        },
        "domains": {"provider": "duckdns", "internal_domain": "in.home.test", "external_domain": "home.test"},
        "repository": {"apps": ["hello"]},
        "router": {"forwarded": True, "public_address": "203.0.113.7"},
    })  # fmt: skip
    return made


def run(ctx: Context) -> list[str]:
    step = Router()
    planned = step.plan(step.check(ctx), ctx.answers)
    for change in planned:
        ctx.do(change)
    return [change.sentence for change in planned]
