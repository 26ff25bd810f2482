"""How a cluster stands now: what is remembered, and what the parts' looks found within the deadline."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from wizard import remembered
from wizard.context import Context
from wizard.sections import Lookout, Part, Seen
from wizard.state import State
from wizard.status import Row, Section, Status
from wizard.step import AnyStep

NEEDED = "nodes"  # the part that nobody can tell without the cluster
DEADLINE = 2.5  # seconds for all looks together: a person waits for this


def look(
    parts: Sequence[Part],
    ctx: Callable[[], Context],
    state: State,
    order: Sequence[AnyStep],
    go_on: str,
    deadline: float = DEADLINE,
) -> Status:
    """Asks side by side. What could not be asked is as the state remembers it, and the reason is told."""
    found: dict[str, Seen | None] = {}
    lock = threading.Lock()

    def tell(key: str, one: Seen | None) -> None:
        with lock:
            found[key] = one

    lookout = Lookout(parts, ctx, tell, deadline).start()
    if not lookout.over.wait(deadline + 1):  # its own deadline has failed: leave what still asks
        lookout.stop()
    with lock:
        return together(remembered.status(state, order, go_on), parts, state, dict(found))


def together(known: Status, parts: Sequence[Part], state: State, found: dict[str, Seen | None]) -> Status:
    """The sections of `known`, with what the looks found in the place of what is remembered. Pure."""
    asked = {key: one for key, one in found.items() if one is not None}
    failed = {key: one for key, one in asked.items() if one.section.level == "unknown" and not one.section.rows[0].what}
    unreachable = ""
    if NEEDED in failed or (failed and len(failed) == len(asked)):
        said = next(iter(failed.values())).section.rows[0].text
        unreachable = f"{said[:1].upper()}{said[1:].rstrip('.')}."
    sections: list[Section] = []
    for part in parts:
        one = part.remembered(state) if unreachable and part.key in failed else asked.get(part.key)
        if one is not None:
            rows = one.section.rows or (Row("good", "", one.summary),)
            sections.append(replace(one.section, rows=rows))
    shown = {section.name for section in sections}
    replaced = {"ends"} if "certificates" in shown else set()
    rest = [section for section in known.sections if section.name not in shown | replaced]
    return replace(known, sections=(*sections, *rest), unreachable=unreachable)
