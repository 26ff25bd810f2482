"""Which cluster, where it stands, and what can be done with it, as lines of text."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from wizard import opening, report
from wizard.home import Action, Known, Standing, Wish, new_name, wish_of
from wizard.sections import Lookout, Part, Seen
from wizard.ui import lines
from wizard.ui.lines import Keyboard
from wizard.ui.out import Out

PATIENCE = 5.0  # seconds for the looks: lines that come later would fall between the questions


class PlainHome:
    """Implements `wizard.home.Front`. In a pipe nothing is asked that the journey does not ask."""

    def __init__(self, out: Out | None = None, keyboard: Keyboard | None = None) -> None:
        self._out = out or Out()
        self._person = keyboard is not None or (sys.stdin.isatty() and sys.stdout.isatty())
        self._keyboard = keyboard or lines.keyboard()

    def pick(self, clusters: Sequence[Known]) -> Wish:
        if not self._person:
            opening.cluster_name(None, None)  # says that one has to be named
        say = self._out.say
        say("This computer knows several clusters.")
        for number, known in enumerate(clusters, 1):
            say(report.wrapped(f"{number}. {known.name}: {known.about}", self._out.width, "  "))
        new, leave = len(clusters) + 1, len(clusters) + 2
        say(f"  {new}. A new cluster")
        say(f"  {leave}. Leave")
        number = self._number(leave, f"Which one? Number, 1 to {leave} [1]:", 1)
        if number == leave:
            return Wish("leave")
        return Wish("new", self._named(clusters)) if number == new else Wish("cluster", clusters[number - 1].name)

    def _named(self, clusters: Sequence[Known]) -> str:
        taken = [known.name for known in clusters]
        free = opening.DEFAULT if opening.DEFAULT not in taken else ""
        while True:
            text = self._line(f"How shall it be called?{f' [{free}]' if free else ''}") or free
            if problem := new_name(text, taken):
                self._out.say(f"Please correct: {problem}")
            else:
                return text

    def stand(self, standing: Standing) -> Wish:
        out, state = self._out, standing.state
        out.say(report.wrapped(f"Cluster {state.cluster}: {standing.sentence()}", out.width))
        for sentence in standing.skipped():
            out.say(report.wrapped(sentence, out.width))
        for sentence, host, at in standing.unfinished():
            where = f" on {host}" if host else ""
            out.say(report.wrapped(f"Begun{where} at {at} and not finished: {report.clean(sentence)}", out.width))
        self._looks(standing)
        if standing.left or not self._person:
            return Wish("go on")
        return self._menu(standing)

    def _looks(self, standing: Standing) -> None:
        """What is so now, a line a part; more only for what wants the person."""
        found: dict[str, Seen | None] = {}
        Lookout(standing.parts, standing.look, found.__setitem__, PATIENCE).start().over.wait(PATIENCE + 1)
        for part in standing.parts:
            seen = found.get(part.key) if part.look else part.remembered(standing.state)
            for line in seen_lines(part, seen):
                self._out.say(report.wrapped(line, self._out.width))

    def _menu(self, standing: Standing) -> Wish:
        self._out.say()
        choices: list[tuple[str, Wish]] = [(_label(action), wish_of(action)) for action in standing.actions]
        choices += [("Another cluster, or a new one", Wish("others"))] if standing.others else []
        choices.append(("Leave", Wish("leave")))
        for number, (label, _) in enumerate(choices, 1):
            self._out.say(f"  {number}. {label}")
        last = len(choices)
        return choices[self._number(last, f"What now? Number, 1 to {last} [{last}]:", last) - 1][1]

    def back(self, code: int) -> None:
        """What it printed stands above; the menu follows below."""
        self._out.say()

    def _number(self, last: int, label: str, default: int) -> int:
        while True:
            text = self._line(label) or str(default)
            if text.isdigit() and 1 <= int(text) <= last:
                return int(text)
            self._out.say(f"Please give a number from 1 to {last}.")

    def _line(self, label: str) -> str:
        try:
            return self._keyboard.line(label).strip()
        except EOFError:
            raise KeyboardInterrupt from None


def _label(action: Action) -> str:
    return f"{action.label}: {action.about}"


def seen_lines(part: Part, seen: Seen | None) -> list[str]:
    """A part in lines: its sum, and what wants the person when that is more than one thing."""
    if seen is None:
        return []
    at = f" (seen {report.moment(seen.at)})" if seen.at else ""
    more = [f"  {row.what}: {row.text}" for row in seen.urgent] if len(seen.urgent) > 1 else []
    return [report.clean(line) for line in (f"{part.title}: {seen.summary}{at}", *more)]
