"""What Flux and Kubernetes say of themselves, read as ready or not, and as a reason in words."""

from __future__ import annotations

from typing import Any

import pytest

from steps.flux_status import (
    Expected,
    attempted,
    could_go_on,
    cycle,
    failed,
    items,
    look,
    short,
    stalled,
    suspended,
    untold,
    waiting,
    why_not,
)  # fmt: skip
from tests.steps.flux_objects import (
    EXPECTED,
    OLD,
    READY,
    REVISION,
    Objects,
    gateway,
    kustomization,
    needing,
    release,
    says,
    thing,
)


@pytest.mark.parametrize(
    ("kind", "one", "expected"),
    [
        ("Kustomization", kustomization("hello"), ""),
        ("Kustomization", kustomization("hello", says("True", seen=0)), "not been looked at yet"),
        ("Kustomization", kustomization("hello", at=OLD), "at main@bbbbbbbb, not yet at main@aaaaaaaa"),
        ("Kustomization", kustomization("hello", says("False", "BuildFailed", "no\n file")), "BuildFailed: no file"),
        ("Kustomization", {"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "being taken away"),
        ("Kustomization", thing("hello"), "it has not been looked at yet"),
        ("HelmRelease", release(READY), ""),
        ("HelmRelease", release(says("Unknown", "Progressing", "installing")), "Progressing: installing"),
        ("Gateway", gateway("10.0.0.60"), ""),
        ("Gateway", gateway("10.0.0.61"), "its address is 10.0.0.61, not 10.0.0.60"),
        ("Gateway", gateway("10.0.0.60", says("False", "Invalid", "no port", kind="Programmed")), "Invalid: no port"),
        ("GitRepository", thing("flux-system", status={"conditions": [READY], "artifact": {"revision": REVISION}}), ""),
        ("GitRepository", thing("flux-system", status={"conditions": [READY]}), "at nothing, not yet at main@aaaa"),
        ("GitRepository", thing("gateway-api", status={"conditions": [READY]}), ""),
        ("Deployment", thing("source-controller", spec={"replicas": 1}, status={"availableReplicas": 1}), ""),
        ("Deployment", thing("source-controller", spec={"replicas": 1}), "its pod does not run yet"),
    ],
)  # fmt: skip
def test_ready_is_said_of_this_object_and_this_commit(kind: str, one: dict[str, Any], expected: str) -> None:
    found = why_not(kind, one, EXPECTED)
    assert (found == "") == (expected == "") and expected in found


def test_what_is_missing_is_waited_for() -> None:
    found = waiting({"Kustomization": [kustomization("flux-system")]}, EXPECTED)
    assert [str(item) for item in found] == ["Kustomization flux-system/hello", "Gateway gateways/traefik-internal"]
    assert len(items({"Kustomization": [kustomization("flux-system")]}, EXPECTED)) == 3


def test_when_all_is_ready_nothing_waits() -> None:
    seen = {"Kustomization": [kustomization("flux-system"), kustomization("hello")], "Gateway": [gateway("10.0.0.60")]}
    assert waiting(seen, EXPECTED) == []


def test_suspended_and_stalled_are_told_apart() -> None:
    given_up = says("True", "RetriesExceeded", "gave up", kind="Stalled")
    seen = {
        "HelmRelease": [release(says("False"), given_up)],
        "Kustomization": [{**kustomization("x"), "spec": {"suspend": True}}],
    }
    assert [(item.name, item.why) for item in stalled(seen)] == [("traefik-internal", "gave up")]
    assert [item.name for item in suspended(seen)] == ["x"]


def test_what_could_go_on_is_told_apart_from_what_still_waits() -> None:
    seen = {"Kustomization": [kustomization("metallb"), needing("config", "metallb"), needing("traefik", "config")]}
    assert [item.name for item in could_go_on(waiting(seen, Expected(REVISION)))] == ["config"]


@pytest.mark.parametrize(
    ("parts", "circle"),
    [
        ({"a": ["b"], "b": ["c"]}, []),
        ({"a": ["b"], "b": ["a"]}, ["a", "b"]),
        ({"x": ["a"], "a": ["ready", "b"], "b": ["c"], "c": ["a"]}, ["a", "b", "c"]),
        ({"a": ["a"]}, ["a"]),
    ],
)
def test_parts_that_wait_for_each_other_are_found(parts: dict[str, list[str]], circle: list[str]) -> None:
    found = waiting({"Kustomization": [needing(name, *others) for name, others in parts.items()]}, Expected(REVISION))
    assert [item.name for item in cycle(found)] == circle


def test_what_is_said_of_an_older_commit_is_told_apart() -> None:
    tried = kustomization("flux-system", lastAttemptedRevision=REVISION)
    older = kustomization("hello", lastAttemptedRevision=OLD)
    assert attempted({"Kustomization": [tried, needing("hello", "gateways")]}, EXPECTED)
    assert not attempted({"Kustomization": [tried, older]}, EXPECTED)


def test_what_flux_did_not_tell_of_the_commit_is_found() -> None:
    source = thing("flux-system", status={"artifact": {"revision": REVISION}})
    parts = [
        kustomization("flux-system", lastAttemptedRevision=REVISION), kustomization("hello", lastAttemptedRevision=OLD),
        kustomization("busy", says("Unknown", "Progressing"), lastAttemptedRevision=OLD), needing("waits", "hello"),
    ]  # fmt: skip
    found = untold({"GitRepository": [source], "Kustomization": parts}, EXPECTED)
    assert [item.name for item in found] == ["hello"]
    assert untold({"Kustomization": parts}, EXPECTED) == []
    older = thing("flux-system", status={"artifact": {"revision": OLD}})
    assert untold({"GitRepository": [older], "Kustomization": parts}, EXPECTED) == []


def test_what_failed_by_itself_is_tried_again_at_once() -> None:
    seen = {
        "Kustomization": [
            kustomization("bad", says("False", "BuildFailed")), needing("hello", "bad"),
            kustomization("busy", says("Unknown", "Progressing")), kustomization("good"),
        ]
    }  # fmt: skip
    assert [item.name for item in failed(seen)] == ["bad"]


def test_kinds_that_the_cluster_does_not_know_yet_are_empty() -> None:
    assert not any(look(Objects()).values())


def test_revisions_are_short() -> None:
    assert short("main@sha1:0123456789abcdef") == "main@01234567"
    assert short(None) == "nothing"
