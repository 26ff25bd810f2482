"""What a run may do without asking."""

from __future__ import annotations

from dataclasses import dataclass

from wizard.step import Change


@dataclass(frozen=True)
class Consent:
    """What may be done without asking: everything that is not dangerous (`yes`), and the changes named in `allow`.

    A change that wants a word typed also needs that word, in `confirm`.
    """

    yes: bool = False
    allow: frozenset[str] = frozenset()
    confirm: str = ""

    def covers(self, change: Change) -> bool:
        """Whether the dangerous `change` needs no question."""
        return change.id in self.allow and change.word in ("", self.confirm)
