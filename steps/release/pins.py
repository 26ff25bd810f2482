"""The pins that a repository holds, where each is in it, and what a file says there. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from steps.gitops import components, table
from steps.gitops.app import App
from steps.gitops.catalogue import catalogue
from steps.gitops.render import place
from steps.gitops.settings import Settings
from wizard import assets, yamlfile

Standing = Literal["current", "newer", "older", "yours"]
IMAGE = "spec template spec containers 0 image"  # of an app's Deployment


@dataclass(frozen=True)
class Pin:
    """One pinned version. `way` leads to it in the object of `file`, as in `steps.gitops.table`."""

    name: str
    file: str
    object: str
    way: str
    version: str  # which this release wants


def pins(settings: Settings) -> list[Pin]:
    """Every pin of the parts that are chosen, in the order of the table."""
    there = {name for part in components.chosen(settings) for name in components.templates(part)}
    found = [
        Pin(row.pin, place(row.file, settings), row.object, row.way, _version(row.value))
        for row in table.rows(settings) if row.pin and row.file in there
    ]  # fmt: skip
    return found + [_of_app(app, settings) for app in settings.exposed if app.form == "catalogue"]


def _of_app(app: App, settings: Settings) -> Pin:
    image = settings.versions["apps"][catalogue()[app.of].pin]
    return Pin(app.of, f"apps/{app.name}/app.yaml", "Deployment", IMAGE, _version(image))


def read(text: str | None, pin: Pin) -> str:
    """The version that the text of the pin's file says; empty where it says none."""
    try:
        documents = [one for one in yamlfile.load_all(text or "") if isinstance(one, Mapping)]
    except ValueError:
        return ""
    for one in documents:
        if one.get("kind") == pin.object:
            return _version(_at(one, pin.way.split()))
    return ""


def _at(value: Any, way: Sequence[str]) -> Any:
    for step in way:
        try:
            value = value[int(step)] if isinstance(value, list) else value[step]
        except (KeyError, IndexError, TypeError, ValueError):
            return ""
    return value


def _version(value: Any) -> str:
    """``41.0.0``, or what is behind the colon in ``docker.io/me/app:v1.0.0``."""
    text = str(value or "")
    return text.rpartition(":")[2] if "/" in text.partition(":")[0] or "/" in text else text


def order(version: str) -> tuple[int, ...]:
    """The numbers of a version, to be compared; what comes after them is left out."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[-+]", version)[0]))


@dataclass(frozen=True)
class Seen:
    """A pin as it is: `last` is what homelab wrote last, `now` what is in the repository."""

    pin: Pin
    last: str
    now: str

    @property
    def standing(self) -> Standing:
        """``newer`` and ``older`` are this release's, against what homelab wrote; ``yours`` was written by hand."""
        if self.now == self.pin.version:
            return "current"
        if self.now != self.last:
            return "yours"
        return "newer" if order(self.pin.version) > order(self.now) else "older"


@dataclass(frozen=True)
class Note:
    """What a person should know when a pin comes to `at`. `back`: whether it can be taken back below that."""

    at: str
    text: str
    source: str
    back: bool = True


@cache
def _notes() -> Mapping[str, tuple[Note, ...]]:
    found = yamlfile.load(assets.text("notes.yaml"))
    return {
        name: tuple(Note(one["at"], one["text"], one["source"], one.get("back", True)) for one in all_of_it)
        for name, all_of_it in found.items()
    }  # fmt: skip


def notes(name: str, old: str, new: str) -> tuple[Note, ...]:
    """The notes of the versions between `old`, which is passed, and `new`, which is reached, in their order."""
    low, high = sorted((order(old), order(new)))
    return tuple(note for note in _notes().get(name, ()) if low < order(note.at) <= high)
