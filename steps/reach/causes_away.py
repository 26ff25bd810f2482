"""Causes on the way: the VPN, the router, the public names. See `causes`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network

from steps import address_plan
from steps.reach import moved
from steps.reach.causes import Cause, Rule, View, no_connection
from steps.reach.causes_home import shown_wrongly
from steps.reach.judge import Cell
from steps.reach.rows import BY_PHONE, Kind

_NOT_ACCEPTED = "--accept-routes is false"
_PUBLIC_NAME = {"answers": "public-name-elsewhere", "nothing": "public-name-missing"}  # what was seen -> code
_THROUGH_ROUTER: tuple[Kind, ...] = ("app", "hidden", "certificate", "redirect")


def _vpn(view: View) -> tuple[Cell, ...]:
    return tuple(c for c in view.left if c.probe.vantage == "VPN")


def _lost(cell: Cell) -> bool:
    return no_connection(cell) or cell.raw.word == "silent"


def vpn_off(view: View) -> Iterator[Cause]:
    """The probe itself: is it in the tailnet at all?"""
    red, status = _vpn(view), view.evidence.tailnet
    state = str(status.get("BackendState") or "")
    if red and state and state != "Running":
        yield Cause("vpn-off", red, {"state": state})
    elif red and (status.get("Self") or {}).get("Expired"):
        yield Cause("vpn-key-ended", red)


def routes_not_accepted(view: View) -> Iterator[Cause]:
    health = " ".join(str(one) for one in view.evidence.tailnet.get("Health") or ())
    lost = tuple(c for c in _vpn(view) if _lost(c) or c.probe.kind == "name")
    if _NOT_ACCEPTED in health and any(map(_lost, lost)):
        yield Cause("routes-not-accepted", lost)


def routes_missing(view: View) -> Iterator[Cause]:
    """An address that answers at home and not over the VPN: is there a way to it?"""
    for cell in [c for c in _vpn(view) if c.probe.address and _lost(c)]:
        if cell not in view.left:
            continue
        address = cell.probe.address
        by_it = cell.probe.kind == "resolver"  # what is asked there is then lost, too
        same = [c for c in _vpn(view) if c.probe.address == address or (by_it and _private_name(c))]
        approved, served = view.evidence.approved, view.evidence.served
        if approved is not None and not _leads(approved, address):
            yield Cause("route-not-approved", tuple(same))
        elif served is not None and not _leads(served, address):
            yield Cause("route-not-served", tuple(same))
        else:
            yield Cause("vpn-blocked", tuple(same))


def _private_name(cell: Cell) -> bool:
    return cell.probe.kind == "name" and cell.probe.side == "internal"


def _leads(routes: frozenset[str], address: str) -> bool:
    return any(IPv4Address(address) in IPv4Network(route, strict=False) for route in routes if ":" not in route)


def split_dns(view: View) -> Iterator[Cause]:
    for cell in view.red("name", place="VPN"):
        if _private_name(cell):
            yield Cause("split-dns-elsewhere" if cell.raw.word == "answers" else "split-dns-missing", (cell,))


def open_to_all(view: View) -> Iterator[Cause]:
    for cell in view.red("closed", place="outside"):
        if not cell.probe.host:
            yield Cause("api-open", (cell,))
        elif cell in view.left:
            same = [c for c in view.red("closed", place="outside") if c.probe.address == cell.probe.address]
            yield Cause("private-address-open", tuple(same))


def address_changed(view: View) -> Iterator[Cause]:
    """Names that lead to the home's new address: they are right, and the answer is not."""
    now = view.evidence.public
    if now.moved and not moved.shown(view.cells, now.answer):
        names = [c for c in view.red("name") if moved.leads_to(c, now.told.address)]
        there = [c for c in view.left if c.probe.address == now.answer or c.raw.text == BY_PHONE]
        if names:
            yield Cause("public-address-changed", (*names, *there), {"changed": now.sentence})


def phone_led_elsewhere(view: View) -> Iterator[Cause]:
    """A phone goes by the name: where that leads elsewhere, the router is not to blame."""
    for cell in view.red("name", place="outside"):
        lost = [c for c in view.red(*_THROUGH_ROUTER, place="outside") if c.raw.text == BY_PHONE]
        if lost:
            yield Cause(_PUBLIC_NAME[cell.raw.word], (cell, *lost))


def forwarding(view: View) -> Iterator[Cause]:
    """What the router does with ports 80 and 443."""
    red = view.red(*_THROUGH_ROUTER, place="outside")
    words = {"external": view.external}
    if any(c.probe.kind == "hidden" and c.seen == "answers" for c in red):
        yield Cause("forwarded-to-private", tuple(c for c in red if not no_connection(c)), words)
        return
    if any(c.probe.kind == "app" and not no_connection(c) for c in red):
        yield Cause("forwarded-elsewhere", tuple(red), words)
        return
    if closed := [c for c in red if no_connection(c)]:
        yield _closed(view, closed)


def _closed(view: View, red: list[Cell]) -> Cause:
    if IPv4Address(red[0].probe.address) in address_plan.TAILNET:
        return Cause("cgnat", tuple(red))
    words = {"ports": " and ".join(str(p) for p in sorted({c.probe.port for c in red})), "external": view.external}
    through = [c for c in view.cells if c.probe.vantage == "outside" and c.probe.kind in ("app", "redirect")]
    reached = any(c.verdict != "wrong" and c.raw.word == "http" for c in through)
    return Cause("port-not-forwarded" if reached else "not-forwarded", tuple(red), words)


def public_names(view: View) -> Iterator[Cause]:
    for word, code in _PUBLIC_NAME.items():
        same = [c for c in view.red("name") if c.probe.side == "external" and c.raw.word == word]
        if same:
            yield Cause(code, tuple(same))


def hairpin(view: View) -> Iterator[Cause]:
    """Last: what does not work from outside either is no matter of the loop."""
    for cell in view.red("hairpin", place="LAN"):
        yield Cause("hairpin-missing", (cell,))


def certificates(view: View) -> Iterator[Cause]:
    """Those that are fine at home: something on the way shows another one."""
    yield from shown_wrongly(view, view.red("certificate"))


AWAY: tuple[Rule, ...] = (
    vpn_off, routes_not_accepted, routes_missing, split_dns, open_to_all, address_changed, phone_led_elsewhere,
    forwarding, public_names, hairpin, certificates,
)  # fmt: skip
