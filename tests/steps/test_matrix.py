"""The matrix: what must be seen from where, and what a wrong answer is blamed on."""

from __future__ import annotations

from typing import Any

import pytest

from steps import matrix
from steps.matrix import Cell, Probe, Seen

ANSWERS: dict[str, dict[str, Any]] = {
    "tailnet": {"service": "headscale"},
    "addresses": {"internal_address": "10.0.0.50", "external_address": "10.0.0.51"},
    "domains": {"provider": "none", "external_domain": "home.test", "internal_domain": "in.home.test"},
    "repository": {"apps": ["hello"]},
    "router": {"forwarded": True, "public_address": "203.0.113.7"},
    "proof": {"vpn_probe": "me@laptop", "outside_probe": "me@server"},
}
NONCE = Seen("http", 200, nonce=True)
OTHER = Seen("http", 200, text="Welcome to your router")
NOT_FOUND = Seen("http", 404)


def changed(**sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**part, **sections.get(name, {})} for name, part in ANSWERS.items()}


def test_every_vantage_has_positive_and_negative_rows() -> None:
    found = [(p.vantage, p.what, p.address, p.port, p.host, p.expected) for p in matrix.probes(ANSWERS)]
    inside = [
        ("public app", "10.0.0.51", 80, "hello.home.test", "answers"),
        ("private app", "10.0.0.50", 80, "hello.in.home.test", "answers"),
        ("private app by the public address", "10.0.0.51", 80, "hello.in.home.test", "not found"),
    ]
    assert found == [
        *(("LAN", *row) for row in inside), *(("VPN", *row) for row in inside),
        ("outside", "public app", "203.0.113.7", 80, "hello.home.test", "answers"),
        ("outside", "private app", "10.0.0.50", 80, "hello.in.home.test", "closed"),
        ("outside", "private app by the public address", "203.0.113.7", 80, "hello.in.home.test", "not found"),
        ("outside", "API server", "203.0.113.7", 6443, "", "closed"),
    ]  # fmt: skip
    assert {p.port for p in matrix.probes(changed(domains={"provider": "duckdns"}))} == {443, 6443}


@pytest.mark.parametrize(
    ("expected", "seen", "verdict"),
    [
        ("answers", NONCE, "ok"),
        ("answers", OTHER, "wrong"),
        ("answers", NOT_FOUND, "wrong"),
        ("answers", Seen("http", 503, nonce=True), "wrong"),
        ("answers", Seen("timeout"), "wrong"),
        ("answers", Seen("tls"), "wrong"),
        ("answers", Seen("connected"), "wrong"),
        ("not found", NOT_FOUND, "ok"),
        ("not found", NONCE, "wrong"),
        ("not found", Seen("http", 404, nonce=True), "wrong"),
        ("not found", Seen("refused"), "wrong"),
        ("closed", Seen("timeout"), "ok"),
        ("closed", Seen("refused"), "ok"),
        ("closed", Seen("no route"), "ok"),
        ("closed", Seen("connected"), "wrong"),
        ("closed", Seen("tls"), "wrong"),
        ("closed", NOT_FOUND, "wrong"),
        ("answers", Seen("me@laptop has no curl"), "not measured"),
        ("closed", Seen("me@laptop has no curl"), "not measured"),
        ("closed", Seen("curl error 3", text="curl: (3) URL rejected"), "not measured"),
        ("closed", Seen("forbidden here"), "not measured"),
    ],
)
def test_what_is_seen_is_judged(expected: Any, seen: Seen, verdict: str) -> None:
    assert matrix.judge(Probe("outside", "x", "10.0.0.1", 80, "x.test", expected), seen).verdict == verdict


@pytest.mark.parametrize(
    ("sections", "vantages", "words"),
    [
        ({"tailnet": {"service": "none"}}, {"VPN"}, "no VPN was chosen"),
        ({"proof": {"vpn_probe": None}}, {"VPN"}, "no probe there (proof.vpn_probe)"),
        ({"proof": {"outside_probe": None}}, {"outside"}, "no probe there (proof.outside_probe)"),
        ({"router": {"public_address": None}}, {"outside"}, "the public address is not known (router.public_address)"),
        ({"router": {"forwarded": False}}, {"outside"}, "ports are not forwarded (router.forwarded)"),
        ({"repository": {"apps": []}}, {"LAN", "VPN", "outside"}, "the app hello is not installed"),
    ],
)
def test_what_can_not_be_measured_says_why(sections: dict[str, Any], vantages: set[str], words: str) -> None:
    answers = changed(**sections)
    excuses = {probe.key: matrix.unmeasurable(probe, answers) for probe in matrix.probes(answers)}
    assert {key.split(":")[0] for key, excuse in excuses.items() if excuse} == vantages
    assert words in excuses.values()


def cells(answers: dict[str, dict[str, Any]], **seen: Seen) -> list[Cell]:
    """Everything as it must be, except for what `seen` says about a vantage's public app."""
    usual = {"answers": NONCE, "not found": NOT_FOUND, "closed": Seen("timeout")}
    return [
        matrix.judge(p, seen.get(p.vantage, NONCE) if p.what == "public app" else usual[p.expected])
        for p in matrix.probes(answers)
    ]


def verdicts(found: list[Cell]) -> dict[str, str]:
    return {cell.probe.key: cell.verdict for cell in found}


def test_a_404_counts_only_from_an_address_that_has_shown_the_nonce() -> None:
    assert set(verdicts(matrix.settle(cells(ANSWERS), ANSWERS)).values()) == {"ok"}
    found = verdicts(matrix.settle(cells(ANSWERS, outside=OTHER), ANSWERS))
    assert found["outside: private app by the public address"] == "not measured"
    assert found["LAN: private app by the public address"] == "ok"


def test_without_forwarding_no_outside_row_is_green_but_a_red_one_stays_red() -> None:
    answers = changed(router={"forwarded": False})
    found = matrix.settle(cells(answers), answers)
    assert {cell.verdict for cell in found if cell.probe.vantage == "outside"} == {"not measured"}
    api = next(probe for probe in matrix.probes(answers) if probe.port == 6443)
    assert matrix.settle([matrix.judge(api, Seen("connected"))], answers)[0].verdict == "wrong"


@pytest.mark.parametrize(
    ("what", "vantage", "seen", "words"),
    [
        ("public app", "LAN", Seen("timeout"), "MetalLB does not announce"),
        ("public app", "LAN", OTHER, "another device has the address"),
        ("public app", "LAN", NOT_FOUND, "no route for this name"),
        ("public app", "LAN", Seen("http", 503), "the app behind it does not"),
        ("public app", "LAN", Seen("tls"), "no certificate"),
        ("private app", "VPN", Seen("timeout"), "route over the VPN is missing"),
        ("public app", "outside", Seen("timeout"), "does not forward the port"),
        ("private app", "outside", NONCE, "reachable from outside"),
        ("private app by the public address", "outside", NONCE, "is served publicly"),
        ("private app by the public address", "LAN", Seen("timeout"), "MetalLB does not announce"),
        ("private app by the public address", "LAN", Seen("http", 500), "should answer 404"),
        ("API server", "outside", Seen("connected"), "remove the router's forwarding of port 6443"),
    ],
)
def test_a_red_cell_names_its_likely_cause(what: str, vantage: str, seen: Seen, words: str) -> None:
    probe = next(p for p in matrix.probes(ANSWERS) if (p.what, p.vantage) == (what, vantage))
    cell = matrix.judge(probe, seen)
    assert cell.verdict == "wrong"
    [sentence] = matrix.explain([cell])
    assert words in sentence and f"{what} ({probe.address}:{probe.port}), {cell.seen}" in sentence


def test_one_cause_is_told_once_and_begins_at_home() -> None:
    nobody = [matrix.judge(probe, Seen("refused")) for probe in matrix.probes(ANSWERS)]
    [sentence] = matrix.explain(nobody)
    assert sentence.startswith("MetalLB does not announce") and sentence.count("refused") == 8
    only_vpn = [cell for cell in nobody if cell.probe.vantage == "VPN"]
    assert [text.split(":")[0] for text in matrix.explain(only_vpn)] == ["The route over the VPN is missing"]
    assert matrix.explain(cells(ANSWERS)) == []


def test_the_table_fits_a_narrow_terminal_and_says_what_was_not_measured() -> None:
    answers = changed(proof={"outside_probe": None})
    found = [
        Cell(p, "not measured", excuse) if (excuse := matrix.unmeasurable(p, answers)) else matrix.judge(p, OTHER)
        for p in matrix.probes(answers)
    ]
    text = matrix.table(found)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.count("WRONG") == 6
    assert text.count("not measured") == 4
    assert "Not measured, outside (public app, private app, private app by the public" in text
    assert "no probe there (proof.outside_probe)." in " ".join(text.split())
    assert matrix.summary(found) == "0 of 10 as expected, 6 wrong, 4 not measured"


def test_a_recorded_table_is_compared_by_its_verdicts() -> None:
    found = cells(ANSWERS)
    table = [cell.record() for cell in found]
    assert matrix.verdicts(table) == verdicts(found)
    assert table[0] == {
        "from": "LAN", "what": "public app", "address": "10.0.0.51:80", "expected": "answers", "seen": "answers",
        "verdict": "ok",
    }  # fmt: skip
