"""Records `homelab demo`: screenshots of the real app, and all of them as one moving picture for README.md.

    python docs/screens/record.py

Drives the app through the simulated journey and writes the .svg files beside this script. No network, no fonts from
elsewhere.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any

from textual.widget import Widget

from steps import ORDER, nodes
from wizard.demo.start import prepared
from wizard.opening import open_state
from wizard.session import Session
from wizard.ui.tui.app import WizardApp
from wizard.ui.tui.widgets.panes import ApprovalPane, FinishedPane
from wizard.ui.tui.widgets.question import QuestionPane
from wizard.ui.tui.widgets.work import WorkPane

HERE = Path(__file__).resolve().parent
SIZE = (80, 24)
SECONDS = 3.5  # that each picture is shown
SPEED = 60.0  # simulated seconds in a real one, while hosts work

QUESTIONS = {"network": "network", "hosts": "hosts", "pool": "addresses"}  # question -> the picture's name
APPROVALS = {"prepare": "approve"}  # step -> the picture's name
WORKING = {"prepare": "prepare", "control-plane": "control-plane"}


def picture(app: WizardApp) -> str:
    """The screen as SVG, with the fonts that the reader has."""
    svg = app.export_screenshot(title="homelab demo")
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    return re.sub(r"font-family: Fira Code", "font-family: 'Fira Code', 'DejaVu Sans Mono', Menlo, Consolas", svg)


async def ready(app: WizardApp, before: Widget | None) -> Widget | None:
    """The pane that waits for the person, if it is another one than `before`."""
    kinds = (QuestionPane, ApprovalPane, FinishedPane)
    panes = [pane for kind in kinds for pane in app.journey.query(kind)]
    return next((pane for pane in panes if pane.is_mounted and not pane.disabled and pane is not before), None)


async def record() -> dict[str, str]:
    """The pictures by name, in the order of the journey."""
    found: dict[str, str] = {}
    with prepared(fast=False) as demo:
        demo.world.clock.speed = SPEED
        session = Session(ORDER, demo.world, open_state("demo", demo.state), finish=nodes.close_all)
        session.proposing, session.fleeting = demo.proposing, True
        app, before = WizardApp(session), None
        async with app.run_test(size=SIZE) as pilot:
            while not app.journey.query(FinishedPane):
                pane = await ready(app, before)
                if pane is None:
                    work(app, found)
                    await asyncio.sleep(0.05)
                    continue
                await pilot.pause()
                await pilot.pause(0.2)
                keep(app, pane, found)
                await pilot.press("y" if isinstance(pane, ApprovalPane) else "enter")
                before = pane
            await pilot.pause(0.5)
            found["finished"] = picture(app)
            await pilot.press("enter")
        session.close()
    return found


def keep(app: WizardApp, pane: Any, found: dict[str, str]) -> None:
    """The picture of a pane that is worth one."""
    if isinstance(pane, QuestionPane) and (name := QUESTIONS.get(pane.prompt.question.key)):
        found.setdefault(name, picture(app))
    if isinstance(pane, ApprovalPane) and (name := APPROVALS.get(app.board.current)):
        found.setdefault(name, picture(app))


def work(app: WizardApp, found: dict[str, str]) -> None:
    """The last picture of hosts at work in a step that is worth one."""
    step = app.board.current
    if step in WORKING and app.journey.query(WorkPane) and app.board.status.get(step) == "applying":
        found[WORKING[step]] = picture(app)


def moving(pictures: list[str]) -> str:
    """All pictures in one, shown one after the other. Each has names of its own, so they don't disturb each other."""
    head = re.search(r"<svg [^>]*>", pictures[0])
    whole, share = SECONDS * len(pictures), 100 / len(pictures)
    style = (
        f"@keyframes show {{ 0%, {share:.3f}% {{ visibility: visible }}"
        f" {share + 0.01:.3f}%, 100% {{ visibility: hidden }} }}"
        f" .frame {{ visibility: hidden; animation: show {whole}s step-end infinite }}"
    )
    parts = [
        f'<g class="frame" style="animation-delay: {number * SECONDS}s">{re.sub("</?svg[^>]*>", "", one)}</g>'
        for number, one in enumerate(pictures)
    ]
    return f"{head[0] if head else '<svg>'}<style>{style}</style>{''.join(parts)}</svg>\n"


def main() -> None:
    pictures = asyncio.run(record())
    for name, svg in pictures.items():
        (HERE / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{name}.svg  {len(svg) // 1000} kB")
    whole = moving(list(pictures.values()))
    (HERE / "journey.svg").write_text(whole, encoding="utf-8")
    print(f"journey.svg  {len(whole) // 1000} kB")


if __name__ == "__main__":
    main()
