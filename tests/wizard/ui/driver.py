"""Driving the full-screen wizard with a pilot: waiting for what is needed, not for a time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from textual.pilot import Pilot

from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.widgets.question import QuestionPane


@pytest.fixture
def answered(session: Any) -> Any:
    """Everything that Fruit asks has been answered: the wizard begins with its approval."""
    session.state.answers["fruit"] = {
        "kind": "apple", "count": "bowl", "hosts": ["10.0.0.1"], "peel": False, "note": None,
    }  # fmt: skip
    return session


SMALL, LARGE = (80, 24), (120, 40)


class Driver:
    """A pilot that waits for what it needs instead of for a time."""

    def __init__(self, app: WizardApp, pilot: Pilot[None]) -> None:
        self.app, self.pilot = app, pilot

    async def until(self, true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, f"{what} did not come; the screen shows:\n{self.shown()}"
            await asyncio.sleep(0.03)

    async def pane(self, kind: type[Any]) -> Any:
        """The pane `kind`, once it is there and takes keys."""
        journey = self.app.journey
        await self.until(lambda: [p for p in journey.query(kind) if p.is_mounted and not p.disabled], kind.__name__)
        await self.pilot.pause()
        return journey.query_one(kind)

    async def question(self, key: str) -> QuestionPane:
        journey = self.app.journey
        await self.until(
            lambda: [p for p in journey.query(QuestionPane) if p.prompt.question.key == key and not p.disabled], key
        )
        await self.pilot.pause()
        return journey.query_one(QuestionPane)

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def fruit(self) -> None:
        """Answers everything that the step Fruit asks with what is proposed."""
        for key in ("kind", "count", "hosts", "peel", "note"):
            await self.question(key)
            await self.press("enter")

    def shown(self) -> str:
        """The screen as text."""
        lines = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)


def driven(session: Any, size: tuple[int, int] = SMALL) -> Any:
    class Both:
        async def __aenter__(self) -> Driver:
            self.app = WizardApp(session)
            self.test = self.app.run_test(size=size)
            return Driver(self.app, await self.test.__aenter__())

        async def __aexit__(self, *error: Any) -> None:
            await self.test.__aexit__(*error)
            assert await asyncio.to_thread(self.app.ended.wait, 10), "the engine's thread did not end"

    return Both()
