"""The wait for Flux: what it asks of Flux, and when it gives up before its time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import flux_causes, flux_wait
from steps.flux_status import SYNC_SOURCE, Expected, Item
from tests.steps.flux_world import FluxWorld, Front, place
from wizard import events
from wizard.context import Context
from wizard.errors import WizardError
from wizard.state import State

NEW, OLD = "main@sha1:" + "a" * 40, "main@sha1:" + "b" * 40
BAD_PATH = "kustomization path not found: stat /tmp/k/apps/x: no such file or directory"


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    made = Context(FluxWorld(tmp_path), State(tmp_path / "state.yaml", "attic"), Front(), events.Bus())
    put(made, "gitrepositories", "flux-system", {"artifact": {"revision": NEW}, **ready("True")})
    put(
        made,
        "kustomizations",
        "flux-system",
        {"lastAttemptedRevision": NEW, "lastAppliedRevision": NEW, **ready("True")},
    )
    return made


def ready(status: str, reason: str = "", message: str = "") -> dict[str, Any]:
    found = {"type": "Ready", "status": status, "reason": reason, "message": message, "observedGeneration": 1}
    return {"conditions": [found]}


def put(ctx: Context, kind: str, name: str, status: dict[str, Any], **spec: Any) -> None:
    assert isinstance(ctx.world, FluxWorld)
    source = {"sourceRef": {"kind": "GitRepository", "name": "flux-system"}} if kind == "kustomizations" else {}
    meta = {"name": name, "namespace": "flux-system", "generation": 1}
    ctx.world.api.objects[place(kind, name)] = {"metadata": meta, "spec": {**source, **spec}, "status": status}


def settle(ctx: Context) -> float:
    """Waits; the seconds that it took."""
    began = ctx.world.now()
    assert isinstance(ctx.world, FluxWorld)
    flux_wait.settle(ctx, ctx.world.api, Expected(NEW, ("flux-system",)))  # type: ignore[arg-type]
    return ctx.world.now() - began


def asked(ctx: Context) -> list[str]:
    assert isinstance(ctx.world, FluxWorld)
    return ctx.world.api.applied


def test_a_cause_that_no_waiting_mends_ends_the_wait_soon(ctx: Context) -> None:
    put(ctx, "kustomizations", "own", ready("False", "ArtifactFailed", BAD_PATH))
    with pytest.raises(WizardError) as failed:
        settle(ctx)
    assert flux_causes.SURE <= ctx.world.now() < flux_causes.SURE + 10
    assert failed.value.sentences() == [
        "Kustomization flux-system/own can't become ready: the folder is not in the repository.",
        f"Kustomization flux-system/own: ArtifactFailed: {BAD_PATH}.",
        "Correct it in the repository, push, and run the same command again.",
    ]
    assert failed.value.cause == "flux-path-missing"
    assert asked(ctx) == [SYNC_SOURCE, place("kustomizations", "own")]


def test_what_is_said_of_the_commit_before_ends_nothing(ctx: Context) -> None:
    put(
        ctx,
        "kustomizations",
        "own",
        {"lastAttemptedRevision": OLD, **ready("False", "BuildFailed", "MalformedYAMLError")},
    )
    with pytest.raises(WizardError, match="in vain"):
        settle(ctx)
    assert ctx.world.now() >= flux_wait.DEADLINE


def test_a_cause_that_goes_away_ends_nothing(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ctx, "kustomizations", "own", ready("False", "ArtifactFailed", BAD_PATH))
    sleep = ctx.world.sleep

    def mends(seconds: float) -> None:
        sleep(seconds)
        if ctx.world.now() >= flux_causes.SURE - 6:
            put(
                ctx,
                "kustomizations",
                "own",
                {"lastAttemptedRevision": NEW, "lastAppliedRevision": NEW, **ready("True")},
            )

    monkeypatch.setattr(ctx.world, "sleep", mends)
    assert settle(ctx) < flux_causes.SURE


def test_while_flux_tries_again_the_clock_goes_on(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ctx, "kustomizations", "own", ready("False", "ArtifactFailed", BAD_PATH))
    sleep, turn = ctx.world.sleep, iter(range(1000))

    def tries(seconds: float) -> None:
        sleep(seconds)
        busy = next(turn) % 2 == 0
        status = ready("Unknown", "Progressing", "Reconciliation in progress")
        put(ctx, "kustomizations", "own", {**status, "lastAttemptedRevision": NEW} if busy else
            ready("False", "ArtifactFailed", BAD_PATH))  # fmt: skip

    monkeypatch.setattr(ctx.world, "sleep", tries)
    with pytest.raises(WizardError, match="the folder is not in the repository"):
        settle(ctx)
    assert ctx.world.now() < flux_causes.SURE + 10


def test_a_git_server_that_refuses_the_key_is_named(ctx: Context) -> None:
    put(ctx, "gitrepositories", "flux-system", ready("False", "GitOperationFailed", "ssh: unable to authenticate"))
    put(ctx, "kustomizations", "flux-system", {"lastAttemptedRevision": OLD, **ready("True")})
    with pytest.raises(WizardError, match=r"^GitRepository flux-system/flux-system can't become ready: the git server"):
        settle(ctx)
    assert ctx.world.now() < flux_causes.SURE + 10


def test_a_commit_that_flux_has_not_begun_with_is_brought_to_its_notice(ctx: Context) -> None:
    for name in ("flux-system", "own"):
        put(ctx, "kustomizations", name, {"lastAttemptedRevision": OLD, "lastAppliedRevision": OLD, **ready("True")})
    with pytest.raises(WizardError, match="in vain"):
        settle(ctx)
    for name in ("flux-system", "own"):
        times = asked(ctx).count(place("kustomizations", name))
        assert times in range(2, int(flux_wait.DEADLINE / flux_wait.ASK_AGAIN) + 1)


@pytest.mark.parametrize(
    ("patience", "retry", "seconds"),
    [
        (None, "1m", None),
        (30.0, "1m", 30.0),
        (flux_causes.RETRY, "10s", flux_causes.SURE + 10),
        (flux_causes.RETRY, "1m30s", flux_causes.SURE + 90),
        (flux_causes.RETRY, "1h", flux_causes.SURE + 3600),
        (flux_causes.RETRY, "500ms", flux_causes.SURE),
        (flux_causes.RETRY, None, flux_causes.SURE + 60),
    ],
)
def test_what_another_part_may_bring_is_waited_for_until_the_next_try(
    patience: float | None, retry: str | None, seconds: float | None
) -> None:
    item = Item("Kustomization", "flux-system", "own", "why", {"spec": {"retryInterval": retry}})
    assert flux_wait.patience(flux_causes.Cause("code", "x", "y", patience=patience), item) == seconds
