"""Outside, seen by a person: a link to open on a phone off Wi-Fi, and the code typed back that only this cluster shows.

Nothing is sent from here, so what was seen is true for the moment only: it is asked anew, and kept with its time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Literal, cast

from steps import dns_check
from steps.reach.exposed import SAMPLE
from steps.reach.judge import Cell, Seen
from steps.reach.rows import ASKED, BY_PHONE, Probe, by_phone, secure
from wizard.context import Context
from wizard.question import BACK, CHOICE, Answers, Choice, Kind, Prompt, Question

Saw = Literal["code", "nothing", "warning", "other", "later"]

LETTERS = "bcdfghjkmnprtvwxz"  # none looks like another one or like a digit, and together they make no word
_PREFIX = "homelab-"
_CHOICES = (
    Choice("code", f"a code: the first line of the page is Name: {_PREFIX}…"),
    Choice("nothing", "nothing: the page can't be reached, or does not come"),
    Choice("warning", "a warning about the certificate"),
    Choice("other", "another page"),
    Choice("later", "I have no phone at hand now", "those rows then stay unmeasured"),
)


def new_word() -> str:
    """A word for a new cluster, which a person can read from one screen and type on another."""
    code = "".join(secrets.choice(LETTERS) for _ in range(8))
    return f"{_PREFIX}{code[:4]}-{code[4:]}"


def code(word: str) -> str:
    """What of the cluster's word is typed back: its first eight letters and digits."""
    return _bare(word.removeprefix(_PREFIX))[:8]


def _bare(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _typed(word: str) -> Kind:
    """The code, and nothing else: a slip of the finger is told from the page of another device."""
    wanted = code(word)

    def parse(raw: object) -> str:
        given = code(str(raw).strip().lower().removeprefix("name:").strip())
        if given == wanted:
            return given
        if len(given) != len(wanted):
            raise ValueError(f"the code has {len(wanted)} letters and digits, this has {len(given)}")
        close = sum(one == other for one, other in zip(given, wanted, strict=True)) >= len(wanted) - 2
        raise ValueError(
            "that is nearly the code: look at it once more" if close else
            "that is not this cluster's code: look once more, or leave it empty if that is what is there"
        )  # fmt: skip

    return Kind("code", parse)


# -- asking ------------------------------------------------------------------------------------------------------


def ask(ctx: Context, host: str, word: str) -> Saw:
    """What a person sees on a phone that is not at home. A front end without a person says ``later``."""
    choices = tuple(one for one in _CHOICES if one.value != "warning" or _trusted(ctx.answers))
    saw = Question("phone", "What does the phone show?", CHOICE, default="later", choices=choices)
    typed = Question(
        "phone_code", f"What follows Name: {_PREFIX} on the phone?", _typed(word), required=False,
        help="Large or small letters, with or without the dash. Empty: there is no such line.",
    )  # fmt: skip
    told = instructions(host, ctx.answers)
    while True:
        first = Prompt("proof", "Proof", saw, saw.default, choices, explanation=told, total=2)
        raw = ctx.front.ask(first)
        if raw is BACK or first.parse(raw) != "code":
            return "later" if raw is BACK else cast("Saw", first.parse(raw))
        second = Prompt("proof", "Proof", typed, number=2, total=2)
        raw = ctx.front.ask(second)
        if raw is not BACK:
            return "code" if second.parse(raw) else "other"


def instructions(host: str, answers: Answers) -> str:
    """What to do on the phone, in a few lines."""
    scheme = "https" if secure(answers) else "http"
    lines = ["On a phone, switch Wi-Fi off, and Tailscale if it is there. Then open", f"  {scheme}://{host}"]
    if _trusted(answers):
        lines.append("If it warns about the certificate, go no further: that is the answer.")
    elif secure(answers):
        lines.append(
            "It will warn about the certificate, which is not from an authority that phones know (domains.issuer): this"
            " once, go on past the warning."
        )
    return "\n".join(lines)


def _trusted(answers: Answers) -> bool:
    """Whether a phone must trust the certificate."""
    probe = Probe("outside", "certificate", "", host=SAMPLE)
    return secure(answers) and by_phone(probe, answers)


# -- what it means -----------------------------------------------------------------------------------------------


def asked(cells: Iterable[Cell]) -> str:
    """The name to open on the phone; empty when there is nothing to see there."""
    waiting = (c.probe for c in cells if c.probe.kind == "app" and c.seen == ASKED)
    return next((probe.host for probe in waiting), "")


def seen(ctx: Context, cells: Sequence[Cell], saw: Saw) -> list[Cell]:
    """The cells with what was seen on the phone. Where no code came, the public DNS servers are asked for the name."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    mine = [cell for cell in cells if cell.seen == ASKED]
    made = {cell.probe.key: _judged(ctx, cell.probe, saw) for cell in mine if saw != "later"}
    return [replace(new, phone=now) if (new := made.get(cell.probe.key)) else cell for cell in cells]


def _judged(ctx: Context, probe: Probe, saw: Saw) -> Cell | None:
    if probe.kind == "name":
        return Cell(probe, "ok", "leads here") if saw == "code" else _looked_up(ctx, probe)
    if probe.kind == "certificate":
        raw = Seen("tls", text=BY_PHONE)
        if saw == "warning":
            return Cell(probe, "wrong", "a warning", raw)
        return Cell(probe, "ok", "trusted there", raw) if saw == "code" else None
    words = {
        "code": ("answers", Seen("http", 200, nonce=True)), "nothing": ("nothing came", Seen("timeout")),
        "warning": ("a warning", Seen("tls")), "other": ("another answers", Seen("http", 200)),
    }  # fmt: skip
    said, raw = words[saw]
    return Cell(probe, "ok" if saw == "code" else "wrong", said, replace(raw, text=BY_PHONE))


def _looked_up(ctx: Context, probe: Probe) -> Cell | None:
    """Where the public DNS servers lead the name, if that is wrong; what is right there proves nothing by itself."""
    for server in dns_check.resolvers(ctx.answers):
        answer = ctx.world.dns(server, probe.host, "A")
        if answer.code in ("NOERROR", "NXDOMAIN"):
            if answer.records and set(answer.records) <= set(probe.wanted):
                return None
            text = " ".join(answer.records)
            return Cell(probe, "wrong", text or "no address", Seen("answers" if text else "nothing", text=text))
    return None


# -- earlier -----------------------------------------------------------------------------------------------------


def by_key(recorded: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """The recorded rows that were seen on a phone, as long as they were right."""
    return {f"{r['from']}: {r['what']}": r for r in recorded if r.get("phone") and r["verdict"] == "ok"}


def earlier(cells: Sequence[Cell], recorded: Iterable[Mapping[str, Any]]) -> list[Cell]:
    """The cells that nobody looked at now, with what was seen on a phone before: told, and not green."""
    before = by_key(recorded)

    def one(cell: Cell) -> Cell:
        old = before.get(cell.probe.key) if cell.seen == ASKED else None
        if old is None or old["name"] != cell.probe.host:
            return cell
        return replace(cell, seen=f"not looked at now; {old['seen']} on {old['phone'][:10]}", phone=old["phone"])

    return [one(cell) for cell in cells]


def rows(cells: Sequence[Cell], recorded: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be remembered: what a phone showed earlier stays, with its day, until somebody looks again."""
    before = by_key(recorded)
    kept = {c.probe.key for c in cells if c.phone and c.verdict == "not measured"}
    return [dict(before[c.probe.key]) if c.probe.key in kept else c.record() for c in cells]
