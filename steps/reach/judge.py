"""What was seen, judged: each probe by itself, then all of them together. Pure.

Only the word that this cluster's own app serves makes a row green, so that an answer of the router, or of another
device, never counts. What could not be measured is shown as such and is never green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from steps.reach import shown
from steps.reach.rows import Probe, way
from wizard.question import Answers

Verdict = Literal["ok", "wrong", "not measured"]
NO_CONNECTION = ("timeout", "refused", "no route")
_WORDS = ("http", "connected", "tls", "trusted", "untrusted", "answers", "nothing", "silent", *NO_CONNECTION)


@dataclass(frozen=True)
class Seen:
    """What came of a probe. `word`: one of `_WORDS`, or else what broke the tool.

    `nonce`: the cluster's word was there. `text` is the beginning of the answer, the addresses of a name, a
    certificate as PEM, or the tool's complaint.
    """

    word: str
    status: int = 0
    nonce: bool = False
    text: str = ""


@dataclass(frozen=True)
class Cell:
    """One probe, judged."""

    probe: Probe
    verdict: Verdict
    seen: str  # in a few words
    raw: Seen = Seen("")
    phone: str = ""  # when a person saw it on a phone, RFC 3339; what was seen there earlier is not measured now

    def record(self) -> dict[str, Any]:
        """The cell as evidence."""
        probe = self.probe
        address = f"{probe.address}:{probe.port}" if probe.address else ""
        return {
            "from": probe.vantage, "what": probe.what, "name": probe.host, "address": address,
            "expected": probe.expected, "seen": self.seen, "verdict": self.verdict, "phone": self.phone,
        }  # fmt: skip


def judge(probe: Probe, seen: Seen, answers: Answers, now: datetime) -> Cell:
    """Whether what was seen is what must be."""
    if seen.word not in _WORDS:
        return Cell(probe, "not measured", f"{seen.word}: {seen.text}" if seen.text else seen.word, seen)
    if probe.kind == "certificate" and seen.word in ("trusted", "untrusted"):
        said, good = shown.judged(seen.text, probe.host, trusted=seen.word == "trusted", answers=answers, now=now)
    else:
        said, good = _words(probe, seen), _as_expected(probe, seen)
    return Cell(probe, "ok" if good else "wrong", said, seen)


def _as_expected(probe: Probe, seen: Seen) -> bool:
    match probe.kind:
        case "closed":
            return seen.word in NO_CONNECTION
        case "hidden":
            return seen.word == "http" and seen.status == 404 and not seen.nonce
        case "redirect":
            return seen.word == "http" and 300 <= seen.status < 400 and seen.text.startswith(f"https://{probe.host}")
        case "name" | "resolver":
            found = seen.text.split()
            return seen.word == "answers" and bool(found) and set(found) <= set(probe.wanted)
        case "certificate":
            return False
        case _:
            return seen.word == "http" and seen.nonce and seen.status < 500 and seen.status != 404


def _words(probe: Probe, seen: Seen) -> str:
    if seen.word in ("answers", "nothing", "silent"):
        return {"nothing": "no address", "silent": "no answer"}.get(seen.word, " ".join(seen.text.split()))
    if seen.word != "http":
        return {"connected": "it connects", "tls": "no TLS"}.get(seen.word, seen.word)
    if probe.kind == "redirect":
        return f"to {seen.text.partition('/')[0]}//…" if 300 <= seen.status < 400 else f"status {seen.status}"
    if seen.status == 404 or seen.status >= 500:
        return f"status {seen.status}"
    return "answers" if seen.nonce else "another answers"


def settle(cells: Sequence[Cell], answers: Answers) -> list[Cell]:
    """The cells judged together.

    A green one that proves nothing by itself becomes "not measured": a 404 may be any device's, unless the same
    address has also shown the word; and without forwarded ports everything is closed from outside by itself.
    Whether the router leads its own address back home matters only where names lead there.
    """
    shown_at = {(c.probe.vantage, c.probe.address) for c in cells if c.probe.kind == "app" and c.verdict == "ok"}
    forwarded = answers.get("router", {}).get("forwarded")
    loops = {cell.probe.address for cell in cells if cell.probe.kind == "hairpin"}
    at_home = [cell.raw.text.split() for cell in cells if (cell.probe.vantage, cell.probe.kind) == ("LAN", "name")]
    needed = any(loops & set(addresses) for addresses in at_home)

    def one(cell: Cell) -> Cell:
        probe = cell.probe
        if cell.verdict != "ok":
            return cell
        if probe.vantage == "outside" and probe.kind == "closed" and not forwarded:
            return replace(cell, verdict="not measured", seen=f"{cell.seen}, but nothing is forwarded")
        if probe.kind == "hidden" and (probe.vantage, probe.address) not in shown_at:
            return replace(cell, verdict="not measured", seen=f"{cell.seen}, but whose is not known")
        return cell

    cells = _by_proxy(cells) if way(answers) == "proxy" else cells
    return [one(cell) for cell in cells if cell.probe.kind != "hairpin" or cell.verdict == "ok" or needed]


def _by_proxy(cells: Sequence[Cell]) -> list[Cell]:
    """A proxy is seen by what it reaches to lead outside; where it does not, nothing there was measured."""
    mine = [c for c in cells if c.probe.vantage == "outside" and c.verdict != "not measured"]
    doubt = ""
    if any(c.probe.kind == "closed" and c.probe.host and c.verdict == "wrong" for c in mine):
        doubt = "the proxy leads into your home: its exit node is there, is not in use, or takes the Pis' routes"
    elif all(c.raw.word in NO_CONNECTION for c in mine):
        doubt = "nothing came through the proxy: is its exit node on? If so, the router forwards nothing"
    return [replace(c, verdict="not measured", seen=doubt) if doubt and c in mine else c for c in cells]


def summary(cells: Sequence[Cell]) -> str:
    """``9 of 11 as expected, 2 not measured``."""
    count = {verdict: sum(cell.verdict == verdict for cell in cells) for verdict in ("ok", "wrong", "not measured")}
    parts = [f"{count['ok']} of {len(cells)} as expected"]
    parts += [f"{count['wrong']} wrong"] if count["wrong"] else []
    parts += [f"{count['not measured']} not measured"] if count["not measured"] else []
    return ", ".join(parts)
