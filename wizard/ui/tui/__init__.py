"""The full-screen wizard, made with Textual."""

from __future__ import annotations

from wizard.session import Session


def run(session: Session) -> None:
    """The whole journey on a full screen. Raises what stopped it, once the terminal is as it was before."""
    from wizard.ui.tui.app import WizardApp  # half a second to import

    WizardApp(session).run_to_end()
