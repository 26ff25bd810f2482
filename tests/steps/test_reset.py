"""Reset: what a Pi prints about what is left, and the changes that follow from it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steps import giving_back, reset
from steps.giving_back import Left
from steps.reset import Reset, ResetFacts
from wizard.question import Answers

ALL = """
@@ originals
yes

@@ given-back

@@ cluster
/etc/kubernetes/admin.conf
/sys/class/net/cni0

@@ tailnet
Running

@@ packages
purge kubelet
back runc 1.1.5
hold runc

@@ lost

@@ files
/etc/hosts
/etc/fstab

@@ units
dphys-swapfile.service enabled

@@ key
yes
"""
LEFT = giving_back.parse("10.0.0.1", ALL)
NAMES = ("kubernetes", "tailnet", "packages", "files", "reboot", "forget")


def names(left: Left) -> tuple[str, ...]:
    return tuple(change.id.removeprefix("reset/") for change in giving_back.changes(left))


def test_what_the_script_prints() -> None:
    expected = Left(
        "10.0.0.1", originals=True, cluster=("/etc/kubernetes/admin.conf", "/sys/class/net/cni0"), tailnet=True,
        packages=("purge kubelet", "back runc 1.1.5", "hold runc"), files=("/etc/hosts", "/etc/fstab"),
        units=("dphys-swapfile.service enabled",), known=True,
    )  # fmt: skip
    assert expected == LEFT


DONE = replace(LEFT, cluster=(), tailnet=False, packages=(), files=(), units=(), given_back=True)


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (LEFT, NAMES),
        (replace(LEFT, cluster=()), NAMES[1:]),
        (replace(LEFT, cluster=(), tailnet=False), NAMES[2:]),
        (replace(LEFT, cluster=(), tailnet=False, packages=()), NAMES[3:]),
        (replace(DONE, given_back=False), NAMES[3:]),  # there may be nothing different, and yet it was not done
        (DONE, ("reboot", "forget")),
        (replace(DONE, booted=True), ("forget",)),
        (replace(DONE, booted=True, units=("x.service enabled",)), ("files", "reboot", "forget")),
        (Left("10.0.0.1", known=True), ("forget",)),  # killed between the two last things
        (Left("10.0.0.1", known=True, cluster=("/etc/kubernetes/pki",)), ("kubernetes", "forget")),  # never kept
        (Left("10.0.0.1"), ()),
    ],
)
def test_what_is_left_is_done_in_order(left: Left, expected: tuple[str, ...]) -> None:
    assert names(left) == expected
    assert all(change.host == "10.0.0.1" and not change.danger for change in giving_back.changes(left))


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        (("purge kubelet",), "remove kubelet"),
        (("purge kubelet", "purge kubeadm", "back runc 1.1.5"), "remove kubelet and kubeadm, put runc back"),
        (("hold socat", "auto ethtool"), "give holds and marks of packages back"),
        (tuple(f"purge p{n}" for n in range(9)), "remove p0, p1, p2, p3, p4 and 4 more"),
    ],
)
def test_packages_in_a_sentence(lines: tuple[str, ...], sentence: str) -> None:
    assert giving_back.packages_sentence(lines) == sentence


def test_the_whole_is_dangerous_and_its_word_is_the_clusters_name() -> None:
    plan = Reset().plan(ResetFacts("attic", (LEFT, replace(LEFT, address="10.0.0.2")), here=True), {})
    assert [change.id for change in plan if change.danger] == ["reset/cluster"]
    assert plan[0].word == "attic" and "2 Pis" in plan[0].sentence
    assert plan[-1].id == "reset/computer" and plan[-1].host is None


def test_without_pis_only_this_computer_is_left_and_without_it_nothing() -> None:
    assert [c.id for c in Reset().plan(ResetFacts("attic", here=True), {})] == ["reset/cluster", "reset/computer"]
    assert not Reset().plan(ResetFacts("attic"), {})


@pytest.mark.parametrize(
    ("answers", "paths"),
    [
        ({}, []),
        ({"reset": {"skip": ["10.0.0.9"]}}, []),
        ({"machines": {"hosts": ["10.0.0.1"]}, "reset": {"skip": ["10.0.0.9", "10.0.0.1"]}}, ["reset.skip"]),
    ],
)
def test_only_pis_of_the_cluster_are_left_out(answers: Answers, paths: list[str]) -> None:
    assert [problem.path for problem in Reset().validate(answers)] == paths


class Remembered:
    """A context that only has a journal."""

    def __init__(self, *entries: dict[str, Any]) -> None:
        self.journal = list(entries)
        self.state = self


FORGET = {"step": "reset", "change": "reset/forget", "host": "10.0.0.1", "begun": "x"}


@pytest.mark.parametrize(
    ("entries", "done"),
    [
        ((), False),
        ((FORGET,), False),
        ((FORGET | {"finished": "x"},), True),
        ((FORGET | {"finished": "x"}, {"change": "prepare/hosts", "host": "10.0.0.2"}), True),
        ((FORGET | {"finished": "x"}, {"change": "machines/authorize-key", "host": "10.0.0.1"}), False),
    ],
)
def test_a_pi_is_done_when_nothing_came_after_it_was_given_back(entries: Any, done: bool) -> None:
    ctx: Any = Remembered(*entries)
    assert reset._is_done(ctx, "10.0.0.1") is done
