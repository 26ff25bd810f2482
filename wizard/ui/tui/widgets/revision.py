"""Before an earlier answer is changed: what comes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Button, Static

from wizard import report
from wizard.ui.tui.widgets.panes import ButtonPane, text

if TYPE_CHECKING:
    from wizard.context import Revision


class RevisionPane(ButtonPane):
    """What changing an earlier answer brings; Enter alone leaves it as it is."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "decide(True)", "Change it", tooltip="Change the answer, with all that comes of it"),
        Binding("n,escape", "decide(False)", "Leave it", tooltip="Leave the answer as it is"),
    ]
    first = "no"

    def __init__(self, revision: Revision) -> None:
        super().__init__(id="revision")
        self._revision = revision

    def content(self) -> Iterable[Static]:
        yield text("Changing this answer has consequences", "heading")
        yield text("Nothing was changed so far. If you leave it, everything stays as it is.", "muted gap")
        for heading, lines in report.revision_parts(self._revision):
            yield text(heading, "host")
            yield text("\n".join(lines), "change gap")

    def buttons(self) -> Sequence[Button]:
        return (Button("Change it", id="yes"), Button("Leave it as it is", "primary", id="no"))

    def action_decide(self, yes: bool) -> None:
        self.decide(yes)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.decide(event.button.id == "yes")
