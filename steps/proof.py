"""The proof: who reaches what, measured from home, over the VPN and from outside, negative rows included."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, ClassVar

from steps import nodes, proof_runbook
from steps.reach import judge, look, moved, phone, probing, rows, runbook, table
from steps.reach.causes import Cause, explain
from steps.reach.judge import Cell, Seen
from steps.reach.rows import Probe
from steps.reach.runbook import FILE, Told
from steps.repository_secrets import word
from wizard.context import Context
from wizard.errors import Blocked, Interrupted, TrustError, WizardError
from wizard.question import CHOICE, PATH, Answers, Choice, Question
from wizard.step import Change, Step
from wizard.wait import until

SETTLE = 90.0  # seconds that a new cluster may take until what it announces is seen everywhere


def _way_is(way: rows.Way) -> Callable[[Answers], bool]:
    return lambda answers: rows.way(answers) == way


def _usual_way(ctx: Context) -> rows.Way:
    known = rows.way(ctx.answers)
    return known if known != "none" else "phone" if ctx.answers.get("router", {}).get("forwarded") else "none"


QUESTIONS: dict[str, Question] = {
    question.key: question
    for question in (
        Question(
            "vpn_probe", "Which machine on your VPN may send requests for the proof?", probing.STATION, required=False,
            help="A log-in over SSH such as me@laptop.local; it needs curl and no other rights. Leave it empty to leave"
            " the VPN rows unmeasured.",
        ),
        Question(
            "outside", "How shall the proof look at your home from outside?", CHOICE, default=_usual_way,
            choices=(
                Choice("phone", "a phone off Wi-Fi", "you open a link and type back the code that it shows"),
                Choice("host", "a machine elsewhere", "over SSH, on a rented server or at a friend's; measures most"),
                Choice("proxy", "an exit node", "of your VPN, through a SOCKS proxy: docs/proof.md says how"),
                Choice("none", "not at all", "those rows stay unmeasured"),
            ),
        ),
        Question(
            "outside_probe", "Which machine outside your home may send requests for the proof?", probing.STATION,
            required=False, when=_way_is("host"),
            help="A log-in over SSH on a rented server or at a friend's. Leave it empty to leave those rows"
            " unmeasured.",
        ),
        Question(
            "outside_proxy", "At which address is the SOCKS proxy that leaves through the exit node?", probing.PROXY,
            default="127.0.0.1:1055", when=_way_is("proxy"),
            help="A tailscaled of your own that needs no rights: docs/proof.md has the two commands. The exit node must"
            " not be at home.",
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
    skipped: Mapping[str, str] = field(default_factory=dict)  # steps that the person went on without, and when
    runbook: str = ""  # a sentence on what the repository's runbook says, when that is not the same
    unwritten: bool = False  # it was to be written there, and could not be
    moved: str = ""  # that the home's public address has changed, and what to do
    unasked: str = ""  # why the cluster could not be asked which names it has; empty when it could

    @property
    def wrong(self) -> bool:
        return any(cell.verdict == "wrong" for cell in self.cells)

    @property
    def incomplete(self) -> str:
        """Why this proves nothing, though no row is wrong; empty when it does."""
        if self.moved and all(cause.code != "public-address-changed" for cause in self.causes):
            return self.moved
        if self.unasked:
            return f"The cluster could not be asked which names it serves; there may be more. {self.unasked}"
        if all(cell.verdict == "not measured" for cell in self.cells if cell.probe.vantage == "LAN"):
            return "Nothing could be measured from home."
        return ""

    @property
    def good(self) -> bool:
        return not (self.wrong or self.unwritten or self.incomplete)

    def text(self) -> str:
        """The table, and below it what is to blame for the red rows."""
        causes = [f"{cause.code}: {cause.sentence()}" for cause in self.causes]
        told = [text for text in (self.incomplete, self.runbook) if text]
        return "\n\n".join([self.table(), *causes, f"{judge.summary(self.cells)}.", *told])

    def table(self) -> str:
        """Every row, and which steps the cluster came about without."""
        without = [f"{step}: skipped by you on {at[:10]}." for step, at in self.skipped.items() if step != Proof.name]
        return "\n".join([table.table(self.cells), *without])

    def data(self) -> dict[str, Any]:
        found = table.as_data(self.cells, self.causes, self.at.isoformat(timespec="seconds"))
        return {**found, "incomplete": self.incomplete, "skipped": dict(self.skipped), "runbook": self.runbook}


@dataclass(frozen=True)
class ProofFacts:
    """What was measured now, and what an earlier run recorded."""

    cells: Sequence[Cell]
    recorded: Sequence[Mapping[str, Any]]
    told: Told = field(default_factory=Told)  # what the runbook says
    repository: str = ""  # where the runbook lies


def measure(ctx: Context) -> Measured:
    """Sends every probe that can be sent, side by side from the places, and judges what was seen."""
    nonce = word(ctx)
    if not nonce:
        raise Blocked(
            "There is nothing to recognise this cluster by.", "The nonce is made when the repository is written.",
            "Run the step Repository first.",
        )  # fmt: skip
    apps, unasked = look.apps(ctx)
    probes = rows.probes(ctx.answers, apps)
    excuses = {probe.key: rows.unmeasurable(probe, ctx.answers, apps) for probe in probes}
    places: dict[str, list[Probe]] = {}
    for probe in probes:
        if not excuses[probe.key]:
            places.setdefault(probe.vantage, []).append(probe)
    given, way = ctx.answers["proof"], rows.way(ctx.answers)
    stations = {"VPN": given.get("vpn_probe"), "outside": given.get("outside_probe") if way == "host" else None}
    home = {"pi": nodes.addresses(ctx.answers)[0], "inside": ctx.answers["addresses"]["internal_address"]}
    ways = {"LAN": home} | ({"outside": {"proxy": str(given.get("outside_proxy") or "")}} if way == "proxy" else {})
    sights = ctx.each(
        places,
        lambda place: probing.send(ctx, places[place], stations.get(place), nonce, ways.get(place, probing.NO_WAY)),
    )
    seen: dict[str, Seen] = {key: what for sight in sights.values() for key, what in sight.seen.items()}
    now = datetime.now(UTC)
    cells = [
        Cell(probe, "not measured", excuses[probe.key])
        if excuses[probe.key]
        else judge.judge(probe, seen[probe.key], ctx.answers, now)
        for probe in probes
    ]
    tailnet = sights["VPN"].tailnet if "VPN" in sights else {}
    settled, changed = moved.unmeasured(ctx, judge.settle(cells, ctx.answers))
    return Measured(settled, tailnet=tailnet, skipped=dict(ctx.state.skipped), unasked=unasked, moved=changed)


def looked_at(ctx: Context, measured: Measured, *, again: bool) -> Measured:
    """The same with what a person sees on a phone outside, once everything at home is right.

    Without `again`, nobody is asked who has been asked before: what was seen then is told, and not green.
    """
    recorded = ctx.state.recall("proof", "table") or []
    host = phone.asked(measured.cells)
    at_home = any(cell.verdict == "wrong" for cell in measured.cells if cell.probe.vantage == "LAN")
    if not host or at_home:
        return measured
    before = phone.earlier(measured.cells, recorded)
    if any(cell.phone for cell in before) and not again:
        return replace(measured, cells=before)
    if "phone saw" not in ctx.scratch:
        ctx.scratch["phone saw"] = phone.ask(ctx, host, word(ctx))
    found = replace(measured, cells=phone.seen(ctx, measured.cells, ctx.scratch["phone saw"]))
    if found.wrong:  # once that is mended, it has to be looked at again
        del ctx.scratch["phone saw"]
    return replace(found, cells=phone.earlier(found.cells, recorded))


def explained(ctx: Context, measured: Measured) -> Measured:
    """The same with what is to blame for the red rows, which takes a second look."""
    if not measured.wrong:
        return measured
    evidence = look.evidence(ctx, measured.cells, measured.tailnet)
    causes = explain(measured.cells, evidence, ctx.answers["addresses"]["external_address"])
    return replace(measured, causes=causes)


def verify(ctx: Context, *, write: bool = False) -> Measured:
    """The proof of `homelab verify`: measured now, whatever comes of it, and recorded. Raises `WizardError`.

    With `write` it is also written into the repository's runbook, where that says something else.
    """
    if not all(ctx.answers.get(step) for step in ("machines", "addresses", "domains")):
        raise Blocked(
            "There is nothing to prove yet.", "The cluster's Pis, addresses and names are not all chosen.",
            "Run homelab first; the proof is its last step.",
        )  # fmt: skip
    ctx.answers.setdefault("proof", {})
    found = explained(ctx, looked_at(ctx, measure(ctx), again=True))
    record(ctx, found.cells)
    return _told(ctx, found, write=write)


def _told(ctx: Context, found: Measured, *, write: bool) -> Measured:
    where, told = proof_runbook.place(ctx), Told.recalled(ctx)
    wanted = runbook.rows(ctx.state.recall("proof", "table"))
    if where and wanted != told.rows:
        if not write:
            return replace(found, runbook=f"{FILE} in the repository says otherwise: homelab verify --write.")
        try:
            proof_runbook.write(ctx, wanted)
        except (Interrupted, TrustError):
            raise
        except WizardError as error:
            said = " ".join(["The runbook was not written.", error.what, error.why, error.fix])
            return replace(found, runbook=said, unwritten=True)
        return replace(found, runbook=f"{FILE} now says so: pushed to {where}.")
    if write and not where:
        return replace(found, runbook="There is no repository yet whose runbook could say so.", unwritten=True)
    return found


def record(ctx: Context, cells: Sequence[Cell]) -> None:
    """Remembers the rows and when they were measured."""
    recorded = ctx.state.recall("proof", "table") or []
    ctx.state.remember("proof", "table", value=phone.rows(cells, recorded))
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
    skip: ClassVar[str] = "Who reaches what is then not proved; homelab verify measures it at any time."

    def check(self, ctx: Context) -> ProofFacts:
        recorded = ctx.state.recall("proof", "table") or []
        measured = measure(ctx) if recorded else self._patiently(ctx)
        found = explained(ctx, looked_at(ctx, measured, again=False))
        text = found.table()
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
        if found.incomplete:
            raise Blocked(found.incomplete, "", "Mend that and run the same command again.")
        return ProofFacts(found.cells, recorded, Told.recalled(ctx), proof_runbook.place(ctx))

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
        found, changes = phone.rows(facts.cells, facts.recorded), []
        if table.verdicts(facts.recorded) != table.verdicts(found):
            sentence = f"record the proof: {judge.summary(facts.cells)}"
            changes.append(Change("proof/record", sentence, lambda ctx: record(ctx, facts.cells)))
        return [*changes, *proof_runbook.changes(found, facts.told, facts.repository)]
