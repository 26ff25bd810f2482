"""The wizard as lines of text: numbered choices, no boxes, no colour.

Made for screen readers, serial lines, pipes and terminals that can do nothing else. On a terminal the line is
edited with questionary; in a pipe it is read as it comes.
"""

from __future__ import annotations

from collections.abc import Sequence

from wizard import events, report
from wizard.ahead import Ahead
from wizard.context import Approval, Revision, Verdict
from wizard.errors import Interrupted, WizardError
from wizard.expected import longest, usually
from wizard.fieldhelp import about_changes
from wizard.given import given
from wizard.leaving import Leaving
from wizard.question import BACK, Prompt, Revise, Turn
from wizard.session import Session
from wizard.ui import lines
from wizard.ui.later import LATER, answer_ahead
from wizard.ui.out import Out
from wizard.ui.trail import Trail

YES, NO = ("y", "yes"), ("n", "no")
TURNS = ("<", "=")
LONG = 3  # minutes from which it is worth answering ahead what comes later


class Plain:
    """Asks in numbered lines. `<` goes back, `=` shows every answer, `?` explains."""

    def __init__(self, session: Session, out: Out, keyboard: lines.Keyboard, leaving: Leaving) -> None:
        self._session, self._out, self._keyboard, self._leaving = session, out, keyboard, leaving
        self._step = ""
        self._worked = 0.0  # when the step began to work; 0 before
        self._trail = Trail()
        self._quiet = report.Quiet()
        self.ahead: Ahead | None = None  # set once there is an engine
        self._declined = False  # the person does not want to answer ahead in this run

    # -- questions -------------------------------------------------------------------------------------

    def ask(self, prompt: Prompt) -> object:
        self._heading(prompt.step)
        self._trail.arrive(prompt)
        out, question = self._out, prompt.question
        out.say()
        place = "answered before" if prompt.review else f"{self._trail.number} of {self._trail.total}"
        out.say(report.wrapped(f"({place}) {question.ask}", out.width))
        if prompt.explanation:
            out.say(report.wrapped(report.clean(prompt.explanation), out.width, "  "))
        for number, choice in enumerate(prompt.choices, 1):
            out.say(report.wrapped(lines.choice_line(number, choice), out.width, "   ").lstrip("\n"))
        if prompt.problem:
            out.say(report.wrapped(f"Please correct: {prompt.problem}", out.width))
        raw = self._until_it_fits(prompt)
        self._trail.leave(raw)
        return raw

    def _until_it_fits(self, prompt: Prompt) -> object:
        out = self._out
        while True:
            text = self._read(prompt)
            if text.strip() == "?":
                out.say(report.wrapped(lines.explained(prompt), out.width, "  "))
                continue
            if text.strip() == ">" and prompt.ahead:
                return LATER
            if text.strip() in TURNS and prompt.turns:
                if (turn := self._turn(text.strip(), back=prompt.back)) is not None:
                    return turn
                continue
            try:
                raw = lines.meaning(prompt, text)
                prompt.parse(raw)
            except ValueError as error:
                out.say(report.wrapped(f"Please correct: {error}", out.width))
                continue
            return raw

    def _turn(self, word: str, *, back: bool) -> Turn | None:
        """What `<` or `=` leads to; None when it leads nowhere."""
        if word == "=":
            return self._overview()
        if back:
            return BACK
        self._out.say("There is no question before this one.")
        return None

    def _overview(self) -> Revise | None:
        """Every answer under a number; the one whose number is typed is to be changed."""
        settings = False
        while True:
            found = given(self._session.order, self._session.state, settings=settings)
            self._out.say()
            self._out.say("\n".join(lines.listed(found, self._out.width)))
            more = "" if settings else ", all for the settings that nobody was asked for"
            label = f"Number of the answer to change{more}, or nothing to go on [none]:"
            while True:
                word = self._line(label, "an answer to change").strip().lower()
                if not word:
                    return None
                if word.isdigit() and 1 <= int(word) <= len(found):
                    return found[int(word) - 1].revise
                if word == "all" and not settings:
                    settings = True
                    break
                self._out.say(f"Please type a number from 1 to {len(found)}, or nothing." if found else "Nothing yet.")

    def _read(self, prompt: Prompt) -> str:
        label = f"{lines.expected(prompt)}{lines.default_hint(prompt)}:"
        return self._line(label, f"{prompt.step}.{prompt.question.key}", prompt.question.kind.widget == "secret")

    def _line(self, label: str, name: str, secret: bool = False) -> str:
        if self._session.world.stop.is_set():
            raise Interrupted("Stopped before the next question.")
        try:
            with self._leaving.asking():
                return self._keyboard.secret(label) if secret else self._keyboard.line(label)
        except BrokenPipeError:
            raise
        except (KeyboardInterrupt, OSError):  # the latter where the terminal is gone
            self._session.world.stop.set()
            raise Interrupted("Stopped.") from None
        except EOFError:
            raise lines.ended(name, self._session) from None

    # -- approval and failure ----------------------------------------------------------------------------

    def confirm(self, approval: Approval) -> bool | Turn:
        self._heading(approval.step)  # again, after a look at the answers of another step
        self._trail.cut()
        out = self._out
        out.say()
        if approval.danger:
            out.say(f"{approval.because}:")
        else:
            takes = f" It {told}." if (told := usually(approval.step).replace("usually", "usually takes")) else ""
            out.say(f"{approval.title}: {report.counted(len(approval.changes), 'change')} to approve.{takes}")
        for host, changes in report.alike(approval):
            out.say(f"  {host}:")
            for change in changes:
                out.say(report.wrapped(f"- {report.change_line(change)}", out.width, "    "))
                if approval.danger and change.detail:
                    out.say("\n".join(f"    {line}" for line in report.clean(change.detail).splitlines()))
        if approval.word:
            return self._typed(approval)
        ask = "Do it?" if approval.danger else "Make these changes?"
        label = f"{ask} yes or no [{'yes' if approval.usual else 'no'}]:"
        about = [f"{heading}: {text}" for heading, text in about_changes(approval)]
        name = f"the approval of {approval.step}"
        agreed = self._yes_or_no(label, name, usual=approval.usual, back=approval.back, told=about)
        if agreed is True and not any(change.danger for change in approval.changes):
            self._before_work(approval.step)
        return agreed

    def _yes_or_no(self, label: str, name: str, *, usual: bool, back: bool, told: Sequence[str] = ()) -> bool | Turn:
        """`usual` is what an empty line means; `told` what ? says."""
        while True:
            word = self._line(label, name).strip().lower()
            if word == "?" and told:
                self._out.say(report.wrapped("\n".join(told), self._out.width, "  "))
            elif word in TURNS:
                if (turn := self._turn(word, back=back)) is not None:
                    return turn
            elif word in (*YES, *NO, ""):
                return word in YES or (not word and usual)
            else:
                self._out.say("Please answer yes or no.")

    def _before_work(self, step: str) -> None:
        """Long work begins, during which nothing can be asked: what comes later can be answered before."""
        ahead, out = self.ahead, self._out
        if ahead is None or self._declined or longest(step) < LONG or ahead.place() is None:
            return
        out.say()
        out.say(report.wrapped("While this runs nothing is asked, since its lines would mix with yours.", out.width))
        label = f"Answer {report.counted(ahead.count(), 'question')} of later steps now? yes or no [yes]:"
        self._declined = self._yes_or_no(label, "whether to answer ahead", usual=True, back=False) is not True
        if not self._declined:
            out.say("> leaves the rest for its turn.")
            answer_ahead(ahead, self.ask, out.say)
            self._trail.cut()
            out.say()
            out.say("Thank you. Now the work begins.")

    def revise(self, revision: Revision) -> bool:
        out = self._out
        out.say()
        out.say("Changing this answer has consequences. Nothing was changed so far.")
        for heading, said in report.revision_parts(revision):
            out.say(report.wrapped(heading, out.width, "  "))
            for line in said:
                out.say(report.wrapped(line, out.width, "    "))
        while True:
            word = self._line("Change it? yes or no [no]:", "whether the answer changes").strip().lower()
            if word in (*YES, *NO, ""):
                return word in YES
            out.say("Please answer yes or no.")

    def _typed(self, approval: Approval) -> bool | Turn:
        """Whether the word that stands for this change was typed; an empty line is a no."""
        while True:
            label = f"Type {approval.word} to do it, or nothing to leave it [no]:"
            word = self._line(label, f"the approval of {approval.step}").strip()
            if word in TURNS:
                if (turn := self._turn(word, back=approval.back)) is not None:
                    return turn
                continue
            if word == approval.word or not word or word.lower() in NO:
                return word == approval.word
            self._out.say(f"That is not {approval.word}.")

    def failed(self, step: str, error: WizardError) -> Verdict | Turn:
        if self._session.world.stop.is_set():
            return "stop"
        self._trail.cut()
        out, skip = self._out, self._session.skip(step)
        out.say()
        out.say(f"{self._session.title(step)} could not be completed.")
        out.say(report.error_text(error, out.width))
        if again := self._session.asked_again(error):
            out.say(report.wrapped(f"Trying again asks once more: {' '.join(again)}", out.width))
        if skip:
            out.say(report.wrapped(f"skip goes on without it, and it is offered again later. {skip}", out.width))
        try:
            decided = self._verdict(skippable=bool(skip))
        except WizardError:  # nobody is there to be asked
            return "stop"
        if decided == "stop":
            self._session.shown = error
        return decided

    def _verdict(self, *, skippable: bool) -> Verdict | Turn:
        words = "retry, skip or stop" if skippable else "retry or stop"
        known: dict[str, Verdict] = {"r": "retry", "retry": "retry", "s": "stop", "stop": "stop", "": "stop"}
        if skippable:
            known["skip"] = "skip"
        saved = "" if self._session.fleeting else " What was done is saved."
        while True:
            word = self._line(f"Try again, or stop?{saved} {words} [stop]:", "").strip().lower()
            if word in known:
                return known[word]
            if word not in TURNS:
                self._out.say(f"Please answer {words}.")
            elif (turn := self._turn(word, back=True)) is not None:
                return turn

    # -- events ------------------------------------------------------------------------------------------

    def listen(self, event: events.Event) -> None:
        if not self._quiet.worth(event):
            return
        if isinstance(event, events.StepChanged):
            self._heading(event.step)
            if event.status == "applying":
                self._worked = event.at
            if event.status in ("done", "verifying", "skipped"):
                took = event.at - self._worked if event.status == "done" and self._worked else 0.0
                after = f" after {report.duration(took)}" if took >= 1 else ""
                self._out.say(f"  {report.SYMBOLS[event.status]} {report.DOING[event.status]}{after}")
        elif isinstance(event, events.Note):
            self._out.say()
            self._out.say(f"  {report.clean(event.title)}")
            self._out.say(report.wrapped(report.clean(event.text), self._out.width, "  "))
        elif not isinstance(event, events.Planned):
            self._out.say(report.wrapped(report.event_line(event), self._out.width, "  "))

    def _heading(self, step: str) -> None:
        if step == self._step:
            return
        self._step, self._worked = step, 0.0
        names = [each.name for each in self._session.order]
        where = f"Step {names.index(step) + 1} of {len(names)}: " if step in names else ""
        self._out.say()
        self._out.say(f"{where}{self._session.title(step)}")
        self._out.say(report.wrapped(self._session.intro(step), self._out.width))


def run(session: Session, out: Out | None = None, keyboard: lines.Keyboard | None = None) -> None:
    """The whole journey in lines of text. Raises what stopped it."""
    out = out or Out()
    keyboard = keyboard or lines.keyboard()
    with Leaving(session.world.stop) as leaving:
        front = Plain(session, out, keyboard, leaving)
        session.bus.listen(front.listen)
        about = session.about or f"cluster {session.state.cluster}"
        out.say(f"homelab, {about}. Enter takes the default, < goes back, ? explains.")
        out.say("= shows every answer that was given, to change one.")
        engine = session.engine(front)
        front.ahead = engine.ahead
        engine.run()
    out.say()
    skipped = session.skipped()
    out.say("Everything else is done." if skipped else "Everything is done.")
    for sentence in skipped:
        out.say(report.wrapped(sentence, out.width))
    out.say(session.summary.table())
