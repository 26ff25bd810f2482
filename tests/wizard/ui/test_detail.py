"""What helps to decide about a dangerous change, a host key's picture above all, in each front end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Button

from steps.pins import COMPARE, Pin, change
from tests.wizard.toys import ToyWorld
from tests.wizard.ui.driver import LARGE, SMALL, driven
from wizard.context import Context
from wizard.engine import Consent
from wizard.errors import Declined, WizardError
from wizard.host import picture, trust
from wizard.question import Answers
from wizard.session import Session
from wizard.state import State
from wizard.step import Change, Step
from wizard.ui import plain, unattended
from wizard.ui.out import Out

NEW = trust.host_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl")
OLD = trust.host_key("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf")
ADDRESS = "192.168.100.111"
DRAWN = picture.draw(NEW).splitlines()
reflashed = pytest.mark.parametrize("was", [(), (OLD,)], ids=["first sight", "re-flashed"])


class Trust(Step[bool]):
    name, title, intro = "trust", "Trust", "A host key is asked about."

    def __init__(self, was: tuple[trust.HostKey, ...]) -> None:
        self.was = was

    def check(self, ctx: Context) -> bool:
        return bool(ctx.state.recall("machines", ADDRESS, "host_keys"))

    def plan(self, facts: bool, answers: Answers) -> list[Change]:
        return [] if facts else [change(Pin(ADDRESS, (NEW,), "", self.was))]


@pytest.fixture
def asking(tmp_path: Path) -> Any:
    def make(was: tuple[trust.HostKey, ...]) -> Session:
        state = State.open(tmp_path / "state.yaml", "toys")
        return Session((Trust(was),), ToyWorld(), state, consent=Consent(yes=True))  # type: ignore[arg-type]

    return make


class No:
    def line(self, label: str) -> str:
        return "no"

    secret = line


@reflashed
def test_plain_lines_say_the_fingerprint_first_and_draw_it_below(asking: Any, was: Any) -> None:
    stream = io.StringIO()
    with pytest.raises(Declined):
        plain.run(asking(was), Out(stream), No())
    shown = stream.getvalue()
    assert "\n".join(f"    {line}" for line in [COMPARE, *DRAWN]) in shown
    assert shown.index(NEW.fingerprint) < shown.index(DRAWN[0])
    assert not was or OLD.fingerprint in shown
    assert max(map(len, shown.splitlines())) <= 80


@reflashed
def test_unattended_it_is_in_the_refusal(asking: Any, was: Any) -> None:
    stream = io.StringIO()
    with pytest.raises(WizardError) as refused:
        unattended.run(asking(was), Out(stream))
    assert "\n".join(DRAWN) in refused.value.why
    assert NEW.fingerprint in refused.value.what
    assert "--allow machines/trust-host-key" in refused.value.fix


@reflashed
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_the_full_screen_shows_question_fingerprint_picture_and_buttons_at_once(
    asking: Any, was: Any, size: tuple[int, int]
) -> None:
    async with driven(asking(was), size) as driver:
        await driver.until(lambda: DRAWN[-1] in driver.shown(), "the last line of the picture")
        shown = driver.shown()
        for line in ["another key than before" if was else "Only you can tell", NEW.fingerprint, COMPARE, *DRAWN]:
            assert line in shown
        assert not was or OLD.fingerprint in shown
        for button in driver.app.journey.query(Button):
            assert button.region.bottom <= size[1] - 1
        assert shown.index(NEW.fingerprint) < shown.index(DRAWN[0]) < shown.index("Yes, do it")
        await driver.press("n", "enter")
        assert not driver.app._exit, "Enter stays: a key pressed by habit ends nothing"
        await driver.press("n", "right", "enter")
        await driver.until(lambda: driver.app._exit, "the end")
    assert isinstance(driver.app.error, Declined)


def test_a_key_that_a_file_vouches_for_is_not_drawn() -> None:
    quiet = change(Pin(ADDRESS, (NEW,), "/home/me/.ssh/known_hosts"))
    assert (quiet.danger, quiet.detail) == (False, "")
