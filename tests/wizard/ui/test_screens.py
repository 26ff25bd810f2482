"""What holds for every screen: keys that reach it anywhere, colours that can be read, and any size at any moment."""

from __future__ import annotations

import asyncio
import os
import random
import re
import struct
import termios
import time
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from typing import Any

import pytest
from rich.color import ColorSystem
from rich.segment import Segment
from textual.binding import Binding

from tests.wizard.ui.driver import LARGE, answered, driven
from tests.wizard.ui.test_terminal import Terminal
from wizard.home import ACTIONS
from wizard.ui.tui import base, home
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.screens import answers, dashboard, frame, help, leave, looking, picker, standing  # noqa: A004
from wizard.ui.tui.widgets import choices, field, log, loglines, panes, question, work
from wizard.ui.tui.widgets.keyline import KeyLine
from wizard.ui.tui.widgets.panes import ApprovalPane, FailurePane
from wizard.ui.tui.widgets.work import WorkPane

__all__ = ["answered"]  # a fixture

MODULES = (
    base, home, answers, dashboard, frame, help, leave, looking, picker, standing, choices, field, log, loglines, panes,
    question, work,
)  # fmt: skip
# What a terminal, tmux, screen, ssh or a shell's flow control may keep for itself. F1 and F10 are taken by some.
TRAPPED = {"ctrl+s", "ctrl+q", "ctrl+z", "ctrl+b", "ctrl+a", "ctrl+backslash", "ctrl+right_square_bracket"}
TRAPPED |= {f"f{number}" for number in range(1, 13) if number != 3}


def bindings() -> Iterator[tuple[str, Binding]]:
    kinds = {value for module in MODULES for value in vars(module).values() if isinstance(value, type)} | {WizardApp}
    for kind in kinds:
        if kind.__module__.startswith("wizard."):
            for one in vars(kind).get("BINDINGS", ()):
                yield kind.__name__, one


def test_no_action_depends_on_a_key_that_a_terminal_keeps() -> None:
    ways: dict[tuple[str, str], set[str]] = {}
    for name, one in bindings():
        ways.setdefault((name, one.action), set()).update(key.strip() for key in one.key.split(","))
    assert len(ways) > 40
    assert {way: keys for way, keys in ways.items() if keys <= TRAPPED} == {}


def test_every_key_that_is_shown_has_a_word_and_says_what_it_does() -> None:
    for name, one in bindings():
        assert one.tooltip or not one.show, f"{name}: {one.key}"
        assert one.description or not one.show, f"{name}: {one.key}"


async def test_a_click_on_a_key_below_is_that_key(answered: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        for words, there in (("^l Log", "searches in these lines"), ("^g Help", "Keys that work here")):
            row = driver.shown().splitlines()[-1]
            await driver.pilot.click(KeyLine, offset=(row.index(words) + 3, 0))
            await driver.until(lambda there=there: there in driver.shown(), words)


def test_the_documented_keys_are_those_that_there_are() -> None:
    text = (Path(__file__).resolve().parents[3] / "docs" / "screen.md").read_text()
    rows = re.findall(r"^\| ((?:`[^`]+` ?)+)\|", text.split("## Keys")[1].split("## Marks")[0], re.MULTILINE)
    documented = {key for row in rows for key in re.findall(r"`([^`]+)`", row)}
    names = {"?": "question_mark", "/": "slash"}
    bound = {key.strip() for _, one in bindings() for key in one.key.split(",")} | {one.key for one in ACTIONS}
    assert len(documented) > 20
    assert {key for key in documented if names.get(key, key) not in bound} == set()


# -- colours ---------------------------------------------------------------------------------------------------


def segments(driver: Any) -> Iterator[Segment]:
    for strip in driver.app.screen._compositor.render_strips():
        for segment in strip:
            style = segment.style
            if any(letter.isalnum() for letter in segment.text) and style and style.color and style.bgcolor:
                yield segment


def unreadable(driver: Any) -> list[str]:
    """Words whose colour is that of their ground in 16 or 256 colours, or too near to it."""
    found = []
    for segment in segments(driver):
        assert segment.style is not None and segment.style.color is not None and segment.style.bgcolor is not None
        color, ground = segment.style.color, segment.style.bgcolor
        for system in (ColorSystem.STANDARD, ColorSystem.EIGHT_BIT):
            if color.downgrade(system) == ground.downgrade(system):
                found.append(f"{segment.text.strip()[:30]!r} in {system.name}")
        if _contrast(color.get_truecolor(), ground.get_truecolor()) < 3:
            found.append(f"{segment.text.strip()[:30]!r}: {color.name} on {ground.name}")
    return found


def _contrast(one: Any, other: Any) -> float:
    """As WCAG 2 has it: 3 is the least for what is large or bold."""
    first, second = sorted((_luminance(one), _luminance(other)))
    return (second + 0.05) / (first + 0.05)


def _luminance(color: Any) -> float:
    parts = [part / 255 for part in color]
    red, green, blue = (part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [base.DARK, base.LIGHT])
async def test_everything_can_be_read(answered: Any, world: Any, colours: str) -> None:
    world.broken = ["bowl"]
    async with driven(answered, LARGE) as driver:
        await driver.pane(ApprovalPane)
        if driver.app.theme != colours:
            await driver.press("ctrl+o")
        assert driver.app.theme == colours
        await driver.pilot.pause(0.2)
        assert unreadable(driver) == []
        await driver.press("y")
        await driver.pane(FailurePane)
        await driver.press("ctrl+l")
        await driver.pilot.pause(0.2)
        assert unreadable(driver) == []


@pytest.mark.parametrize(
    ("told", "theme"), [("", base.DARK), ("15;0", base.DARK), ("0;15", base.LIGHT), ("0;default;7", base.LIGHT)]
)
def test_colours_follow_the_terminal_where_it_tells(told: str, theme: str) -> None:
    assert base.theme({"COLORFGBG": told}) == theme


async def test_without_colour_no_colour_is_used_and_nothing_is_lost(
    answered: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        for segment in segments(driver):
            assert segment.style is not None and segment.style.color is not None
            red, green, blue = segment.style.color.get_truecolor()
            assert red == green == blue, segment.text
        for text in ("? Fruit", "· Cake", "3 changes to approve", "Make these changes"):
            assert text in driver.shown()
        button = next(one for one in segments(driver) if "Make these" in one.text)
        assert button.style is not None and button.style.reverse, "what has the focus is seen without colour"


# -- sizes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
async def test_a_storm_of_sizes_while_it_works_and_asks(session: Any, world: Any, seed: int) -> None:
    """Whatever size comes at whatever moment, the journey goes on and ends up as it is with one size."""
    dice = random.Random(seed)  # noqa: S311
    world.pace = 0.05
    async with driven(session) as driver:
        for key in ("kind", "count", "hosts", "peel", "note"):
            await driver.question(key)
            await storm(driver, dice, 3)
            await driver.press("enter")
        await driver.pane(ApprovalPane)
        await storm(driver, dice, 3)
        await driver.press("y")
        await storm(driver, dice, 6)
        await driver.pilot.resize_terminal(80, 24)
        await driver.question("password")
        assert "The baker's password?" in driver.shown() and "✓ Fruit" in driver.shown()
    assert sorted(world.made) == ["apple", "bowl", "pear"]


async def storm(driver: Any, dice: random.Random, times: int) -> None:
    for _ in range(times):
        await driver.pilot.resize_terminal(dice.randint(1, 160), dice.randint(1, 60))
        await asyncio.sleep(dice.random() * 0.05)


def test_a_storm_of_sizes_in_a_real_terminal(tmp_path: Path) -> None:
    """The kernel's own signal for each size, keys in between, and a screen that is whole at the end."""
    terminal = Terminal(tmp_path, PACE="0.2")
    terminal.until("Which fruit?")
    dice = random.Random(7)  # noqa: S311

    def size(rows: int, columns: int) -> None:
        ioctl(terminal.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        terminal._read()

    for asked in ("How is the bowl called?", "Which hosts?", "Peel it?", "Anything else?", "3 changes to approve"):
        for _ in range(15):
            size(dice.randint(1, 60), dice.randint(1, 160))
        size(24, 80)
        terminal.keys("\r")
        terminal.until(asked)
    terminal.keys("y")
    for _ in range(30):
        size(dice.randint(1, 60), dice.randint(1, 160))
        time.sleep(0.02)
    size(24, 80)
    terminal.until("The baker's password?")
    terminal.seen = ""
    terminal.keys("\x03")
    terminal.until("Ctrl-C once more leaves.")
    terminal.keys("\x03")
    assert terminal.ends() == 130
    assert not list(tmp_path.glob("homelab-wizard/mistakes/*"))
    os.close(terminal.master)


async def test_while_it_works_any_size_shows_what_it_does(answered: Any, world: Any) -> None:
    world.gate.clear()
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        await driver.pane(WorkPane)
        for size in [(40, 12), (60, 20), (80, 24), (120, 40), (200, 60)]:
            await driver.pilot.resize_terminal(*size)
            await driver.until(lambda: "make" in driver.shown(), f"the work at {size}")
        world.gate.set()
        await driver.question("password")


async def test_help_at_an_approval_tells_what_a_no_means(answered: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("question_mark")
        await driver.until(lambda: "Fruit: a yes or a no" in driver.shown(), "the help")
        assert "Nothing of it is done, and the wizard ends." in " ".join(driver.shown().replace("│", " ").split())


async def test_a_question_mark_in_an_empty_or_marked_field_is_help_and_later_a_letter(session: Any) -> None:
    async with driven(session) as driver:
        await driver.question("kind")
        await driver.press("enter")
        pane = await driver.question("count")
        await driver.press("question_mark")
        await driver.until(lambda: "About it  A name of small letters." in driver.shown(), "the help")
        await driver.press("escape", "a", "question_mark")
        assert pane.query_one("#line").value == "a?"  # type: ignore[attr-defined]
        await driver.press("ctrl+g")
        await driver.until(lambda: "About it" in driver.shown(), "the help, while one types")


async def test_a_secret_may_begin_with_a_question_mark(answered: Any) -> None:
    async with driven(answered) as driver:
        await driver.pane(ApprovalPane)
        await driver.press("y")
        pane = await driver.question("password")
        await driver.press("question_mark")
        assert pane.query_one("#line").value == "?"  # type: ignore[attr-defined]
        await driver.press("f1")
        await driver.until(lambda: "It is needed for the oven." in driver.shown(), "the help")
