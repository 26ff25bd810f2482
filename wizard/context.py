"""What a step gets: answers, state, the world, and the one door through which every write goes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, Protocol, TypeVar

from wizard import events, lanes
from wizard.absence import Absences
from wizard.errors import ConnectionLost, Interrupted, WizardError
from wizard.question import Answers, Prompt, Question, Turn
from wizard.secret import Secret, SecretRef, redact
from wizard.state import State
from wizard.step import Change
from wizard.unsaved import supposing
from wizard.world import World

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Approval:
    """What a person is asked to say yes to: a step's changes, or one dangerous change again."""

    step: str
    title: str
    changes: tuple[Change, ...]
    names: dict[str, str] = field(default_factory=dict)  # host address -> the name to show
    danger: bool = False
    back: bool = False  # whether there is an earlier answer to go back to

    @property
    def because(self) -> str:
        """Why a dangerous change wants a yes of its own, as a heading."""
        return self.changes[0].because

    @property
    def word(self) -> str:
        """What has to be typed instead of yes; empty when a yes is enough."""
        return self.changes[0].word if self.danger else ""

    @property
    def usual(self) -> bool:
        """What Enter alone means: never a yes to what is dangerous, or to the beginning of what ends for good."""
        return not (self.danger or any(change.word for change in self.changes))


@dataclass(frozen=True)
class Outlook:
    """What was found for one step before anything is done: the changes left, or why it can't be planned yet."""

    step: str
    changes: tuple[Change, ...] = ()
    blocked: WizardError | None = None
    answered: bool = True


@dataclass(frozen=True)
class Affected:
    """An answer that another one touches, and why."""

    step: str  # its title
    ask: str  # the question
    why: str


@dataclass(frozen=True)
class Revision:
    """What a person is asked to say yes to before an earlier answer is changed: everything that comes of it."""

    title: str  # of the step
    ask: str
    before: str
    after: str
    again: tuple[Affected, ...] = ()  # answers that are asked for again, or now for the first time
    dropped: tuple[Affected, ...] = ()  # answers that are no longer wanted
    looked_at: tuple[str, ...] = ()  # titles of the steps that were done and are looked at again
    outlooks: tuple[Outlook, ...] = ()  # what those steps would then change
    names: dict[str, str] = field(default_factory=dict)  # host address -> the name to show

    @property
    def matters(self) -> bool:
        """Whether anything comes of it at all."""
        return bool(self.again or self.dropped or self.looked_at)


Verdict = Literal["retry", "skip", "stop"]


class FrontEnd(Protocol):
    """The few things a front end does for the engine; everything else it learns from events.

    Wherever it says `Turn`, the person wants to see an earlier answer instead: the engine shows it, then comes back.
    """

    def ask(self, prompt: Prompt) -> object:
        """What the person gave, unparsed, or a `Turn`."""
        ...

    def confirm(self, approval: Approval) -> bool | Turn: ...

    def revise(self, revision: Revision) -> bool:
        """Whether the answer is to be changed, with all that comes of it."""
        ...

    def failed(self, step: str, error: WizardError) -> Verdict | Turn:
        """Shows the error. ``retry`` runs the step again from its check, ``skip`` goes on without it where it may."""
        ...


class Context:
    """One run of the wizard. Safe to use from several host lanes at once."""

    def __init__(
        self, world: World, state: State, front: FrontEnd, bus: events.Bus, *, dry_run: bool = False,
        proposing: Callable[[Prompt], Prompt] = lambda prompt: prompt,
    ) -> None:  # fmt: skip
        self.world, self.state, self.front, self.bus, self.dry_run = world, state, front, bus, dry_run
        self.proposing = proposing  # may put another default into a prompt
        self.scratch: dict[str, Any] = {}  # connections and downloads kept for this run only
        self.step = ""  # the step at work, for events
        self.absences = Absences(world, bus)
        self._secrets: dict[tuple[str, str], Secret] = {}
        self._lock = threading.RLock()

    @property
    def answers(self) -> Answers:
        return self.state.answers

    def supposing(self, answers: Answers, secrets: Mapping[tuple[str, str], Secret], bus: events.Bus) -> Context:
        """One in which other `answers` hold and nothing is written, to see what they would lead to."""
        other = Context(self.world, supposing(self.state, answers), self.front, bus, dry_run=True)
        other.scratch, other._secrets = self.scratch, {**self._secrets, **secrets}
        return other

    def keep(self, step: str, key: str, value: Any) -> None:
        """Saves an answer. A secret's value stays in memory; the state gets a reference."""
        if isinstance(value, Secret):
            self._secrets[step, key] = value
            value = SecretRef("prompt")
        if self.dry_run:
            self.answers.setdefault(step, {})[key] = value
        else:
            self.state.answer(step, key, value)

    def forget(self, step: str, key: str) -> Any:
        """Takes an answer back and returns it: None when there was none, or when it is a secret."""
        self._secrets.pop((step, key), None)
        value = self.answers.get(step, {}).pop(key, None) if self.dry_run else self.state.forget(step, key)
        return None if isinstance(value, SecretRef) else value

    def secret(self, step: str, question: Question) -> Secret:
        """The secret answer to `question`, fetched or asked for when it is needed. Raises `WizardError`."""
        with self._lock:
            if (step, question.key) not in self._secrets:
                ref = self.answers.get(step, {}).get(question.key)
                if isinstance(ref, SecretRef) and ref.kind != "prompt":
                    value = ref.resolve()
                else:
                    again = replace(question, help="It was given before. Secrets are never saved: type it once more.")
                    raw = self.front.ask(self.proposing(Prompt(step, question.ask, again)))
                    if not isinstance(raw, Secret):
                        raise WizardError(
                            f"A secret is missing: {question.ask}",
                            "Secrets are never saved, so it has to be given again.",
                            f"Set {step}.{question.key} in the answers file to {{env: NAME}}, or type it when asked.",
                        )
                    value = raw
                self._secrets[step, question.key] = value
            return self._secrets[step, question.key]

    def name_of(self, host: str | None) -> str:
        """What to call a host: its hostname once that is known."""
        if host is None:
            return events.WORKSTATION
        return str(self.state.evidence.get("machines", {}).get(host, {}).get("hostname") or host)

    def note(self, title: str, text: str) -> None:
        self.bus.emit(events.Note(title, redact(text)))

    def progress(self, host: str | None, text: str) -> None:
        self.bus.emit(events.Progress(self.name_of(host), redact(text)))

    def line(self, host: str | None, text: str) -> None:
        self.bus.emit(events.Line(self.name_of(host), redact(text)))

    def each(self, items: Iterable[T], work: Callable[[T], R]) -> dict[T, R]:
        """Runs `work` for every item side by side; raises a failure after all have ended (see `lanes.run_all`).

        A host that is lost is waited for in its own lane, while the others go on; then `ConnectionLost` is raised,
        since only a new look tells what is left to do.
        """

        def lane(item: T) -> R:
            try:
                return work(item)
            except ConnectionLost as lost:
                self.wait_for(lost)
                raise

        return lanes.run_all(items, lane, self.world.stop)

    def wait_for(self, lost: ConnectionLost) -> None:
        """Waits until the host that was lost is back, unless that was done; see `Absences.wait_for`."""
        if lost.is_back:
            return
        lost.host = self.name_of(lost.address)  # it may not have been known when the connection was made
        if not self.dry_run:
            self.state.begin(self.step, "connection-lost", lost.address, lost.what)
        self.absences.wait_for(lost)
        lost.is_back = True
        if not self.dry_run:
            self.state.finish(self.step, "connection-lost", lost.address)

    def do(self, change: Change) -> None:
        """The one door for every write: records, reports, honours dry run."""
        host, step = self.name_of(change.host), self.step
        if self.dry_run:
            self.bus.emit(events.ChangeEnded(step, change.id, host, change.sentence, "would do"))
            return
        if self.world.stop.is_set():
            raise Interrupted("Stopped before the next change.", fix="Run the same command again to go on.")
        self.bus.emit(events.ChangeStarted(step, change.id, host, change.sentence))
        began = self.world.now()
        self.state.begin(step, change.id, change.host, change.sentence)
        try:
            change.do(self)
        except BaseException as error:
            taken = self.world.now() - began
            outcome: Literal["lost", "stopped", "failed"] = "failed"
            if isinstance(error, ConnectionLost | Interrupted):
                outcome = "lost" if isinstance(error, ConnectionLost) else "stopped"
            self.bus.emit(events.ChangeEnded(step, change.id, host, change.sentence, outcome, taken))
            raise
        self.state.finish(step, change.id, change.host)
        self.bus.emit(events.ChangeEnded(step, change.id, host, change.sentence, "done", self.world.now() - began))
