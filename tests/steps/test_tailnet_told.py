"""What is told of a tailnet: why a log-in failed, what only the person can change, names and keys that end."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from steps.facts import NodeFacts
from steps.tailnet_advice import advice, api_key
from steps.tailnet_facts import CONTROL, Member
from steps.tailnet_why import foreign, join_failed, obstacles
from wizard import yamlfile
from wizard.web.tailnet import Machine

MESSAGES = yamlfile.load((Path(__file__).parents[1] / "cases/tailnet/messages.yaml").read_text())
RUNNING = {"BackendState": "Running", "Self": {"TailscaleIPs": ["100.64.0.1"], "DNSName": "pi1.ts.test."}}
PREFS = {"ControlURL": "https://hs.example", "RouteAll": False, "CorpDNS": False}


@pytest.mark.parametrize("case", MESSAGES, ids=lambda case: case["case"])
def test_a_failed_log_in_is_explained(case: dict[str, str]) -> None:
    error = join_failed(case["said"], "pi1", "https://hs.example")
    assert case["told"] in error.why and error.fix and error.host == "pi1"


def test_a_log_in_that_failed_without_a_word() -> None:
    error = join_failed("", "pi1", "https://hs.example")
    assert (error.why, "journalctl" in error.fix) == ("", True)


@pytest.mark.parametrize(
    ("member", "words"),
    [
        (Member("a", RUNNING, {**PREFS, "ControlURL": CONTROL}), "already belongs to the tailnet of"),
        (Member("a", {"BackendState": "NeedsMachineAuth"}), "waits to be let into"),
        (Member("a", {"BackendState": "NeedsLogin", "Self": {"Expired": True}}, PREFS), "has expired"),
        (
            Member(
                "a",
                {
                    **RUNNING,
                    "Health": ["this node is locked out; it will not have connectivity until it is signed."],
                    "Self": {"PublicKey": "nodekey:7"},
                },
                PREFS,
            ),
            "locked out",
        ),
    ],
)
def test_what_only_the_person_can_change_blocks(member: Member, words: str) -> None:
    [found] = obstacles(member, "https://hs.example")
    assert words in found.what and found.fix and found.host == "a"
    assert list(obstacles(Member("a", RUNNING, PREFS), "https://hs.example")) == []


@pytest.mark.parametrize(
    ("domain", "known", "words"),
    [
        ("tail1.ts.net", ("tail2.ts.net",), "already belongs to another tailnet: tail1.ts.net"),
        ("tail1.ts.net", ("tail1.ts.net", "tail2.ts.net"), ""),
        ("tail1.ts.net", ("",), ""),  # headscale: its login server tells
        ("tail1.ts.net", (), ""),
        ("", ("tail2.ts.net",), ""),
    ],
)
def test_a_pi_of_another_tailnet_is_told_though_the_login_server_is_the_same(
    domain: str, known: tuple[str, ...], words: str
) -> None:
    member = Member("a", {**RUNNING, "CurrentTailnet": {"Name": "me@example.org", "MagicDNSSuffix": domain}}, PREFS)
    problem = foreign(member, [Machine("1", "x", ("100.64.0.1",), True, domain=name) for name in known])
    assert (problem is None) is (not words)
    assert problem is None or (words in problem.what and "tail2.ts.net" in problem.why and problem.fix)


def test_a_key_that_the_api_renews_blocks_nothing() -> None:
    member = Member("a", {"BackendState": "NeedsLogin", "Self": {"Expired": True}}, PREFS)
    assert list(obstacles(member, "https://hs.example", renewed=True)) == []


TODAY = date(2027, 4, 16)
OTHER = Machine("7", "pi1", ("100.64.0.7",), False)


def told(me: dict[str, Any], *health: str, known: tuple[Machine, ...] = ()) -> list[tuple[str, str]]:
    facts = NodeFacts("a", hostname="pi1")
    return advice({"a": facts}, {"a": Member("a", {**RUNNING, "Self": me, "Health": health}, PREFS)}, known, TODAY)


def test_a_second_name_is_told_with_who_has_the_first() -> None:
    [(title, text)] = told({"DNSName": "pi1-1.ts.test."}, known=(OTHER,))
    assert title == "pi1 has another name in the tailnet"
    assert "called pi1-1 there: the machine pi1 (100.64.0.7, not connected) had the name" in text
    [(_, text)] = told({"DNSName": "pi1-1.ts.test."})
    assert "another machine had the name" in text


def test_complaints_are_told_but_those_about_what_is_meant_to_be_so() -> None:
    health = ["Some peers are advertising routes but --accept-routes is false", "Tailscale is starting. Please wait."]
    assert told({}, *health) == []
    assert told({}, "No home relay server", *health) == [("Tailscale on pi1 complains", "No home relay server")]
    forwarding = "Subnet routing is enabled, but IP forwarding is disabled. Check that it is."
    assert told({}, forwarding) == []  # the step mends it, and it was seen to be said long after


@pytest.mark.parametrize(
    ("ends", "title"),
    [
        ("2027-05-01T10:00:00Z", "pi1's key for the tailnet ends in 15 days"),
        ("2027-04-17T10:00:00Z", "pi1's key for the tailnet ends in 1 day"),
        ("2027-09-01T10:00:00Z", "pi1's key for the tailnet ends"),
    ],
)
def test_an_ending_key_is_told(ends: str, title: str) -> None:
    assert [title for title, _ in told({"KeyExpiry": ends})] == [title]


@pytest.mark.parametrize(
    ("ends", "count"), [("", 0), ("2027-06-01T00:00:00Z", 0), ("2027-05-01T00:00:00Z", 1), ("2027-04-01T00:00:00Z", 1)]
)
def test_an_api_key_is_warned_of_thirty_days_before(ends: str, count: int) -> None:
    assert len(list(api_key(ends, TODAY))) == count
