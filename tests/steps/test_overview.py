"""What the opening screen and the dashboard tell about a cluster: from the state, and from cheap looks at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from steps import ORDER, nodes, overview
from wizard.context import Context
from wizard.demo.start import Demo, prepared
from wizard.engine import Consent
from wizard.errors import Unreachable, WizardError
from wizard.events import Bus
from wizard.opening import open_answered, open_state
from wizard.sections import Nobody, Part, Seen
from wizard.session import Session
from wizard.state import State
from wizard.ui import unattended
from wizard.ui.out import Out


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """A whole cluster, in the simulated world."""
    import io

    with prepared(fast=True, folder=tmp_path_factory.mktemp("overview")) as made:
        state = open_answered(None, made.state, made.answers, ORDER, save=True)
        session = Session(ORDER, made.world, state, finish=nodes.close_all, consent=Consent(yes=True))
        unattended.run(session, Out(io.StringIO()))
        session.close()
        yield made


@pytest.fixture
def ctx(demo: Demo) -> Context:
    return Context(demo.aside(), open_state("demo", demo.state, save=False), Nobody(), Bus())


def looked(part: Part, ctx: Context) -> Seen:
    assert part.look is not None
    found = part.look(ctx)
    assert found is not None
    return found


def test_a_cluster_that_is_well(demo: Demo, ctx: Context) -> None:
    before = list(demo.world.writes)
    assert looked(overview.PIS, ctx).summary == "3 Pis answer with the approved host key"
    assert looked(overview.NODES, ctx).summary.startswith("3 of 3 ready, Kubernetes 1.")
    assert looked(overview.FLUX, ctx).summary.startswith("all ")
    assert [looked(part, ctx).mark for part in overview.DASHBOARD if part.look] == ["✓", "✓", "✓"]
    proof = overview.remembered_proof(ctx.state)
    assert proof is not None and proof.mark == "✓" and proof.summary == "13 ok"
    assert any(row.what == "hello (private)" and row.text.split() == ["ok", "ok", "ok"] for row in proof.section.rows)
    assert demo.world.writes == before, "a look writes nothing"


def test_a_pi_that_is_away_or_another_one(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = ctx.world.host_keys

    def keys(address: str, port: int = 22) -> Any:
        if address.endswith(".12"):
            raise Unreachable("Nothing answers on the SSH port.", "It is off.", host="boreas")
        return shown("192.168.1.14" if address.endswith(".13") else address)

    monkeypatch.setattr(ctx.world, "host_keys", keys, raising=False)
    rows = {row.what: row.text for row in looked(overview.PIS, ctx).urgent}
    assert rows == {
        "boreas": "Nothing answers on the SSH port (192.168.1.12)",
        "castor": "shows another host key than the approved one (192.168.1.13)",
    }


class Api:
    """The cluster's API, some of its answers changed."""

    def __init__(self, real: Any, changed: dict[str, Any]) -> None:
        self.real, self.changed = real, changed

    def get(self, path: str) -> Any:
        found = self.real.get(path)
        return self.changed[path](found) if path in self.changed else found


def changed(ctx: Context, monkeypatch: pytest.MonkeyPatch, **paths: Any) -> None:
    real = ctx.world.cluster(Path("kubeconfig"))
    monkeypatch.setattr(ctx.world, "cluster", lambda kubeconfig: Api(real, paths["paths"]), raising=False)


def test_nodes_that_want_somebody(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def fewer(found: Any) -> Any:
        first, second, _ = found["items"]
        down = {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status"}
        status = {**second["status"], "conditions": [down]}
        return {"items": [{**first, "spec": {"unschedulable": True}}, {**second, "status": status}]}

    changed(ctx, monkeypatch, paths={"/api/v1/nodes": fewer})
    found = looked(overview.NODES, ctx)
    told = [(row.level, row.text.partition(":")[0]) for row in found.urgent]
    assert sorted(told) == [
        ("bad", "is not in the cluster"),
        ("bad", "not ready"),
        ("warn", "takes no new pods (cordoned)"),
    ]
    assert found.summary.endswith("; and 2 more")


def test_another_cluster_is_recognised(ctx: Context) -> None:
    ctx.state.evidence["cluster"]["uid"] = "other"
    assert looked(overview.NODES, ctx).summary == "another cluster answers than the one that was made here"


def test_what_flux_cannot_make_true(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from steps.flux_status import LISTS

    def broken(found: Any) -> Any:
        one = found["items"][0]
        ready = {"type": "Ready", "status": "False", "reason": "BuildFailed", "message": "no such file"}
        return {"items": [{**one, "status": {"conditions": [ready]}, "spec": {**one.get("spec", {}), "suspend": True}}]}

    changed(ctx, monkeypatch, paths={LISTS["HelmRelease"]: broken})
    found = looked(overview.FLUX, ctx)
    assert "BuildFailed: no such file" in found.summary
    assert any(row.text == "suspended by a person" for row in found.section.rows)


def test_before_there_is_a_cluster_nothing_is_looked_at(tmp_path: Path, ctx: Context) -> None:
    state = State(tmp_path / "state.yaml", "new")
    empty = Context(ctx.world, state, Nobody(), Bus())
    for part in (*overview.OPENING, *overview.DASHBOARD):
        assert part.remembered(state) is None
        assert part.look is None or part.look(empty) is None


def test_certificates_tell_their_end(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    from datetime import UTC, datetime, timedelta

    from steps.tls.look import Certificate

    def one(name: str, days: int, **more: Any) -> Certificate:
        until = (datetime.now(UTC) + timedelta(days=days)).isoformat()
        return Certificate(name, (f"*.{name}",), "letsencrypt-production", name, until=until, **more)

    monkeypatch.setitem(ctx.state.answers["domains"], "provider", "duckdns")
    found = [one("good", 60), one("late", 3), one("bad", 60, why="Challenge pending")]
    monkeypatch.setattr(overview.tls, "certificates", lambda cluster: found)
    rows = {row.what: (row.level, row.text) for row in looked(overview.CERTIFICATES, ctx).section.rows}
    assert rows["*.good"][0] == "good" and "(60 days)" in rows["*.good"][1]
    assert rows["*.late"][0] == "warn"
    assert rows["*.bad"] == ("bad", "not ready: Challenge pending")


def test_an_api_that_is_away_is_an_error_of_the_look(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(kubeconfig: Path) -> Any:
        raise WizardError("The cluster's API at 192.168.1.11:6443 can't be reached.")

    monkeypatch.setattr(ctx.world, "cluster", away, raising=False)
    with pytest.raises(WizardError):
        looked(overview.NODES, ctx)
