"""Addresses: what is proposed and why, what DHCP tells, and that what is settled stays so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import address_ask, addresses, flux, repository
from steps.address_ask import still_free
from steps.addresses import QUESTIONS, Addresses
from tests.steps.address_home import PI2, ROUTER, STRANGER, Home, notes, offer, plan, stand
from wizard.context import Context
from wizard.errors import Blocked


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def ctx(home: Home, tmp_path: Path) -> Context:
    return stand(home, tmp_path)


def test_free_addresses_are_settled_once(ctx: Context) -> None:
    [change] = plan(ctx)
    assert "10.0.0.50 for private apps" in change.sentence
    ctx.do(change)
    assert plan(ctx) == []


def test_other_answers_are_settled_anew(ctx: Context) -> None:
    ctx.do(plan(ctx)[0])
    ctx.answers["addresses"]["dns_address"] = "10.0.0.53"
    assert [change.id for change in plan(ctx)] == ["addresses/settle"]


def test_what_the_cluster_announces_is_no_conflict(ctx: Context, home: Home) -> None:
    ctx.do(plan(ctx)[0])
    home.taken["10.0.0.50"] = (PI2,)
    assert plan(ctx) == []
    still_free(ctx)


@pytest.mark.parametrize("use", [repository._push, flux._bootstrap])
def test_what_is_taken_just_before_its_use_is_not_used(use: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked before anything else is done, the state not even looked at."""

    def taken(ctx: Context) -> None:
        raise Blocked("1 of the cluster's addresses can't be used.")

    monkeypatch.setattr(address_ask, "still_free", taken)
    with pytest.raises(Blocked, match="can't be used"):
        use(None)


# -- what is proposed, and why -------------------------------------------------------------------------------------


def test_the_proposal_moves_on_from_what_is_taken(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.244"] = (STRANGER,)
    assert QUESTIONS["pool"].default_for(ctx) == "10.0.0.230-10.0.0.239"
    told = QUESTIONS["pool"].explanation_for(ctx)
    assert f"10.0.0.244 (in use: {STRANGER} (made by Tin Cans Ltd) answers there)" in told
    assert "10.0.0.1 (the router), 10.0.0.5 (this computer's own address)" in told
    ctx.answers["addresses"] = {"lan": "10.0.0.0/24", "pool": "10.0.0.230-10.0.0.239", "internal_address": "10.0.0.230"}
    assert QUESTIONS["external_address"].default_for(ctx) == "10.0.0.231"
    assert "10.0.0.231 is the next address of the pool" in QUESTIONS["external_address"].explanation_for(ctx)
    assert addresses.values({"addresses": {key: "x" for key in addresses.KEYS}})["pool"] == "x"


def test_what_was_heard_is_objected_to_while_it_is_typed(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.244"] = (STRANGER,)
    QUESTIONS["pool"].default_for(ctx)
    asked = home.asked_here
    ctx.answers["addresses"]["pool"] = "10.0.0.240-10.0.0.249"
    [problem] = Addresses().objections(ctx, ctx.answers)
    assert (problem.path, "10.0.0.244 is in use" in problem.what) == ("addresses.pool", True)
    assert home.asked_here == asked, "nothing is looked at for it"


def test_the_network_is_the_one_that_the_pis_are_in(ctx: Context, home: Home) -> None:
    home.prefix = {"10.0.0.11": 16, "10.0.0.12": 16}
    assert QUESTIONS["lan"].default_for(ctx) == "10.0.0.0/16"
    assert "10.0.0.11 and 10.0.0.12 (10.0.0.0/16)" in QUESTIONS["lan"].explanation_for(ctx)
    with pytest.raises(Blocked) as caught:  # the answer says /24
        plan(ctx)
    assert "are in 10.0.0.0/16, not in 10.0.0.0/24" in caught.value.why
    assert caught.value.answers == ("addresses.lan",)


def test_pis_that_can_not_be_reached_leave_the_network_that_was_looked_at(ctx: Context) -> None:
    ctx.scratch["hosts"].clear()
    assert QUESTIONS["lan"].default_for(ctx) == "10.0.0.0/24"
    assert QUESTIONS["lan"].explanation_for(ctx) == ""


def test_what_was_mended_is_looked_at_again(ctx: Context, home: Home) -> None:
    home.prefix = {"10.0.0.11": 16, "10.0.0.12": 16}
    with pytest.raises(Blocked):
        plan(ctx)
    home.prefix = {"10.0.0.11": 24, "10.0.0.12": 24}
    assert [change.id for change in plan(ctx)] == ["addresses/settle"]


# -- DHCP ----------------------------------------------------------------------------------------------------------


def discovers(home: Home) -> list[bytes]:
    return [frame for name, frame in home.sent if name == "addresses/dhcp"]


def test_dhcp_is_never_asked_without_a_yes(ctx: Context, home: Home) -> None:
    assert QUESTIONS["dhcp_look"].default is False
    for answer in (False, None):
        ctx.answers["addresses"]["dhcp_look"] = answer
        for question in QUESTIONS.values():
            question.default_for(ctx)
            question.explanation_for(ctx)
        plan(ctx)
    assert discovers(home) == []


def test_with_a_yes_one_pi_asks_once_in_a_run_and_takes_nothing(ctx: Context, home: Home) -> None:
    home.offers = [offer("10.0.0.137")]
    ctx.answers["addresses"]["dhcp_look"] = True
    heard = notes(ctx)
    told = QUESTIONS["dhcp_range"].explanation_for(ctx)
    assert "offered 10.0.0.137: netmask /24" in told
    assert "does not tell the range" in told
    ctx.do(plan(ctx)[0])
    assert "offered 10.0.0.137" in heard[0].text
    plan(ctx)
    [frame] = discovers(home)
    assert frame[42 + 240 :].startswith(bytes.fromhex("350101"))


def test_once_settled_it_is_not_asked_again(ctx: Context, home: Home) -> None:
    ctx.answers["addresses"]["dhcp_look"] = True
    ctx.do(plan(ctx)[0])
    ctx.scratch.pop("offers")  # another run
    home.sent.clear()
    assert plan(ctx) == []
    assert discovers(home) == []


def test_an_offered_address_is_kept_away_from(ctx: Context, home: Home) -> None:
    home.offers = [offer("10.0.0.240")]
    ctx.answers["addresses"] = {"lan": "10.0.0.0/24", "dhcp_look": True}
    QUESTIONS["dhcp_range"].explanation_for(ctx)
    assert QUESTIONS["pool"].default_for(ctx) == "10.0.0.190-10.0.0.199"
    assert "near those that it gave out (10.0.0.240)" in QUESTIONS["pool"].explanation_for(ctx)


@pytest.mark.parametrize(
    ("offers", "words", "path"),
    [
        ([offer("10.0.0.55")], "10.0.0.55 is what DHCP offered just now", "addresses.pool"),
        ([offer("10.0.0.137", prefix="ffff0000")], "puts its clients into 10.0.0.0/16, not into 10.0.0.0/24",
         "addresses.lan"),
        ([offer("10.0.0.137"), offer("10.0.0.99", "10.0.0.2", STRANGER)],
         f"2 DHCP servers answer on the LAN: 10.0.0.1 (MAC address {ROUTER}) and 10.0.0.2 (MAC address {STRANGER})",
         "addresses.dhcp_look"),
    ],
)  # fmt: skip
def test_what_dhcp_tells_is_compared(ctx: Context, home: Home, offers: list[str], words: str, path: str) -> None:
    home.offers = offers
    ctx.answers["addresses"]["dhcp_look"] = True
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert words in caught.value.why
    assert path in caught.value.answers
    ctx.answers["addresses"]["dhcp_look"] = False  # the way out, where it is meant to be so
    assert [change.id for change in plan(ctx)] == ["addresses/settle"]


def test_two_offers_of_one_server_are_one(ctx: Context, home: Home) -> None:
    home.offers = [offer("10.0.0.137"), offer("10.0.0.137"), ""]
    ctx.answers["addresses"]["dhcp_look"] = True
    assert plan(ctx)


def test_a_pi_that_can_not_ask_dhcp_is_no_obstacle(ctx: Context, home: Home) -> None:
    home.no_python = True
    ctx.answers["addresses"]["dhcp_look"] = True
    heard = notes(ctx)
    assert plan(ctx)
    assert any(note.title == "DHCP was not asked" and "python3 is not installed" in note.text for note in heard)


def test_no_server_is_said(ctx: Context) -> None:
    ctx.answers["addresses"]["dhcp_look"] = True
    assert "No DHCP server answered" in QUESTIONS["dhcp_range"].explanation_for(ctx)
