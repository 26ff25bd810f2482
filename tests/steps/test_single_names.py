"""A certificate for each app: listeners for single names, what they cost, and what else has to know of them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from steps import domain_mistakes
from steps.gitops import single_names
from steps.gitops.app import App
from steps.gitops.render import render
from steps.gitops.tree import parse
from steps.gitops.validate import errors, validate
from steps.reach import rows
from steps.tls import look, meter, switch
from steps.tls.meter import Issued
from tests.steps.document_variants import repository, settings
from tests.steps.reach_world import APPS, changed
from tests.steps.tls_home import HOUR, NOW, home
from wizard.errors import Blocked

INTERNAL = ["grafana.attic-private.duckdns.org", "hello.attic-private.duckdns.org", "pihole.attic-private.duckdns.org"]
EXTERNAL = ["hello.attic.duckdns.org"]


def listeners(name: str) -> dict[str, list[tuple[str, str, str]]]:
    tree, _ = parse(repository(name))
    return {
        gateway.name: [(one["name"], one["hostname"], one["tls"]["certificateRefs"][0]["name"])
                       for one in gateway.spec["listeners"]]
        for gateway in tree.of("Gateway")
    }  # fmt: skip


def test_each_name_has_a_listener_and_a_certificate_of_its_own() -> None:
    found = listeners("single names")
    assert [host for _, host, _ in found["traefik-internal"]] == INTERNAL
    assert found["traefik-external"] == [("hello", EXTERNAL[0], "hello-external-tls")]
    every = [secret for each in found.values() for _, _, secret in each]
    assert len(set(every)) == len(every) == 4
    assert single_names.wanted(settings("single names"), repository("single names")) == (*INTERNAL, *EXTERNAL)


def test_routes_go_by_their_names_and_the_repository_is_without_a_mistake() -> None:
    made = render(settings("single names"))
    assert not [text for text in made.values() if "sectionName" in text]
    assert errors(validate(made)) == []


def test_all_else_is_as_with_a_wildcard() -> None:
    single, usual = render(settings("single names")), render(replace(settings("single names"), single=False))
    differ = {path for path in single if single[path] != usual.get(path)}
    assert single.keys() == usual.keys()
    assert differ == {
        "apps/hello/proof.yaml", "apps/hello/routes.yaml", "apps/monitoring/route.yaml", "apps/pihole/route.yaml",
        "docs/runbook.md", "infrastructure/gateways/external.yaml", "infrastructure/gateways/internal.yaml",
    }  # fmt: skip


def test_an_exposed_app_has_its_listener_too() -> None:
    memos = App("notes", "catalogue", "memos", "notes")
    made = replace(settings("single names"), exposed=(memos,), storage=True)
    files = render(made)
    assert "notes.attic-private.duckdns.org" in single_names.wanted(made, files)
    assert not {one.code for one in validate(files)} & {"host-unheard", "section-missing"}


def test_a_gateway_without_an_app_keeps_its_one_listener() -> None:
    made = replace(settings("single names"), apps=())
    assert single_names.wanted(made, render(made)) == ("*.attic-private.duckdns.org", "*.attic.duckdns.org")


@pytest.mark.parametrize(
    ("given", "wrong"),
    [
        ({}, []), ({"internal_domain": "in.attic.duckdns.org"}, ["internal_domain"]),
        ({"external_domain": "a.attic.duckdns.org"}, ["external_domain"]),
        ({"external_domain": "a.attic.duckdns.org", "certificates": "wildcard"}, []),
        ({"provider": "cloudflare", "external_domain": "a.b.home.test", "internal_domain": "in.b.home.test"}, []),
    ],
)  # fmt: skip
def test_duckdns_has_no_room_for_an_app_below_a_longer_name(given: dict[str, Any], wrong: list[str]) -> None:
    usual = {
        "provider": "duckdns", "certificates": "single", "external_domain": "attic.duckdns.org",
        "internal_domain": "attic-private.duckdns.org",
    }  # fmt: skip
    found = [one for one in domain_mistakes.mistakes({**usual, **given}) if one.path == "domains.certificates"]
    assert [one.fix.rpartition("domains.")[2].rstrip(".") for one in found] == wrong


def test_the_proof_looks_at_each_certificate() -> None:
    every = rows.probes(changed(domains={"certificates": "single"}), APPS)
    found = {probe.key: probe.host for probe in every if probe.kind == "certificate"}
    assert found["LAN: certificate, grafana (private)"] == "grafana.in.home.test"
    assert len(found) == 2 * len(APPS) + 1  # from home, over the VPN, and the public one from outside
    assert len([probe for probe in rows.probes(changed(), APPS) if probe.kind == "certificate"]) == 5


# -- what they cost ----------------------------------------------------------------------------------------------


def test_registered_names() -> None:
    assert meter.registered("hello.attic.duckdns.org") == meter.registered("*.attic.duckdns.org") == "attic.duckdns.org"
    assert meter.registered("a.b.home.test") == "home.test"


def made(count: int, *, hours: float = 1) -> list[Issued]:
    times = [NOW - hours * HOUR - number * timedelta(minutes=1) for number in range(count)]
    return [Issued((f"a{n}.attic.duckdns.org",), at, f"{hours}-{n}") for n, at in enumerate(times)]


@pytest.mark.parametrize(("count", "new", "full"), [(46, 4, False), (47, 4, True), (50, 1, True), (0, 1, False)])
def test_fifty_a_week_for_all_names_of_a_domain(count: int, new: int, full: bool) -> None:
    names = [f"app{n}.attic.duckdns.org" for n in range(new)]
    found = meter.meters(made(count), names, NOW)
    assert bool(found[-1].free) == full and found[-1].limit == 50
    assert [one.used for one in found[:-1]] == [0] * new
    if full:
        oldest = sorted(one.at for one in made(count))[count + new - 50 - 1]
        assert found[-1].free == oldest + meter.WINDOW
        with pytest.raises(Blocked, match="all names below attic"):
            meter.refuse_used_up(found, "Wait.")
    assert meter.meters(made(60, hours=200), names, NOW)[-1].used == 0


def test_promoting_names_every_certificate(tmp_path: Path) -> None:
    ctx = home(tmp_path)
    ctx.state.answers["domains"]["certificates"] = "single"
    ctx.state.answers["repository"]["apps"] = ["hello", "pihole"]
    names = look.domains(ctx)
    assert names == ("hello.attic-internal.duckdns.org", "pihole.attic-internal.duckdns.org", "hello.attic.duckdns.org")
    [change] = switch.CertificateSwitch().plan(switch.SwitchFacts("staging", names=names), {})
    assert " and ".join(names) in change.sentence
    with pytest.raises(Blocked) as caught:
        switch.CertificateSwitch().check(ctx)
    assert all(name in caught.value.why for name in names)


def test_only_what_some_listener_asks_for_is_put_back() -> None:
    wildcard = changed(domains={"certificates": "wildcard"})
    single = changed(domains={"certificates": "single"})
    cases = {
        ("*.home.test",): (True, False), ("wiki.in.home.test",): (False, True), ("hello.other.test",): (False, False),
        ("a.home.test", "b.home.test"): (False, False),
    }  # fmt: skip
    for names, fits in cases.items():
        assert (look.fits(names, wildcard), look.fits(names, single)) == fits
