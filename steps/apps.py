"""Which apps the cluster gets: the question, and what speaks against monitoring on Pis with little memory."""

from __future__ import annotations

from steps import facts, nodes
from wizard.context import Context
from wizard.question import CHOICE, Answers, Choice, Question, list_of

MONITORING = "monitoring"
GIB = 1024**3
ENOUGH = 3.5 * GIB  # what a Pi that is sold with 4 GB says it has is a little less


def room(ctx: Context) -> int:
    """The memory in bytes of the largest Pi that takes pods, as seen in this run; 0 when none was seen.

    Pods stay off the control planes where there are workers.
    """
    seen = facts.memory(ctx)
    takers = [node.address for node in nodes.workers(ctx)] or nodes.addresses(ctx.answers)
    return max((seen.get(address, 0) for address in takers), default=0)


def too_small(ctx: Context) -> str:
    """Why monitoring should be left out; empty when nothing speaks against it, or nothing is known."""
    if not 0 < (most := room(ctx)) < ENOUGH:
        return ""
    return f"it wants a Pi with 4 GB of memory, and the largest that takes pods has {most / GIB:.1f}"


def _choices(ctx: Context) -> list[Choice]:
    against = too_small(ctx)
    return [
        Choice("hello", "hello", "a page that says hello; the proof needs it", chosen=True),
        Choice("pihole", "Pi-hole", "DNS for the home, without advertising"),
        Choice(
            MONITORING, "Prometheus and Grafana",
            f"better not: {against}" if against else "what the cluster is doing; wants a Pi with 4 GB of memory",
        ),
    ]  # fmt: skip


QUESTION = Question("apps", "What shall run on the cluster?", list_of(CHOICE), default=["hello"], choices=_choices,
                    needs=("machines",))  # fmt: skip


def advise(ctx: Context, answers: Answers) -> None:
    """Says once a run what speaks against the chosen apps."""
    if MONITORING not in answers["repository"]["apps"] or not (against := too_small(ctx)):
        return
    if not ctx.scratch.get("monitoring told"):
        ctx.scratch["monitoring told"] = True
        ctx.note("Monitoring on small Pis", f"Prometheus and Grafana may run out of memory: {against}. To leave it out,"
                 f" take {MONITORING} out of repository.apps.")  # fmt: skip
