"""The pane of one question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from wizard import events, report
from wizard.fieldhelp import sections
from wizard.question import BACK, Prompt, Question, exactly
from wizard.secret import SecretRef
from wizard.ui.tui.messages import Decided
from wizard.ui.tui.widgets.field import Field
from wizard.ui.tui.widgets.panes import NoteBox, Pane, Scroll, text

if TYPE_CHECKING:
    from wizard.context import Approval

ROOM = (110, 32)  # columns and rows of the terminal: those of the screen's -wide and -high


def asking_for_word(approval: Approval, notes: Sequence[events.Note]) -> QuestionPane:
    """For a change that wants its word typed: an empty answer is a no."""
    change = approval.changes[0]
    question = Question(
        "word", f"Type {approval.word} to do it, or nothing to leave it.", exactly(approval.word), required=False,
        help=change.detail,
    )  # fmt: skip
    sentence = report.clean(change.sentence)
    return QuestionPane(
        Prompt(approval.step, approval.title, question),
        approval.because,
        sentence,
        notes,
        draft=None,
        back=approval.back,
    )


class QuestionPane(Pane):
    """One question. What is typed is checked while it is typed; `back` says whether there is one before it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "Back", tooltip="Go back to the question before")
    ]

    def __init__(
        self, prompt: Prompt, heading: str, intro: str, notes: Sequence[events.Note], *, draft: object, back: bool
    ) -> None:
        super().__init__(id="question")
        self.prompt, self._intro, self._notes = prompt, intro, notes
        self._heading, self._draft, self.back = heading, draft, back

    def compose(self) -> ComposeResult:
        prompt, question = self.prompt, self.prompt.question
        with Scroll():
            yield text(self._heading, "heading")
            if self._intro:
                yield text(self._intro, "muted gap")
            yield from map(NoteBox, self._notes)
            yield text(question.ask, "ask")
            yield Field(prompt, self._draft)
            yield text(f"! {prompt.problem}" if prompt.problem else "", "problem", "problem")
            if hint := self._hint():
                yield text(hint, "muted")
            if prompt.explanation:
                yield text(report.clean(prompt.explanation), "muted")
            if question.help:
                yield text(question.help, "muted")

    def on_resize(self) -> None:
        """Where there is room, the help for the question stands below it; else it is a key away."""
        columns, rows = self.app.size
        if columns < ROOM[0] or rows < ROOM[1] or self.query(".more"):
            return
        more = [
            text(Content.assemble((f"{heading}  ", "bold"), told), "muted more")
            for heading, told in sections(self.prompt)
            if heading in ("Why it is asked", "Where to find it")
        ]
        self.query_one(Scroll).mount_all(more)

    @property
    def help(self) -> tuple[str, Sequence[tuple[str, str]]]:
        return self.prompt.question.ask, sections(self.prompt)

    def _hint(self) -> str:
        question, default = self.prompt.question, self.prompt.default
        if self.prompt.review:
            return f"You have answered this. Enter keeps it{'; escape goes back further' if self.back else ''}."
        if default is None or isinstance(default, SecretRef):
            return ""
        if self.prompt.again:
            return "" if self.prompt.choices else f"Your answer before: {question.kind.show(default)}"
        if self.prompt.choices:  # the list shows what is proposed
            return f"Proposed from {question.source}." if question.source else ""
        return f"Proposed: {question.kind.show(default)}{f' (from {question.source})' if question.source else ''}"

    def wants_focus(self) -> Widget | None:
        return next(iter(self.query("Field ChoiceList, Field Input")), None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.back if action == "back" else super().check_action(action, parameters)

    def on_field_changed(self) -> None:
        try:
            self.query_one(Field).parse()
        except ValueError as error:
            self._tell(f"… {error}", "typing")
        else:
            self._tell("✓", "fine")

    def _tell(self, sentence: str, kind: str) -> None:
        problem = self.query_one("#problem", Static)
        problem.update(sentence)
        problem.set_classes(f"problem {kind}")

    def on_field_accepted(self) -> None:
        field = self.query_one(Field)
        try:
            field.parse()
        except ValueError as error:
            self._tell(f"! {error}", "wrong")
            return
        self.disabled = True
        self.post_message(Decided(field.raw()))

    def action_back(self) -> None:
        self.disabled = True
        self.post_message(Decided(BACK))
