"""Certificates outlive their cluster: kept, encrypted, and put into a new one of the same names."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from steps.flux import Flux
from steps.repository import Repository
from steps.reset import Reset, ResetFacts
from steps.tls import keep, look, report, store
from tests.steps.tls_home import NOW, SIDES, again, asked, built, home, issued, put_secret, run, world
from wizard import assets, sops
from wizard.context import Context
from wizard.errors import Blocked, StateError, WizardError


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return home(tmp_path)


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
        put_secret(world(old).api, side, look.PRODUCTION, made=NOW - timedelta(days=90 - days))
    keep.save(old)
    assert len(copy_of(old)) == 2
    ctx = again(tmp_path, {**old.state.answers, "domains": {**old.state.answers["domains"], **given}})
    if lost:
        (tmp_path / "state" / "age.key").unlink()
    assert keep.find(ctx, world(ctx).api, new=True).back == ()  # type: ignore[arg-type]


def test_a_new_cluster_does_not_begin_with_certificates_that_can_not_be_had(tmp_path: Path) -> None:
    ctx = home(tmp_path, issuer="production")
    store.remember(ctx, store.Record(tuple(issued(1, 2, 3, 4, 5))))
    with pytest.raises(Blocked, match="no more certificates") as caught:
        keep.find(ctx, world(ctx).api, new=True)  # type: ignore[arg-type]
    assert "answer domains.issuer with staging" in caught.value.fix
    api = world(ctx).api
    put_secret(api, "internal", look.PRODUCTION)
    put_secret(api, "external", look.STAGING)
    with pytest.raises(Blocked, match="no more certificates"):
        keep.find(ctx, api, new=True)  # type: ignore[arg-type]
    put_secret(api, "external", look.PRODUCTION)
    assert keep.find(ctx, api, new=True) == keep.Keeping(True), "it lies there already"  # type: ignore[arg-type]


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
    assert not keep.last(asked(ctx, look.PRODUCTION)).stale, "there is no key to encrypt it for"
    ctx.state.remember("repository", "age_recipient", value=sops.make_key(tmp_path / "state" / "age.key"))
    assert not keep.last(asked(ctx)).stale, "staging is not worth it"
    assert keep.last(asked(ctx, look.PRODUCTION)).stale
    keep.save(ctx)
    assert not keep.last(ctx).stale

    def away(kubeconfig: Path) -> Any:
        raise WizardError("The cluster's API can't be reached.")

    ctx.world.cluster = away  # type: ignore[method-assign]
    assert not keep.last(ctx).stale, "what can't be asked any more can be ended all the same"
