"""Before and after the journey, on a full screen: which cluster, where it stands, the dashboard. Wishes first."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button

from tests.wizard.toys import ORDER, ToyWorld
from wizard.context import Context
from wizard.errors import WizardError
from wizard.events import Bus
from wizard.home import ACTIONS, Known, Standing, Wish
from wizard.sections import Nobody, Part, Seen, seen
from wizard.state import State
from wizard.status import Row
from wizard.ui.tui.home import HomeApp
from wizard.ui.tui.screens.dashboard import DashboardScreen
from wizard.ui.tui.screens.frame import FrameScreen
from wizard.ui.tui.screens.help import HelpScreen
from wizard.ui.tui.screens.picker import PickerScreen
from wizard.ui.tui.screens.standing import StandingScreen
from wizard.ui.tui.widgets.parts import PartView

WHEN = "2026-01-02T03:04:05+00:00"
SIZES = [(80, 24), (120, 40)]


def bowl(text: str, level: Any = "good") -> Seen:
    return seen("bowl", "Bowl", [Row(level, "rim", text)], "one bowl")


def remembered(state: State) -> Seen:
    return seen("bowl", "Bowl", [Row("note", "rim", "as it was")], "one bowl", WHEN)


def parts(look: Callable[[Context], Seen | None]) -> tuple[Part, ...]:
    matrix = seen("proof", "Proof", [Row("good", "hello", "ok       -")], "1 ok, 1 not measured", WHEN)
    return Part("bowl", "Bowl", remembered, look), Part("proof", "Proof", lambda state: matrix)


@pytest.fixture
def standing(tmp_path: Path) -> Standing:
    state = State(tmp_path / "state.yaml", "toys")
    state.done = {"fruit": WHEN}
    state.journal = [
        {"step": "cake", "change": "cake/cake", "sentence": "bake the cake", "host": "10.0.0.1", "begun": WHEN}
    ]

    def context() -> Context:
        return Context(ToyWorld(), state, Nobody(), Bus())  # type: ignore[arg-type]

    return Standing(state, ORDER, parts(lambda ctx: bowl("whole")), context, [ACTIONS[2], ACTIONS[-1]], others=True)


def finished(standing: Standing) -> Standing:
    standing.state.done = {step.name: WHEN for step in ORDER}
    return standing


class Seeing:
    """An app with a pilot; the wish that ended it is `app.return_value`."""

    def __init__(self, first: Callable[[], FrameScreen], size: tuple[int, int] = SIZES[0]) -> None:
        self.app, self.size = HomeApp(first), size

    async def __aenter__(self) -> Seeing:
        self.test = self.app.run_test(size=self.size)
        self.pilot: Pilot[Wish] = await self.test.__aenter__()
        await self.pilot.pause()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.test.__aexit__(*error)

    def shown(self) -> str:
        strips = self.app.screen._compositor.render_strips()
        return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)

    async def until(self, true: Callable[[], object], what: str) -> None:
        end = time.monotonic() + 10
        while not true():
            assert time.monotonic() < end, f"{what} did not come; the screen shows:\n{self.shown()}"
            await asyncio.sleep(0.02)

    async def looked(self) -> None:
        views = self.app.screen.query(PartView)
        await self.until(lambda: views and not any(view.looking for view in views), "the looks")
        await self.pilot.pause()


def held(folder: Sequence[str]) -> list[Known]:
    return [Known(name, 3, 12, "Workers", "2026-01-02 03:04") for name in folder]


# -- the picker ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (["enter"], Wish("cluster", "attic")),
        (["down", "enter"], Wish("cluster", "barn")),
        (["n", *"new", "enter"], Wish("new", "new")),
        (["end", "enter", "enter"], Wish("new", "homelab")),
        (["escape"], Wish("leave")),
        (["n", "escape", "enter"], Wish("cluster", "attic")),
        (["ctrl+c"], Wish("leave")),
    ],
)
async def test_a_cluster_is_picked(keys: list[str], wish: Wish) -> None:
    async with Seeing(lambda: PickerScreen(held(["attic", "barn"]))) as seeing:
        assert "attic  3 of 12 steps done, the last one 2026-01-02 03:04; next: Workers" in seeing.shown()
        await seeing.pilot.press(*keys)
    assert seeing.app.return_value == wish


async def test_a_name_that_is_taken_or_none_is_refused_and_kept() -> None:
    async with Seeing(lambda: PickerScreen(held(["attic", "homelab"]))) as seeing:
        await seeing.pilot.press("n", *"attic", "enter")
        assert "! there is a cluster attic already" in seeing.shown()
        await seeing.pilot.press("B", "enter")
        assert "! 'atticB' is not a name" in seeing.shown()
        await seeing.pilot.press("backspace", "2", "enter")
    assert seeing.app.return_value == Wish("new", "attic2")


async def test_a_cluster_whose_state_cannot_be_read_says_so() -> None:
    async with Seeing(
        lambda: PickerScreen([Known("attic", problem="It is not a state file."), *held(["barn"])])
    ) as seeing:
        assert "attic  It is not a state file." in seeing.shown()


# -- where it stands -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_opening_tells_and_goes_on_with_one_key(standing: Standing, size: tuple[int, int]) -> None:
    async with Seeing(lambda: StandingScreen(standing), size) as seeing:
        await seeing.looked()
        shown = seeing.shown()
        for text in (
            "homelab · toys", "1 of 3 steps done", "next: Cake.", "not finished: bake the cake", "✓ Bowl  one bowl",
            "✓  Fruit  done 2026-01-0", "▶  Cake   goes on here", "·  Party", "Go on with Cake", "⏎ Do it", "looked at",
        ):  # fmt: skip
            assert text in shown
        assert all(len(line) <= size[0] for line in shown.splitlines())
        await seeing.pilot.press("enter")
    assert seeing.app.return_value == Wish("go on")


async def test_a_step_that_was_skipped_has_its_own_mark(standing: Standing) -> None:
    standing.state.skipped = {"cake": WHEN}
    async with Seeing(lambda: StandingScreen(standing)) as seeing:
        assert "–  Cake   skipped by you 2026-01-0" in seeing.shown() and "Go on with Party" in seeing.shown()
    standing.state.done = {"fruit": WHEN, "party": WHEN}
    async with Seeing(lambda: DashboardScreen(standing)) as seeing:
        assert "– Cake was skipped by you" in seeing.shown()


async def test_what_the_world_says_is_told_where_it_differs(standing: Standing) -> None:
    standing.parts = parts(lambda ctx: bowl("leaks", "bad"))
    async with Seeing(lambda: StandingScreen(standing)) as seeing:
        await seeing.looked()
        assert "✗ Bowl  rim: leaks" in seeing.shown()


async def test_a_look_that_fails_says_so_and_what_is_remembered_is_not_passed_off_as_new(standing: Standing) -> None:
    def fails(ctx: Context) -> Seen:
        raise WizardError("The bowl can't be reached.", "It is dark.")

    standing.parts = parts(fails)
    async with Seeing(lambda: StandingScreen(standing)) as seeing:
        await seeing.looked()
        assert "? Bowl  could not look: the bowl can't be reached" in seeing.shown()


async def test_a_look_without_an_end_holds_nobody_up(standing: Standing, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, ended = threading.Event(), threading.Event()

    def hangs(ctx: Context) -> Seen:
        while not ctx.world.stop.wait(0.01):
            assert not gate.is_set()
        ended.set()
        raise WizardError("Stopped.")

    standing.parts = parts(hangs)
    async with Seeing(lambda: StandingScreen(standing)) as seeing:
        assert "… Bowl  one bowl (as of 2026-01-0" in seeing.shown() and "looking …" in seeing.shown()
        await seeing.pilot.press("enter")
    assert seeing.app.return_value == Wish("go on") and ended.wait(5)


# -- the dashboard ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
async def test_the_dashboard_shows_every_part_and_its_actions(standing: Standing, size: tuple[int, int]) -> None:
    async with Seeing(lambda: DashboardScreen(finished(standing)), size) as seeing:
        await seeing.looked()
        shown = seeing.shown()
        for text in (
            "✓ Bowl  one bowl",
            "✓ rim       whole",
            "✓ Proof  1 ok, 1 not measured (as of 2026-01-0",
            "Verify",
        ):
            assert text in shown
        proof, first = (seeing.app.screen.query_one(f"#part-{key}").region for key in ("proof", "bowl"))
        assert (proof.y == first.y) is (size == SIZES[1])


@pytest.mark.parametrize(
    ("keys", "wish"),
    [
        (["v"], Wish("command", words=("verify",), prints=True)),
        (["j"], Wish("go on")),
        (["right", "enter"], Wish("command", words=("verify",), prints=True)),
        (["o"], Wish("others")),
        (["escape"], Wish("leave")),
        (["ctrl+q"], Wish("leave")),
    ],
)
async def test_an_action_is_wished_by_its_letter_or_its_button(standing: Standing, keys: list[str], wish: Wish) -> None:
    async with Seeing(lambda: DashboardScreen(finished(standing))) as seeing:
        await seeing.pilot.press(*keys)
    assert seeing.app.return_value == wish


async def test_a_click_does_what_the_button_says(standing: Standing) -> None:
    async with Seeing(lambda: DashboardScreen(finished(standing))) as seeing:
        await seeing.pilot.click("#do-v")
    assert seeing.app.return_value == Wish("command", words=("verify",), prints=True)


@pytest.mark.parametrize("size", SIZES)
async def test_every_action_fits_on_the_screen(standing: Standing, size: tuple[int, int]) -> None:
    standing.actions = ACTIONS
    async with Seeing(lambda: DashboardScreen(finished(standing)), size) as seeing:
        for button in seeing.app.screen.query(Button):
            assert button.region.right <= size[0] - 1 and button.region.bottom < size[1]
        assert len(seeing.app.screen.query(Button)) == len(ACTIONS) + 1


async def test_looking_again_draws_what_is_new(standing: Standing) -> None:
    found = ["whole", "cracked"]
    standing.parts = parts(lambda ctx: bowl(found.pop(0)))
    async with Seeing(lambda: DashboardScreen(finished(standing))) as seeing:
        await seeing.looked()
        assert "whole" in seeing.shown()
        await seeing.pilot.press("l")
        await seeing.until(lambda: "cracked" in seeing.shown(), "the second look")


async def test_the_help_lists_the_actions(standing: Standing) -> None:
    async with Seeing(lambda: DashboardScreen(finished(standing))) as seeing:
        await seeing.pilot.press("question_mark")
        assert isinstance(seeing.app.screen, HelpScreen)
        assert "Verify: measure again who reaches what" in seeing.shown()


async def test_resizing_at_any_moment(standing: Standing) -> None:
    async with Seeing(lambda: DashboardScreen(finished(standing))) as seeing:
        for size in [(20, 6), (1, 1), (130, 50), (80, 24)]:
            await seeing.pilot.resize_terminal(*size)
        await seeing.looked()
        assert "✓ Bowl" in seeing.shown()
