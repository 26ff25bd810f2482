"""Who must reach what: every probe of the proof, from the answers and from what is exposed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from steps import domains
from steps.reach.exposed import SAMPLE, Exposed, Side
from wizard.question import Answers

Vantage = Literal["LAN", "VPN", "outside"]
Way = Literal["phone", "host", "proxy", "none"]  # how outside is looked from
Kind = Literal["app", "hidden", "closed", "redirect", "hairpin", "certificate", "name", "resolver"]

API_PORT = 6443
NOBODY = "nobody-chose-this-name"  # asked for below the public domain: only a route that catches every name answers
BY_PHONE = "by phone"  # the text of what a person saw there
ASKED = "nobody has looked on a phone yet: homelab verify asks"
INSIDE: tuple[Vantage, ...] = ("LAN", "VPN")
EXPECTED: dict[Kind, str] = {
    "app": "answers", "hidden": "not found", "closed": "closed", "redirect": "redirects", "hairpin": "answers",
    "certificate": "valid", "name": "an address", "resolver": "an address",
}  # fmt: skip


@dataclass(frozen=True)
class Probe:
    """One thing that is asked from one place. `what` names it in the table.

    An ``app`` must answer at `address` with the cluster's word, a ``hidden`` one must not be found there, a ``closed``
    address must not be connected to, a ``redirect`` leads from http to https, a ``hairpin`` asks from home by the
    public address, a ``certificate`` is the one shown for `host`. A ``name`` is looked up as that place looks up names,
    or, as ``resolver``, asked of the server at `address`: `wanted` are the addresses that it may lead to.
    """

    vantage: Vantage
    kind: Kind
    what: str
    address: str = ""
    port: int = 0
    host: str = ""
    side: Side = "external"
    wanted: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return f"{self.vantage}: {self.what}"

    @property
    def expected(self) -> str:
        return " or ".join(self.wanted) or EXPECTED[self.kind]


def secure(answers: Answers) -> bool:
    """Whether apps are served over HTTPS."""
    return bool(answers["domains"]["provider"] != "none")


def probes(answers: Answers, apps: Sequence[Exposed]) -> list[Probe]:
    """Every probe, in the order of the table: from home, over the VPN, from outside."""
    places = [place for place in INSIDE if place == "LAN" or _tailnet(answers)]
    found = [probe for place in places for probe in _inside(place, answers, apps)]
    return [*found, *_outside(answers, apps)]


def _tailnet(answers: Answers) -> bool:
    return bool((answers.get("tailnet", {}).get("service") or "none") != "none")


def _inside(place: Vantage, answers: Answers, apps: Sequence[Exposed]) -> Iterator[Probe]:
    given, port = answers["addresses"], 443 if secure(answers) else 80
    home = {"internal": given["internal_address"], "external": given["external_address"]}
    for one in apps:
        yield Probe(place, "app", _called(one), home[one.side], port, one.host, one.side)
    for one in apps:
        if one.side == "internal":
            yield Probe(place, "hidden", f"{_called(one)}, public address", home["external"], port, one.host)
    if place == "LAN":
        yield _any_name(place, home["external"], port, answers)
    firsts: dict[Side, Exposed] = {}
    for one in apps:
        firsts.setdefault(one.side, one)
    for what, one in _certificates(answers, apps, firsts):
        yield Probe(place, "certificate", what, home[one.side], port, one.host, one.side)
    public_one = firsts.get("external") if place == "LAN" else None
    if public_one and secure(answers):
        yield Probe(place, "redirect", "http to https", home["external"], 80, public_one.host)
    yield from _names(place, answers, firsts)
    if public_one and (public := _public(answers)):
        what = f"{_called(public_one)}, router's address"
        yield Probe(place, "hairpin", what, public, port, public_one.host)


def _certificates(
    answers: Answers, apps: Sequence[Exposed], firsts: Mapping[Side, Exposed]
) -> Iterator[tuple[str, Exposed]]:
    """Every certificate there is, with an app that shows it: one of each side, or one of each name."""
    if domains.single_names(answers):
        yield from ((f"certificate, {_called(one)}", one) for one in apps)
    elif secure(answers):
        yield from ((f"certificate, {_side(side)}", one) for side, one in sorted(firsts.items()))


def _names(place: Vantage, answers: Answers, firsts: dict[Side, Exposed]) -> Iterator[Probe]:
    """Pi-hole is what makes private names known; public ones are known as soon as somebody looks after them."""
    wanted: tuple[str, ...]
    given, pihole = answers["addresses"], "pihole" in (answers.get("repository", {}).get("apps") or ())
    if pihole and (one := firsts.get("internal")):
        wanted = (given["internal_address"],)
        yield Probe(
            place, "resolver", "private names, by Pi-hole", given["dns_address"], 53, one.host, "internal", wanted
        )
        yield Probe(place, "name", "private names, as asked there", host=one.host, side="internal", wanted=wanted)
    if secure(answers) and _public(answers) and (one := firsts.get("external")):
        wanted = (given["external_address"], _public(answers))
        yield Probe(place, "name", "public names, as asked there", host=one.host, wanted=wanted)


def _outside(answers: Answers, apps: Sequence[Exposed]) -> Iterator[Probe]:
    place: Vantage = "outside"
    public, port, given = _public(answers), 443 if secure(answers) else 80, answers["addresses"]
    public_apps = [one for one in apps if one.side == "external"]
    for one in public_apps:
        yield Probe(place, "app", _called(one), public, port, one.host)
    for one in apps:
        if one.side == "internal":
            yield Probe(place, "closed", _called(one), given["internal_address"], port, one.host, "internal")
            yield Probe(place, "hidden", f"{_called(one)}, public address", public, port, one.host)
    yield _any_name(place, public, port, answers)
    for one in public_apps if domains.single_names(answers) else ():
        yield Probe(place, "certificate", f"certificate, {_called(one)}", public, port, one.host)
    if secure(answers) and public_apps:
        one = public_apps[0]
        if not domains.single_names(answers):
            yield Probe(place, "certificate", f"certificate, {_side('external')}", public, port, one.host)
        yield Probe(place, "redirect", "http to https", public, 80, one.host)
        if public:
            yield Probe(place, "name", "public names, as asked there", host=one.host, wanted=(public,))
    yield Probe(place, "closed", "API server", public, API_PORT)


def _any_name(place: Vantage, address: str, port: int, answers: Answers) -> Probe:
    host = f"{NOBODY}.{answers['domains']['external_domain']}"
    return Probe(place, "hidden", "any other name, public address", address, port, host)


def _called(one: Exposed) -> str:
    return f"{one.app} ({_side(one.side)})"


def _side(side: Side) -> str:
    return "private" if side == "internal" else "public"


def _public(answers: Answers) -> str:
    return str(answers.get("router", {}).get("public_address") or "")


def way(answers: Answers) -> Way:
    """How outside is looked from; answers from before that was asked name a host or nothing."""
    given = answers.get("proof", {})
    return given.get("outside") or ("host" if given.get("outside_probe") else "none")


def by_phone(probe: Probe, answers: Answers) -> bool:
    """Whether a person sees on a phone what this probe would: the sample app's public name, and what leads there."""
    if probe.vantage != "outside" or probe.host.partition(".")[0] != SAMPLE or probe.side != "external":
        return False
    trusted = answers["domains"].get("issuer") == "production" and not answers["domains"].get("acme_directory")
    return probe.kind in ("app", "name") or (probe.kind == "certificate" and trusted)


def unmeasurable(probe: Probe, answers: Answers, apps: Sequence[Exposed]) -> str:
    """Why `probe` can't be sent; an empty text when it can."""
    router = answers.get("router", {})
    if missing := _no_place(probe, answers):
        return missing
    on_phone = way(answers) == "phone" and by_phone(probe, answers)  # which goes by the name
    if not (probe.address or on_phone or probe.kind == "name"):
        return "the public address is not known (router.public_address)"
    if probe.kind in ("app", "hairpin") and all(one.app != SAMPLE for one in apps):
        return f"the app {SAMPLE} is not installed: nothing would show whose answer it is"
    through_router = probe.vantage == "outside" and probe.kind in ("app", "hidden", "certificate", "redirect")
    if (through_router or probe.kind == "hairpin") and not router.get("forwarded"):
        return "ports are not forwarded (router.forwarded)"
    return _not_that_way(probe, answers) if probe.vantage == "outside" else ""


def _not_that_way(probe: Probe, answers: Answers) -> str:
    if way(answers) == "phone":
        return ASKED if by_phone(probe, answers) else "a phone does not show that"
    return "a proxy looks up names as it likes" if way(answers) == "proxy" and probe.kind == "name" else ""


def _no_place(probe: Probe, answers: Answers) -> str:
    """Why nothing can be sent from where the probe belongs; an empty text when it can."""
    given = answers.get("proof", {})
    if probe.vantage == "LAN":
        return ""
    if probe.vantage == "VPN":
        return "" if given.get("vpn_probe") else "no probe there (proof.vpn_probe)"
    key = {"phone": "outside", "host": "outside_probe", "proxy": "outside_proxy"}.get(way(answers), "")
    return "" if given.get(key) else f"no probe there (proof.{key or 'outside'})"
