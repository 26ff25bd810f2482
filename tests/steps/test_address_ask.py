"""Who answers on the LAN decides: conflicts, proxies, silence; from this computer and from a Pi."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Any

import pytest

from steps.address_ask import conflicts, controls, names, proxy, still_free
from steps.address_look import HERE
from steps.addresses import QUESTIONS
from steps.lan import Lan, Place
from tests.steps.address_home import PI1, PI2, ROUTER, STRANGER, Home, notes, plan, stand
from wizard.context import Context
from wizard.errors import Blocked

NAMES = {PI1: "pi1", PI2: "pi2"}


@pytest.mark.parametrize(
    ("answered", "owned", "words"),
    [
        ({}, {}, ""),
        ({"10.0.0.50": (PI1,)}, {}, ""),  # MetalLB's doing
        ({"10.0.0.50": (STRANGER,)}, {}, f"in use by the machine with the MAC address {STRANGER}"),
        (
            {"10.0.0.50": (PI1, STRANGER)},
            {},
            f"two machines at once: pi1 and the machine with the MAC address {STRANGER}",
        ),
        ({"10.0.0.50": (STRANGER, ROUTER)}, {}, f"{STRANGER} and the machine with the MAC address {ROUTER}"),
        ({"10.0.0.50": (PI1, PI2)}, {}, "two machines at once: pi1 and pi2"),
        ({"10.0.0.11": (PI1,)}, {"10.0.0.11": "pi1"}, ""),
        (
            {"10.0.0.11": (PI1, STRANGER)},
            {"10.0.0.11": "pi1"},
            f"pi1's own, and the machine with the MAC address {STRANGER} has it too",
        ),
        ({"10.0.0.11": (PI1, PI2)}, {"10.0.0.11": "pi1"}, "pi1's own, and pi2 has it too"),
        ({"10.0.0.11": (STRANGER,)}, {"10.0.0.11": "pi1"}, "pi1's own, and the machine with the MAC address"),
    ],
)
def test_who_answers_decides(answered: Any, owned: dict[str, str], words: str) -> None:
    found = conflicts(answered, NAMES, owned)
    assert list(found) == (list(answered) if words else [])
    assert words in "".join(found.values())


def test_a_pi_with_two_network_cards_is_one_machine() -> None:
    assert conflicts({"10.0.0.50": (PI1, PI2)}, {PI1: "pi1", PI2: "pi1"}, {}) == {}


def test_a_repeater_that_speaks_for_a_pi_is_the_pi() -> None:
    home = Lan({"10.0.0.11": Place("pi1", macs=frozenset({PI1})), "10.0.0.12": Place("pi2", macs=frozenset({PI2}))})
    repeated = names(HERE, {"10.0.0.11": (STRANGER,), "10.0.0.12": (PI2,)}, home)
    assert conflicts({"10.0.0.50": (STRANGER,)}, repeated, {}) == {}
    doubled = names(HERE, {"10.0.0.11": (PI1, STRANGER)}, home)  # then it is no repeater, but has pi1's address
    asked_itself = names("10.0.0.11", {"10.0.0.11": (STRANGER,)}, home)  # nobody else may answer pi1 for its own
    assert STRANGER not in {**doubled, **asked_itself}


@pytest.mark.parametrize(
    ("answered", "mac"),
    [
        ({"a": (ROUTER,), "b": (ROUTER,), "x": (ROUTER,), "y": (ROUTER,)}, ROUTER),
        ({"a": (ROUTER, STRANGER), "b": (ROUTER,), "x": (ROUTER,), "y": (ROUTER,)}, ROUTER),
        ({"a": (STRANGER,), "b": (STRANGER,)}, ""),  # another cluster has the same pool
        ({"a": (STRANGER,), "b": (STRANGER,), "x": (STRANGER,)}, ""),
        ({"a": (PI1,), "b": (PI1,), "x": (PI1,), "y": (PI1,)}, ""),
        ({}, ""),
    ],
)
def test_who_answers_for_everything_is_a_proxy(answered: dict[str, tuple[str, ...]], mac: str) -> None:
    assert proxy(answered, ["a", "b"], ["x", "y"], NAMES) == mac
    assert proxy(answered, ["a", "b"], [], NAMES) == ""


@pytest.mark.parametrize(
    ("lan", "count"), [("10.0.0.0/24", 3), ("10.0.0.0/16", 3), ("10.0.0.0/28", 3), ("10.0.0.0/29", 3)]
)
def test_addresses_to_compare_with_are_free_ones_of_the_lan(lan: str, count: int) -> None:
    network = IPv4Network(lan)
    known = [str(network.network_address + 1), str(network.network_address + 2)]
    found = controls(network, known)
    assert len(set(found)) == count
    assert not set(found) & set(known)
    assert all(network[0] < IPv4Address(each) < network[-1] for each in found)


# -- on a LAN ------------------------------------------------------------------------------------------------------


@pytest.fixture
def home() -> Home:
    return Home()


@pytest.fixture
def ctx(home: Home, tmp_path: Path) -> Context:
    return stand(home, tmp_path)


def test_a_stranger_on_an_address_blocks_and_is_named(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.55"] = (STRANGER,)
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert (
        f"10.0.0.55 is in use by the machine with the MAC address {STRANGER} (made by Tin Cans Ltd)" in caught.value.why
    )
    assert caught.value.answers[0] == "addresses.pool", "trying again asks for them again"
    assert ctx.state.recall("addresses", "checked") is None


def test_two_macs_for_one_address_are_both_named(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.52"] = (STRANGER, "06:11:22:33:44:55")
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "10.0.0.52 is answered by two machines at once" in caught.value.why
    assert "made by Tin Cans Ltd" in caught.value.why
    assert "06:11:22:33:44:55 (a made-up one: a phone, a virtual machine or a container)" in caught.value.why


def test_somebody_with_a_pis_own_address_is_named(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.12"] = (PI2, STRANGER)
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "10.0.0.12 is 10.0.0.12's own, and the machine with the MAC address" in caught.value.why
    assert caught.value.answers == ()


def test_a_router_that_answers_for_everything_is_recognised(ctx: Context, home: Home, monkeypatch: Any) -> None:
    everything = {f"10.0.0.{number}": (ROUTER,) for number in range(1, 255)}
    home.taken = {**everything, "10.0.0.11": (PI1, ROUTER), "10.0.0.12": (PI2, ROUTER), "10.0.0.1": (ROUTER,)}
    with pytest.raises(Blocked, match="proxy ARP") as caught:
        plan(ctx)
    assert f"the router 10.0.0.1, the machine with the MAC address {ROUTER}" in caught.value.why
    ctx.answers["addresses"]["arp"] = False
    assert plan(ctx)


def test_silence_is_not_taken_for_freedom(ctx: Context, home: Home) -> None:
    home.taken.clear()
    with pytest.raises(Blocked, match="not even the Pis"):
        plan(ctx)
    ctx.answers["addresses"]["arp"] = False
    assert plan(ctx)


def test_where_this_computer_can_not_ask_a_pi_does(ctx: Context, home: Home) -> None:
    home.deaf = True
    assert [change.id for change in plan(ctx)] == ["addresses/settle"]
    home.taken["10.0.0.55"] = (STRANGER,)
    with pytest.raises(Blocked, match="can't be used"):
        plan(ctx)


def test_where_no_pi_can_ask_it_is_told_that_a_second_machine_would_not_be_seen(ctx: Context, home: Home) -> None:
    home.no_python = True
    home.taken["10.0.0.50"] = (PI2, STRANGER)
    home.arp = lambda asked: {a: home.taken[a][:1] for a in asked if a in home.taken}  # type: ignore[method-assign]
    told = notes(ctx)
    changes = plan(ctx)
    assert [change.id for change in changes] == ["addresses/settle"], "it can't be seen"
    plan(ctx)
    [note] = [note.text for note in told if "would not be seen" in note.text]
    assert "10.0.0.11 can't ask: python3 is not installed; 10.0.0.12 can't ask: python3" in note
    assert "This computer asked alone" in note
    ctx.do(changes[0])
    assert ctx.state.recall("addresses", "asked") == {"by": [HERE], "lacking": note}


def test_where_one_pi_can_not_ask_the_next_one_does(ctx: Context, home: Home) -> None:
    home.taken["10.0.0.50"] = (PI2, STRANGER)
    home.without_python = {"10.0.0.11"}
    home.deaf = True
    told = notes(ctx)
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "10.0.0.50 is in use by the machine with the MAC address" in caught.value.why, "pi2 does not hear itself"
    assert [note for note in told if "would not be seen" in note.text] == []


@pytest.mark.parametrize(("arp", "by", "lacks"), [(True, [HERE, "10.0.0.11"], False), (False, [], True)])
def test_what_is_remembered_claims_no_more_than_was_asked(ctx: Context, arp: bool, by: list[str], lacks: bool) -> None:
    ctx.answers["addresses"]["arp"] = arp
    ctx.do(plan(ctx)[0])
    asked = ctx.state.recall("addresses", "asked")
    assert (asked["by"], bool(asked["lacking"])) == (by, lacks)


def test_where_nobody_can_ask_the_way_out_is_named(ctx: Context, home: Home) -> None:
    home.deaf = home.no_python = True
    with pytest.raises(Blocked, match=r"addresses\.arp"):
        plan(ctx)
    assert QUESTIONS["pool"].default_for(ctx) == "10.0.0.240-10.0.0.249"
    assert "(nobody could be asked)" in QUESTIONS["pool"].explanation_for(ctx)


def test_a_pi_hears_what_this_computer_may_not(ctx: Context, home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without root the kernel keeps one MAC an address."""
    home.taken["10.0.0.50"] = (PI2, STRANGER)
    monkeypatch.setattr(home, "arp", lambda asked: {a: home.taken[a][:1] for a in asked if a in home.taken})
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "10.0.0.50 is answered by two machines at once" in caught.value.why


def test_just_before_they_are_used_they_are_asked_once_more(ctx: Context, home: Home) -> None:
    ctx.do(plan(ctx)[0])
    still_free(ctx)
    home.taken["10.0.0.51"] = (STRANGER,)
    with pytest.raises(Blocked, match="can't be used"):
        still_free(ctx)
    asked = home.asked_here
    ctx.answers["addresses"]["arp"] = False
    still_free(ctx)
    assert home.asked_here == asked
