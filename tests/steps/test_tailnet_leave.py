"""A Pi leaves the tailnet: routes handed over first, then logged out and deleted, by its number, not by its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steps import lifecycle, tailnet_identity, tailnet_leave, tailnet_reset
from steps.giving_back import Left
from steps.node_remove import NodeRemove
from steps.tailnet import QUESTIONS, Tailnet
from steps.tailnet_identity import Identity, find
from wizard.demo.web import Member as SimMember
from wizard.errors import TrustError, Unreachable, WizardError
from wizard.secret import Secret
from wizard.web.tailnet import Machine

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
ADDRESSES = {
    "lan": "192.168.1.0/24", "pool": "192.168.1.200-192.168.1.210", "internal_address": "192.168.1.201",
    "external_address": "192.168.1.202", "dns_address": "192.168.1.203",
}  # fmt: skip
ROUTES = ["192.168.1.201/32", "192.168.1.202/32", "192.168.1.203/32"]


@pytest.fixture
def made(pis: Callable[..., Any]) -> Callable[..., Any]:
    """Three Pis in a tailnet whose first two serve; without a cluster, as far as the state knows."""

    def make(**given: Any) -> Any:
        answers = {question.key: question.default for question in QUESTIONS.values()}
        stage = pis(tailnet=answers | {"api_key": Secret("tskey-api-k1-x")}, addresses=ADDRESSES)
        stage.run(Tailnet())
        for key, value in given.items():
            stage.ctx.keep("tailnet", key, value)
        stage.ctx.answers["machines"]["more_control_planes"] = [SECOND]
        stage.world.writes.clear()
        return stage

    return make


def members(stage: Any) -> dict[str, SimMember]:
    return stage.world.web.members  # type: ignore[no-any-return]


def remove(stage: Any, address: str) -> list[str]:
    lifecycle.begin(stage.ctx.state, {"command": "node remove", "node": address})
    return [change for _, change in stage.run(NodeRemove())]


def test_a_router_hands_its_routes_over_before_it_goes(made: Callable[..., Any]) -> None:
    """There are two again: a third one takes the place of the one that leaves."""
    stage = made()
    done = remove(stage, SECOND)
    assert done[1:-1] == [
        "tailnet/routes", "tailnet/approve", "tailnet/hand-over", "tailnet/leave", "tailnet/delete",
    ]  # fmt: skip
    assert {name: sorted(member.serving) for name, member in members(stage).items()} == {
        "atlas": ROUTES, "castor": ROUTES,
    }  # fmt: skip
    writes = stage.world.writes
    assert writes.index(f"{THIRD} tailnet/advertise") < writes.index(f"{SECOND} tailnet/advertise")
    assert writes.index(f"{SECOND} reset/tailnet") < writes.index("delete the machine boreas")
    assert "still in the list" not in repr(stage.seen)


def test_one_that_does_not_serve_only_goes(made: Callable[..., Any]) -> None:
    stage = made()
    assert remove(stage, THIRD)[1:-1] == ["tailnet/leave", "tailnet/delete"]
    assert sorted(members(stage)) == ["atlas", "boreas"]


def test_a_dead_pi_is_found_by_what_was_remembered(made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stage = made()
    members(stage)["boreas"].name = "renamed-since"
    dead(stage, monkeypatch, SECOND)
    done = remove(stage, SECOND)
    assert done[1:-1] == ["tailnet/routes", "tailnet/approve", "tailnet/delete"]
    assert "boreas" not in members(stage)
    assert stage.world.web.members["castor"].serving == ROUTES


def dead(stage: Any, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    real = stage.world.connect
    stage.ctx.scratch.get("hosts", {}).pop(address, None)

    def connect(login: Any) -> Any:
        if login.address == address:
            raise Unreachable("Nothing answers on the SSH port.", host=login.name)
        return real(login)

    monkeypatch.setattr(stage.world, "connect", connect)


def test_another_machine_of_the_same_name_is_left_alone(made: Callable[..., Any]) -> None:
    stage = made()
    members(stage)["castor"].id = "99"  # the Pi's own number is another one
    done = remove(stage, THIRD)
    assert "tailnet/delete" not in done and "tailnet/leave" in done
    assert "castor" in members(stage)


def test_it_is_taken_up_again_where_it_was_stopped(made: Callable[..., Any]) -> None:
    """Logged out, and not deleted yet: its number is still known."""
    stage = made()
    tailnet_leave.leave(stage.ctx, THIRD)
    found = tailnet_leave.look(stage.ctx, THIRD, reachable=True, staying=[FIRST, SECOND])
    assert (found.joined, found.listed and found.listed.name) == (False, "castor")
    assert remove(stage, THIRD)[1:-1] == ["tailnet/delete"]


def test_one_that_is_gone_already_is_fine(made: Callable[..., Any]) -> None:
    stage = made()
    del members(stage)["castor"]
    assert remove(stage, THIRD)[1:-1] == ["tailnet/leave"]
    assert "still in the list" not in repr(stage.seen)


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("tailscale", "for castor (100.64.0.13) choose the menu … > Remove"),
        ("headscale", "find the number of castor (100.64.0.13) with `headscale nodes list`"),
    ],
)
def test_without_a_key_to_the_api_the_person_is_told(made: Callable[..., Any], service: str, words: str) -> None:
    stage = made(api_key=None, service=service)
    assert remove(stage, THIRD)[1:-1] == ["tailnet/leave"]
    assert words in repr(stage.seen)


def test_a_control_server_that_is_away_stops_no_removal(made: Callable[..., Any]) -> None:
    stage = made()
    away = WizardError("GET https://api.tailscale.com failed.", "It could not be reached.")

    def http(request: Any) -> Any:
        raise away

    stage.world.web.http = http
    assert remove(stage, THIRD)[-1] == "node-remove/forget"
    assert "still in the list of your tailnet's machines (GET https://api.tailscale.com failed." in repr(stage.seen)


def test_a_dead_pi_that_was_never_seen_in_the_tailnet(
    made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = made()
    del stage.ctx.state.evidence["machines"][THIRD]["tailnet"]
    dead(stage, monkeypatch, THIRD)
    assert remove(stage, THIRD)[-1] == "node-remove/forget"
    assert "If it was in your tailnet, it still is. Open https://login.tailscale.com/admin/machines" in repr(stage.seen)


def test_what_endangers_trust_is_not_swallowed(made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stage = made()

    def distrust(*args: Any, **rest: Any) -> Any:
        raise TrustError("another host key")

    monkeypatch.setattr(tailnet_leave, "_looked", distrust)
    with pytest.raises(TrustError):
        tailnet_leave.look(stage.ctx, THIRD, reachable=True, staying=[])


def test_without_a_tailnet_nothing_is_asked(made: Callable[..., Any]) -> None:
    stage = made(service="none")
    stage.ctx.state.journal.clear()  # homelab has joined nobody
    assert tailnet_leave.look(stage.ctx, THIRD, reachable=True, staying=[FIRST]) == tailnet_leave.Leaving()
    assert tailnet_reset.look(stage.ctx, [FIRST], []) == tailnet_reset.TailnetLeft()


# -- who is who -----------------------------------------------------------------------------------------------

MACHINES = [Machine("7", "pi1", ("100.64.0.7", "fd7a::7"), True), Machine("8", "pi1-1", ("100.64.0.8",), True)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Identity("7", "pi1", ("100.64.0.7",)), "pi1"),
        (Identity("8", "pi1", ("100.64.0.8",)), "pi1-1"),
        (Identity("9", "pi1", ("100.64.0.7",)), ""),  # the address was given to another machine since
        (Identity("7", "pi1", ("100.64.0.9",)), ""),
        (Identity("", "pi1", ("100.64.0.7",)), ""),
        (Identity("7", "pi1"), ""),
        (Identity(), ""),
    ],
)
def test_a_machine_is_known_by_number_and_address(wanted: Identity, found: str) -> None:
    machine = find(MACHINES, wanted)
    assert (machine.name if machine else "") == found


# -- reset ----------------------------------------------------------------------------------------------------


def test_a_reset_takes_out_what_it_logs_out_and_its_own_resolver(made: Callable[..., Any]) -> None:
    stage = made()
    stage.ctx.answers.update({"domains": {"internal_domain": "in.home.test"}, "repository": {"apps": ["pihole"]}})
    stage.world.web.split = {"in.home.test": ["192.168.1.203"], "other.test": ["10.0.0.1"]}
    pis = [Left(FIRST, tailnet=True), Left(SECOND, tailnet=True), Left(THIRD)]  # the third had its own Tailscale before
    left = tailnet_reset.look(stage.ctx, [FIRST, SECOND, THIRD], pis)
    assert [machine.name for machine in left.machines] == ["atlas", "boreas"]
    for change in tailnet_reset.changes(left):
        stage.ctx.do(change)
    assert list(members(stage)) == ["castor"]
    assert stage.world.web.split == {"other.test": ["10.0.0.1"]}
    assert not tailnet_reset.look(stage.ctx, [FIRST, SECOND, THIRD], pis).anything


def test_a_resolver_that_somebody_else_set_stays(made: Callable[..., Any]) -> None:
    stage = made()
    stage.ctx.answers.update({"domains": {"internal_domain": "in.home.test"}})
    stage.world.web.split = {"in.home.test": ["192.168.1.53"]}
    assert tailnet_reset.look(stage.ctx, [], []).split.domain == ""


def test_a_reset_asks_the_pis_that_were_never_remembered(made: Callable[..., Any]) -> None:
    stage = made()
    del stage.ctx.state.evidence["machines"][FIRST]["tailnet"]
    left = tailnet_reset.look(stage.ctx, [FIRST], [Left(FIRST, tailnet=True)])
    assert [machine.name for machine in left.machines] == ["atlas"]


def test_one_that_was_logged_out_by_the_reset_is_found_afterwards(made: Callable[..., Any]) -> None:
    stage = made()
    tailnet_leave.leave(stage.ctx, FIRST)
    assert tailnet_identity.has_left(stage.ctx, FIRST)
    assert [machine.name for machine in tailnet_reset.look(stage.ctx, [FIRST], [Left(FIRST)]).machines] == ["atlas"]


def test_a_reset_without_a_key_to_the_api_tells_what_is_left(made: Callable[..., Any]) -> None:
    stage = made(api_key=None, service="headscale")
    stage.ctx.answers.update({"domains": {"internal_domain": "in.home.test"}, "repository": {"apps": ["pihole"]}})
    left = tailnet_reset.look(stage.ctx, [FIRST], [Left(FIRST, tailnet=True)])
    told = tailnet_reset.told(stage.ctx.answers, left)
    assert not left.anything and "headscale nodes delete --identifier NUMBER" in told and "atlas (100.64.0.11)" in told
    assert "names below in.home.test: take that out of its config.yaml" in told
    assert tailnet_reset.told({}, tailnet_reset.TailnetLeft()) == ""
