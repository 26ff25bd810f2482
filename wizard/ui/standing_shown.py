"""`homelab status`: how the cluster stands, once or again and again, as text or JSON; and a calendar of ends."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Event

from wizard import userfile
from wizard.errors import ExitCode, WizardError
from wizard.leaving import Leaving
from wizard.status import PRODUCT, Status, calendar
from wizard.ui.out import Out

EVERY = 5.0  # seconds between two looks of --watch
CLEAR = "\x1b[H\x1b[2J"  # a screen that is drawn anew


def run(
    look: Callable[[], Status], leave: Event, *, as_json: bool, watch: bool, ics: Path | None, out: Out | None = None
) -> int:
    """Shows what `look` finds. OK when every step is done, the cluster was asked and nothing is bad; else NOT_READY."""
    out = out or Out()
    redraw = watch and not as_json and sys.stdout.isatty()
    last = ""
    with Leaving(leave):
        while True:
            found = look()
            if ics is not None:
                write_calendar(ics, found)
            text = json.dumps(found.data(), indent=None if watch else 2) if as_json else found.text()
            if redraw:
                out.say(f"{CLEAR}{text}\n\nEvery {EVERY:.0f} seconds; Ctrl-C ends it. {found.at.astimezone():%H:%M:%S}")
            elif as_json or text != last:
                out.say(text)
            last = text
            if not watch or leave.wait(EVERY):
                break
    if ics is not None and not as_json:
        out.say(f"Written for your calendar: {ics}")
    return ExitCode.OK if found.good and not found.unreachable else ExitCode.NOT_READY


def write_calendar(file: Path, found: Status) -> None:
    """Writes the calendar file; never over a file that is something else."""
    try:
        if file.exists() and PRODUCT not in userfile.read_bytes(file).decode(errors="replace"):
            raise WizardError(
                f"{file} exists and is no calendar that homelab has written.", "It was left as it is.",
                "Name another file with --calendar FILE.",
            )  # fmt: skip
        file.write_text(calendar(found), encoding="utf-8", newline="")
    except OSError as error:
        fix = "Name another file with --calendar FILE."
        raise WizardError(f"{file} could not be written.", f"{error.strerror}.", fix) from None
