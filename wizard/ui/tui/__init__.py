"""The full-screen wizard, made with Textual. What it is made of is read when it is shown."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from wizard.session import Session

if TYPE_CHECKING:
    from wizard.home import Known, Standing, Wish


def run(session: Session) -> None:
    """The whole journey on a full screen. Raises what stopped it, once the terminal is as it was before."""
    from wizard.ui.tui.garbage import put_off

    with put_off():
        from wizard.ui.tui.app import WizardApp  # half a second to import

        WizardApp(session).run_to_end()


class FullScreen:
    """What comes before and after the journey. Implements `wizard.home.Front`."""

    def pick(self, clusters: Sequence[Known]) -> Wish:
        from wizard.ui.tui import home

        return home.pick(clusters)

    def stand(self, standing: Standing) -> Wish:
        from wizard.ui.tui import home

        return home.stand(standing)

    def back(self, code: int) -> None:
        print("\nEnter goes back to the dashboard.", flush=True)
        sys.stdin.readline()
