"""Adding Pis to a cluster that runs: which ones, and with which Kubernetes. The steps of the journey do the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from steps import cluster_look, control_plane, discovery, nodes
from steps.cluster_look import Look
from steps.kubernetes import Version, wanted
from wizard.context import Context
from wizard.errors import Blocked, Problem
from wizard.question import ADDRESS, YES_NO, Answers, Choice, Question, list_of
from wizard.step import Change, Step


def _mine(answers: Answers) -> Mapping[str, Any]:
    return answers.get("node-add", {})


def _nobody_named(answers: Answers) -> bool:
    return "addresses" not in _mine(answers)


def _strangers(ctx: Context) -> list[Choice]:
    """What was found in the network and is not in the cluster yet."""
    known = ctx.answers.get("machines", {}).get("hosts") or []
    found = discovery.hosts_on(ctx, _mine(ctx.answers).get("network"))
    return [choice for choice in found if choice.value not in known]


def _network(ctx: Context) -> str | None:
    return ctx.answers.get("machines", {}).get("network") or discovery.own_network(ctx)


QUESTIONS = {
    q.key: q
    for q in (
        Question(
            "network", "Which network are the new Pis in?", discovery.NETWORK_OR_NONE, default=_network,
            when=_nobody_named, needs_person=True, required=False, source="this computer's routes",
            help=discovery.WHAT_IS_SENT,
        ),
        Question(
            "addresses", "Which Pis shall join the cluster?", list_of(ADDRESS), choices=_strangers,
            source="a look at the network", help="Those that are in it already are left out.",
        ),
        Question(
            "control_plane", "Shall they run the control plane too?", YES_NO, default=False, advanced=True,
            help="With three control planes the cluster goes on when one fails.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class AddFacts:
    """What the cluster runs; empty when it can't be asked from here yet."""

    version: str = ""
    look: Look = field(default_factory=Look)


class NodeAdd(Step[AddFacts]):
    """Puts the new Pis on the list of the cluster's machines."""

    name = "node-add"
    title = "New Pis"
    intro = (
        "More Pis join the cluster. They get the Kubernetes version that it has; the Pis that are in it are left alone."
    )
    questions = tuple(QUESTIONS.values())

    def validate(self, answers: Answers) -> list[Problem]:
        given, machines = _mine(answers), answers.get("machines", {})
        new, heads = given.get("addresses") or [], nodes.control_planes(answers)
        if not given.get("control_plane"):
            return []
        path = "node-add.addresses"
        problems = [
            Problem(path, f"{address} is in the cluster as a worker.", f"First: homelab node remove {address}.")
            for address in new
            if address in (machines.get("hosts") or []) and address not in heads
        ]
        if len(dict.fromkeys([*heads, *new])) > 3:
            problems.append(Problem(path, "more than three control planes are too many.", "Add them as workers."))
        return problems

    def check(self, ctx: Context) -> AddFacts:
        if not control_plane.kubeconfig_path(ctx).exists() or not ctx.state.recall("cluster", "uid"):
            return AddFacts()
        look = Look.at(control_plane.cluster(ctx))
        version = cluster_look.version(look)
        if version and wanted(ctx.answers) > Version.parse(version) and ctx.state.recall("upgrade", "target"):
            raise Blocked(
                f"The cluster is on its way to Kubernetes {wanted(ctx.answers)}.",
                f"Not all of it has arrived: its oldest control plane runs {version}.",
                "Finish that first: homelab node upgrade.",
            )  # fmt: skip
        return AddFacts(version, look)

    def plan(self, facts: AddFacts, answers: Answers) -> list[Change]:
        given, machines = _mine(answers), answers.get("machines", {})
        new = [address for address in given.get("addresses") or [] if address not in (machines.get("hosts") or [])]
        changes = []
        if facts.version and str(wanted(answers)) != facts.version:
            sentence = f"give new Pis Kubernetes {facts.version}, as the cluster has it"
            changes.append(
                Change(
                    "node-add/version", sentence, lambda ctx: ctx.keep("prepare", "kubernetes_version", facts.version)
                )
            )
        if new:
            role = "control planes" if given.get("control_plane") and len(new) > 1 else "a control plane"
            kind = role if given.get("control_plane") else ("workers" if len(new) > 1 else "a worker")
            changes.append(
                Change(
                    "node-add/list", f"put {' and '.join(new)} on the list of the cluster's Pis, as {kind}", _list(new)
                )
            )
        return changes


def _list(new: list[str]) -> Any:
    def do(ctx: Context) -> None:
        machines = ctx.answers.get("machines", {})
        if _mine(ctx.answers).get("control_plane"):
            ctx.keep("machines", "more_control_planes", [*(machines.get("more_control_planes") or []), *new])
        hosts = machines.get("hosts") or []
        ctx.keep("machines", "hosts", [*hosts, *new])
        if len(hosts) == 1 and ctx.answers.get("snapshots", {}).get("to", "") is None:  # there was nowhere else
            ctx.forget("snapshots", "to")

    return do
