"""Certificates: the meter, what `homelab certificates` says, promoting, and outliving the cluster."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from steps.flux import Flux
from steps.repository import Repository
from steps.reset import Reset, ResetFacts
from steps.tls import keep, look, report, store, switch
from steps.tls.meter import WINDOW
from tests.steps.flux_world import Objects
from tests.steps.repository_home import git
from tests.steps.tls_home import (
    HOUR,
    NAMES,
    NOW,
    SIDES,
    TlsWorld,
    again,
    home,
    issued,
    journal,
    put_certificate,
    put_secret,
)
from wizard import assets, sops
from wizard.context import Context
from wizard.engine import Consent, Engine
from wizard.errors import Blocked, StateError, WizardError

# -- the way from staging to production -----------------------------------------------------------------------


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return home(tmp_path)


def run(ctx: Context, *steps: Any) -> list[str]:
    """Runs the steps and returns the changes they made."""
    before = len(ctx.state.journal)
    Engine(steps, ctx, Consent(yes=True)).run()
    return list(journal(ctx, before))


def built(ctx: Context) -> Context:
    run(ctx, Repository(), Flux())
    return ctx


def asked(ctx: Context, issuer: str = look.STAGING, why: str = "") -> Context:
    """A cluster with both certificates, and no repository."""
    for side in SIDES:
        put_certificate(world(ctx).api, side, issuer, why)
        put_secret(world(ctx).api, side, issuer)
    return ctx


def promote(ctx: Context, to: str = "production") -> list[str]:
    """As `homelab certificates promote`, but for the proof, which has tests of its own."""
    try:
        return run(ctx, *switch.begin(ctx.state, {"to": to})[:-1])
    finally:
        switch.end(ctx.state)


def annotations(ctx: Context) -> set[str]:
    texts = (git(world(ctx).folder / "far.git", "show", f"main:infrastructure/gateways/{side}.yaml") for side in SIDES)
    return {found[0] for text in texts if (found := re.findall(r"cluster-issuer: (\S+)", text))}


def world(ctx: Context) -> TlsWorld:
    assert isinstance(ctx.world, TlsWorld)
    return ctx.world


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


# -- outliving the cluster --------------------------------------------------------------------------------------


def copy_of(ctx: Context) -> dict[str, Any]:
    return store.copies(ctx)


def test_a_copy_is_kept_that_only_the_age_key_opens(tmp_path: Path) -> None:
    ctx = built(home(tmp_path, issuer="production"))
    kept = copy_of(ctx)
    assert sorted(path.rpartition("/")[2] for path in kept) == [
        "letsencrypt-production", "letsencrypt-staging", "websecure-external-tls", "websecure-internal-tls",
    ]  # fmt: skip
    one = kept[f"{look.SECRETS}/websecure-external-tls"]
    name = "websecure-external-tls"
    notes = {look.ISSUER: look.PRODUCTION, look.OF: name}
    assert one["metadata"] == {"name": name, "namespace": "gateways", "annotations": notes}
    sealed = store.copy_file(ctx)
    assert b"AGE ENCRYPTED FILE" in sealed.read_bytes() and sealed.stat().st_mode & 0o777 == 0o600
    assert one["data"]["tls.key"] not in sealed.read_text() + store.record_file(ctx).read_text()
    assert Flux().plan(Flux().check(ctx), ctx.answers) == []
    path = put_secret(world(ctx).api, "external", look.PRODUCTION)
    assert run(ctx, Flux()) == ["flux/certificates-kept"], "a renewed one is kept at the next run"
    assert copy_of(ctx)[path]["data"] == world(ctx).api.objects[path]["data"]
    assert len(store.recall(ctx).issued) == 3
    sops.make_key(tmp_path / "other.key")
    assert sops.unseal(sealed.read_bytes(), tmp_path / "other.key") is None


def test_a_new_cluster_of_the_same_names_gets_them_back_before_it_asks(tmp_path: Path) -> None:
    old = built(home(tmp_path, issuer="production"))
    kept = copy_of(old)
    ctx = again(tmp_path, old.state.answers)
    run(ctx, Repository())
    [back] = [change for change in Flux().plan(Flux().check(ctx), ctx.answers) if change.id == "flux/certificates-back"]
    assert "*.attic-internal.duckdns.org and *.attic.duckdns.org" in back.sentence
    done = run(ctx, Flux())
    assert done.index("flux/certificates-back") < done.index("flux/bootstrap")
    api = world(ctx).api
    assert {path: api.objects[path]["data"] for path in kept} == {path: one["data"] for path, one in kept.items()}
    assert len(store.recall(ctx).issued) == 2, "none was used up"
    assert report.report(ctx).good


@pytest.mark.parametrize(
    ("given", "days", "lost"),
    [
        ({"external_domain": "loft.duckdns.org", "internal_domain": "loft-internal.duckdns.org"}, 90, False),
        ({"acme_directory": "https://authority.home.test/dir"}, 90, False),
        ({"issuer": "staging"}, 90, False),
        ({}, 29, False),
        ({}, 90, True),
    ],
    ids=["other names", "another authority", "staging", "ends too soon", "no age key"],
)
def test_what_does_not_fit_is_not_put_back(given: dict[str, str], days: int, lost: bool, tmp_path: Path) -> None:
    old = asked(home(tmp_path, issuer="production"), look.PRODUCTION)
    recipient = sops.make_key(tmp_path / "state" / "age.key")
    old.state.remember("repository", "age_recipient", value=recipient)
    for side in SIDES:
        put_secret(world(old).api, side, look.PRODUCTION, days=days)
    keep.save(old)
    assert len(copy_of(old)) == 2
    ctx = again(tmp_path, {**old.state.answers, "domains": {**old.state.answers["domains"], **given}})
    if lost:
        (tmp_path / "state" / "age.key").unlink()
    assert keep.find(ctx, world(ctx).api, new=True).back == ()  # type: ignore[arg-type]


def test_a_record_that_is_something_else_is_left_alone(ctx: Context) -> None:
    file = store.record_file(ctx)
    for text in ("kind: other\n", "- 1\n", "{", "kind: homelab-wizard certificates\nversion: 2\n"):
        file.write_text(text)
        with pytest.raises(StateError, match="not a record"):
            store.recall(ctx)
        assert file.read_text() == text


def test_without_an_age_key_nothing_is_kept_in_plain(ctx: Context) -> None:
    with pytest.raises(WizardError, match="no age key"):
        store.keep(ctx, {"x": {}})
    assert not store.copy_file(ctx).exists()


def test_the_secrets_are_named_as_in_the_templates() -> None:
    for side in SIDES:
        assert f"name: websecure-{side}-tls" in assets.text(f"gitops/infrastructure/gateways/{side}.yaml")


def test_before_a_reset_what_is_not_kept_yet_is_kept(ctx: Context, tmp_path: Path) -> None:
    facts = ResetFacts("attic", here=True, certificates=keep.Keeping(True, True))
    assert [change.id for change in Reset().plan(facts, {})][:2] == ["reset/certificates", "reset/cluster"]
    assert not keep.last(asked(ctx)).stale, "staging is not worth it"
    assert keep.last(asked(ctx, look.PRODUCTION)).stale
    ctx.state.remember("repository", "age_recipient", value=sops.make_key(tmp_path / "state" / "age.key"))
    keep.save(ctx)
    assert not keep.last(ctx).stale

    def away(kubeconfig: Path) -> Any:
        raise WizardError("The cluster's API can't be reached.")

    ctx.world.cluster = away  # type: ignore[method-assign]
    assert not keep.last(ctx).stale, "what can't be asked any more can be ended all the same"
