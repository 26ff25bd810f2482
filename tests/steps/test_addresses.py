"""Addresses: who answers on the LAN decides, and what the cluster itself announces is no conflict."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from steps import addresses
from steps.addresses import QUESTIONS, Addresses, conflicts
from wizard import events
from wizard.context import Context
from wizard.errors import Blocked, WizardError
from wizard.host.base import Result, Script
from wizard.state import State

PI1, PI2, STRANGER = "2c:cf:67:00:00:01", "2c:cf:67:00:00:02", "aa:bb:cc:00:00:09"
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
        ({"10.0.0.50": (PI1, PI2)}, {}, "two machines at once: pi1 and pi2"),
        ({"10.0.0.50": (PI1,)}, {"10.0.0.50": "pi1"}, "pi1's own address"),
    ],
)
def test_who_answers_decides(answered: Any, owned: dict[str, str], words: str) -> None:
    found = conflicts(answered, NAMES, owned)
    assert list(found) == (list(answered) if words else [])
    assert words in "".join(found.values())


def test_a_pi_with_two_network_cards_is_one_machine() -> None:
    assert conflicts({"10.0.0.50": (PI1, PI2)}, {PI1: "pi1", PI2: "pi1"}, {}) == {}


class Lan:
    """A LAN with two Pis; `taken` are the others that answer."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.taken: dict[str, tuple[str, ...]] = {"10.0.0.11": (PI1,), "10.0.0.12": (PI2,)}

    def now(self) -> float:
        return 0.0

    def arp(self, asked: list[str]) -> dict[str, tuple[str, ...]]:
        return {address: self.taken[address] for address in asked if address in self.taken}


class Pi:
    """A host whose facts name its addresses."""

    def __init__(self, address: str) -> None:
        self.address = address

    def run(self, script: Script, **_: Any) -> Result:
        assert script.name == "facts"
        return Result(0, f"@@ address\n2: eth0    inet {self.address}/24 brd 10.0.0.255 scope global eth0\n")


@pytest.fixture
def lan() -> Lan:
    return Lan()


@pytest.fixture
def ctx(lan: Lan, tmp_path: Path) -> Context:
    made = Context(lan, State(tmp_path / "state.yaml", "test"), None, events.Bus())  # type: ignore[arg-type]
    pis = ["10.0.0.11", "10.0.0.12"]
    made.scratch["hosts"] = {address: Pi(address) for address in pis}
    made.answers.update({
        "machines": {"network": "10.0.0.0/24", "hosts": pis, "control_plane": pis[0]},
        "tailnet": {"service": "none"},
        "addresses": {
            "lan": "10.0.0.0/24", "dhcp_range": None, "pool": "10.0.0.50-10.0.0.59", "internal_address": "10.0.0.50",
            "external_address": "10.0.0.51", "dns_address": "10.0.0.52", "arp": True,
        },
    })  # fmt: skip
    return made


def plan(ctx: Context) -> list[Any]:
    step = Addresses()
    return step.plan(step.check(ctx), ctx.answers)


def test_free_addresses_are_settled_once(ctx: Context) -> None:
    [change] = plan(ctx)
    assert "10.0.0.50 for private apps" in change.sentence
    ctx.do(change)
    assert plan(ctx) == []


def test_other_answers_are_settled_anew(ctx: Context) -> None:
    ctx.do(plan(ctx)[0])
    ctx.answers["addresses"]["dns_address"] = "10.0.0.53"
    assert [change.id for change in plan(ctx)] == ["addresses/settle"]


def test_what_the_cluster_announces_is_no_conflict(ctx: Context, lan: Lan) -> None:
    ctx.do(plan(ctx)[0])
    lan.taken["10.0.0.50"] = (PI2,)
    assert plan(ctx) == []


def test_a_stranger_on_an_address_blocks_and_is_named(ctx: Context, lan: Lan) -> None:
    lan.taken["10.0.0.55"] = (STRANGER,)
    with pytest.raises(Blocked) as caught:
        plan(ctx)
    assert "10.0.0.55" in caught.value.why and STRANGER in caught.value.why
    assert ctx.state.recall("addresses", "checked") is None


def test_silence_is_not_taken_for_freedom(ctx: Context, lan: Lan) -> None:
    lan.taken.clear()
    with pytest.raises(Blocked, match="not even the Pis"):
        plan(ctx)
    ctx.answers["addresses"]["arp"] = False
    assert plan(ctx)


def test_where_arp_can_not_be_asked_the_way_out_is_named(
    ctx: Context, lan: Lan, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(asked: list[str]) -> dict[str, tuple[str, ...]]:
        raise WizardError("Who answers can't be found out from here.", "A router lies between.")

    monkeypatch.setattr(lan, "arp", refuse)
    with pytest.raises(Blocked, match=r"addresses\.arp"):
        plan(ctx)
    assert QUESTIONS["pool"].default_for(ctx) == "10.0.0.240-10.0.0.249"


def test_the_proposal_moves_on_from_what_is_taken(ctx: Context, lan: Lan) -> None:
    lan.taken["10.0.0.244"] = (STRANGER,)
    assert QUESTIONS["pool"].default_for(ctx) == "10.0.0.230-10.0.0.239"
    ctx.answers["addresses"] = {"lan": "10.0.0.0/24", "pool": "10.0.0.230-10.0.0.239", "internal_address": "10.0.0.230"}
    assert QUESTIONS["external_address"].default_for(ctx) == "10.0.0.231"
    assert QUESTIONS["lan"].default_for(ctx) == "10.0.0.0/24"
    assert addresses.values({"addresses": {key: "x" for key in addresses.KEYS}})["pool"] == "x"
