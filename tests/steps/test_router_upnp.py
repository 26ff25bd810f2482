"""Ports that homelab asks the router for: exactly two, only with a yes, kept up, and taken back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import router_check, router_upnp
from steps.giving_back import Left
from steps.reset import Reset, ResetFacts
from tests.steps.router_home import context, run
from wizard import events
from wizard.context import Context
from wizard.demo.lan import ROUTER as SIM_ROUTER
from wizard.demo.world import SimWorld
from wizard.errors import Blocked, WizardError

TARGET = "10.0.0.51"
OPENED = [f"ask the router {SIM_ROUTER} by UPnP to forward TCP 80 and 443 to {TARGET} for a week",
          f"note that the router forwards TCP 80 and 443 to {TARGET}"]  # fmt: skip
CLOSED = "take back the port forwarding that homelab asked the router for"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return context(tmp_path)


@pytest.fixture
def upnp(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The person chose UPnP; the router is known."""
    ctx.answers["router"]["automatic"] = "upnp"
    ctx.answers["tailnet"] = {"service": "none"}
    monkeypatch.setattr(router_check, "gateway", lambda ctx: SIM_ROUTER)
    return ctx.world


def test_ports_are_opened_kept_and_taken_back(ctx: Context, upnp: Any) -> None:
    assert run(ctx) == OPENED
    assert [(port, each["NewInternalClient"], each["NewInternalPort"], each["NewPortMappingDescription"],
             each["NewLeaseDuration"]) for port, each in upnp.router.mappings.items()] == [
        ("80", TARGET, "80", "homelab", "604800"), ("443", TARGET, "443", "homelab", "604800")
    ]  # fmt: skip
    assert run(ctx) == []
    ctx.answers["router"] = {"forwarded": True, "automatic": "none", "public_address": "203.0.113.7"}
    assert run(ctx) == [CLOSED]
    assert upnp.router.mappings == {}
    assert run(ctx) == []


@pytest.mark.parametrize("answers", [{}, {"automatic": "none"}, {"automatic": "upnp", "forwarded": False}])
def test_without_a_yes_the_router_is_not_asked(ctx: Context, upnp: Any, answers: dict[str, Any]) -> None:
    ctx.answers["router"] = {"forwarded": True, **answers}
    upnp.upnp = None  # calling it would fail
    assert len(run(ctx)) == 1


@pytest.mark.parametrize(
    ("seconds", "left"), [("604800", []), ("400000", []), ("0", []), ("200000", ["80"]), ("1", ["80"])]
)
def test_what_ends_soon_is_asked_for_again(ctx: Context, upnp: Any, seconds: str, left: list[str]) -> None:
    run(ctx)
    ctx.scratch.clear()  # another run
    upnp.router.mappings["80"]["NewLeaseDuration"] = seconds
    assert run(ctx) == [
        f"ask the router {SIM_ROUTER} by UPnP to forward TCP {port} to {TARGET} for a week" for port in left
    ]
    assert upnp.router.mappings["80"]["NewLeaseDuration"] == ("604800" if left else seconds)


def test_another_external_address_is_followed(ctx: Context, upnp: Any) -> None:
    run(ctx)
    ctx.answers["addresses"]["external_address"] = "10.0.0.52"
    run(ctx)
    assert [each["NewInternalClient"] for each in upnp.router.mappings.values()] == ["10.0.0.52", "10.0.0.52"]
    router_upnp.close(ctx)
    assert upnp.router.mappings == {}


def test_what_others_opened_is_never_touched(ctx: Context, upnp: Any) -> None:
    other = {"NewInternalClient": "10.0.0.9", "NewInternalPort": "80", "NewPortMappingDescription": "nas"}
    upnp.router.mappings["80"] = dict(other)
    with pytest.raises(Blocked, match=r"port 80 to 10\.0\.0\.9 already") as caught:
        run(ctx)
    assert "'nas'" in caught.value.why and "router.automatic to none" in caught.value.fix
    ctx.state.remember("router", "upnp", value={"router": SIM_ROUTER, "target": TARGET})
    router_upnp.close(ctx)
    assert upnp.router.mappings == {"80": other}


def test_what_leads_there_already_is_left_alone(ctx: Context, upnp: Any) -> None:
    for port in ("80", "443"):
        upnp.router.mappings[port] = {"NewInternalClient": TARGET, "NewInternalPort": port, "NewLeaseDuration": "0"}
    assert run(ctx) == OPENED[1:]
    assert upnp.written == []


def test_a_router_that_knows_no_end(ctx: Context, upnp: Any) -> None:
    upnp.refuses = {("AddPortMapping", port): 725 for port in ("80", "443")}
    assert run(ctx) == OPENED
    assert [each["NewLeaseDuration"] for each in upnp.router.mappings.values()] == ["0", "0"]
    assert run(ctx) == []


def test_a_router_that_keeps_it_for_an_hour_is_told_and_not_asked_again(ctx: Context, upnp: Any) -> None:
    run(ctx)
    upnp.router.mappings["80"]["NewLeaseDuration"] = "3600"
    notes: list[str] = []
    ctx.bus.listen(lambda event: notes.append(event.text) if isinstance(event, events.Note) else None)
    assert run(ctx) == []
    assert "for 60 minutes" in notes[0]


@pytest.mark.parametrize("code", [501, 606, 718, 728, 999])
def test_a_refusal_leaves_nothing_half_open(ctx: Context, upnp: Any, code: int) -> None:
    upnp.refuses = {("AddPortMapping", "443"): code}
    with pytest.raises(WizardError) as caught:
        run(ctx)
    assert f"UPnP error {code}" in caught.value.what and "by hand" in caught.value.fix
    assert upnp.router.mappings == {}


@pytest.mark.parametrize(
    ("wan", "stops"), [("100.64.7.7", True), ("0.0.0.0", True), ("", False), ("fe80::1", False), ("10.9.9.9", False)]
)
def test_the_routers_own_address_is_judged(ctx: Context, upnp: Any, wan: str, stops: bool) -> None:
    upnp.wan = wan
    notes: list[str] = []
    ctx.bus.listen(lambda event: notes.append(event.title) if isinstance(event, events.Note) else None)
    if stops:
        with pytest.raises(Blocked, match="No port can be forwarded"):
            run(ctx)
        assert upnp.router.mappings == {}
    else:
        assert run(ctx) == OPENED
        assert notes.count("Your router's address") == 1


def test_a_router_without_upnp_is_told_and_reset_goes_on(
    ctx: Context, upnp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(ctx)
    monkeypatch.setattr(router_check, "gateway", lambda ctx: "10.0.0.1")
    with pytest.raises(Blocked, match="does not answer to UPnP"):
        run(ctx)
    monkeypatch.setattr(router_check, "gateway", lambda ctx: "")
    with pytest.raises(Blocked, match="could not be seen"):
        run(ctx)
    ctx.state.remember("router", "upnp", value={"router": "10.0.0.1", "target": TARGET})
    notes: list[str] = []
    ctx.bus.listen(lambda event: notes.append(event.title) if isinstance(event, events.Note) else None)
    router_upnp.close(ctx)
    assert notes == ["Port forwarding was not taken back"]
    assert not ctx.state.recall("router", "upnp")


def test_the_router_is_the_one_that_this_computer_uses(ctx: Context, tmp_path: Path) -> None:
    ctx.world = world = SimWorld(tmp_path)
    ctx.answers["machines"] = {"hosts": ["192.168.1.11"], "control_plane": "192.168.1.11"}
    ctx.answers["tailnet"], ctx.answers["router"]["automatic"] = {"service": "none"}, "upnp"
    assert run(ctx) == OPENED
    assert world.writes == ["forward port 80", "forward port 443"]


def test_reset_takes_it_back(ctx: Context) -> None:
    for forwards, found in ((True, ["reset/router"]), (False, [])):
        planned = Reset().plan(ResetFacts("test", (Left("10.0.0.11"),), here=True, forwards=forwards), {})
        assert [change.id for change in planned if change.id == "reset/router"] == found
        assert planned[-1].id == "reset/computer"
