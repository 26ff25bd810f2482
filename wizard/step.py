"""The contract of a step: questions as data, a `check` that only reads, a `plan` that only thinks, changes that write.

Applying and verifying are inherited from the engine: a step never runs its own changes. Run twice, the
second time `plan` returns nothing; that is how a step is known to be done.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from wizard.errors import Problem
from wizard.question import Answers, Question

if TYPE_CHECKING:
    from wizard.context import Context

F = TypeVar("F")
LASTING = "This can't be taken back easily"


@dataclass(frozen=True)
class Change:
    """One sentence that a person can approve, and the function that makes it true.

    `id` names it for ``--allow`` and the journal (``prepare/swap``); `host` is the address of the Pi it
    belongs to, None for this computer. Changes next to each other that have a host run side by side, one
    lane a host, in order within a lane; a change without a host runs alone, after those before it.
    `detail` is shown below the sentence when it is asked about by itself: lines that help to decide.
    A change with `danger` is asked for again even with ``--yes``, unless ``--allow ID`` names it; `because` heads that
    question. With a `word` a yes is not enough: the word has to be typed, or given with ``--confirm``.
    """

    id: str
    sentence: str
    do: Callable[[Context], None]
    host: str | None = None
    undo: Callable[[Context], None] | None = None
    danger: bool = False
    because: str = LASTING
    detail: str = ""
    word: str = ""

    @property
    def mark(self) -> str:
        """What stands beside a dangerous one in a list; empty for others."""
        if not self.danger:
            return ""
        return "DANGEROUS" if self.because == LASTING else "wants a yes of its own"


class Step(ABC, Generic[F]):
    """One part of the journey. Stateless: what it knows is in the answers, the world and the state's evidence."""

    name: ClassVar[str]
    title: ClassVar[str]
    intro: ClassVar[str]  # one or two sentences: what happens here and why
    questions: ClassVar[tuple[Question, ...]] = ()
    one_by_one: ClassVar[bool] = False  # its changes run one after the other, also those of different hosts
    skip: ClassVar[str] = ""  # what it means to go on without it when it fails; empty: nothing goes on without it
    rounds: ClassVar[int] = 1  # how often check, plan, apply may be needed before there is nothing left to do

    def validate(self, answers: Answers) -> list[Problem]:
        """Mistakes that only show when answers are read together (ranges that overlap). Pure."""
        return []

    def objections(self, ctx: Context, answers: Answers) -> list[Problem]:
        """Like `validate`, with what this run has seen of the world already. Looks at nothing itself."""
        return []

    @abstractmethod
    def check(self, ctx: Context) -> F:
        """Reads the world, never writes. Raises `Blocked` for what only the person can change."""

    @abstractmethod
    def plan(self, facts: F, answers: Answers) -> list[Change]:
        """Pure: what is left to do. An empty list means done."""


AnyStep = Step[Any]
