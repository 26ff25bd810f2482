"""One run, ready to be given to a front end: the steps, the world, the state and everything that listens."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from wizard.consent import Consent
from wizard.errors import WizardError
from wizard.events import Bus
from wizard.logfile import LogFile
from wizard.question import Prompt
from wizard.report import Summary, moment
from wizard.state import State
from wizard.step import AnyStep

if TYPE_CHECKING:
    from wizard.context import Context, FrontEnd
    from wizard.engine import Engine
    from wizard.world import World


@dataclass
class Session:
    """What a front end needs. It calls `engine` once, `run`s it, and leaves the rest to whoever made the session."""

    order: Sequence[AnyStep]
    world: World
    state: State
    go_on: str = "homelab"  # the command that goes on where this run ends
    unasked: str = ""  # how to do the same where nobody can be asked, as a sentence
    consent: Consent = field(default_factory=Consent)
    log: LogFile | None = None
    finish: Callable[[Context], None] = lambda ctx: None  # closes what the steps left open
    proposing: Callable[[Prompt], Prompt] = lambda prompt: prompt  # may put another default before the person
    fronting: Callable[[FrontEnd], FrontEnd] = lambda front: front  # may stand between the engine and the front end
    dry_run: bool = False
    about: str = ""  # what it is about, where that is no cluster
    fleeting: bool = False  # a demo: what it did is gone when it ends
    remains: bool = False  # but not its state, for which a person named a file
    bus: Bus = field(default_factory=Bus)
    summary: Summary = field(default_factory=Summary)
    overview: bool = False  # there is a dashboard to go to afterwards
    inside: bool = False  # and it was begun from there, so that its end leads back to it
    stay: bool = False  # and the person wants to
    shown: WizardError | None = None  # the error that the front end has shown already
    _ctx: Context | None = None

    def __post_init__(self) -> None:
        self.bus.listen(self.summary)
        if self.log is not None:
            self.bus.listen(self.log)

    def engine(self, front: FrontEnd) -> Engine:
        """The engine of this run, asking `front`."""
        from wizard.context import Context  # slow to import: not before the first frame
        from wizard.engine import Engine

        front = self.fronting(front)
        self._ctx = Context(self.world, self.state, front, self.bus, dry_run=self.dry_run, proposing=self.proposing)
        return Engine(self.order, self._ctx, self.consent)

    def title(self, step: str) -> str:
        return next((each.title for each in self.order if each.name == step), step)

    def intro(self, step: str) -> str:
        return next((each.intro for each in self.order if each.name == step), "")

    def skip(self, step: str) -> str:
        """What it means to go on without `step`; empty where that can't be."""
        return next((each.skip for each in self.order if each.name == step), "")

    def been(self) -> list[str]:
        """The steps up to where this run begins to have work: those done before. Of a node to add that is none."""
        there = {*self.state.done, *self.state.skipped}
        return [step.name for step in takewhile(lambda step: step.name in there, self.order)]

    def skipped(self) -> list[str]:
        """A sentence for each step that the person went on without."""
        at = self.state.skipped
        return [
            f"{step.title} was skipped by you, {moment(at[step.name])}. {step.skip}"
            for step in self.order if step.name in at
        ]  # fmt: skip

    def asked_again(self, error: WizardError) -> list[str]:
        """The questions that trying again asks once more, because their answers may be the cause."""
        given = self.state.answers
        return [
            question.ask
            for step in self.order for question in step.questions
            if f"{step.name}.{question.key}" in error.answers
            and question.key in given.get(step.name, {}) and question.when(given)
        ]  # fmt: skip

    @property
    def farewell(self) -> str:
        """How to go on, said when a run ends early."""
        if self.remains:
            return f"The simulated Pis go, {self.state.path} stays. Remove it, then begin again with: {self.go_on}"
        if self.fleeting:
            return f"Nothing of the demo stays. To begin it again: {self.go_on}"
        return f"Everything up to here is saved. To go on: {self.go_on}"

    @property
    def log_path(self) -> Path | None:
        return self.log.path if self.log is not None else None

    def close(self) -> None:
        """Ends the run: connections closed, the state's lock given back."""
        try:
            if self._ctx is not None:
                self.finish(self._ctx)
        finally:
            self.state.close()
            if self.log is not None:
                self.log.close()
