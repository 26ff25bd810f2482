"""The log pane: searched, filtered, copied; and what is read stays where it is while lines come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.wizard.ui.driver import Driver, driven
from wizard.events import Line
from wizard.logfile import LogFile
from wizard.ui.tui.widgets.log import LogPane
from wizard.ui.tui.widgets.loglines import LogLines


@asynccontextmanager
async def opened(session: Any, *texts: str) -> AsyncIterator[tuple[Driver, LogLines]]:
    """The log over the first question, with `texts` as its last lines."""
    async with driven(session) as driver:
        await driver.question("kind")
        for text in texts:
            session.bus.emit(Line("pi", text))
        await driver.press("ctrl+l")
        lines = driver.app.journey.query_one(LogLines)
        await driver.until(lambda: not texts or (lines.lines and lines.lines[-1].endswith(texts[-1])), "the lines")
        yield driver, lines


def texts(lines: LogLines) -> list[str]:
    return [line.split(" | ")[-1] for line in lines.marked()]


async def test_searching_goes_from_match_to_match(session: Any) -> None:
    async with opened(session, "unpack kubelet", "other", "set up Kubelet", "last") as (driver, lines):
        await driver.press("slash", *"kubelet")
        assert texts(lines) == ["set up Kubelet"]
        assert "Log · 2 of 2 lines" in driver.shown()
        await driver.press("enter", "n")
        assert texts(lines) == ["unpack kubelet"]
        await driver.press("n")
        assert texts(lines) == ["set up Kubelet"], "round at the end"
        await driver.press("n", "p")
        assert texts(lines) == ["set up Kubelet"]
        await driver.press("slash", "up")
        assert texts(lines) == ["unpack kubelet"], "the arrows work while one types"


async def test_only_the_matches_and_all_again(session: Any) -> None:
    async with opened(session, "one apple", "a pear", "an APPLE pie") as (driver, lines):
        await driver.press("slash", *"apple", "enter", "f")
        assert [line.split(" | ")[-1] for line in lines.lines] == ["one apple", "an APPLE pie"]
        session.bus.emit(Line("pi", "a plum"))
        session.bus.emit(Line("pi", "apple juice"))
        await driver.until(lambda: lines.lines[-1].endswith("apple juice"), "the new match")
        assert not any("plum" in line for line in lines.lines)
        await driver.press("f")
        assert any("plum" in line for line in lines.lines)


async def test_lines_are_copied_and_the_file_is_named(session: Any, tmp_path: Path, monkeypatch: Any) -> None:
    session.log = LogFile(tmp_path / "homelab.log", "a test")
    copied: list[str] = []
    async with opened(session, "one", "two", "three") as (driver, lines):
        monkeypatch.setattr(driver.app, "copy_to_clipboard", copied.append)
        assert f"Log · {tmp_path}"[:40] in driver.shown()
        await driver.press("up", "up", "c")
        assert copied[-1].endswith("pi | two")
        await driver.press("space", "down", "c")
        assert [line.split(" | ")[-1] for line in copied[-1].splitlines()] == ["two", "three"]
        await driver.press("end", "c")
        assert copied[-1].splitlines() == list(lines.lines)
        assert [n for n in driver.app._notifications if "homelab.log" in n.message and "lines copied" in n.message]
    session.log.close()


async def test_what_is_read_stays_while_lines_come(session: Any) -> None:
    async with opened(session, *(f"line {number}" for number in range(100))) as (driver, lines):
        await driver.press("home", *["down"] * 50)
        (before,) = texts(lines)
        for number in range(6000):
            session.bus.emit(Line("pi", f"more {number}"))
        await driver.until(lambda: lines.lines[-1].endswith("more 5999"), "the flood")
        assert len(lines.lines) == 5000
        assert lines.pointed == lines._first, f"{before} is gone: the oldest is pointed at"
        await driver.press("end")
        session.bus.emit(Line("pi", "newest"))
        await driver.until(lambda: "pi | newest" in driver.shown(), "the newest line")


async def test_escape_takes_back_the_search_first_and_then_the_log(session: Any) -> None:
    async with opened(session, "one apple") as (driver, lines):
        await driver.press("slash", *"apple", "escape")
        assert lines.needle == "" and driver.app.journey.query_one(LogPane).display
        await driver.press("escape")
        assert not driver.app.journey.query_one(LogPane).display
        assert driver.app.focused is not None and driver.app.focused.id == "choices"


async def test_the_log_can_have_the_whole_screen(session: Any) -> None:
    async with opened(session, "one") as (driver, lines):
        await driver.press("b")
        await driver.pilot.pause()
        assert lines.size.height > 15
        await driver.press("b")
        await driver.pilot.pause()
        assert lines.size.height < 12


async def test_a_click_points_at_a_line(session: Any) -> None:
    async with opened(session, "one", "two") as (driver, lines):
        await driver.pilot.pause()
        row = len(lines.lines) - 2 - lines.scroll_offset.y
        await driver.pilot.click(LogLines, offset=(5, row))
        assert texts(lines) == ["one"]
