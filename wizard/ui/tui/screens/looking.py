"""A screen with parts of a cluster that are looked at in the background, each part drawn as its look comes back."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import Button

from wizard.home import Standing, Wish
from wizard.sections import Lookout, Seen
from wizard.ui.tui.messages import PartSeen
from wizard.ui.tui.screens.frame import FrameScreen
from wizard.ui.tui.widgets.parts import PartView


class LookingScreen(FrameScreen):
    """Begins to look when it is shown, and stops when it goes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "look", "Look again", show=False, tooltip="Look again at everything"),
        Binding("o", "others", "Other clusters", tooltip="Choose another cluster, or begin a new one"),
    ]
    brief = False

    def __init__(self, standing: Standing) -> None:
        super().__init__(standing.state.cluster)
        self.standing = standing
        self.lookout: Lookout | None = None

    def parts(self) -> Iterable[Widget]:
        for part in self.standing.parts:
            yield PartView(part, self.standing.state, brief=self.brief)

    def on_mount(self) -> None:
        self.action_look()

    def on_unmount(self) -> None:
        if self.lookout is not None:
            self.lookout.stop()

    def action_look(self) -> None:
        """A new round; the one before it, if it still runs, is given up."""
        if self.lookout is not None:
            self.lookout.stop()
        for view in self.query(PartView):
            view.look_again()

        def found(key: str, seen: Seen | None) -> None:
            self.post_message(PartSeen(lookout, key, seen))

        lookout = self.lookout = Lookout(self.standing.parts, self.standing.look, found)
        self.aside.say("looking …")
        lookout.start()

    def on_part_seen(self, message: PartSeen) -> None:
        message.stop()
        if message.lookout is not self.lookout:
            return
        self.query_one(f"#part-{message.key}", PartView).found(message.seen)
        if not any(view.looking for view in self.query(PartView)):
            self.aside.say(f"looked at {time.strftime('%H:%M:%S')}")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "others":
            return self.standing.others
        return super().check_action(action, parameters)

    def action_others(self) -> None:
        self.wish(Wish("others"))

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.pressed(event.button.id or "")

    def pressed(self, name: str) -> None:
        """The button `name` was pressed."""
