"""One thing to do at a time: an approval, a failure, the end. Each tells by `Decided` what was decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Button, Static

from wizard import events, report
from wizard.errors import CommandFailed, WizardError
from wizard.expected import usually
from wizard.fieldhelp import about_changes
from wizard.question import BACK
from wizard.step import LASTING, Change
from wizard.ui.tui.messages import Decided

if TYPE_CHECKING:
    from wizard.context import Approval

UNFOLDED = re.compile(r"\S {2,}\S|\S{50}")  # cells of a table, or a word as long as a key


def text(content: str | Content, classes: str, name: str | None = None) -> Static:
    """Text that is shown as it is: nothing in it is taken as markup."""
    return Static(content, classes=classes, id=name, markup=False)


class NoteBox(Static):
    """A note under a line that carries its title. No frame at its sides: what is copied from it is the text alone."""

    def __init__(self, note: events.Note) -> None:
        super().__init__(report.clean(note.text), classes="note", markup=False)
        self.note = note
        self.border_title = Content(report.clean(note.title))


class Scroll(VerticalScroll, can_focus=False):
    """The part that scrolls; the pane around it takes the keys."""

    def watch_show_vertical_scrollbar(self) -> None:
        if self.is_attached:
            self.screen.refresh_bindings()  # the key line tells that there is more


class Pane(Vertical):
    """What all panes share: page keys scroll, whatever has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "scroll(1)", "Scroll", tooltip="Scroll down; there is more than the screen shows"),
        Binding("pageup", "scroll(-1)", "Scroll up", show=False, tooltip="Scroll up"),
        Binding("ctrl+y", "copy_notes", "Copy note", tooltip="Copy the note on the screen to the clipboard"),
    ]

    @property
    def help(self) -> tuple[str, Sequence[tuple[str, str]]]:
        """What there is to say about what it shows: a title, then headings and texts."""
        return "", ()

    @property
    def widest_note(self) -> int:
        """Columns of the longest line that must not be folded, a table's or a key's; 0 without one."""
        lines = [line for box in self.query(NoteBox) for line in box.note.text.splitlines()]
        return max((len(line) for line in lines if UNFOLDED.search(line)), default=0)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("scroll", "scroll_line"):
            return any(scroll.show_vertical_scrollbar for scroll in self.query(Scroll))
        if action == "copy_notes":
            return bool(self.query(NoteBox))
        return super().check_action(action, parameters)

    def action_copy_notes(self) -> None:
        notes = [report.clean(box.note.text) for box in self.query(NoteBox)]
        self.app.copy_to_clipboard("\n\n".join(notes))
        self.notify("Copied, if your terminal allows it.")

    def wants_focus(self) -> Widget | None:
        """What the keys go to first; None while it is not there yet."""
        return self

    def action_scroll(self, direction: int) -> None:
        scroll = self.query_one(Scroll)
        (scroll.scroll_page_down if direction > 0 else scroll.scroll_page_up)(animate=False)


class ButtonPane(Pane):
    """Something to read, and buttons below that never scroll out of sight."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "scroll_line(-1)", "Up", show=False, tooltip="Scroll a line up"),
        Binding("down", "scroll_line(1)", "Down", show=False, tooltip="Scroll a line down"),
        Binding("left", "app.focus_previous", "Previous", show=False, tooltip="The button before"),
        Binding("right", "app.focus_next", "Next", show=False, tooltip="The next button"),
    ]
    first = ""  # the id of the button that Enter presses unless another one is chosen

    def content(self) -> Iterable[Static]:
        """What there is to read."""
        return ()

    def buttons(self) -> Sequence[Button]:
        return ()

    def compose(self) -> ComposeResult:
        with Scroll():
            yield from self.content()
        with Horizontal(classes="buttons"):
            yield from self.buttons()

    def wants_focus(self) -> Widget | None:
        return next(iter(self.query(f"#{self.first}")), None)

    def action_scroll_line(self, direction: int) -> None:
        self.query_one(Scroll).scroll_relative(y=direction, animate=False)

    def action_decide_back(self) -> None:
        self.decide(BACK)

    def decide(self, value: object) -> None:
        self.disabled = True
        self.post_message(Decided(value))


class ApprovalPane(ButtonPane):
    """The changes of a step, by host; or one dangerous change once more, where Enter alone means no."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "decide_back", "Back", tooltip="Go back to the last answer"),
        Binding("y", "decide(True)", "Yes", tooltip="Make these changes"),
        Binding("n", "decide(False)", "No", tooltip="Change nothing and leave"),
    ]

    def __init__(self, approval: Approval, notes: Sequence[events.Note]) -> None:
        super().__init__(id="approval")
        self._approval, self._notes = approval, notes
        self.first = "yes" if approval.usual else "no"

    @property
    def help(self) -> tuple[str, Sequence[tuple[str, str]]]:
        return f"{self._approval.title}: a yes or a no", about_changes(self._approval)

    @property
    def _detail(self) -> str:
        """What helps to decide about one dangerous change."""
        return report.clean(self._approval.changes[0].detail) if self._approval.danger else ""

    @property
    def widest_note(self) -> int:
        return max([super().widest_note, *map(len, self._detail.splitlines())])

    def content(self) -> Iterable[Static]:
        approval = self._approval
        if approval.danger:
            yield text(approval.because, "heading danger" if approval.because == LASTING else "heading")
            if not self._detail:  # the room is needed
                yield text("It needs a yes of its own.", "muted gap")
        else:
            yield text(f"{approval.title} · {report.counted(len(approval.changes), 'change')} to approve", "heading")
            takes = f" It {told}." if (told := usually(approval.step).replace("usually", "usually takes")) else ""
            yield text(f"None of this was done so far. This is everything that will be.{takes}", "muted gap")
        yield from map(NoteBox, self._notes)
        for host, changes in report.alike(approval):
            yield text(host, "host")
            for change in changes:
                yield text(self._line(change), "change")
        if self._detail:
            yield text(self._detail, "detail")

    def _line(self, change: Change) -> Content:
        sentence, lasting = Content(f"- {report.clean(change.sentence)}"), change.because == LASTING
        if not change.mark or (self._approval.danger and not lasting):  # then the heading says it all
            return sentence
        return sentence + Content.styled(f"  ! {change.mark}", "$text-error bold" if lasting else "$text-muted")

    def buttons(self) -> Sequence[Button]:
        yes = "Yes, do it" if self._approval.danger else "Make these changes"
        no = "No, leave" if self._approval.danger else "Not now: leave"
        return (Button(yes, "error" if self._approval.danger else "success", id="yes"), Button(no, id="no"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._approval.back if action == "decide_back" else super().check_action(action, parameters)

    def action_decide(self, yes: bool) -> None:
        self.decide(yes)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.decide(event.button.id == "yes")


class FailurePane(ButtonPane):
    """What happened, why, and what to do."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "decide_back", "Back", tooltip="Go back to the last answer"),
        Binding("r", "decide('retry')", "Try again", tooltip="Run this step again from its check"),
        Binding("k", "decide('skip')", "Skip", tooltip="Go on without this step; it is offered again later"),
        Binding("s", "decide('stop')", "Leave", tooltip="Leave; you are told how to go on"),
    ]
    first = "retry"

    def __init__(
        self, title: str, error: WizardError, farewell: str, *, again: Sequence[str] = (), skip: str = "",
        log: Path | None = None,
    ) -> None:  # fmt: skip
        """`again`: the questions that trying again asks once more; `skip`: what it means to go on without the step.

        `farewell` is what leaving means.
        """
        super().__init__(id="failure")
        self._title, self._error, self._farewell, self._log = title, error, farewell, log
        self._again, self._skip = again, skip

    def content(self) -> Iterable[Static]:
        error = self._error
        yield text(f"{self._title} could not be completed", "heading")
        what, *others = [report.clean(sentence) for sentence in error.sentences()]
        yield text(what, "what")
        if error.cause:
            yield text(f"(code: {error.cause})", "muted")
        for sentence in others:
            yield text(sentence, "gap")
        if isinstance(error, CommandFailed) and error.output.strip():
            yield NoteBox(events.Note("It printed last", "\n".join(error.output.strip().splitlines()[-10:])))
        yield text(f"Trying again begins with a fresh look. {self._farewell}", "muted")
        if self._again:
            yield text(f"It asks once more: {' '.join(self._again)}", "muted")
        if self._skip:
            yield text(f"It can be skipped, and is offered again later. {self._skip}", "muted")
        if self._log is not None:
            yield text(f"Every detail: {self._log}", "muted")

    def buttons(self) -> Sequence[Button]:
        skip = (Button("Skip this step", id="skip"),) if self._skip else ()
        return (Button("Try again", "primary", id="retry"), *skip, Button("Leave", id="stop"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "decide" and parameters == ("skip",):
            return bool(self._skip)
        return super().check_action(action, parameters)

    def action_decide(self, verdict: str) -> None:
        self.decide(verdict)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.decide(event.button.id)


class FinishedPane(ButtonPane):
    """Everything is done: every note once more, the newest first, and what ran."""

    def __init__(
        self, table: str, notes: Sequence[events.Note], ways: Mapping[str, str], skipped: Sequence[str]
    ) -> None:
        """`ways` are the buttons: name and label. `skipped` are sentences about what was left out."""
        super().__init__(id="finished")
        self._table, self._notes, self._ways, self._skipped = table, notes, ways, skipped
        self.first = next(iter(ways))

    @property
    def widest_note(self) -> int:
        return max(super().widest_note, *map(len, self._table.splitlines()))

    def content(self) -> Iterable[Static]:
        yield text("Everything else is done" if self._skipped else "Everything is done", "heading")
        for sentence in self._skipped:
            yield text(sentence, "gap")
        yield from map(NoteBox, reversed(self._notes))
        yield text(self._table, "table")

    def buttons(self) -> Sequence[Button]:
        return [
            Button(label, "success" if name == self.first else "default", id=name) for name, label in self._ways.items()
        ]

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.decide(event.button.id)
