"""`homelab certificates`: what it says, and the way from staging to production."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from steps.flux import Flux
from steps.repository import Repository
from steps.tls import look, report, store, switch
from steps.tls.meter import WINDOW
from tests.steps.flux_world import Objects
from tests.steps.repository_home import git
from tests.steps.tls_home import (
    HOUR,
    NAMES,
    NOW,
    SIDES,
    asked,
    built,
    home,
    issued,
    put_certificate,
    put_secret,
    run,
    world,
)
from wizard.context import Context
from wizard.errors import Blocked


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return home(tmp_path)


def promote(ctx: Context, to: str = "production") -> list[str]:
    """As `homelab certificates promote`, but for the proof, which has tests of its own."""
    try:
        return run(ctx, *switch.begin(ctx.state, {"to": to})[:-1])
    finally:
        switch.end(ctx.state)


def annotations(ctx: Context) -> set[str]:
    texts = (git(world(ctx).folder / "far.git", "show", f"main:infrastructure/gateways/{side}.yaml") for side in SIDES)
    return {found[0] for text in texts if (found := re.findall(r"cluster-issuer: (\S+)", text))}


def test_promoting_is_one_commit_that_is_waited_for_and_there_is_a_way_back(ctx: Context) -> None:
    built(ctx)
    far = world(ctx).folder / "far.git"
    count = int(git(far, "rev-list", "--count", "main"))
    assert promote(ctx) == ["certificate-switch/issuer", "repository/push", "flux/wait", "flux/certificates-kept"]
    assert int(git(far, "rev-list", "--count", "main")) == count + 1
    assert annotations(ctx) == {look.PRODUCTION} and ctx.state.answers["domains"]["issuer"] == "production"
    assert switch.NAME not in ctx.state.answers
    found = report.report(ctx)
    assert found.good and [one.used for one in found.meters] == [1, 1]
    assert promote(ctx) == [], "once is enough"
    put_certificate(world(ctx).api, "internal", look.STAGING)
    assert [f"{item.name}: {item.why}" for item in Flux().check(ctx).waiting] == [
        "websecure-internal-tls: it is still to be had from letsencrypt-staging"
    ]
    world(ctx).reconcile()
    assert promote(ctx, "staging") == ["certificate-switch/issuer", "repository/push", "flux/wait"]
    assert annotations(ctx) == {look.STAGING}
    assert [one.used for one in report.report(ctx).meters] == [1, 1], "what was used up stays used up"


def test_stopped_after_the_answer_the_same_command_goes_on(ctx: Context) -> None:
    asked(ctx)
    step, *rest = switch.begin(ctx.state, {})
    assert run(ctx, step) == ["certificate-switch/issuer"] and [one.name for one in rest] == [
        "repository", "flux", "proof",
    ]  # fmt: skip
    asked(ctx, look.PRODUCTION, "Secret was previously issued by staging")
    assert run(ctx, step) == [], "it does not ask for staging to be ready once more"


def test_nothing_is_promoted_while_staging_is_not_ready(ctx: Context) -> None:
    asked(ctx, why="propagation check failed")
    with pytest.raises(Blocked, match="not ready") as caught:
        promote(ctx)
    assert caught.value.why.count("propagation check failed") == 2
    assert ctx.state.answers["domains"]["issuer"] == "staging"


def test_nothing_is_promoted_where_no_certificate_was_asked_for(ctx: Context) -> None:
    with pytest.raises(Blocked) as caught:
        promote(ctx)
    assert caught.value.why.count("no certificate has been asked for yet") == 2


def test_nothing_is_promoted_when_the_week_is_used_up(ctx: Context) -> None:
    asked(ctx)
    store.remember(ctx, store.Record(tuple(issued(100, 80, 60, 40, 20))))
    with pytest.raises(Blocked, match=r"no more certificates for \*\.attic\.duckdns\.org now") as caught:
        promote(ctx)
    free = NOW - 100 * HOUR + WINDOW
    assert f"from {free:%Y-%m-%d %H:%M} UTC" in caught.value.why and "internal" not in caught.value.why
    ctx.state.answers["domains"]["acme_directory"] = "https://authority.home.test/dir"
    assert switch.CertificateSwitch().plan(switch.CertificateSwitch().check(ctx), ctx.answers), "it has no such limit"


# -- by the answers, and homelab run -----------------------------------------------------------------------------


def to_production(ctx: Context) -> list[str]:
    ctx.state.answers["domains"]["issuer"] = "production"
    return run(ctx, Repository(), Flux())


def test_the_answers_alone_promote_too(ctx: Context) -> None:
    built(ctx)
    assert to_production(ctx) == ["repository/push", "flux/wait", "flux/certificates-kept"]
    assert to_production(ctx) == []


@pytest.mark.parametrize("full", [NAMES, (SIDES["internal"],)])
def test_the_answers_can_not_ask_for_more_than_there_are(ctx: Context, full: tuple[str, ...]) -> None:
    built(ctx)
    store.remember(ctx, store.Record(tuple(issued(100, 80, 60, 40, 20, names=full))))
    with pytest.raises(Blocked) as caught:
        to_production(ctx)
    assert f"no more certificates for {full[0]} now" in caught.value.what and "staging until then" in caught.value.fix
    with pytest.raises(Blocked) as same:
        promote_afresh(ctx)
    assert (same.value.what, same.value.why) == (caught.value.what, caught.value.why)
    assert annotations(ctx) == {look.STAGING}, "nothing was pushed"
    ctx.state.answers["domains"]["acme_directory"] = "https://authority.home.test/dir"
    assert "repository/push" in to_production(ctx), "it has no such limit"


def promote_afresh(ctx: Context) -> None:
    ctx.state.answers["domains"]["issuer"] = "staging"
    promote(ctx)


@pytest.mark.parametrize("there", [True, False])
def test_the_answers_wait_for_staging_to_be_ready(ctx: Context, there: bool) -> None:
    built(ctx)
    for side in SIDES if there else ():
        put_certificate(world(ctx).api, side, look.STAGING, "propagation check failed")
    for path in [path for path in world(ctx).api.objects if path.startswith(look.CERT_MANAGER) and not there]:
        world(ctx).api.delete(path)
    with pytest.raises(Blocked, match="those of the test service are not ready") as caught:
        to_production(ctx)
    assert ("propagation check failed" if there else "no certificate has been asked for yet") in caught.value.why
    assert annotations(ctx) == {look.STAGING}, "nothing was pushed"


def test_a_name_that_has_no_production_certificate_yet_is_counted(ctx: Context) -> None:
    """The issuer stays, the name changes: the running cluster would order one for the new name."""
    built(ctx)
    to_production(ctx)
    new = "*.loft.duckdns.org"
    store.remember(ctx, store.Record(tuple(issued(100, 80, 60, 40, 20, names=(new,)))))
    ctx.state.answers["domains"]["external_domain"] = new.removeprefix("*.")
    with pytest.raises(Blocked) as caught:
        to_production(ctx)
    assert new in caught.value.what and "attic" not in caught.value.what
    assert "other names" in caught.value.fix, "back to staging would be for all of them"


def test_what_was_promoted_by_hand_is_only_noted(ctx: Context) -> None:
    asked(ctx, look.PRODUCTION)
    store.remember(ctx, store.Record(tuple(issued(100, 80, 60, 40, 20))))
    [change] = switch.CertificateSwitch().plan(switch.CertificateSwitch().check(ctx), ctx.answers)
    assert change.sentence.startswith("ask for production certificates")


def test_without_certificates_there_is_nothing_to_promote_or_show(ctx: Context) -> None:
    ctx.state.answers["domains"]["provider"] = "none"
    for work in (lambda: promote(ctx), lambda: report.report(ctx)):
        with pytest.raises(Blocked, match="has no certificates"):
            work()


# -- what is shown ---------------------------------------------------------------------------------------------


def test_the_report_names_dates_issuers_and_what_is_wrong(ctx: Context) -> None:
    asked(ctx)
    text = report.report(ctx).text()
    assert "*.attic.duckdns.org (websecure-external-tls)\n  staging: browsers warn\n  ready\n  valid until" in text
    assert f"renewed by itself from {NOW + timedelta(days=60):%Y-%m-%d} on" in text and "0 of 5 in 168 hours" in text
    api = world(ctx).api
    put_certificate(api, "external", look.PRODUCTION, "Secret was previously issued by staging")
    order: dict[str, Any] = {"name": "o1", "annotations": {look.OF: "websecure-external-tls"}}
    api.objects[f"{look.ACME}/orders/o1"] = {"metadata": order, "status": {"state": "errored", "reason": "too many"}}
    api.objects[f"{look.ACME}/challenges/c1"] = {
        "metadata": {"name": "c1", "ownerReferences": [{"kind": "Order", "name": "o1"}]},
        "spec": {"dnsName": "attic.duckdns.org"}, "status": {"state": "pending", "reason": "TXT is not there"},
    }  # fmt: skip
    found = report.report(ctx)
    assert not found.good
    why = "Issuing: Secret was previously issued by staging. Order o1: errored too many. "
    assert f"  not ready: {why}Challenge for attic.duckdns.org: pending TXT is not there\n" in found.text()
    data = json.loads(json.dumps(found.data()))
    assert [one["ready"] for one in data["certificates"]] == [True, False]
    assert data["certificates"][1]["used"] == 0 and data["certificates"][1]["limit"] == 5


def test_requests_that_the_cluster_remembers_count_too() -> None:
    api = Objects()
    for number, kind in enumerate((look.PRODUCTION, look.STAGING, look.PRODUCTION)):
        path = put_secret(api, "external", kind, made=NOW - number * HOUR)
        api.objects[f"{look.CERT_MANAGER}/certificaterequests/r{number}"] = {
            "metadata": {"name": f"r{number}"}, "spec": {"issuerRef": {"name": kind}},
            "status": {"certificate": api.objects.pop(path)["data"]["tls.crt"]},
        }  # fmt: skip
    found = look.issued(api, "")  # type: ignore[arg-type]
    assert [(one.names, one.at) for one in found] == [(NAMES, NOW), (NAMES, NOW - 2 * HOUR)]
