"""Causes at home: the addresses, the gateways, the apps, the certificates, the names. See `causes`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from steps.reach.causes import Cause, Rule, View, no_connection
from steps.reach.exposed import SAMPLE
from steps.reach.judge import Cell
from steps.reach.rows import NOBODY

PIHOLE = "pihole"  # its page's name
_AT_GATEWAY = ("app", "hidden", "certificate", "redirect")


def _at(view: View, cell: Cell) -> tuple[Cell, ...]:
    """`cell`, and every unexplained red row that goes to its address, or that comes there by the router.

    Without Pi-hole its page is down too, and a home that asks it for every name gets no answer for public ones either.
    """
    address, external = cell.probe.address, cell.probe.side == "external"
    others = (
        c for c in view.left
        if c.probe.address == address
        or (external and c.probe.vantage == "outside" and c.probe.kind in _AT_GATEWAY)
        or (external and c.probe.kind == "hairpin")
        or (cell.probe.kind == "resolver" and _of_pihole(c))
    )  # fmt: skip
    return (cell, *(c for c in others if c != cell))


def _of_pihole(cell: Cell) -> bool:
    """Whether a red row may come from a Pi-hole that does not answer."""
    probe = cell.probe
    if probe.kind == "name":
        return probe.side == "internal" or (probe.vantage == "LAN" and cell.raw.word in ("nothing", "silent"))
    return probe.kind == "app" and probe.host.partition(".")[0] == PIHOLE and cell.seen.startswith("status 5")


def _same_app(view: View, cell: Cell) -> tuple[Cell, ...]:
    others = (c for c in view.left if c.probe.host == cell.probe.host and c.probe.kind in ("app", "hairpin"))
    return (cell, *(c for c in others if c != cell))


def address_taken(view: View) -> Iterator[Cause]:
    """Another device has one of the three addresses: it answers in the cluster's place, or nobody does."""
    for cell in view.red("app", "resolver", place="LAN"):
        address = cell.probe.address
        if cell in view.left and address in view.evidence.strangers:
            who = " and ".join((view.evidence.arp or {}).get(address, ()))
            yield Cause("address-taken", _at(view, cell), {"who": who})


def address_silent(view: View) -> Iterator[Cause]:
    """Nobody answers for the address at all, or the Pi that does has nothing behind it."""
    for cell in view.red("app", "resolver", place="LAN"):
        address, arp = cell.probe.address, view.evidence.arp
        if cell not in view.left or not (no_connection(cell) or cell.raw.word == "silent"):
            continue
        silent = arp is not None and not arp.get(address)
        if silent and address not in view.evidence.idle:  # MetalLB does not announce what has no ready pod
            yield Cause("address-not-announced", _at(view, cell))
        else:
            yield Cause("pihole-down" if cell.probe.kind == "resolver" else "gateway-down", _at(view, cell))


def another_answers(view: View) -> Iterator[Cause]:
    """Without the cluster's word. Where the same address has shown it for another name, only the mark is missing."""
    for cell in view.red("app", place="LAN"):
        if cell in view.left and cell.seen == "another answers":
            if view.fine("LAN", "app", cell.probe.address):
                yield Cause("name-not-marked", _same_app(view, cell))
            else:
                yield Cause("another-answers", _at(view, cell))


def any_name(view: View) -> Iterator[Cause]:
    """The public Gateway answers whatever it is asked for: what nobody chose to show is shown."""
    for cell in view.red("hidden", place="LAN"):
        ours = view.fine("LAN", "app", cell.probe.address)
        if cell.probe.host.partition(".")[0] == NOBODY and (cell.raw.nonce or (ours and cell.raw.word == "http")):
            yield Cause(
                "any-name-public",
                (cell, *(c for c in view.red("hidden", place="outside") if c.probe.host == cell.probe.host)),
            )


def wrong_gateway(view: View) -> Iterator[Cause]:
    """A private app that the public Gateway serves: the gravest of all."""
    for cell in view.red("hidden", place="LAN"):
        ours = view.fine("LAN", "app", cell.probe.address)  # the address is the cluster's, whatever answers there
        if cell in view.left and (cell.seen == "answers" or (ours and cell.seen == "another answers")):
            same = (c for c in view.left if c.probe.host == cell.probe.host and c.probe.kind in ("hidden", "app"))
            yield Cause("private-app-public", (cell, *(c for c in same if c != cell)))


def route_missing(view: View) -> Iterator[Cause]:
    for cell in view.red("app", place="LAN"):
        if cell in view.left and cell.seen == "status 404":
            yield Cause("route-missing", _same_app(view, cell))


def app_down(view: View) -> Iterator[Cause]:
    """Without the sample app nobody's answer can be recognised any more, whatever they answer."""
    for cell in view.red("app", place="LAN"):
        if cell not in view.left or not cell.seen.startswith("status 5"):
            continue
        sample = cell.probe.host.partition(".")[0] == SAMPLE
        apps = (c for c in view.left if sample and c.probe.kind in ("app", "hairpin"))
        others = [c for c in apps if c.seen in ("another answers", cell.seen)]
        yield Cause("app-down", tuple(dict.fromkeys([*_same_app(view, cell), *others])))


_CERTIFICATES = {  # how what was seen begins -> code
    "Traefik's own": "certificate-missing", "ended": "certificate-ended", "for ": "certificate-name",
    "staging": "certificate-staging", "not trusted": "certificate-untrusted", "by ": "certificate-issuer",
}  # fmt: skip


def no_certificate(view: View) -> Iterator[Cause]:
    """Before routes are looked at: a listener without its certificate serves none of them."""
    for cell in view.red("certificate", place="LAN"):
        if cell.seen.startswith("Traefik's own"):
            lost = (c for c in _at(view, cell) if c.seen in (cell.seen, "status 404"))
            yield Cause("certificate-missing", tuple(lost))


def certificates(view: View) -> Iterator[Cause]:
    yield from shown_wrongly(view, view.red("certificate", place="LAN"))
    for cell in view.red("app", "certificate", place="LAN"):
        if cell in view.left and cell.seen == "no TLS":
            yield Cause("no-tls", _at(view, cell))


def shown_wrongly(view: View, cells: Sequence[Cell]) -> Iterator[Cause]:
    """What is wrong with the certificates of `cells`, and with the same seen from elsewhere."""
    for cell in cells:
        code = next((code for begins, code in _CERTIFICATES.items() if cell.seen.startswith(begins)), "")
        if code == "certificate-untrusted" and cell.probe.host in view.evidence.staged:
            code = "certificate-staging"
        if code and cell in view.left:
            same = [c for c in view.red("certificate") if (c.probe.side, c.seen) == (cell.probe.side, cell.seen)]
            yield Cause(code, tuple(same))


def redirect(view: View) -> Iterator[Cause]:
    if view.red("redirect", place="LAN"):
        yield Cause("redirect-missing", tuple(view.red("redirect")))


def names(view: View) -> Iterator[Cause]:
    """Pi-hole first: what it does not know, nobody can ask it for.

    Who asks it gets the external address for public names, and needs no way back in through the router.
    """
    for cell in view.red("resolver", place="LAN"):
        asked = (c for c in view.left if c.probe.kind in ("resolver", "name") and c.probe.side == "internal")
        yield Cause("pihole-record", (cell, *(c for c in asked if c != cell)))
    for cell in view.red("name", place="LAN"):
        if cell.probe.side == "internal":
            yield Cause("home-dns", (cell, *view.red("hairpin")))


AT_HOME: tuple[Rule, ...] = (
    address_taken, address_silent, any_name, wrong_gateway, no_certificate, app_down, another_answers, route_missing,
    certificates, redirect, names,
)  # fmt: skip
