"""What `homelab status` finds beyond the dashboard: versions beside the pins, and what differs from the answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steps import status
from steps.kubeconfig import Held
from steps.why.sight import Sight
from tests.steps.why_cases import sight
from wizard import assets
from wizard.status import Row

PINS = assets.versions()


def rows(case: dict[str, Any]) -> dict[str, Row]:
    return {row.what: row for row in status.versions(sight(case), PINS)}


def test_every_program_whose_version_can_be_told_is_there() -> None:
    flux = {"Namespace flux-system": {"metadata": {"labels": {"app.kubernetes.io/version": "v2.9.4"}}}}
    found = rows({"change": flux})
    assert {"Kubernetes on pi1", "Kubernetes on pi3", "Flux", "chart traefik", "chart metallb"} <= set(found)
    assert {row.level for row in found.values()} == {"good"}, found


@pytest.mark.parametrize(
    ("kubelet", "level", "words"),
    [
        ("v1.36.3", "warn", "1.36.3; this release installs"),
        ("v1.37.2", "note", "newer than"),
        ("", "unknown", "not told"),
    ],
)
def test_an_old_version_is_warned_of_a_newer_one_only_told(kubelet: str, level: str, words: str) -> None:
    found = rows({"change": {"Node pi2": {"status": {"nodeInfo": {"kubeletVersion": kubelet}}}}})["Kubernetes on pi2"]
    assert (found.level, words in found.text) == (level, True)
    assert ("homelab upgrade" in found.fix) is (level == "warn")


def test_nothing_is_told_of_what_is_not_there() -> None:
    assert list(status.versions(Sight(), PINS)) == []


class Ctx:
    """As much of a context as drift reads."""

    def __init__(self, **answers: Any) -> None:
        hosts = ["192.168.1.11", "192.168.1.12", "192.168.1.13"]
        self.answers = {"machines": {"hosts": hosts, "control_plane": hosts[0]}, **answers}
        self.names = dict(zip(hosts, ("pi1", "pi2", "pi3"), strict=True))

    @property
    def state(self) -> Any:
        return self

    def recall(self, *path: str) -> str | None:
        return self.names.get(path[1])


@pytest.mark.parametrize(
    ("answers", "change", "expected"),
    [
        ({}, {}, []),
        ({"addresses": {"internal_address": "192.168.1.201", "pool": "192.168.1.200-192.168.1.209"}}, {}, []),
        ({"addresses": {"internal_address": "192.168.1.205"}}, {}, ["addresses.internal_address"]),
        ({"addresses": {"pool": "192.168.1.240-192.168.1.249"}}, {}, ["addresses.pool"]),
        ({"repository": {"branch": "other"}}, {}, ["repository.branch"]),
    ],
)
def test_each_answer_that_the_cluster_does_not_follow_is_a_row(
    answers: dict[str, Any], change: dict[str, Any], expected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status.components, "chosen", lambda settings: [])
    monkeypatch.setattr(status, "settings", lambda *given: None)
    found = list(status.drift(Ctx(**answers), sight({"change": change})))  # type: ignore[arg-type]
    assert [row.what for row in found] == expected
    assert all(row.fix for row in found)


def test_a_node_that_nobody_answered_for_and_a_part_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    part = type("Part", (), {"name": "monitoring"})
    monkeypatch.setattr(status.components, "chosen", lambda settings: [part])
    monkeypatch.setattr(status, "settings", lambda *given: None)
    ctx = Ctx()
    del ctx.names["192.168.1.13"]
    found = [row.text for row in status.drift(ctx, sight({}))]  # type: ignore[arg-type]
    assert found == [
        "the node pi3 is in the cluster, not in the answers", "monitoring is chosen, and not in the cluster",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("days", "level", "words"), [(364, "good", "364 days"), (3, "warn", "3 days"), (-2, "bad", "ENDED on")]
)
def test_the_end_of_this_computers_access_is_told(
    days: int, level: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = datetime.now(UTC) + timedelta(days=days)
    monkeypatch.setattr(status.flux, "kubeconfig", lambda ctx: None)
    monkeypatch.setattr(status.kubeconfig, "held", lambda path, expected: Held((), end.timestamp()))
    found = status.look_at_access(Ctx())  # type: ignore[arg-type]
    assert found is not None
    (row,) = found.section.rows
    assert (row.level, words in row.text, row.ends) == (level, True, end.date().isoformat())
    assert bool(row.fix) is (level != "good")


def test_without_a_kubeconfig_nothing_is_told_of_access(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status.flux, "kubeconfig", lambda ctx: None)
    monkeypatch.setattr(status.kubeconfig, "held", lambda path, expected: None)
    assert status.look_at_access(Ctx()) is None  # type: ignore[arg-type]
