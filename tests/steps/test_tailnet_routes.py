"""Routes: what is offered and approved, by the API or by a person, and who can see that it is served."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from steps import routes, tailnet_facts, tailnet_policy
from steps.routes import RouteFacts
from wizard import events
from wizard.context import Context
from wizard.errors import WizardError
from wizard.state import State

PIS = ["192.168.1.11", "192.168.1.12", "192.168.1.13"]
ROUTES = ("192.168.1.201/32", "192.168.1.202/32", "192.168.1.203/32")


TAILSCALE_POLICY = """\
  "tagOwners": {"tag:homelab": ["autogroup:admin"]},
  "autoApprovers": {"routes": {
    "192.168.1.201/32": ["tag:homelab"],
    "192.168.1.202/32": ["tag:homelab"],
    "192.168.1.203/32": ["tag:homelab"]
  }},"""


class Time:
    """A world in which only time passes."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.clock = 0.0

    def now(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    made = Context(Time(), State(tmp_path / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    fixed = dict(zip(("internal_address", "external_address", "dns_address"), ROUTES, strict=True))
    made.answers.update({
        "machines": {"hosts": PIS, "control_plane": PIS[0]},
        "tailnet": {"service": "tailscale", "api_key": None, "tags": ["tag:homelab"]},
        "addresses": {key: route.removesuffix("/32") for key, route in fixed.items()},
    })  # fmt: skip
    return made


def test_routes_are_the_three_addresses_or_what_was_chosen() -> None:
    known = {"internal_address": "10.0.0.1", "external_address": "10.0.0.2", "dns_address": "10.0.0.3"}
    assert tailnet_facts.wanted_routes({"tailnet": {}}) == ()
    assert tailnet_facts.wanted_routes({"addresses": {**known, "dns_address": None}}) == ()
    assert tailnet_facts.wanted_routes({"addresses": known}) == ("10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32")
    chosen = {"tailnet": {"routes": ["10.0.0.0/24"]}, "addresses": known}
    assert tailnet_facts.wanted_routes(chosen) == ("10.0.0.0/24",)


@pytest.mark.parametrize(
    ("pool", "ranges"),
    [
        ("10.0.0.0-10.0.0.9", ("10.0.0.0/29", "10.0.0.8/31")),
        ("10.0.0.1-10.0.0.10", ("10.0.0.1/32", "10.0.0.2/31", "10.0.0.4/30", "10.0.0.8/31", "10.0.0.10/32")),
        ("10.0.0.2-10.0.0.3", ("10.0.0.2/31", "10.0.0.1/32")),  # one of the addresses lies outside
        (None, ("10.0.0.1/32", "10.0.0.2/32", "10.0.0.3/32")),
    ],
)
def test_the_whole_pool_is_led_to_exactly(pool: str | None, ranges: tuple[str, ...]) -> None:
    known = {"internal_address": "10.0.0.1", "external_address": "10.0.0.2", "dns_address": "10.0.0.3", "pool": pool}
    assert tailnet_facts.wanted_routes({"tailnet": {"reach": "pool"}, "addresses": known}) == ranges


@pytest.mark.parametrize(
    ("facts", "left"),
    [
        (RouteFacts(), []),
        (RouteFacts(ROUTES, {"a": ROUTES, "b": ROUTES[::-1]}, (), True), []),
        (RouteFacts(ROUTES, {"a": (), "b": ROUTES}, (), True), ["tailnet/routes", "tailnet/approve"]),
        (RouteFacts(ROUTES, {"a": ROUTES}, ("a",), True), ["tailnet/approve"]),
        (RouteFacts(ROUTES, {"a": (*ROUTES, "10.9.0.0/16")}, (), False), ["tailnet/routes"]),
        (RouteFacts(ROUTES, {"a": ROUTES}, ROUTES[:1], False), ["tailnet/approve"]),
    ],
)
def test_only_missing_routes_are_offered_and_approved(facts: RouteFacts, left: list[str]) -> None:
    assert [change.id for change in routes.changes(facts)] == left


def view(number: int, *, told_of: int = 0, serving: tuple[str, ...] = (), allowed: tuple[str, ...] = ()) -> str:
    """What the Pi with this number says: it is told of another machine, which serves something."""
    me = {"TailscaleIPs": [f"100.64.0.{number}"], "AllowedIPs": allowed, "PrimaryRoutes": ROUTES}
    peer = {"TailscaleIPs": [f"100.64.0.{told_of}"], "PrimaryRoutes": list(serving) or None}
    status = {"BackendState": "Running", "Self": me, "Peer": {"key": peer} if told_of else None}
    return f"@@ status\n{json.dumps(status)}\n@@ prefs\n{json.dumps({'AdvertiseRoutes': ROUTES})}\n"


@pytest.mark.parametrize(
    ("first", "second", "asked", "missing"),
    [
        (view(1, told_of=2), view(2, told_of=1, serving=ROUTES), (), ()),
        (view(1, told_of=2), view(2, told_of=1, serving=ROUTES[:2]), (), ROUTES[2:]),
        (view(1, told_of=2, allowed=ROUTES), view(2, told_of=1), ROUTES, ROUTES),  # seen not to be so
        (view(1, told_of=9), view(2, told_of=9), (), ROUTES),  # a laptop can't tell
        (view(1, told_of=9), view(2), ROUTES, ()),
        (view(1, allowed=ROUTES), view(2), (), ()),
        ("", "", (), ROUTES),
    ],
)
def test_without_an_api_key_others_are_asked_what_is_served(
    ctx: Context, first: str, second: str, asked: tuple[str, ...], missing: tuple[str, ...]
) -> None:
    ctx.state.remember("tailnet", "asked_to_approve", value=list(asked))
    found = routes.look(ctx, {PIS[0]: tailnet_facts.parse(PIS[0], first), PIS[1]: tailnet_facts.parse(PIS[1], second)})
    assert (found.unapproved, found.by_api) == (missing, False)


def without_api(ctx: Context, monkeypatch: pytest.MonkeyPatch, *outputs: str) -> list[events.Note]:
    """Two Pis that say `outputs`, and no API key."""
    views = {pi: tailnet_facts.parse(pi, output) for pi, output in zip(PIS, outputs, strict=False)}
    monkeypatch.setattr(tailnet_facts, "look", lambda ctx, addresses: views)
    notes: list[events.Note] = []
    ctx.bus.listen(lambda event: notes.append(event) if isinstance(event, events.Note) else None)
    return notes


def test_waiting_for_the_person_ends_with_how_to_approve(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    notes = without_api(ctx, monkeypatch, view(1, told_of=2), view(2, told_of=1))
    [change] = routes.changes(routes.look(ctx))
    with pytest.raises(WizardError, match="in vain") as caught:
        ctx.do(change)
    assert "Edit route settings" in caught.value.fix and ROUTES[0] in caught.value.why
    assert [note.title for note in notes] == ["Approve the routes"]
    assert "tick 192.168.1.201/32" in notes[0].text
    assert notes[0].text.endswith(TAILSCALE_POLICY)


def test_without_tags_there_is_no_policy_to_show() -> None:
    answers = {"tailnet": {"service": "tailscale", "tags": None}}
    assert tailnet_policy.snippet(answers, ROUTES) == ""
    assert "policy" not in tailnet_policy.how_to_approve(answers, ["pi1"], ROUTES)


def test_where_nobody_can_see_it_the_person_is_asked_once(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    ctx.answers["tailnet"]["service"] = "headscale"
    notes = without_api(ctx, monkeypatch, view(1), view(2))
    [change] = routes.changes(routes.look(ctx))
    ctx.do(change)
    assert "headscale nodes approve-routes --identifier NUMBER --routes 192.168.1.201/32," in notes[0].text
    assert '"tagOwners": {"tag:homelab": []},' in notes[0].text, "there, whoever makes keys may give a tag"
    assert routes.changes(routes.look(ctx)) == []
