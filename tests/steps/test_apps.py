"""Monitoring wants memory: what is said to somebody whose Pis have little of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from steps import apps, facts
from wizard import events
from wizard.demo.pi import Machine
from wizard.question import Choice

FIRST, SECOND, THIRD = "192.168.1.11", "192.168.1.12", "192.168.1.13"


def monitoring(ctx: Any) -> Choice:
    return next(choice for choice in apps.QUESTION.choices_for(ctx) if choice.value == "monitoring")


def give(pis: Any, **gib: float) -> None:
    """Lets the machines say that they have so much memory, and gathers their facts."""
    for address, size in zip((FIRST, SECOND, THIRD), gib.values(), strict=False):
        machine: Machine = pis.world.machines[address]
        machine.sections["memory"] = f"MemTotal:  {int(size * 1024**2)} kB\n"
    facts.gather(pis.ctx)


@pytest.mark.parametrize(
    ("first", "second", "third", "against"),
    [
        (1.8, 3.7, 1.8, ""),
        (1.8, 7.7, 7.7, ""),
        (7.7, 1.8, 0.9, "the largest that takes pods has 1.8"),  # the first one is the control plane: no pods
        (1.8, 0.9, 0.9, "the largest that takes pods has 0.9"),
    ],
)
def test_small_pis_are_advised_against_monitoring(
    first: float, second: float, third: float, against: str, pis: Callable[..., Any]
) -> None:
    made = pis(repository={"apps": ["hello", "monitoring"]})
    give(made, first=first, second=second, third=third)
    choice = monitoring(made.ctx)
    assert not choice.chosen and "monitoring" not in apps.QUESTION.default_for(made.ctx)
    assert (against in choice.help, "better not" in choice.help) == (True, bool(against))
    apps.advise(made.ctx, made.ctx.answers)
    apps.advise(made.ctx, made.ctx.answers)
    notes = [event for event in made.seen if isinstance(event, events.Note)]
    assert len(notes) == bool(against) and all(against in note.text for note in notes)


def test_nothing_is_said_while_no_pi_was_seen_or_monitoring_is_not_wanted(pis: Callable[..., Any]) -> None:
    made = pis(repository={"apps": ["hello"]})
    assert "better not" not in monitoring(made.ctx).help
    give(made, first=0.9, second=0.9, third=0.9)
    apps.advise(made.ctx, made.ctx.answers)
    assert not [event for event in made.seen if isinstance(event, events.Note)]


def test_one_pi_alone_takes_pods_itself(pis: Callable[..., Any]) -> None:
    made = pis([FIRST])
    give(made, first=7.7)
    assert apps.too_small(made.ctx) == ""
