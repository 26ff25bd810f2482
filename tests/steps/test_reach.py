"""The proof's rules: which probes there are, and how what was seen is judged."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from steps.reach import judge, rows, table
from steps.reach.causes import explain
from steps.reach.exposed import exposed
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe
from tests.steps.reach_world import (
    ANSWERS,
    APPS,
    EXTERNAL,
    HOME,
    LOST,
    NONCE,
    NOT_FOUND,
    NOW,
    OTHER,
    REFUSED,
    STAGED,
    TO_PUBLIC,
    cells,
    changed,
    pem,
)


@pytest.mark.parametrize(
    ("kind", "seen", "verdict"),
    [
        ("app", NONCE, "ok"), ("app", Seen("http", 302, nonce=True), "ok"), ("app", OTHER, "wrong"),
        ("app", NOT_FOUND, "wrong"), ("app", Seen("http", 503, nonce=True), "wrong"), ("app", LOST, "wrong"),
        ("app", Seen("http", 404, nonce=True), "wrong"), ("app", Seen("tls"), "wrong"),
        ("app", Seen("connected"), "wrong"), ("hidden", NOT_FOUND, "ok"), ("hidden", NONCE, "wrong"),
        ("hidden", Seen("http", 404, nonce=True), "wrong"), ("hidden", REFUSED, "wrong"), ("closed", LOST, "ok"),
        ("closed", REFUSED, "ok"), ("closed", Seen("no route"), "ok"), ("closed", Seen("connected"), "wrong"),
        ("closed", Seen("tls"), "wrong"), ("closed", NOT_FOUND, "wrong"),
        ("redirect", Seen("http", 301, text="https://x.home.test/"), "ok"),
        ("redirect", Seen("http", 301, text="http://elsewhere/"), "wrong"), ("redirect", OTHER, "wrong"),
        ("name", Seen("answers", text="10.0.0.1"), "ok"), ("name", Seen("answers", text="10.0.0.1 10.0.0.9"), "wrong"),
        ("name", Seen("nothing"), "wrong"), ("resolver", Seen("silent"), "wrong"),
        ("certificate", Seen("untrusted", 200, text="no certificate"), "wrong"), ("certificate", LOST, "wrong"),
        ("app", Seen("me@laptop has no curl"), "not measured"),
        ("closed", Seen("me@laptop has no curl"), "not measured"),
        ("closed", Seen("curl error 3", text="curl: (3) URL rejected"), "not measured"),
        ("closed", Seen("forbidden here"), "not measured"), ("resolver", Seen("no tool for names"), "not measured"),
    ],
)  # fmt: skip
def test_what_is_seen_is_judged(kind: Any, seen: Seen, verdict: str) -> None:
    probe = Probe("outside", kind, "x", "10.0.0.1", 443, "x.home.test", wanted=("10.0.0.1",))
    assert judge.judge(probe, seen, ANSWERS, NOW).verdict == verdict


@pytest.mark.parametrize(
    ("issuer", "seen", "said", "verdict"),
    [
        ("production", Seen("trusted", 200, text=pem("*.home.test")), "valid, until 2027-01-25", "ok"),
        ("staging", STAGED, "staging, until 2027-01-25", "ok"),
        ("staging", Seen("untrusted", 200, text=pem("*.home.test", issuer="A NAS")), "not trusted: A NAS", "wrong"),
        ("production", Seen("trusted", 200, text=pem("*.home.test", issuer="A filter")), "by A filter", "wrong"),
        ("staging", Seen("trusted", 200, text=pem("*.home.test")), "valid, until 2027-01-25", "ok"),
        ("production", STAGED, "staging, until 2027-01-25", "wrong"),
        ("staging", Seen("untrusted", 200, text=pem()), "Traefik's own", "wrong"),
        ("staging", Seen("untrusted", 200, text=pem("a.b.home.test")), "for a.b.home.test", "wrong"),
        ("staging", Seen("untrusted", 200, text=pem("*.home.test", days=-3)), "ended 2026-11-23", "wrong"),
    ],
)  # fmt: skip
def test_certificates_are_read(issuer: str, seen: Seen, said: str, verdict: str) -> None:
    probe = Probe("LAN", "certificate", "x", "10.0.0.1", 443, "hello.home.test")
    cell = judge.judge(probe, seen, changed(domains={"issuer": issuer}), NOW)
    assert (cell.seen, cell.verdict) == (said, verdict)


@pytest.mark.parametrize("seen", [Seen("trusted", 200), Seen("untrusted", 200)], ids=["trusted", "not"])
def test_an_acme_directory_of_ones_own_has_an_authority_of_its_own(seen: Seen) -> None:
    probe = Probe("LAN", "certificate", "x", "10.0.0.1", 443, "hello.home.test")
    given = changed(domains={"issuer": "staging", "acme_directory": "https://ca.lan/directory"})
    cell = judge.judge(probe, replace(seen, text=pem("*.home.test", issuer="My own")), given, NOW)
    assert cell.verdict == "ok"
    assert cell.record()["certificate"] == {
        "issuer": "My own", "names": ["*.home.test"], "until": "2027-01-25T00:00:00+00:00",
    }  # fmt: skip
    assert "X: for *.home.test, by My own, until 2027-01-25 (LAN)." in table.table([cell])


@pytest.mark.parametrize(
    ("target", "verdict"),
    [
        ("https://hello.home.test/", "ok"),
        ("https://hello.home.test:443/", "ok"),
        ("https://hello.home.test:8443/admin/login", "wrong"),
        ("https://hello.home.test.evil.com/", "wrong"),
        ("https://hello.home.test@evil.com/", "wrong"),
        ("http://hello.home.test/", "wrong"),
        ("https://[", "wrong"),
        ("", "wrong"),
    ],
)
def test_a_redirect_leads_to_the_name_itself(target: str, verdict: str) -> None:
    probe = Probe("LAN", "redirect", "x", "10.0.0.1", 80, "hello.home.test")
    assert judge.judge(probe, Seen("http", 301, text=target), ANSWERS, NOW).verdict == verdict


def row(pattern: str, seen: dict[str, Seen]) -> judge.Cell:
    """The row of a home that is right but for `seen`, by place, kind and name."""
    found = [c for c in cells(seen) if re.search(pattern, f"{c.probe.vantage} {c.probe.kind} {c.probe.host}")]
    return found[0]


@pytest.mark.parametrize(
    ("pattern", "seen", "words"),
    [
        ("outside redirect", {"outside app": LOST}, "whose is not known"),
        ("outside closed $", {"outside (app|closed .* -$)": Seen("no route")}, "neither does anything else"),
        ("outside closed hello.in", {"outside closed .*hello.in": OTHER}, "another device has that address there"),
        ("LAN app", {"LAN": Seen("http", 200, nonce=True, source="100.64.0.3")}, "switch Tailscale off on it"),
        ("VPN app", {"VPN app": Seen("http", 200, nonce=True, source="192.168.1.9")}, "does not go there over the VPN"),
        ("VPN name", {"VPN [^nr]": Seen("timeout", source="-")}, "does not go there over the VPN"),
        ("LAN hairpin", {"LAN hairpin": LOST, "LAN name": Seen("no tool for names")}, "is not known"),
    ],
)  # fmt: skip
def test_what_proves_nothing_is_not_measured(pattern: str, seen: dict[str, Seen], words: str) -> None:
    cell = row(pattern, seen)
    assert cell.verdict == "not measured"
    assert words in cell.seen


@pytest.mark.parametrize(
    ("sections", "vantages", "words"),
    [
        ({"proof": {"vpn_probe": None}}, {"VPN"}, "no probe there (proof.vpn_probe)"),
        ({"proof": {"outside_probe": None}}, {"outside"}, "no probe there (proof.outside)"),
        ({"proof": {"outside": "host", "outside_probe": ""}}, {"outside"}, "no probe there (proof.outside_probe)"),
        ({"router": {"public_address": None}}, {"outside"}, "the public address is not known (router.public_address)"),
        ({"router": {"forwarded": False}}, {"outside", "LAN"}, "ports are not forwarded (router.forwarded)"),
    ],
)
def test_what_can_not_be_measured_says_why(sections: dict[str, Any], vantages: set[str], words: str) -> None:
    answers = changed(**sections)
    excuses = {p.key: rows.unmeasurable(p, answers, APPS) for p in rows.probes(answers, APPS)}
    assert {key.split(":")[0] for key, excuse in excuses.items() if excuse} == vantages
    assert words in excuses.values()


def test_without_the_sample_app_no_app_can_be_recognised() -> None:
    others = [one for one in APPS if one.app != "hello"]
    excuses = {p.key: rows.unmeasurable(p, ANSWERS, others) for p in rows.probes(ANSWERS, others)}
    assert "the app hello is not installed" in excuses["LAN: grafana (private)"]
    assert not excuses["LAN: private names, by Pi-hole"]


def test_rows_that_make_no_sense_are_left_out() -> None:
    def kinds(**sections: dict[str, Any]) -> set[str]:
        return {p.kind for p in rows.probes(changed(**sections), APPS)}

    assert kinds(domains={"provider": "none"}, repository={"apps": ["hello"]}) == {"app", "hidden", "closed", "hairpin"}
    assert {p.vantage for p in rows.probes(changed(tailnet={"service": "none"}), APPS)} == {"LAN", "outside"}


def test_a_404_counts_only_from_an_address_that_has_shown_the_word() -> None:
    found = {c.probe.key: c.verdict for c in cells({"outside app": OTHER})}
    assert found["outside: grafana (private), public address"] == "not measured"
    assert found["LAN: grafana (private), public address"] == "ok"


def test_the_loop_through_the_router_counts_only_where_names_lead_there() -> None:
    assert "hairpin" not in {c.probe.kind for c in cells({"LAN hairpin": LOST})}
    assert "hairpin" in {c.probe.kind for c in cells({**TO_PUBLIC, "LAN hairpin": LOST})}


def test_without_forwarding_no_closed_row_is_green_but_a_red_one_stays_red() -> None:
    answers = changed(router={"forwarded": False})
    closed = [c for c in cells({}, answers) if c.probe.kind == "closed"]
    assert {c.verdict for c in closed} == {"not measured"}
    assert "wrong" in {c.verdict for c in cells({"outside closed .* -$": Seen("connected")}, answers)}


def test_which_names_are_exposed() -> None:
    routes: list[dict[str, Any]] = [
        {"spec": {"hostnames": ["grafana.in.home.test", "wiki.home.test"]}},
        {"spec": {"hostnames": ["hello.home.test"]}},
        {"spec": {"hostnames": ["*.home.test", "elsewhere.test", "hello.home.test"]}}, {"spec": {}}, {},
        {"spec": {"hostnames": ["a.b.in.home.test"]}},
    ]  # fmt: skip
    assert [(one.side, one.app) for one in exposed(routes, ANSWERS)] == [
        ("external", "hello"), ("external", "wiki"), ("internal", "a.b"), ("internal", "grafana"),
    ]  # fmt: skip


def _hung(host: str, *gateways: str, accepted: str = "True") -> dict[str, Any]:
    parents = [
        {"parentRef": {"name": name}, "conditions": [{"type": "Accepted", "status": accepted}]} for name in gateways
    ]
    return {"spec": {"hostnames": [host]}, "status": {"parents": parents}}


def test_names_of_other_domains_belong_where_a_gateway_has_accepted_them() -> None:
    routes = [
        _hung("home.test", "traefik-external"), _hung("blog.example.org", "traefik-external", "traefik-internal"),
        _hung("lab.example.org", "traefik-internal"), _hung("no.example.org", "traefik-external", accepted="False"),
        _hung("other.example.org", "istio"), {"spec": {"hostnames": ["nobody.example.org", "*.home.test"]}}, {},
    ]  # fmt: skip
    assert [(one.side, one.app) for one in exposed(routes, ANSWERS)] == [
        ("external", "blog.example.org"), ("external", "home.test"), ("internal", "lab.example.org"),
    ]  # fmt: skip


def test_the_table_fits_a_narrow_terminal_and_says_what_was_not_measured() -> None:
    answers = changed(proof={"outside_probe": None})
    probes = rows.probes(answers, APPS)
    found = [
        Cell(p, "not measured", excuse) if (excuse := rows.unmeasurable(p, answers, APPS)) else
        judge.judge(p, OTHER, answers, NOW) for p in probes
    ]  # fmt: skip
    text = table.table(found)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.count("WRONG") == 27
    assert "no probe there (proof.outside)." in " ".join(text.split())
    assert judge.summary(found) == "0 of 39 as expected, 27 wrong, 12 not measured"
    data = table.as_data(found, explain(found, HOME), "2026-11-26T00:00:00+00:00")
    assert data["rows"][0] == {
        "from": "LAN", "what": "hello (public)", "name": "hello.home.test", "address": f"{EXTERNAL}:443",
        "expected": "answers", "seen": "another answers", "verdict": "wrong", "phone": "", "certificate": {},
    }  # fmt: skip
    assert table.verdicts(data["rows"])["outside: API server"] == "not measured"
