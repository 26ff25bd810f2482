"""Text that is drawn again only when it says something else: the screen is looked at many times a second."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static


class Fresh(Static):
    """A Static whose text is plain, never markup. When `steady`, its size does not depend on the text."""

    def __init__(self, name: str, classes: str = "", *, steady: bool = False) -> None:
        super().__init__("", id=name, classes=classes, markup=False)
        self._said: Content | str = ""
        self._steady = steady

    def say(self, content: Content | str) -> None:
        """Shows `content`; costs nothing when it is shown already."""
        if not _same(content, self._said):
            self._said = content
            self.update(content, layout=not self._steady)


def _same(one: Content | str, other: Content | str) -> bool:
    if isinstance(one, Content) and isinstance(other, Content):
        return one.is_same(other)
    return isinstance(one, str) and isinstance(other, str) and one == other
