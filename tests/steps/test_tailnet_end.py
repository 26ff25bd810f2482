"""`tailnet.service` becomes none after the Pis had joined: those that homelab joined leave, and nobody else."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from steps import lifecycle, tailnet_reset
from steps.giving_back import Left
from steps.node_remove import NodeRemove
from steps.tailnet import QUESTIONS, Tailnet
from wizard.context import Context
from wizard.errors import WizardError
from wizard.secret import Secret

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"
ADDRESSES = {
    "lan": "192.168.1.0/24", "pool": "192.168.1.200-192.168.1.210", "internal_address": "192.168.1.201",
    "external_address": "192.168.1.202", "dns_address": "192.168.1.203",
}  # fmt: skip
LEFT = [(FIRST, "tailnet/leave"), (SECOND, "tailnet/leave"), (THIRD, "tailnet/leave")]


@pytest.fixture
def made(pis: Callable[..., Any]) -> Callable[..., Any]:
    """Three Pis that homelab joined to a tailnet, which is given up then; `keys`: they are kept in the answers."""

    def make(service: str = "tailscale", *, keys: bool = True) -> Any:
        answers = {question.key: question.default for question in QUESTIONS.values()}
        key = {"tailscale": "tskey-api-k1-x", "headscale": "hskey-api-iWnMAPEPjW76-x"}[service]
        given = {"service": service, "api_key": Secret(key)}
        given |= {"login_server": "https://hs.example"} if service == "headscale" else {}
        stage = pis(tailnet=answers | given, addresses=ADDRESSES)
        stage.run(Tailnet())
        stage.ctx.keep("tailnet", "service", "none")
        for key in ("api_key", "login_server") if not keys else ():  # as the wizard does when the service is changed
            stage.ctx.forget("tailnet", key)
        stage.seen.clear()
        stage.world.writes.clear()
        return stage

    return make


@pytest.mark.parametrize("service", ["tailscale", "headscale"])
def test_the_pis_leave_and_are_deleted_and_then_nothing_is_left(made: Callable[..., Any], service: str) -> None:
    stage = made(service)
    assert stage.run(Tailnet()) == [*LEFT, (None, "tailnet/delete"), (None, "tailnet/forget")]
    assert stage.world.web.members == {} and "Running" not in stage.sections(FIRST)["tailscale"]
    assert "tailnet" not in stage.ctx.state.evidence["machines"][FIRST]
    assert stage.ctx.state.recall("tailnet", "keys") is None
    stage.world.writes.clear()
    assert stage.run(Tailnet()) == [] and stage.world.writes == []
    assert [event for event in stage.seen if getattr(event, "title", "").startswith("The Pis have left")] == []


@pytest.mark.parametrize(
    ("service", "words"),
    [
        ("tailscale", "for atlas (100.64.0.11) choose the menu … > Remove"),
        ("headscale", "find the number of atlas (100.64.0.11) with `headscale nodes list`"),
    ],
)
@pytest.mark.parametrize("remembered", [True, False])
def test_without_a_key_to_the_api_they_leave_and_the_person_is_told(
    made: Callable[..., Any], service: str, words: str, remembered: bool
) -> None:
    stage = made(service, keys=False)
    if not remembered:  # by a release before
        stage.ctx.state.evidence["tailnet"].pop("joined")
    assert stage.run(Tailnet()) == [*LEFT, (None, "tailnet/forget")]
    assert words in repr(stage.seen)
    assert stage.run(Tailnet()) == []


def test_a_pi_that_was_in_the_tailnet_before_stays(made: Callable[..., Any]) -> None:
    stage = made()
    stage.ctx.state.journal = [entry for entry in stage.ctx.state.journal if entry.get("host") != SECOND]
    assert (SECOND, "tailnet/leave") not in stage.run(Tailnet())
    assert list(stage.world.web.members) == ["boreas"] and stage.world.web.members["boreas"].online
    assert stage.run(Tailnet()) == []


def join_anew(stage: Any, address: str) -> None:
    """The Pi's owner takes it into a tailnet that homelab knows nothing of."""
    status = json.loads(stage.sections(address)["tailscale"])
    status["Self"] |= {"ID": "n99", "TailscaleIPs": ["100.100.0.1"]}
    stage.sections(address)["tailscale"] = json.dumps(status)


def test_a_pi_that_its_owner_joined_anew_since_stays_there(made: Callable[..., Any]) -> None:
    stage = made()
    join_anew(stage, SECOND)
    assert (SECOND, "tailnet/leave") not in stage.run(Tailnet())
    assert f"{SECOND} reset/tailnet" not in stage.world.writes
    assert stage.world.web.members == {}, "what homelab had made there is deleted"


def test_stopped_in_between_it_is_taken_up_again(made: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    stage = made()
    real = Context.do

    def do(ctx: Context, change: Any) -> None:
        if change.id == "tailnet/delete":
            raise WizardError("killed")
        real(ctx, change)

    with monkeypatch.context() as patch, pytest.raises(WizardError, match="killed"):
        patch.setattr(Context, "do", do)
        stage.run(Tailnet())
    assert stage.run(Tailnet()) == [(None, "tailnet/delete"), (None, "tailnet/forget")]
    assert stage.world.web.members == {} and stage.run(Tailnet()) == []


def test_the_entry_for_private_names_goes_too(made: Callable[..., Any]) -> None:
    stage = made()
    stage.ctx.answers.update({"domains": {"internal_domain": "in.home.test"}, "repository": {"apps": ["pihole"]}})
    stage.world.web.split = {"in.home.test": ["192.168.1.203"], "other.test": ["10.0.0.1"]}
    assert (None, "tailnet/split-dns") in stage.run(Tailnet())
    assert stage.world.web.split == {"other.test": ["10.0.0.1"]}


def test_back_in_the_tailnet_later(made: Callable[..., Any]) -> None:
    stage = made()
    stage.run(Tailnet())
    stage.ctx.keep("tailnet", "service", "tailscale")
    assert (FIRST, "tailnet/join") in stage.run(Tailnet())
    assert stage.run(Tailnet()) == [] and sorted(stage.world.web.members) == ["atlas", "boreas", "castor"]


# -- given up, and the step has not run since -------------------------------------------------------------------


@pytest.mark.parametrize(("service", "keys"), [("tailscale", True), ("headscale", True), ("headscale", False)])
def test_a_reset_takes_them_out_of_the_tailnet_that_it_was(made: Callable[..., Any], service: str, keys: bool) -> None:
    stage = made(service, keys=keys)
    left = tailnet_reset.look(stage.ctx, [FIRST, SECOND], [Left(FIRST, tailnet=True)], [THIRD])
    for change in tailnet_reset.changes(left):
        stage.ctx.do(change)
    told = tailnet_reset.told(stage.ctx.answers, left)
    assert sorted(stage.world.web.members) == (["boreas"] if keys else ["atlas", "boreas", "castor"])
    assert (told == "") is keys
    assert keys or "find the number of castor (100.64.0.13) with `headscale nodes list`" in told


@pytest.mark.parametrize("keys", [True, False])
def test_one_that_is_removed_leaves_the_tailnet_that_it_was(made: Callable[..., Any], keys: bool) -> None:
    stage = made("headscale", keys=keys)
    lifecycle.begin(stage.ctx.state, {"command": "node remove", "node": THIRD})
    done = [change for _, change in stage.run(NodeRemove())]
    assert done[1:-1] == ["tailnet/leave", *(["tailnet/delete"] if keys else [])]
    assert ("castor" in stage.world.web.members) is not keys
    assert keys or "find the number of castor (100.64.0.13) with `headscale nodes list`" in repr(stage.seen)


def test_one_that_is_removed_stays_where_its_owner_joined_it_since(made: Callable[..., Any]) -> None:
    stage = made()
    join_anew(stage, THIRD)
    lifecycle.begin(stage.ctx.state, {"command": "node remove", "node": THIRD})
    done = [change for _, change in stage.run(NodeRemove())]
    assert done[1:-1] == ["tailnet/delete"] and f"{THIRD} reset/tailnet" not in stage.world.writes
