"""What was seen, judged: each probe by itself, then all of them together. Pure.

Only the word that this cluster's own app serves makes a row green, so that an answer of the router, or of another
device, never counts, and only what went the way that the row is about. What could not be measured is shown as such and
is never green.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import IPv4Address
from typing import Any, Literal
from urllib.parse import urlsplit

from steps import address_plan
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
    certificate as PEM, or the tool's complaint. `source` is the address that it was asked from, where there was one.
    """

    word: str
    status: int = 0
    nonce: bool = False
    text: str = ""
    source: str = ""


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
            "certificate": shown.data(made) if (made := self.certificate) else {},
        }  # fmt: skip

    @property
    def certificate(self) -> shown.Certificate | None:
        """The one that was shown, where the row is about it."""
        return shown.read(self.raw.text) if self.probe.kind == "certificate" else None


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
            return seen.word == "http" and 300 <= seen.status < 400 and _leads_to(seen.text, probe.host)
        case "name" | "resolver":
            found = seen.text.split()
            return seen.word == "answers" and bool(found) and set(found) <= set(probe.wanted)
        case "certificate":
            return False
        case _:
            return seen.word == "http" and seen.nonce and seen.status < 500 and seen.status != 404


def _leads_to(target: str, host: str) -> bool:
    """Whether a redirect leads to `host` over HTTPS, and to nothing that only looks like it."""
    try:
        url = urlsplit(target)
        return (url.scheme, url.hostname, url.username, url.port or 443) == ("https", host, None, 443)
    except ValueError:
        return False


def _words(probe: Probe, seen: Seen) -> str:
    if seen.word in ("answers", "nothing", "silent"):
        return {"nothing": "no address", "silent": "no answer"}.get(seen.word, " ".join(seen.text.split()))
    if seen.word != "http":
        return {"connected": "it connects", "tls": "no TLS"}.get(seen.word, seen.word)
    if probe.kind == "redirect":
        if 300 <= seen.status < 400:
            return "to https://…" if _leads_to(seen.text, probe.host) else f"to {seen.text}"
        return f"status {seen.status}"
    if seen.status == 404 or seen.status >= 500:
        return f"status {seen.status}"
    return "answers" if seen.nonce else "another answers"


def settle(cells: Sequence[Cell], answers: Answers) -> list[Cell]:
    """The cells judged together.

    A green one that proves nothing by itself becomes "not measured": a 404 or a redirect may be any device's, unless
    the same address has also shown the word; what did not go the way that it is about tells nothing of it; and without
    forwarded ports everything is closed from outside by itself.
    Whether the router leads its own address back home matters only where names lead there.
    """
    cells = _by_proxy(cells) if way(answers) == "proxy" else cells
    compared = Compared(cells, bool(answers.get("router", {}).get("forwarded")))
    settled = []
    for cell in cells:
        doubts = {"ok": compared.doubt, "wrong": compared.another}
        if cell.verdict in doubts and (doubt := doubts[cell.verdict](cell)):
            settled.append(replace(cell, verdict="not measured", seen=doubt))
        elif cell.probe.kind != "hairpin" or cell.verdict == "ok" or compared.needs_loop is not False:
            settled.append(cell)
    return settled


class Compared:
    """What the cells tell of each other."""

    def __init__(self, cells: Sequence[Cell], forwarded: bool) -> None:
        fine = [cell for cell in cells if cell.verdict == "ok"]
        self._shown_at = {(c.probe.vantage, c.probe.address) for c in fine if c.probe.kind == "app"}
        self._forwarded = forwarded
        self._on_vpn = any(over_vpn(c) for c in cells if c.probe.vantage == "VPN")
        loops = {c.probe.address for c in cells if c.probe.kind == "hairpin"}
        asked = [c for c in cells if (c.probe.vantage, c.probe.kind) == ("LAN", "name")]
        measured = [c.raw.text.split() for c in asked if c.verdict != "not measured"]
        self.needs_loop = any(loops & set(addresses) for addresses in measured) if measured or not asked else None

    def doubt(self, cell: Cell) -> str:
        """Why a green cell proves nothing; empty when it does."""
        probe, seen = cell.probe, cell.raw
        shown = (probe.vantage, probe.address) in self._shown_at
        if probe.vantage == "LAN" and over_vpn(cell):
            return "this computer goes there over the VPN: switch Tailscale off on it, and look again"
        if probe.vantage == "VPN" and not (over_vpn(cell) if seen.source else self._on_vpn):
            return "that machine does not go there over the VPN"
        if probe.kind in ("hidden", "redirect") and not shown:
            return f"{cell.seen}, but whose is not known"
        if (probe.vantage, probe.kind) != ("outside", "closed"):
            return ""
        if not self._forwarded:
            return f"{cell.seen}, but nothing is forwarded"
        if not probe.host and not shown:
            return f"{cell.seen}, but neither does anything else answer there"
        return ""

    def another(self, cell: Cell) -> str:
        """Why a red cell tells nothing of this home; empty when it does."""
        probe, seen = cell.probe, cell.raw
        if probe.kind == "closed" and probe.host and seen.word == "http" and not seen.nonce:
            return "another device has that address there"
        if probe.kind == "hairpin" and self.needs_loop is None:
            return f"{cell.seen}, but where names lead at home is not known"
        return ""


def over_vpn(cell: Cell) -> bool:
    """Whether what was asked for went through the tailnet: then it came from an address of it."""
    source = cell.raw.source
    try:
        return bool(source) and IPv4Address(source) in address_plan.TAILNET
    except ValueError:
        return False  # of IPv6


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
