"""The arithmetic of the cluster's addresses: what is proposed, and every mistake that is named."""

from __future__ import annotations

from typing import Any

import pytest

from steps import address_plan

PIS = ["192.168.1.11", "192.168.1.12"]


@pytest.mark.parametrize(
    ("lan", "dhcp", "avoid", "pool"),
    [
        ("192.168.1.0/24", None, PIS, "192.168.1.240-192.168.1.249"),
        ("192.168.1.0/24", "192.168.1.100-192.168.1.199", PIS, "192.168.1.240-192.168.1.249"),
        ("192.168.1.0/24", "192.168.1.20-192.168.1.253", PIS, "192.168.1.2-192.168.1.10"),
        ("192.168.1.0/24", "192.168.1.200-192.168.1.254", PIS, "192.168.1.190-192.168.1.199"),
        ("192.168.1.0/24", None, ["192.168.1.245"], "192.168.1.230-192.168.1.239"),
        ("10.0.0.0/16", None, [], "10.0.255.240-10.0.255.249"),
        ("192.168.1.0/28", None, [], "192.168.1.10-192.168.1.13"),
        ("192.168.1.0/29", None, [], "192.168.1.3-192.168.1.5"),
        ("192.168.1.0/24", "192.168.1.1-192.168.1.254", [], None),
    ],
)
def test_the_highest_free_block_is_proposed(lan: str, dhcp: str | None, avoid: list[str], pool: str | None) -> None:
    assert address_plan.propose(lan, dhcp, avoid) == pool


def test_addresses_are_proposed_from_the_pool_one_after_the_other() -> None:
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0) == "10.0.0.5"
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0, ["10.0.0.5", "10.0.0.6"]) == "10.0.0.7"
    assert address_plan.nth_of_pool("10.0.0.5-10.0.0.7", 0, ["10.0.0.5", "10.0.0.6", "10.0.0.7"]) is None
    assert address_plan.nth_of_pool(None, 0) is None


def answers(**changed: Any) -> dict[str, dict[str, Any]]:
    given = {
        "lan": "192.168.1.0/24", "dhcp_range": "192.168.1.100-192.168.1.199", "pool": "192.168.1.200-192.168.1.210",
        "internal_address": "192.168.1.201", "external_address": "192.168.1.202", "dns_address": "192.168.1.203",
    }  # fmt: skip
    return {
        "machines": {"hosts": PIS},
        "control-plane": {"pod_range": "10.244.0.0/16", "service_range": "10.96.0.0/12"},
        "addresses": {**given, **changed},
    }


def test_good_addresses_have_no_mistake() -> None:
    assert address_plan.mistakes(answers()) == []
    assert address_plan.mistakes(answers(dhcp_range=None)) == []
    assert address_plan.mistakes({}) == []


@pytest.mark.parametrize(
    ("changed", "path", "words"),
    [
        ({"lan": "10.0.0.0/24"}, "lan", "the Pi 192.168.1.11 is not inside"),
        ({"lan": "10.240.0.0/12"}, "lan", "overlaps the range of the pods"),
        ({"lan": "10.97.0.0/24"}, "lan", "overlaps the range of the services"),
        ({"lan": "100.80.0.0/16"}, "lan", "overlaps the range of every tailnet"),
        ({"dhcp_range": "192.168.2.10-192.168.2.20"}, "dhcp_range", "not inside the LAN"),
        ({"pool": "192.168.2.200-192.168.2.210"}, "pool", "not inside the LAN"),
        ({"pool": "192.168.1.245-192.168.1.255"}, "pool", "belongs to the LAN itself"),
        ({"pool": "192.168.1.200-192.168.1.201"}, "pool", "at least three"),
        ({"pool": "192.168.1.190-192.168.1.210"}, "pool", "overlaps the router's DHCP range"),
        ({"pool": "192.168.1.10-192.168.1.20"}, "pool", "holds the Pi 192.168.1.11"),
        ({"lan": "192.168.0.0/16", "pool": "192.168.8.0-192.168.20.0"}, "pool", "more than 1024"),
        ({"internal_address": "192.168.1.99"}, "internal_address", "not inside the pool"),
        ({"external_address": "192.168.1.201"}, "external_address", "also the internal address"),
        ({"dns_address": "192.168.1.202"}, "dns_address", "also the external address"),
    ],
)
def test_every_mistake_is_named_where_it_was_made(changed: dict[str, Any], path: str, words: str) -> None:
    found = address_plan.mistakes(answers(**changed))
    assert any(problem.path == f"addresses.{path}" and words in problem.what and problem.fix for problem in found)
