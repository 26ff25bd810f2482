"""`homelab certificates promote`: from the test service's certificates to real ones, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from steps import flux
from steps.flux import Flux
from steps.proof import Proof
from steps.repository import Repository
from steps.tls import gate, look, meter, report
from wizard.context import Context
from wizard.errors import BadInput, Problem
from wizard.question import CHOICE, Answers, Choice, Question
from wizard.state import State
from wizard.step import AnyStep, Change, Step

NAME = "certificate-switch"
TO = Question(
    "to", "Which certificates shall the gateways have?", CHOICE, default="production", advanced=True,
    choices=(
        Choice("production", "production", "real ones, which browsers trust"),
        Choice("staging", "staging", "those of the test service, to try something out"),
    ),
)  # fmt: skip
LIVING = (("domains", "issuer"),)  # what the command changes: an answers file from before does not bring it back


@dataclass(frozen=True)
class SwitchFacts:
    """What the answers choose now, and what is used up of the names that would be asked for."""

    issuer: str
    meters: Sequence[meter.Meter] = ()
    names: Sequence[str] = ()


class CertificateSwitch(Step[SwitchFacts]):
    """Refuses what can't go well; the steps Repository and Flux then carry out what the answer says."""

    name: ClassVar[str] = NAME
    title: ClassVar[str] = "Certificates"
    intro: ClassVar[str] = (
        "The test service has shown that certificates can be had. Real ones are asked for only after that, since Let's"
        " Encrypt gives out five a week for the same names."
    )
    questions: ClassVar[tuple[Question, ...]] = (TO,)

    def check(self, ctx: Context) -> SwitchFacts:
        report.refuse_without(ctx)
        now, names = str(ctx.answers["domains"].get("issuer") or "staging"), look.domains(ctx)
        if _target(ctx.answers) != "production" or now == "production":
            return SwitchFacts(now, names=names)
        found = look.certificates(flux.reach(ctx))
        gate.refuse_unready(found, names, "Run homelab until they are.")
        fix = "Run the same command again then. Until then the certificates of the test service stay."
        meters = gate.refuse_used_up(ctx, found, names, fix)
        return SwitchFacts(now, meters, names)

    def plan(self, facts: SwitchFacts, answers: Answers) -> list[Change]:
        target = _target(answers)
        if facts.issuer == target:
            return []
        names = " and ".join(facts.names)
        used = max((one.used for one in facts.meters if one.limit == meter.LIMIT), default=0)
        spent = f"; {used} of {meter.LIMIT} are used up" if used else ""
        sentence = f"ask for {target} certificates for {names} from now on{spent}"
        return [Change(f"{NAME}/issuer", sentence, lambda ctx: _choose(ctx, target))]


def _choose(ctx: Context, target: str) -> None:
    ctx.state.answer("domains", "issuer", target)
    wins = "what is in there wins at the next homelab run"
    ctx.note("Certificates", f"If you keep an answers file, let it say domains.issuer: {target}, too: {wins}.")


def _target(answers: Answers) -> str:
    return str(answers.get(NAME, {}).get("to") or TO.default)


PROMOTE: Sequence[AnyStep] = (CertificateSwitch(), Repository(), Flux(), Proof())
OWN = PROMOTE[:1]  # the step that the journey does not have


def begin(state: State, given: Mapping[str, Any]) -> Sequence[AnyStep]:
    """Takes the words of the command line over into the answers; returns the steps to run. Raises `WizardError`."""
    if not state.answers.get("domains"):
        state.close()
        problem = Problem("certificates promote", "no cluster is known here.", "Name its state with --state FILE.")
        raise BadInput([problem], "The command does not fit the cluster; nothing was touched.")
    state.answers[NAME] = {"to": given.get("to") or TO.default}
    return PROMOTE


def end(state: State) -> None:
    """After the run, however it ended."""
    state.answers.pop(NAME, None)
    state.save()
