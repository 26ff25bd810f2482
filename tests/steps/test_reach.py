"""The proof's rules: which probes there are, how what was seen is judged, and that each cause is told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from steps.reach import judge, rows, table
from steps.reach.causes import Evidence, explain, texts
from steps.reach.exposed import Exposed, exposed
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe

INTERNAL, EXTERNAL, DNS, PUBLIC = "10.0.0.50", "10.0.0.51", "10.0.0.52", "203.0.113.7"
ANSWERS: dict[str, dict[str, Any]] = {
    "tailnet": {"service": "headscale"},
    "addresses": {"internal_address": INTERNAL, "external_address": EXTERNAL, "dns_address": DNS},
    "domains": {
        "provider": "duckdns", "external_domain": "home.test", "internal_domain": "in.home.test",
        "issuer": "production",
    },
    "repository": {"apps": ["hello", "pihole"]},
    "router": {"forwarded": True, "public_address": PUBLIC},
    "proof": {"vpn_probe": "me@laptop", "outside_probe": "me@server"},
}  # fmt: skip
APPS = [
    Exposed("external", "hello", "hello.home.test"), Exposed("internal", "hello", "hello.in.home.test"),
    Exposed("internal", "grafana", "grafana.in.home.test"),
]  # fmt: skip
NOW = datetime(2026, 11, 26, tzinfo=UTC)
NONCE, OTHER, NOT_FOUND = Seen("http", 200, nonce=True), Seen("http", 200, text="Welcome"), Seen("http", 404)
LOST, REFUSED = Seen("timeout"), Seen("refused")


def changed(**sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: {**part, **sections.get(name, {})} for name, part in ANSWERS.items()}


@cache
def pem(*names: str, issuer: str = "Let's Encrypt R3", days: int = 60) -> str:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    subject = names[0] if names else "TRAEFIK DEFAULT CERT"
    made = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key()).serial_number(1)
        .not_valid_before(NOW - timedelta(days=400)).not_valid_after(NOW + timedelta(days=days))
    )  # fmt: skip
    if names:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
    return made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM).decode().replace("\n", "|")


def usual(probe: Probe) -> Seen:
    """What is seen where everything is as it must be."""
    match probe.kind:
        case "app" | "hairpin":
            return NONCE
        case "hidden":
            return NOT_FOUND
        case "closed":
            return LOST
        case "redirect":
            return Seen("http", 301, text=f"https://{probe.host}/")
        case "certificate":
            return Seen("trusted", 200, text=pem("*." + probe.host.partition(".")[2]))
        case _:
            return Seen("answers", text=probe.wanted[0])


@dataclass(frozen=True)
class Case:
    """A breakage: for probes that match ``VANTAGE KIND ADDRESS HOST`` (a regular expression), what is seen instead."""

    code: str
    seen: Mapping[str, Seen]
    evidence: Evidence = field(default_factory=Evidence)
    answers: Mapping[str, Any] = field(default_factory=lambda: ANSWERS)
    rows: int = 0  # how many red rows the cause takes; 0: as many as there are


ARP = {INTERNAL: ["pi1"], EXTERNAL: ["pi1"], DNS: ["pi1"]}
HOME = Evidence(arp=ARP)
STRANGER = Evidence(
    arp={**ARP, EXTERNAL: ["pi1", "the machine with the MAC address aa:bb"]}, strangers=frozenset([EXTERNAL])
)
ROUTES = frozenset(f"{a}/32" for a in (INTERNAL, EXTERNAL, DNS))
VPN = Evidence(tailnet={"BackendState": "Running", "Health": []}, approved=ROUTES, served=ROUTES)


def vpn(**changed: Any) -> Evidence:
    return Evidence(**{"tailnet": VPN.tailnet, "approved": ROUTES, "served": ROUTES, **changed})


NOT_ACCEPTED = "Some peers are advertising routes but --accept-routes is false"
STAGED = Seen("untrusted", 200, text=pem("*.home.test", issuer="(STAGING) Let's Encrypt"))
TO_PUBLIC = {"LAN name .*hello.home": Seen("answers", text=PUBLIC)}

CASES = [
    Case("address-taken", {f"(LAN|VPN) .* {EXTERNAL}": OTHER, "outside (app|hidden|cert|redirect)": OTHER}, STRANGER),
    Case("address-taken", {f"LAN (app|hidden|cert|redirect) {EXTERNAL}": REFUSED}, STRANGER),
    Case("address-not-announced", {f" {INTERNAL}": LOST}, Evidence(arp={**ARP, INTERNAL: []})),
    Case("address-not-announced", {f" {DNS}": Seen("silent"), "name - .*in.home": Seen("nothing")},
         Evidence(arp={**ARP, DNS: []})),
    Case("gateway-down", {f" {EXTERNAL}": REFUSED, "outside (app|hidden|cert|redirect)": REFUSED}, HOME),
    Case("another-answers", {f"LAN (app|hidden|cert|redirect) {EXTERNAL}": OTHER}, HOME),
    Case("name-not-marked", {"(LAN|VPN) app .*grafana": OTHER}, HOME),
    Case("private-app-public", {"hidden .*grafana": NONCE, "app .*grafana": NOT_FOUND}, HOME),
    Case("private-app-public", {"hidden .*hello": NONCE}, HOME),
    Case("route-missing", {"(LAN|VPN|outside) app .*hello.home": NOT_FOUND}, HOME),
    Case("app-down", {"app .*grafana": Seen("http", 503, nonce=True)}, HOME),
    Case("certificate-missing", {"certificate .*hello.in": Seen("untrusted", 200, text=pem())}),
    Case("certificate-ended", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.home.test", days=-1))}),
    Case("certificate-name", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.attic.test"))}),
    Case("certificate-staging", {"certificate .*hello.home": STAGED}),
    Case("certificate-untrusted", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.home.test"))}),
    Case("no-tls", {f"(LAN|VPN) (app|hidden|certificate) {INTERNAL}": Seen("tls")}, HOME),
    Case("redirect-missing", {"redirect": NOT_FOUND}),
    Case("pihole-down", {f" {DNS}": Seen("silent"), "name - .*in.home": Seen("nothing")}, HOME),
    Case("pihole-record", {f"( {DNS}|name - .*in.home)": Seen("answers", text=EXTERNAL)}, HOME),
    Case("home-dns", {"LAN name - .*in.home": Seen("nothing")}, HOME),
    Case("hairpin-missing", {**TO_PUBLIC, "LAN hairpin": LOST}, HOME),
    Case("hairpin-missing", {**TO_PUBLIC, "LAN hairpin": OTHER}, HOME),
    Case("vpn-off", {"VPN": LOST}, vpn(tailnet={"BackendState": "Stopped"})),
    Case("vpn-key-ended", {"VPN": LOST}, vpn(tailnet={"BackendState": "Running", "Self": {"Expired": True}})),
    Case("routes-not-accepted",
         {"VPN (app|hidden|cert)": LOST, "VPN resolver": Seen("silent"), "VPN name .*in.home": Seen("nothing")},
         vpn(tailnet={"BackendState": "Running", "Health": [NOT_ACCEPTED]})),
    Case("route-not-approved", {f"VPN .* {INTERNAL}": LOST}, vpn(approved=ROUTES - {f"{INTERNAL}/32"})),
    Case("route-not-approved", {f"VPN .* {DNS}": Seen("silent"), "VPN name .*in.home": Seen("nothing")},
         vpn(approved=frozenset())),
    Case("route-not-served", {f"VPN .* {EXTERNAL}": LOST}, vpn(served=frozenset())),
    Case("vpn-blocked", {f"VPN .* {EXTERNAL}": LOST}, VPN),
    Case("split-dns-missing", {"VPN name - .*in.home": Seen("nothing")}, VPN),
    Case("split-dns-elsewhere", {"VPN name - .*in.home": Seen("answers", text="10.9.9.9")}, VPN),
    Case("api-open", {"outside closed .* -$": Seen("connected")}),
    Case("private-address-open", {f"outside closed {INTERNAL}": NONCE}),
    Case("forwarded-to-private", {"outside app": NOT_FOUND, "outside hidden": NONCE,
         "outside certificate": Seen("untrusted", 200, text=pem())}),
    Case("forwarded-elsewhere", {"outside (app|hidden)": OTHER, "outside redirect": OTHER}),
    Case("port-not-forwarded", {"outside (app|hidden|certificate)": LOST}),
    Case("port-not-forwarded", {"outside redirect": REFUSED}),
    Case("not-forwarded", {"outside (app|hidden|certificate|redirect)": LOST}),
    Case("cgnat", {"outside (app|hidden|certificate|redirect)": LOST},
         answers=changed(router={"public_address": "100.70.1.2"})),
    Case("public-name-elsewhere", {"outside name": Seen("answers", text="198.51.100.9")}),
    Case("public-name-missing", {"outside name": Seen("nothing")}),
    Case("unknown", {"(LAN|VPN) hidden .*grafana": Seen("http", 500, text="boom")}, HOME, rows=1),
]  # fmt: skip


def cells(seen: Mapping[str, Seen], answers: Mapping[str, Any] = ANSWERS) -> list[Cell]:
    """Everything as it must be, but for what matches."""
    given = dict(answers)

    def one(probe: Probe) -> Seen:
        text = f"{probe.vantage} {probe.kind} {probe.address or '-'} {probe.host or '-'}"
        return next((what for pattern, what in seen.items() if re.search(pattern, text)), usual(probe))

    found = [judge.judge(probe, one(probe), given, NOW) for probe in rows.probes(given, APPS)]
    return judge.settle(found, given)


def test_everything_as_it_must_be_is_green_and_nothing_is_blamed() -> None:
    found = cells({})
    assert {cell.verdict for cell in found} == {"ok"}
    assert explain(found, Evidence()) == []
    assert [sum(c.probe.vantage == place for c in found) for place in ("LAN", "VPN", "outside")] == [12, 10, 9]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.code)
def test_a_breakage_is_named_and_nothing_else(case: Case) -> None:
    found = cells(case.seen, case.answers)
    causes = explain(found, case.evidence, EXTERNAL)
    red = [cell for cell in found if cell.verdict == "wrong"]
    assert red
    assert {cause.code for cause in causes} == {case.code}
    assert sorted(c.probe.key for cause in causes for c in cause.cells) == sorted(cell.probe.key for cell in red)
    assert len(causes) == (2 if case.code == "unknown" else 1), [cause.sentence() for cause in causes]
    assert "{" not in causes[0].sentence()


def test_every_cause_is_shown_by_a_case_and_described() -> None:
    assert {case.code for case in CASES} == set(texts())
    described = set(re.findall(r"^\| `([a-z-]+)` \|", Path("docs/proof.md").read_text(encoding="utf-8"), re.MULTILINE))
    assert described == set(texts())


def test_two_breakages_are_two_causes() -> None:
    found = cells({"VPN name - .*in.home": Seen("nothing"), "outside redirect": REFUSED})
    assert [cause.code for cause in explain(found, VPN)] == ["split-dns-missing", "port-not-forwarded"]


def test_what_does_not_work_at_home_is_not_blamed_on_the_router() -> None:
    found = cells({f" {EXTERNAL}": REFUSED, "outside (app|hidden|cert|redirect)": REFUSED, "hairpin": REFUSED})
    assert [cause.code for cause in explain(found, HOME)] == ["gateway-down"]


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
        ("staging", Seen("untrusted", 200, text=pem("*.home.test")), "staging, until 2027-01-25", "ok"),
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


@pytest.mark.parametrize(
    ("sections", "vantages", "words"),
    [
        ({"proof": {"vpn_probe": None}}, {"VPN"}, "no probe there (proof.vpn_probe)"),
        ({"proof": {"outside_probe": None}}, {"outside"}, "no probe there (proof.outside_probe)"),
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
    assert found["outside: grafana (private) by the public address"] == "not measured"
    assert found["LAN: grafana (private) by the public address"] == "ok"


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


def test_the_table_fits_a_narrow_terminal_and_says_what_was_not_measured() -> None:
    answers = changed(proof={"outside_probe": None})
    probes = rows.probes(answers, APPS)
    found = [
        Cell(p, "not measured", excuse) if (excuse := rows.unmeasurable(p, answers, APPS)) else
        judge.judge(p, OTHER, answers, NOW) for p in probes
    ]  # fmt: skip
    text = table.table(found)
    assert all(len(line) <= 80 for line in text.splitlines())
    assert text.count("WRONG") == 22
    assert "no probe there (proof.outside_probe)." in " ".join(text.split())
    assert judge.summary(found) == "0 of 31 as expected, 22 wrong, 9 not measured"
    data = table.as_data(found, explain(found, HOME), "2026-11-26T00:00:00+00:00")
    assert data["rows"][0] == {
        "from": "LAN", "what": "hello (public)", "name": "hello.home.test", "address": f"{EXTERNAL}:443",
        "expected": "answers", "seen": "another answers", "verdict": "wrong",
    }  # fmt: skip
    assert table.verdicts(data["rows"])["outside: API server"] == "not measured"
