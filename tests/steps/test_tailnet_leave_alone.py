"""A Pi leaves though the control server refuses the key, or a Pi's daemon is silent: what can be done here is done."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from steps import lifecycle, tailnet_reset
from steps.giving_back import Left
from steps.node_remove import NodeRemove
from steps.tailnet import QUESTIONS, Tailnet
from tests.steps.test_tailnet_leave import ADDRESSES, FIRST, ROUTES, SECOND, THIRD
from wizard.demo.web import Member
from wizard.secret import Secret
from wizard.world import Request, Response

SILENT = "\n@@ silent\ntailscale status --json"


@pytest.fixture
def stage(pis: Callable[..., Any]) -> Any:
    """Three Pis in a tailnet whose first two serve."""
    answers = {question.key: question.default for question in QUESTIONS.values()}
    made = pis(tailnet=answers | {"api_key": Secret("tskey-api-k1-x")}, addresses=ADDRESSES)
    made.run(Tailnet())
    made.ctx.answers["machines"]["more_control_planes"] = [SECOND]
    made.world.writes.clear()
    return made


def remove(stage: Any, address: str) -> list[str]:
    lifecycle.begin(stage.ctx.state, {"command": "node remove", "node": address})
    return [change for _, change in stage.run(NodeRemove())][1:-1]


def members(stage: Any) -> dict[str, Member]:
    return stage.world.web.members  # type: ignore[no-any-return]


def refuse(
    stage: Any, monkeypatch: pytest.MonkeyPatch, *, status: int = 401, where: str = "", method: str = ""
) -> None:
    """From now on the API refuses: everything, or calls of one method whose address has `where` in it."""
    real = stage.world.web.http

    def http(request: Request) -> Response:
        if where in request.url and method in ("", request.method):
            return Response(status, json.dumps({"message": "API token invalid"}).encode())
        return real(request)  # type: ignore[no-any-return]

    monkeypatch.setattr(stage.world.web, "http", http)


def test_a_refused_key_leaves_only_the_entry_on_the_server(stage: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refuse(stage, monkeypatch)
    done = remove(stage, SECOND)
    assert done == ["tailnet/routes", "tailnet/approve", "tailnet/hand-over", "tailnet/leave"]
    assert not members(stage)["boreas"].online and not members(stage)["boreas"].advertised
    assert members(stage)["castor"].advertised == ROUTES
    said = repr(stage.seen)
    assert "It is still in the list of your tailnet's machines (Tailscale refused the API key." in said
    assert "for boreas (100.64.0.12) choose the menu … > Remove" in said
    assert "for each of atlas and castor choose the menu … > Edit route settings" in said
    assert stage.world.now() < 300, "nobody waits for what the person does on the server"


@pytest.mark.parametrize("silent", [FIRST, THIRD])
def test_a_silent_pi_that_stays_is_no_heir_and_stops_nothing(stage: Any, silent: str) -> None:
    stage.sections(silent)["tailscale"] = SILENT
    done = remove(stage, SECOND)
    heir = {FIRST: "castor", THIRD: "atlas"}[silent]
    assert done[-3:] == ["tailnet/hand-over", "tailnet/leave", "tailnet/delete"]
    assert members(stage)[heir].serving == ROUTES and "boreas" not in members(stage)


def test_a_silent_pi_that_leaves_is_logged_out_all_the_same(stage: Any) -> None:
    stage.sections(SECOND)["tailscale"] = SILENT
    assert remove(stage, SECOND) == ["tailnet/routes", "tailnet/approve", "tailnet/leave", "tailnet/delete"]
    assert f"{SECOND} reset/tailnet" in stage.world.writes and "boreas" not in members(stage)


@pytest.mark.parametrize(
    ("where", "method", "words"),
    [
        ("/device/", "DELETE", "for boreas (100.64.0.12) choose the menu … > Remove"),
        ("/routes", "POST", "for each of atlas and castor choose the menu … > Edit route settings"),
    ],
)
def test_a_key_that_may_only_look_stops_no_removal(
    stage: Any, monkeypatch: pytest.MonkeyPatch, where: str, method: str, words: str
) -> None:
    refuse(stage, monkeypatch, status=403, where=where, method=method)
    assert remove(stage, SECOND)[-2:] == ["tailnet/leave", "tailnet/delete"]
    assert words in repr(stage.seen) and not members(stage).get("boreas", Member("", "", "", online=False)).online


def test_routes_that_nobody_takes_over_are_told_and_stop_no_removal(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Pis that stay see each other, and that none of them serves."""
    status = json.loads(stage.sections(FIRST)["tailscale"])
    status["Peer"] = {"nodekey:7": {"TailscaleIPs": ["100.64.0.13"], "PrimaryRoutes": None}}
    stage.sections(FIRST)["tailscale"] = json.dumps(status)
    refuse(stage, monkeypatch)
    assert remove(stage, SECOND)[-2:] == ["tailnet/hand-over", "tailnet/leave"]
    assert "Waited 30 seconds for the other Pis to serve the routes, in vain." in repr(stage.seen)


# -- reset --skip ---------------------------------------------------------------------------------------------


def test_a_reset_deletes_the_machine_of_a_pi_that_is_left_out_without_asking_it(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(stage.ctx.scratch["hosts"], THIRD)
    stage.world.machines.pop(THIRD)
    left = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [Left(FIRST, tailnet=True)], [THIRD])
    [change] = tailnet_reset.changes(left)
    assert "castor (100.64.0.13)" in change.sentence
    stage.ctx.do(change)
    assert list(members(stage)) == ["boreas"]
    again = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [], [THIRD])
    assert not again.anything and tailnet_reset.told(stage.ctx.answers, again) == ""


def test_a_pi_that_is_left_out_is_named_where_it_can_not_be_deleted(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(stage, patch)
        left = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [], [THIRD])
    told = tailnet_reset.told(stage.ctx.answers, left)
    assert not left.anything and told.startswith("Your tailnet still lists castor (Tailscale refused the API key.")
    assert "for castor (100.64.0.13) choose the menu … > Remove" in told
    stage.ctx.state.evidence["machines"][THIRD].pop("tailnet")  # killed before it was remembered
    left = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [], [THIRD])
    assert not left.anything and "for castor choose the menu" in tailnet_reset.told(stage.ctx.answers, left)


def test_one_that_had_a_tailscale_of_its_own_stays_and_is_named(stage: Any) -> None:
    stage.ctx.state.journal = [entry for entry in stage.ctx.state.journal if entry.get("host") != THIRD]
    left = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [], [THIRD])
    assert not left.anything and "castor" in members(stage)
    assert "castor stays in your tailnet" in tailnet_reset.told(stage.ctx.answers, left)


def test_a_machine_that_may_not_be_deleted_is_told_once_and_the_reset_goes_on(
    stage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.ctx.answers.update({"domains": {"internal_domain": "in.home.test"}, "repository": {"apps": ["pihole"]}})
    refuse(stage, monkeypatch, status=403, where="/device/", method="DELETE")
    refuse(stage, monkeypatch, status=403, where="split-dns")
    left = tailnet_reset.look(stage.ctx, [FIRST], [Left(FIRST, tailnet=True)])
    for change in tailnet_reset.changes(left):
        stage.ctx.do(change)
    assert "for atlas (100.64.0.11) choose the menu … > Remove" in repr(stage.seen)
    assert not tailnet_reset.look(stage.ctx, [FIRST], [Left(FIRST, tailnet=True)]).anything
    assert "take that out of https://login.tailscale.com/admin/dns" in tailnet_reset.told(stage.ctx.answers, left)
