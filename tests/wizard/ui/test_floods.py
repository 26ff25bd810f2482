"""When more happens than a screen can show: it stays small and quick, and nothing that counts is lost."""

from __future__ import annotations

import gc
from typing import Any

import pytest

from tests.wizard.ui.driver import driven
from wizard.events import Line, Progress
from wizard.ui.tui.board import KEPT
from wizard.ui.tui.bridge import MANY, Bridge
from wizard.ui.tui.garbage import look_from_here, put_off
from wizard.ui.tui.screens.journey import JourneyScreen
from wizard.ui.tui.widgets.loglines import LogLines


@pytest.mark.parametrize("lines", [KEPT, KEPT + 7, MANY, 3 * MANY + 11])
def test_while_the_app_is_held_up_only_lines_that_it_would_forget_anyway_are_dropped(lines: int) -> None:
    bridge = Bridge(lambda request: True)
    most = 0
    for number in range(lines):
        bridge.listen(Line("pi", str(number)))
        if number % 1000 == 0:
            bridge.listen(Progress("pi", str(number)))
        most = max(most, len(bridge._events))
    taken = bridge.take()
    assert [event.text for event in taken if isinstance(event, Line)] == [str(n) for n in range(lines - KEPT, lines)]
    assert [int(e.text) for e in taken if isinstance(e, Progress)] == list(range(0, lines, 1000))
    assert most <= KEPT + MANY + lines // 1000 + 1
    places = [int(event.text) for event in taken if int(getattr(event, "text", 0)) >= lines - KEPT]
    assert places == sorted(places), "in the order in which it happened"
    assert bridge.take() == []


async def test_new_lines_lay_nothing_out_again(session: Any, monkeypatch: Any) -> None:
    laid_out: list[object] = []
    lay_out = JourneyScreen._refresh_layout
    async with driven(session) as driver:
        await driver.question("kind")
        for number in range(100):
            session.bus.emit(Line("pi", f"{number}"))
        await driver.press("ctrl+l")
        lines = driver.app.journey.query_one(LogLines)
        await driver.until(lambda: lines.lines and lines.lines[-1].endswith("99"), "the first lines")
        await driver.pilot.pause(0.2)
        monkeypatch.setattr(JourneyScreen, "_refresh_layout", lambda *a, **k: (laid_out.append(a), lay_out(*a, **k)))
        session.bus.emit(Line("pi", "one more"))
        await driver.until(lambda: lines.lines[-1].endswith("one more"), "the new line")
        await driver.until(lambda: "one more" in driver.shown(), "the line on the screen")
        assert lines.virtual_size.height == len(lines.lines)
        assert lines.vertical_scrollbar.window_virtual_size == len(lines.lines), "the bar knows of it"
    assert not laid_out


async def test_the_bars_come_when_there_are_more_lines_than_room(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("ctrl+l")
        lines = driver.app.journey.query_one(LogLines)
        assert not lines.show_vertical_scrollbar
        for number in range(60):
            session.bus.emit(Line("pi", f"number {number} {'x' * 3 * number}"))
        await driver.until(lambda: "number 59" in driver.shown(), "the newest line")
        await driver.until(lambda: lines.vertical_scrollbar.region.height > 2, "the bar")
        assert lines.show_horizontal_scrollbar and lines.vertical_scrollbar.position > 40
        await driver.press("home")
        await driver.until(lambda: "number 0" in driver.shown(), "the oldest line")


def test_garbage_is_not_looked_for_until_the_first_frame_is_there() -> None:
    with put_off():
        assert not gc.isenabled()
        look_from_here()
        assert gc.isenabled() and gc.get_freeze_count()
        before, made = gc.get_freeze_count(), [[] for _ in range(50)]
        look_from_here()
        assert gc.isenabled() and gc.get_freeze_count() >= before + len(made), "at the next step once more"
    assert gc.isenabled() and not gc.get_freeze_count()


def test_outside_of_a_run_nothing_is_kept_from_the_search() -> None:
    gc.unfreeze()
    look_from_here()
    assert not gc.get_freeze_count()
