"""Who reaches what: which probes there are, what each must see, and how what was seen is judged. Pure.

Every positive probe asks for the nonce that this cluster's own app serves, so that an answer of the router, or of
another device, never counts. What could not be measured is shown as such and is never green.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from wizard.question import Answers

Vantage = Literal["LAN", "VPN", "outside"]
Expectation = Literal["answers", "not found", "closed"]
Verdict = Literal["ok", "wrong", "not measured"]

APP = "hello"  # the app that serves the nonce, once under the public and once under the private name
NO_CONNECTION = ("timeout", "refused", "no route")


@dataclass(frozen=True)
class Probe:
    """One request: to `address`, for `host` (a plain TCP connection when empty), and what must come of it."""

    vantage: Vantage
    what: str
    address: str
    port: int
    host: str
    expected: Expectation

    @property
    def key(self) -> str:
        return f"{self.vantage}: {self.what}"


@dataclass(frozen=True)
class Seen:
    """What came of a probe. `word`: http, connected, tls, one of `NO_CONNECTION`, or else what broke the tool."""

    word: str
    status: int = 0
    nonce: bool = False
    text: str = ""  # the beginning of the answer, or of the tool's complaint


@dataclass(frozen=True)
class Cell:
    """One probe, judged."""

    probe: Probe
    verdict: Verdict
    seen: str  # in a few words

    def record(self) -> dict[str, Any]:
        """The cell as evidence."""
        probe = self.probe
        address = f"{probe.address}:{probe.port}" if probe.address else ""
        return {
            "from": probe.vantage, "what": probe.what, "address": address,
            "expected": probe.expected, "seen": self.seen, "verdict": self.verdict,
        }  # fmt: skip


def probes(answers: Answers) -> list[Probe]:
    """Every probe of the matrix, in the order of the table. A probe without an address can't be measured."""
    given, domains = answers["addresses"], answers["domains"]
    public = answers.get("router", {}).get("public_address") or ""
    port = 80 if domains["provider"] == "none" else 443
    external, internal = f"{APP}.{domains['external_domain']}", f"{APP}.{domains['internal_domain']}"
    inside: tuple[Vantage, ...] = ("LAN", "VPN")
    found = []
    for vantage in inside:
        found += [
            Probe(vantage, "public app", given["external_address"], port, external, "answers"),
            Probe(vantage, "private app", given["internal_address"], port, internal, "answers"),
            Probe(vantage, "private app by the public address", given["external_address"], port, internal, "not found"),
        ]
    return [
        *found,
        Probe("outside", "public app", public, port, external, "answers"),
        Probe("outside", "private app", given["internal_address"], port, internal, "closed"),
        Probe("outside", "private app by the public address", public, port, internal, "not found"),
        Probe("outside", "API server", public, 6443, "", "closed"),
    ]


def unmeasurable(probe: Probe, answers: Answers) -> str:
    """Why `probe` can't or needn't be sent, an empty text when it can."""
    router, proof = answers.get("router", {}), answers.get("proof", {})
    apps = answers.get("repository", {}).get("apps") or []
    if probe.vantage == "VPN" and answers.get("tailnet", {}).get("service") == "none":
        return "no VPN was chosen"
    key = {"VPN": "vpn_probe", "outside": "outside_probe"}.get(probe.vantage)
    if key and not proof.get(key):
        return f"no probe there (proof.{key})"
    if not probe.address:
        return "the public address is not known (router.public_address)"
    if probe.expected == "answers" and APP not in apps:
        return f"the app {APP} is not installed"
    if probe.vantage == "outside" and probe.host and probe.expected != "closed" and not router.get("forwarded"):
        return "ports are not forwarded (router.forwarded)"
    return ""


def judge(probe: Probe, seen: Seen) -> Cell:
    """Whether what was seen is what must be."""
    broken = seen.word not in ("http", "connected", "tls", *NO_CONNECTION)
    if broken:
        return Cell(probe, "not measured", f"{seen.word}: {seen.text}" if seen.text else seen.word)
    return Cell(probe, "ok" if _as_expected(probe, seen) else "wrong", _words(probe, seen))


def _as_expected(probe: Probe, seen: Seen) -> bool:
    if probe.expected == "closed":
        return seen.word in NO_CONNECTION
    if probe.expected == "not found":
        return seen.word == "http" and seen.status == 404 and not seen.nonce
    return seen.word == "http" and seen.status == 200 and seen.nonce


def _words(probe: Probe, seen: Seen) -> str:
    if seen.word != "http":
        return {"connected": "it connects", "tls": "no TLS"}.get(seen.word, seen.word)
    if seen.status == 200:
        return "answers" if seen.nonce else "another answers"
    return f"status {seen.status}"


def settle(cells: Sequence[Cell], answers: Answers) -> list[Cell]:
    """The cells judged together: a green one that proves nothing by itself becomes "not measured".

    A 404 may be any device's, unless the same address has also shown the nonce. And without forwarded ports
    everything is closed from outside by itself.
    """
    shown = {(c.probe.vantage, c.probe.address) for c in cells if c.probe.expected == "answers" and c.verdict == "ok"}
    forwarded = answers.get("router", {}).get("forwarded")

    def one(cell: Cell) -> Cell:
        probe = cell.probe
        if cell.verdict != "ok":
            return cell
        if probe.vantage == "outside" and not forwarded:
            return Cell(probe, "not measured", f"{cell.seen}, but nothing is forwarded")
        if probe.expected == "not found" and (probe.vantage, probe.address) not in shown:
            return Cell(probe, "not measured", f"{cell.seen}, but whose is not known")
        return cell

    return [one(cell) for cell in cells]


def explain(cells: Sequence[Cell]) -> list[str]:
    """A sentence for each likely cause of the red cells: the cause with its fix, then the cells that it explains."""
    wrong = {cell.probe.key: cell for cell in cells if cell.verdict == "wrong"}
    found: dict[str, list[str]] = {}
    for cell in wrong.values():
        at_home = wrong.get(f"LAN: {cell.probe.what}")
        # what does not even work at home is not the VPN's or the router's fault
        cause = _cause(at_home if at_home and cell.probe.expected != "closed" else cell)
        found.setdefault(cause, []).append(_told(cell))
    return [f"{cause} Seen {'; '.join(rows)}." for cause, rows in found.items()]


def _told(cell: Cell) -> str:
    probe = cell.probe
    place = {"LAN": "from the LAN", "VPN": "over the VPN", "outside": "from outside"}[probe.vantage]
    return f"{place}: {probe.what} ({probe.address}:{probe.port}), {cell.seen}"


def _cause(cell: Cell) -> str:
    probe = cell.probe
    if probe.expected == "closed":
        if probe.port == 6443:
            return "The Kubernetes API is open to the internet: remove the router's forwarding of port 6443."
        return "The private address is reachable from outside: the router must not route or forward to it."
    if probe.expected == "not found":
        if cell.seen == "answers":
            return "The private app is served publicly: move its route from the external to the internal Gateway."
        if cell.seen in NO_CONNECTION:
            return _UNREACHABLE[probe.vantage]
        return "The public Traefik should answer 404 to a private name: look at the external Gateway's routes."
    if cell.seen == "another answers":
        return (
            "Something answers, but not this cluster: another device has the address, or the forwarding goes elsewhere."
        )
    if cell.seen == "status 404":
        return "Traefik has no route for this name: look at the HTTPRoute and its Gateway."
    if cell.seen.startswith("status 5"):
        return "Traefik answers, but the app behind it does not: look at its pods."
    if cell.seen == "no TLS":
        return "The connection is there, but no certificate: look at the Gateway's Certificate."
    return _UNREACHABLE[probe.vantage]


_UNREACHABLE = {
    "LAN": "MetalLB does not announce the address, or Traefik has no ready pod: look at the Service of the Gateway.",
    "VPN": (
        "The route over the VPN is missing: is it approved on the control server, and accepted on the probe"
        " (tailscale set --accept-routes)?"
    ),
    "outside": (
        "The router does not forward the port to the external address, or the provider has put you behind a NAT of its"
        " own (CGNAT): compare the router's WAN address with the public address."
    ),
}


def table(cells: Sequence[Cell]) -> str:
    """The matrix as text, at most 80 columns."""
    marks = {"ok": "ok", "wrong": "WRONG", "not measured": "-"}
    rows = [("from", "what", "expected", "seen", "")]
    for cell in cells:
        seen = cell.verdict if cell.verdict == "not measured" else _cut(cell.seen, 20)
        rows.append((cell.probe.vantage, cell.probe.what, cell.probe.expected, seen, marks[cell.verdict]))
    lines = [f"{a:<8}{b:<34}{c:<10} {d:<20} {e}".rstrip() for a, b, c, d, e in rows]
    return "\n".join([*lines, *_unmeasured(cells)])


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _unmeasured(cells: Sequence[Cell]) -> list[str]:
    """Why cells were not measured, a line or two for each place and reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for cell in cells:
        if cell.verdict == "not measured":
            reasons.setdefault((cell.probe.vantage, cell.seen), []).append(cell.probe.what)
    return [
        line
        for (vantage, reason), what in reasons.items()
        for line in textwrap.wrap(
            f"Not measured, {vantage} ({', '.join(what)}): {reason.rstrip('.')}.", 80, subsequent_indent="  "
        )
    ]


def summary(cells: Sequence[Cell]) -> str:
    """``9 of 11 as expected, 2 not measured``."""
    count = {verdict: sum(cell.verdict == verdict for cell in cells) for verdict in ("ok", "wrong", "not measured")}
    parts = [f"{count['ok']} of {len(cells)} as expected"]
    parts += [f"{count['wrong']} wrong"] if count["wrong"] else []
    parts += [f"{count['not measured']} not measured"] if count["not measured"] else []
    return ", ".join(parts)


def verdicts(table: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What a recorded table says, cell by cell."""
    return {f"{row['from']}: {row['what']}": str(row["verdict"]) for row in table}
