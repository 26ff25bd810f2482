"""The arithmetic of the cluster's addresses: what is proposed, and what would make room."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from steps import address_plan

PIS = ["192.168.1.11", "192.168.1.12"]
A, B = "192.168.1.", "192.168.0."


@pytest.mark.parametrize(
    ("lan", "dhcp", "avoid", "pool"),
    [
        (A + "0/24", None, PIS, A + "240-" + A + "249"),
        (A + "0/24", A + "100-" + A + "199", PIS, A + "240-" + A + "249"),
        (A + "0/24", A + "20-" + A + "253", PIS, A + "2-" + A + "10"),
        (A + "0/24", A + "200-" + A + "254", PIS, A + "190-" + A + "199"),
        (A + "0/24", None, [A + "245"], A + "230-" + A + "239"),
        (A + "0/24", A + "1-" + A + "254", [], None),
        (A + "0/24", A + "2-" + A + "250", [], A + "251-" + A + "253"),
        (A + "0/24", A + "2-" + A + "251", [], None),
        (A + "0/24", A + "11-" + A + "253", [A + "6"], A + "7-" + A + "10"),
        (A + "0/24", None, [A + str(each) for each in range(1, 255, 3)], None),
        (A + "0/24", None, [A + str(each) for each in range(1, 255, 4)], A + "250-" + A + "252"),
        # larger and smaller ones
        ("10.0.0.0/16", None, [], "10.0.255.240-10.0.255.249"),
        ("10.0.0.0/16", "10.0.255.0-10.0.255.255", [], "10.0.254.240-10.0.254.249"),
        ("10.0.0.0/8", "10.0.0.0-10.255.255.255", [], None),
        ("10.0.0.0/8", "10.0.1.0-10.255.255.255", ["10.0.0.1"], "10.0.0.240-10.0.0.249"),
        ("192.168.16.0/20", None, [], "192.168.31.240-192.168.31.249"),
        (B + "0/23", A + "4-" + A + "254", [], B + "240-" + B + "249"),  # neither .0.255 nor .1.0
        (B + "0/23", B + "2-" + B + "251", [], A + "240-" + A + "249"),
        (B + "0/23", B + "2-" + B + "250", [A + str(each) for each in range(1, 255)],
         B + "251-" + B + "254"),
        (A + "0/28", None, [], A + "10-" + A + "13"),
        (A + "0/29", None, [], A + "3-" + A + "5"),
        (A + "0/30", None, [], None),
        # not beginning at .0
        (A + "64/26", None, [], A + "110-" + A + "119"),
        (A + "64/26", A + "100-" + A + "126", [A + "70"], A + "90-" + A + "99"),
        (A + "240/28", None, [], A + "250-" + A + "253"),
        ("10.20.30.128/25", None, ["10.20.30.249"], "10.20.30.230-10.20.30.239"),
        # what is in other networks does not matter
        (A + "0/24", None, ["8.8.8.8", "172.17.0.1", "224.0.0.1", "192.168.2.245"], A + "240-" + A + "249"),
    ],
)  # fmt: skip
def test_the_highest_free_block_is_proposed(lan: str, dhcp: str | None, avoid: list[str], pool: str | None) -> None:
    assert address_plan.propose(lan, dhcp, avoid) == pool


@pytest.mark.parametrize("lan", ["192.168.1.0/24", "192.168.0.0/22", "10.0.0.0/28", "192.168.1.64/27", "10.0.0.0/12"])
@pytest.mark.parametrize("dhcp", [None, (2, 9), (9, 13)])
def test_what_is_proposed_holds_nothing_that_is_taken(lan: str, dhcp: tuple[int, int] | None) -> None:
    network = IPv4Network(lan)
    given = f"{network[dhcp[0]]}-{network[dhcp[1]]}" if dhcp else None
    avoid = [str(network[number]) for number in (3, 6, -4, -9)]
    pool = address_plan.propose(lan, given, avoid)
    if pool is None:
        assert network.num_addresses == 16
        return
    for text in address_plan.members(pool):
        address = IPv4Address(text)
        assert address in network
        assert address not in (network[0], network[1], network[-2], network[-1])
        assert text not in avoid
        assert int(address) & 0xFF not in (0, 255)
        assert not dhcp or not network[dhcp[0]] <= address <= network[dhcp[1]]


@pytest.mark.parametrize(
    ("lan", "given", "pool"),
    [
        ("192.168.1.0/24", ["192.168.1.137"], "192.168.1.240-192.168.1.249"),
        ("192.168.1.0/24", ["192.168.1.240"], "192.168.1.190-192.168.1.199"),
        ("192.168.1.0/24", ["192.168.1.100", "192.168.1.220"], "192.168.1.170-192.168.1.179"),
        ("192.168.1.0/24", ["192.168.1.40", "192.168.1.101", "192.168.1.160", "192.168.1.221"],
         "192.168.1.2-192.168.1.7"),  # few of them, but far enough from all
        ("192.168.1.0/28", ["192.168.1.11"], "192.168.1.5-192.168.1.8"),
        ("192.168.1.0/28", ["192.168.1.5", "192.168.1.9"], "192.168.1.10-192.168.1.13"),
    ],
)  # fmt: skip
def test_where_the_range_is_not_known_what_dhcp_gave_is_kept_away_from(lan: str, given: list[str], pool: str) -> None:
    assert address_plan.propose(lan, None, given, given) == pool


def test_a_known_range_is_believed() -> None:
    given = ["192.168.1.199"]
    assert address_plan.propose("192.168.1.0/24", "192.168.1.100-192.168.1.199", given, given) == (
        "192.168.1.240-192.168.1.249"
    )


@pytest.mark.parametrize(
    ("lan", "dhcp", "smaller"),
    [
        ("192.168.1.0/24", "192.168.1.2-192.168.1.254", "192.168.1.2-192.168.1.239"),
        ("192.168.1.0/24", "192.168.1.1-192.168.1.254", "192.168.1.1-192.168.1.239"),
        ("192.168.1.0/28", "192.168.1.2-192.168.1.14", "192.168.1.2-192.168.1.9"),
        ("192.168.1.0/29", "192.168.1.3-192.168.1.6", "192.168.1.6-192.168.1.6"),
        ("192.168.1.0/29", "192.168.1.3-192.168.1.5", None),
        ("192.168.1.0/30", "192.168.1.1-192.168.1.2", None),
    ],
)
def test_a_smaller_dhcp_range_makes_room(lan: str, dhcp: str, smaller: str | None) -> None:
    assert address_plan.shrunk(lan, dhcp, []) == smaller
    if smaller:
        assert address_plan.propose(lan, smaller, []), "then there is something to propose"


def test_addresses_are_proposed_from_the_pool_one_after_the_other() -> None:
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0) == "10.0.0.5"
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0, ["10.0.0.5", "10.0.0.6"]) == "10.0.0.7"
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0, ["10.0.0.5", "10.0.0.6", "10.0.0.7"]) is None
    assert address_plan.nth_of_pool(None, 0) is None
