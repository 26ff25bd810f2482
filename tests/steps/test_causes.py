"""Each breakage of the proof is put down to its one cause."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from steps.public_now import Now, Told
from steps.reach.causes import Evidence, explain, texts
from steps.reach.judge import Seen
from tests.steps.reach_world import (
    ANSWERS,
    ARP,
    DNS,
    EXTERNAL,
    HOME,
    INTERNAL,
    LOST,
    NONCE,
    NOT_FOUND,
    OTHER,
    PUBLIC,
    REFUSED,
    STAGED,
    TO_PUBLIC,
    cells,
    changed,
    pem,
)


@dataclass(frozen=True)
class Case:
    """A breakage: for probes that match ``VANTAGE KIND ADDRESS HOST`` (a regular expression), what is seen instead."""

    code: str
    seen: Mapping[str, Seen]
    evidence: Evidence = field(default_factory=Evidence)
    answers: Mapping[str, Any] = field(default_factory=lambda: ANSWERS)
    rows: int = 0  # how many red rows the cause takes; 0: as many as there are


STRANGER = Evidence(
    arp={**ARP, EXTERNAL: ["pi1", "the machine with the MAC address aa:bb"]}, strangers=frozenset([EXTERNAL])
)
ROUTES = frozenset(f"{a}/32" for a in (INTERNAL, EXTERNAL, DNS))
VPN = Evidence(tailnet={"BackendState": "Running", "Health": []}, approved=ROUTES, served=ROUTES)


def vpn(**changed: Any) -> Evidence:
    return Evidence(**{"tailnet": VPN.tailnet, "approved": ROUTES, "served": ROUTES, **changed})


NOT_ACCEPTED = "Some peers are advertising routes but --accept-routes is false"

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
    Case("app-down", {"app .*hello": Seen("http", 503), "app .*grafana": OTHER}, HOME),
    Case(
        "gateway-down", {f" {EXTERNAL}": LOST, "outside (app|hidden|cert|redirect)": LOST},
        Evidence(arp={**ARP, EXTERNAL: []}, idle=frozenset([EXTERNAL])),
    ),
    Case(
        "pihole-down", {f" {DNS}": Seen("silent"), "name - .*in.home": Seen("nothing")},
        Evidence(arp={**ARP, DNS: []}, idle=frozenset([DNS])),
    ),
    Case(
        "certificate-missing",
        {f"certificate {INTERNAL}": Seen("untrusted", 200, text=pem()), f"app {INTERNAL}": NOT_FOUND}, HOME,
    ),
    Case(
        "certificate-staging", {"LAN certificate .*hello.home": Seen("untrusted", 200, text=pem("*.home.test"))},
        Evidence(staged=frozenset(["hello.home.test"])),
    ),
    Case("any-name-public", {"hidden .*nobody": OTHER}),
    Case("any-name-public", {"hidden .*nobody": NONCE}),
    Case("route-missing", {"(LAN|VPN|outside) app .*hello.home": NOT_FOUND}, HOME),
    Case("app-down", {"app .*grafana": Seen("http", 503, nonce=True)}, HOME),
    Case("certificate-missing", {"certificate .*hello.in": Seen("untrusted", 200, text=pem())}),
    Case("certificate-ended", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.home.test", days=-1))}),
    Case("certificate-name", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.attic.test"))}),
    Case("certificate-staging", {"certificate .*hello.home": STAGED}),
    Case("certificate-untrusted", {"certificate .*hello.home": Seen("untrusted", 200, text=pem("*.home.test"))}),
    Case("certificate-issuer", {"certificate .*hello.home": Seen("trusted", 200, text=pem("*.home.test", issuer="X"))}),
    Case("no-tls", {f"(LAN|VPN) (app|hidden|certificate) {INTERNAL}": Seen("tls")}, HOME),
    Case("redirect-missing", {"redirect": NOT_FOUND}),
    Case("pihole-down", {f" {DNS}": Seen("silent"), "name - .*in.home": Seen("nothing")}, HOME),
    Case("pihole-down",
         {f" {DNS}": Seen("silent"), "name - .*in.home": Seen("nothing"), "LAN name": Seen("nothing"),
          "app .*pihole": Seen("http", 503, nonce=True)}, HOME),
    Case("pihole-record", {f"( {DNS}|name - .*in.home)": Seen("answers", text=EXTERNAL)}, HOME),
    Case("home-dns", {"LAN name - .*in.home": Seen("nothing")}, HOME),
    Case("home-dns", {**TO_PUBLIC, "LAN hairpin": LOST, "LAN name - .*in.home": Seen("nothing")}, HOME),
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
    Case("public-address-changed",
         {"outside (app|hidden|certificate|redirect)|LAN hairpin": LOST,
          "outside name": Seen("answers", text="198.51.100.9")},
         Evidence(public=Now(PUBLIC, Told("198.51.100.9", "the router now says")))),
    Case("public-name-elsewhere", {"outside name": Seen("answers", text="198.51.100.9")}),
    Case("public-name-missing", {"outside name": Seen("nothing")}),
    Case("unknown", {"(LAN|VPN) hidden .*grafana": Seen("http", 500, text="boom")}, HOME, rows=1),
]  # fmt: skip


def test_everything_as_it_must_be_is_green_and_nothing_is_blamed() -> None:
    found = cells({})
    assert {cell.verdict for cell in found} == {"ok"}
    assert explain(found, Evidence()) == []
    assert [sum(c.probe.vantage == place for c in found) for place in ("LAN", "VPN", "outside")] == [15, 12, 12]


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
