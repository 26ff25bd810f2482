"""Lines that come fast: only those on the screen are drawn, the oldest are forgotten, and one can be pointed at."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

POINTED = Style(reverse=True)
MATCH = Style(bold=True, underline=True)


class LogLines(ScrollView, can_focus=True):
    """Follows the newest line until one is pointed at. Lines are numbered from the first one ever written."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "point(-1)", "Up", show=False, tooltip="Point at the line above"),
        Binding("down", "point(1)", "Down", show=False, tooltip="Point at the line below"),
        Binding("pageup", "page(-1)", "Page up", show=False, tooltip="A page up"),
        Binding("pagedown", "page(1)", "Page down", show=False, tooltip="A page down"),
        Binding("home", "point_first", "Oldest", show=False, tooltip="Point at the oldest line"),
        Binding("end", "follow", "Newest", show=False, tooltip="Follow the newest line"),
    ]

    virtual_size = Reactive(Size(0, 0), repaint=False)  # Textual's own lays out the whole screen for each new line

    class Pointed(Message):
        """Another line is pointed at, or none."""

    def __init__(self, kept: int) -> None:
        super().__init__(id="lines")
        self.lines: deque[str] = deque(maxlen=kept)
        self.written = 0
        self.pointed: int | None = None
        self.began: int | None = None  # where marking began
        self.needle = ""  # in small letters
        self._width = 0
        self._style = Style()

    @property
    def _first(self) -> int:
        """The number of the oldest line that is kept."""
        return self.written - len(self.lines)

    def add(self, new: Iterable[str]) -> None:
        """Writes `new` below the others."""
        before, following, added = self._first, self.pointed is None, list(new)
        self.lines.extend(added)
        self.written += len(added)
        cells = len if all(map(str.isascii, added)) else cell_len
        self._width = max(self._width, *map(cells, added), 0)
        self.virtual_size = Size(self._width, len(self.lines))
        gone = self._first - before
        if following:
            self.scroll_end(animate=False, x_axis=False)
        elif gone and self.pointed is not None:  # what is read stays where it is
            self.pointed = max(self.pointed, self._first)
            self.scroll_to(y=max(0, self.scroll_offset.y - gone), animate=False, immediate=True)
        self.refresh()

    def watch_virtual_size(self, size: Size) -> None:
        self._scroll_update(size)

    def clear(self) -> None:
        self.lines.clear()
        self.written = self._width = 0
        self.pointed = self.began = None
        self.virtual_size = Size(0, 0)

    # -- drawing -------------------------------------------------------------------------------------------

    def render_lines(self, crop: Region) -> list[Strip]:
        self._style = self.rich_style  # worked out from every part around this one: once, not for each line
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        x, top = self.scroll_offset
        at, style = top + y, self._style
        if at >= len(self.lines):
            return Strip.blank(self.size.width, style)
        number = self._first + at
        if self._is_marked(number):
            style += POINTED
        strip = Strip(self._segments(self.lines[at], style))
        return strip.crop_extend(x, x + self.size.width, style)

    def _segments(self, line: str, style: Style) -> list[Segment]:
        at = line.lower().find(self.needle) if self.needle else -1
        if at < 0:
            return [Segment(line, style)]
        end = at + len(self.needle)
        return [Segment(line[:at], style), Segment(line[at:end], style + MATCH), Segment(line[end:], style)]

    def _is_marked(self, number: int) -> bool:
        if self.pointed is None:
            return False
        start = self.pointed if self.began is None else self.began
        return min(start, self.pointed) <= number <= max(start, self.pointed)

    def marked(self) -> list[str]:
        """The lines that are pointed at or marked; all of them when none is."""
        if self.pointed is None:
            return list(self.lines)
        return [line for number, line in enumerate(self.lines, self._first) if self._is_marked(number)]

    # -- pointing ------------------------------------------------------------------------------------------

    def point_at(self, number: int | None) -> None:
        """Points at the line `number`, which is brought into view; None follows the newest."""
        last = self.written - 1
        self.pointed = None if number is None or not self.lines else min(max(number, self._first), last)
        if self.pointed is None:
            self.began = None
            self.scroll_end(animate=False, x_axis=False)
        else:
            row, top, height = self.pointed - self._first, self.scroll_offset.y, max(1, self.size.height)
            if not top <= row < top + height:
                self.scroll_to(y=max(0, row - height // 2), animate=False, immediate=True)
        self.refresh()
        self.post_message(self.Pointed())

    def action_point(self, step: int) -> None:
        self.point_at(self.written - 1 if self.pointed is None else self.pointed + step)

    def action_page(self, step: int) -> None:
        here = self.written - 1 if self.pointed is None else self.pointed
        self.point_at(here + step * max(1, self.size.height - 1))

    def action_point_first(self) -> None:
        self.point_at(self._first)

    def action_follow(self) -> None:
        self.point_at(None)

    def on_click(self, event: Click) -> None:
        self.point_at(self._first + self.scroll_offset.y + event.y)

    # -- searching -----------------------------------------------------------------------------------------

    def matches(self) -> list[int]:
        """The numbers of the lines that hold what is searched for."""
        if not self.needle:
            return []
        return [number for number, line in enumerate(self.lines, self._first) if self.needle in line.lower()]

    def search(self, needle: str) -> None:
        """Points at the newest line that holds `needle`; without one the newest is followed."""
        self.needle = needle.lower()
        found = self.matches()
        self.began = None
        self.point_at(found[-1] if found else None)

    def go(self, step: int) -> None:
        """To the match before (-1) or after (1) the line that is pointed at, and round at the end."""
        found = self.matches()
        if not found:
            return
        here = self.written if self.pointed is None else self.pointed
        if step < 0:
            self.point_at(next((number for number in reversed(found) if number < here), found[-1]))
        else:
            self.point_at(next((number for number in found if number > here), found[0]))
