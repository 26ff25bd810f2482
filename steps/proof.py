"""The proof: who reaches what, measured from home, over the VPN and from outside, negative rows included."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from steps.reach import judge, look, probing, rows, table
from steps.reach.causes import Cause, explain
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe
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
class Measured:
    """One round of the proof: every row, and what is to blame for the red ones."""

    cells: Sequence[Cell]
    causes: Sequence[Cause] = ()
    tailnet: Mapping[str, Any] = field(default_factory=dict)  # what Tailscale on the VPN's probe says of itself
    at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def wrong(self) -> bool:
        return any(cell.verdict == "wrong" for cell in self.cells)

    @property
    def good(self) -> bool:
        return not self.wrong

    def text(self) -> str:
        """The table, and below it what is to blame for the red rows."""
        causes = [f"{cause.code}: {cause.sentence()}" for cause in self.causes]
        return "\n\n".join([table.table(self.cells), *causes, f"{judge.summary(self.cells)}."])

    def data(self) -> dict[str, Any]:
        return table.as_data(self.cells, self.causes, self.at.isoformat(timespec="seconds"))


@dataclass(frozen=True)
class ProofFacts:
    """What was measured now, and what an earlier run recorded."""

    cells: Sequence[Cell]
    recorded: Sequence[Mapping[str, Any]]


def measure(ctx: Context) -> Measured:
    """Sends every probe that can be sent, side by side from the places, and judges what was seen."""
    nonce = str(ctx.state.recall("proof", "nonce") or "")
    if not nonce:
        raise Blocked(
            "There is nothing to recognise this cluster by.", "The nonce is made when the repository is written.",
            "Run the step Repository first.",
        )  # fmt: skip
    apps = look.apps(ctx)
    probes = rows.probes(ctx.answers, apps)
    excuses = {probe.key: rows.unmeasurable(probe, ctx.answers, apps) for probe in probes}
    places: dict[str, list[Probe]] = {}
    for probe in probes:
        if not excuses[probe.key]:
            places.setdefault(probe.vantage, []).append(probe)
    given = ctx.answers["proof"]
    stations = {"LAN": None, "VPN": given.get("vpn_probe"), "outside": given.get("outside_probe")}
    sights = ctx.each(places, lambda place: probing.send(ctx, places[place], stations[place], nonce))
    seen: dict[str, Seen] = {key: what for sight in sights.values() for key, what in sight.seen.items()}
    now = datetime.now(UTC)
    cells = [
        Cell(probe, "not measured", excuses[probe.key])
        if excuses[probe.key]
        else judge.judge(probe, seen[probe.key], ctx.answers, now)
        for probe in probes
    ]
    tailnet = sights["VPN"].tailnet if "VPN" in sights else {}
    return Measured(judge.settle(cells, ctx.answers), tailnet=tailnet)


def explained(ctx: Context, measured: Measured) -> Measured:
    """The same with what is to blame for the red rows, which takes a second look."""
    if not measured.wrong:
        return measured
    evidence = look.evidence(ctx, measured.cells, measured.tailnet)
    causes = explain(measured.cells, evidence, ctx.answers["addresses"]["external_address"])
    return replace(measured, causes=causes)


def verify(ctx: Context) -> Measured:
    """The proof of `homelab verify`: measured now, whatever comes of it, and recorded. Raises `WizardError`."""
    if not ctx.answers.get("addresses") or not ctx.answers.get("domains"):
        raise Blocked(
            "There is nothing to prove yet.", "The cluster's addresses and names are not chosen.",
            "Run homelab first; the proof is its last step.",
        )  # fmt: skip
    ctx.answers.setdefault("proof", {})
    found = explained(ctx, measure(ctx))
    record(ctx, found.cells)
    return found


def record(ctx: Context, cells: Sequence[Cell]) -> None:
    """Remembers the rows and when they were measured."""
    ctx.state.remember("proof", "table", value=[cell.record() for cell in cells])
    ctx.state.remember("proof", "measured", value=datetime.now(UTC).isoformat(timespec="seconds"))


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
        found = explained(ctx, measure(ctx) if recorded else self._patiently(ctx))
        text = table.table(found.cells)
        if text != ctx.scratch.get("proof shown"):  # verifying shows it again only when changed
            ctx.scratch["proof shown"] = text
            ctx.note("Who reaches what", text)
        if found.wrong:
            count = sum(cell.verdict == "wrong" for cell in found.cells)
            raise Blocked(
                f"{count} of {len(found.cells)} rows of the proof are not as they must be.",
                "\n".join(cause.sentence() for cause in found.causes),
                "Mend that and run the same command again.",
            )
        return ProofFacts(found.cells, recorded)

    def _patiently(self, ctx: Context) -> Measured:
        """The first time, addresses may just have been announced: measures until nothing is wrong, or for a while."""
        last: list[Measured] = []

        def once() -> Measured | None:
            last[:] = [measure(ctx)]
            return None if last[0].wrong else last[0]

        def why() -> str:
            return next((table.told(cell) for cell in last[0].cells if cell.verdict == "wrong"), "") if last else ""

        try:
            return until(ctx, "every row of the proof to be right", once, deadline=SETTLE, every=5, why=why)
        except (Interrupted, TrustError):
            raise
        except WizardError:
            if not last or not last[0].wrong:
                raise
            return last[0]

    def plan(self, facts: ProofFacts, answers: Answers) -> list[Change]:
        found = [cell.record() for cell in facts.cells]
        if table.verdicts(facts.recorded) == table.verdicts(found):
            return []

        sentence = f"record the proof: {judge.summary(facts.cells)}"
        return [Change("proof/record", sentence, lambda ctx: record(ctx, facts.cells))]
