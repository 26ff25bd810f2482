"""The waits ask the library of causes where the words of what waits say little, and not more often than they must."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from steps import cluster_look
from steps.flux_status import Expected
from steps.flux_wait import DEEPER, Watch
from tests.steps.flux_world import FluxWorld, Front
from tests.steps.why_cases import sight
from wizard import events
from wizard.context import Context
from wizard.state import State

WAITING = {"Ready": {"status": "False", "reason": "HealthCheckFailed", "message": "timeout waiting for: [Deployment]"}}
NOT_READY = {"conditions": {"Ready": {"status": "False"}}, "containerStatuses": {"hello": {"ready": False}}}
PROBE = "Readiness probe failed: dial tcp 10.244.1.7:80: connect: connection refused"
CASE = {
    "change": {
        "hello": {"status": NOT_READY},
        "Kustomization flux-system/hello": {"status": {"conditions": WAITING}},
    },
    "events": [("hello", "Unhealthy", PROBE)],
}


class Api:
    """The objects of a case, counted when they are asked for."""

    def __init__(self, case: dict[str, Any]) -> None:
        self.sight, self.asked = sight(case), 0

    def get(self, path: str) -> dict[str, Any]:
        self.asked += path.endswith("/pods") and "namespaces" not in path
        parts = path.strip("/").split("/")
        space = parts[parts.index("namespaces") + 1] if "namespaces" in parts and parts[-1] != "namespaces" else ""
        items = self.sight.lists.get(parts[-1], [])
        return {"items": [one for one in items if not space or one["metadata"].get("namespace") == space]}

    def apply(self, path: str, body: Any) -> None:
        return


@pytest.fixture
def ctx(tmp_path: Path) -> Context:
    return Context(FluxWorld(tmp_path), State(tmp_path / "state.yaml", "attic"), Front(), events.Bus())


def test_a_wait_that_only_timed_out_says_what_keeps_the_pod(ctx: Context) -> None:
    api = Api(CASE)
    watch = Watch(ctx, api, Expected("main@sha1:" + "a1b2c3d4e5" * 4))  # type: ignore[arg-type]
    assert not watch.look()
    assert watch.why().endswith("hello runs, but does not answer its readiness check.")


def test_it_is_asked_now_and_then_only(ctx: Context) -> None:
    vague = {"change": {"Kustomization flux-system/hello": {"status": {"conditions": WAITING}}}}
    api = Api(vague)
    watch = Watch(ctx, api, Expected("main@sha1:" + "a1b2c3d4e5" * 4))  # type: ignore[arg-type]
    for _ in range(4):
        watch.look()
    assert api.asked == 1
    ctx.world.sleep(DEEPER + 1)
    watch.look()
    assert api.asked == 2


def test_a_wait_for_a_node_says_what_its_words_mean() -> None:
    message = "container runtime network not ready: cni plugin not initialized"
    down = {"Ready": {"status": "False", "reason": "KubeletNotReady", "message": message}}
    api = Api({"change": {"Node pi3": {"status": {"conditions": down}}}})
    text = cluster_look.why(api, ["pi3"])  # type: ignore[arg-type]
    assert text == f"pi3 says: {message}. pi3: the pod network is not ready on it, so no pod can start there."
