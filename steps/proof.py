"""The proof: who reaches what, measured from home, over the VPN and from outside, negative rows included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from steps import matrix, probing
from steps.matrix import Cell, Probe, Seen
from wizard.context import Context
from wizard.errors import Blocked, Interrupted, TrustError, WizardError
from wizard.question import PATH, Answers, Question
from wizard.step import Change, Step
from wizard.wait import until

SETTLE = 90.0  # seconds that a new cluster may take until what it announces is seen everywhere

QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "vpn_probe", "Which machine on your VPN may send requests for the proof?", probing.STATION, required=False,
            help="A log-in over SSH such as me@laptop.local; it needs curl and no other rights. Leave it empty to leave"
            " the VPN rows unmeasured.",
        ),
        Question(
            "outside_probe", "Which machine outside your home may send requests for the proof?", probing.STATION,
            required=False,
            help="A log-in over SSH on a rented server or at a friend's. Leave it empty to leave those rows"
            " unmeasured.",
        ),
        Question("probe_key_file", "Which SSH key logs in there?", PATH, required=False, advanced=True),
        Question(
            "probe_known_hosts", "Which file holds the host keys of these machines?", PATH, required=False,
            advanced=True, help="Without it, your own known_hosts file is used. An unknown host is never spoken to.",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class ProofFacts:
    """What was measured now, and what an earlier run recorded."""

    cells: Sequence[Cell]
    recorded: Sequence[Mapping[str, Any]]


def measure(ctx: Context) -> list[Cell]:
    """Sends every probe that can be sent, side by side from the places, and judges what was seen."""
    nonce = str(ctx.state.recall("proof", "nonce") or "")
    if not nonce:
        raise Blocked(
            "There is nothing to recognise this cluster by.", "The nonce is made when the repository is written.",
            "Run the step Repository first.",
        )  # fmt: skip
    probes = matrix.probes(ctx.answers)
    excuses = {probe.key: matrix.unmeasurable(probe, ctx.answers) for probe in probes}
    places: dict[str, list[Probe]] = {}
    for probe in probes:
        if not excuses[probe.key]:
            places.setdefault(probe.vantage, []).append(probe)
    given = ctx.answers["proof"]
    stations = {"LAN": None, "VPN": given.get("vpn_probe"), "outside": given.get("outside_probe")}
    answers = ctx.each(places, lambda place: probing.send(ctx, places[place], stations[place], nonce))
    seen: dict[str, Seen] = {key: what for part in answers.values() for key, what in part.items()}
    cells = [
        Cell(probe, "not measured", excuses[probe.key]) if excuses[probe.key] else matrix.judge(probe, seen[probe.key])
        for probe in probes
    ]
    return matrix.settle(cells, ctx.answers)


class Proof(Step[ProofFacts]):
    """Measures the matrix; red cells stop here, with a sentence each."""

    name: ClassVar[str] = "proof"
    title: ClassVar[str] = "Proof"
    intro: ClassVar[str] = (
        "The cluster is done when the right people reach the right things, and nobody else does. That is measured now,"
        " from every side that you can offer."
    )
    questions: ClassVar[tuple[Question, ...]] = tuple(QUESTIONS.values())

    def check(self, ctx: Context) -> ProofFacts:
        recorded = ctx.state.recall("proof", "table") or []
        cells = measure(ctx) if recorded else self._patiently(ctx)
        if (table := matrix.table(cells)) != ctx.scratch.get(
            "proof shown"
        ):  # verifying shows it again only when changed
            ctx.scratch["proof shown"] = table
            ctx.note("Who reaches what", table)
        if causes := matrix.explain(cells):
            count = sum(cell.verdict == "wrong" for cell in cells)
            raise Blocked(
                f"{count} of {len(cells)} rows of the proof are not as they must be.", "\n".join(causes),
                "Mend that and run the same command again.",
            )  # fmt: skip
        return ProofFacts(cells, recorded)

    def _patiently(self, ctx: Context) -> list[Cell]:
        """The first time, addresses may just have been announced: measures until nothing is wrong, or for a while."""
        last: list[list[Cell]] = []

        def once() -> list[Cell] | None:
            last[:] = [measure(ctx)]
            return None if any(cell.verdict == "wrong" for cell in last[0]) else last[0]

        def why() -> str:
            return next(iter(matrix.explain(last[0])), "")

        try:
            return until(ctx, "every row of the proof to be right", once, deadline=SETTLE, every=5, why=why)
        except (Interrupted, TrustError):
            raise
        except WizardError:
            if not last or all(cell.verdict != "wrong" for cell in last[0]):
                raise
            return last[0]

    def plan(self, facts: ProofFacts, answers: Answers) -> list[Change]:
        table = [cell.record() for cell in facts.cells]
        if matrix.verdicts(facts.recorded) == matrix.verdicts(table):
            return []

        def do(ctx: Context) -> None:
            ctx.state.remember("proof", "table", value=table)

        return [Change("proof/record", f"record the proof: {matrix.summary(facts.cells)}", do)]
