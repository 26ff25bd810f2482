"""What comes before and after the journey: which cluster, where it stands, and what can be done with one that runs.

The flow only; a front end shows it (`Front`), and the command brings what it needs (`Stage`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

from wizard import opening, report
from wizard import state as states
from wizard.errors import ExitCode, StateError
from wizard.question import NAME
from wizard.state import State
from wizard.step import AnyStep

if TYPE_CHECKING:
    from wizard.context import Context
    from wizard.sections import Part

Kind = Literal["go on", "leave", "cluster", "new", "others", "command"]


@dataclass(frozen=True)
class Wish:
    """What the person wants next: `value` is a cluster's name, `words` those of a command."""

    kind: Kind
    value: str = ""
    words: tuple[str, ...] = ()
    prints: bool = False  # what it prints must be read before the screen returns


@dataclass(frozen=True)
class Action:
    """Something to do with a cluster that runs: a command of homelab, and the key that stands for it."""

    key: str
    label: str
    about: str
    words: tuple[str, ...] = ()  # none: the journey itself
    prints: bool = False  # it tells by lines, not on a full screen


ACTIONS = (
    Action("a", "Add a node", "one or more Pis join the cluster", ("node", "add")),
    Action("e", "Expose an app", "an app becomes reachable under a name", ("app", "expose")),
    Action("v", "Verify", "measure again who reaches what", ("verify",), True),
    Action("d", "Doctor", "what is wrong, why, and what to do", ("doctor",), True),
    Action("u", "Upgrade", "this release's versions, in one commit", ("upgrade",)),
    Action("j", "Journey", "go through every step again; what is true already is left alone"),
)


@dataclass(frozen=True)
class Known:
    """One cluster in the list of those that this computer remembers. `problem`: why its state can't be read."""

    name: str
    done: int = 0
    total: int = 0
    next: str = ""
    last: str = ""  # when something was done last, in the reader's time
    problem: str = ""

    @property
    def about(self) -> str:
        """Where it stands, in a line."""
        if self.problem:
            return self.problem
        if not self.next:
            all_done = (
                "every step is done" if self.done == self.total else f"{self.done} of {self.total} steps are done"
            )
            return f"{all_done}, the last one {self.last}" + (
                "" if self.done == self.total else "; the others are skipped"
            )
        last = f", the last one {self.last}" if self.last else ""
        return f"{self.done} of {self.total} steps done{last}; next: {self.next}"


@dataclass
class Standing:
    """One cluster as it is remembered, and how to look at it now."""

    state: State  # to read, never to write
    order: Sequence[AnyStep]
    parts: Sequence[Part]
    look: Callable[[], Context]  # for one round of looks, with a world that may be stopped
    actions: Sequence[Action] = ()
    others: bool = False  # whether another cluster can be chosen, or a new one begun

    @property
    def left(self) -> list[AnyStep]:
        """The steps that are to come: neither done nor skipped by the person."""
        return left(self.state, self.order)

    @property
    def finished(self) -> bool:
        return not self.left

    def sentence(self) -> str:
        """Where it stands, in a sentence or two."""
        about = summary(self.state, self.order).about
        return f"{about[:1].upper()}{about[1:]}."

    def skipped(self) -> list[str]:
        """A sentence for each step that the person went on without."""
        at = self.state.skipped
        return [
            f"{step.title} was skipped by you, {report.moment(at[step.name])}; the journey offers it again."
            for step in self.order
            if step.name in at and step.name not in self.state.done
        ]

    def unfinished(self) -> list[tuple[str, str, str]]:
        """Changes that were begun and not finished after the last one that was: sentence, host and when."""
        found = []
        for entry in reversed(self.state.journal):
            if "finished" in entry:
                break
            host = str(entry.get("host") or "")
            name = str(self.state.recall("machines", host, "hostname") or host)
            found.append((str(entry.get("sentence", "")), name, report.moment(str(entry.get("begun", "")))))
        return found[::-1]


class Front(Protocol):
    """How the person is shown all that."""

    def pick(self, clusters: Sequence[Known]) -> Wish:
        """One of `clusters`, a new one, or to leave."""
        ...

    def stand(self, standing: Standing) -> Wish:
        """Where a cluster stands; what is wanted next."""
        ...

    def back(self, code: int) -> None:
        """A command has ended in the same terminal: what it printed must be readable before the screen returns."""
        ...


@dataclass
class Stage:
    """What the command brings. `journey` and `command` return an exit code; the first also whether to stay."""

    order: Sequence[AnyStep]
    look: Callable[[State], Context]
    journey: Callable[[str], tuple[int, bool]]
    command: Callable[[str, Sequence[str]], int]
    commands: Collection[str]  # those that there are, as `homelab` knows them
    parts: Callable[[bool], Sequence[Part]] = lambda finished: ()  # what is looked at before, or after, all is done
    named: str | None = None
    file: Path | None = None
    chosen: str = field(default="", init=False)

    def state(self) -> State:
        """The state of the chosen cluster, to read."""
        return opening.open_state(self.chosen, self.file, save=False)

    def standing(self) -> Standing:
        state = self.state()
        finished = not left(state, self.order)
        return Standing(
            state, self.order, self.parts(finished), lambda: self.look(self.state()),
            [one for one in ACTIONS if not one.words or " ".join(one.words) in self.commands], self.file is None,
        )  # fmt: skip


def summary(state: State, order: Sequence[AnyStep]) -> Known:
    """Where the cluster of `state` stands."""
    times = [at for step, at in state.done.items() if any(step == one.name for one in order)]
    to_come = left(state, order)
    done = sum(step.name in state.done for step in order)
    last = report.moment(max(times)) if times else ""
    return Known(state.cluster, done, len(order), to_come[0].title if to_come else "", last)


def left(state: State, order: Sequence[AnyStep]) -> list[AnyStep]:
    """The steps that are to come: neither done nor skipped by the person."""
    return [step for step in order if step.name not in state.done and step.name not in state.skipped]


def clusters(order: Sequence[AnyStep]) -> list[Known]:
    """Every cluster that this computer remembers."""
    found = []
    for name in opening.clusters():
        try:
            found.append(summary(State.open(states.path_for(name), name, lock=False), order))
        except StateError as error:
            found.append(Known(name, problem=error.why or error.what))
    return found


def run(stage: Stage, front: Front) -> int:
    """Opens with what is known, and goes on until the person leaves. Returns the exit code."""
    if stage.named is None and stage.file is None and len(opening.clusters()) > 1:
        wish = front.pick(clusters(stage.order))
    else:
        wish = Wish("cluster", opening.cluster_name(stage.named, stage.file))
    while True:
        if wish.kind in ("cluster", "new"):
            stage.chosen, wish = wish.value, Wish("go on")
            if _begun(stage):
                wish = front.stand(stage.standing())
        elif wish.kind == "others":
            wish = front.pick(clusters(stage.order))
        elif wish.kind == "command":
            if (code := stage.command(stage.chosen, wish.words)) or wish.prints:
                front.back(code)
            wish = Wish("cluster", stage.chosen)
        elif wish.kind == "go on":
            code, stay = stage.journey(stage.chosen)
            if not stay:
                return code
            wish = Wish("cluster", stage.chosen)
        else:
            return ExitCode.OK


def _begun(stage: Stage) -> bool:
    """Whether there is anything to tell about the chosen cluster."""
    if not opening.is_known(stage.chosen, stage.file):
        return False
    state = stage.state()
    return bool(state.done or state.journal or state.answers)


def wish_of(action: Action) -> Wish:
    """What choosing it means."""
    return Wish("command", words=action.words, prints=action.prints) if action.words else Wish("go on")


def new_name(text: str, taken: Sequence[str]) -> str:
    """What is wrong with the name of a new cluster; empty when nothing is."""
    try:
        NAME.parse(text)
    except ValueError as error:
        return str(error)
    return f"there is a cluster {text} already" if text in taken else ""
