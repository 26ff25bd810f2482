"""The network map as a picture: who reaches what through which address, and the Pis. Plain SVG, read in light and dark.

Four columns: DNS, internal gateway, external gateway, Flux. Above each stands who comes to it. Text is measured by
counting letters, with the widest of the usual fonts in mind, since no font is shipped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

from steps.gitops.overview import Overview, Side
from steps.nodes import Node

WIDTH, COLUMN, STEP, LEFT = 1092, 224, 252, 56  # pixels: the picture, a column, from one to the next, the first one
EDGE, PAD, GAP, HEAD = 16, 12, 16, 34  # around everything, in a card, between cards, a frame's heading
LETTERS = {"title": 21, "mono": 27, "note": 27}  # that fit into a card
LINES = {"title": 19, "mono": 17, "note": 17}  # heights, pixels

STYLE = """
text { font: 12px ui-sans-serif, -apple-system, "Segoe UI", "Helvetica Neue", Arial, sans-serif; fill: #1f2328 }
.title { font-size: 14px; font-weight: 600 }
.mono { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
.note { fill: #59636e }
.paper { fill: #ffffff }
.frame { fill: #f6f8fa; stroke: #d0d7de }
.inner { fill: #ffffff; stroke: #d0d7de }
.pool { fill: none; stroke: #8c959f; stroke-dasharray: 5 4 }
.card { fill: #ffffff; stroke: #8c959f }
.free { fill: none; stroke: #8c959f; stroke-dasharray: 2 3 }
.internal { fill: #dafbe1; stroke: #1a7f37 }
.external { fill: #ddf4ff; stroke: #0969da }
.arrow { fill: none; stroke: #59636e; stroke-width: 1.5 }
.tip { fill: #59636e }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.note { fill: #9198a1 }
.paper { fill: #0d1117 }
.frame { fill: #151b23; stroke: #3d444d }
.inner { fill: #0d1117; stroke: #3d444d }
.pool, .free { stroke: #656c76 }
.card { fill: #212830; stroke: #656c76 }
.internal { fill: #12261e; stroke: #3fb950 }
.external { fill: #121d2f; stroke: #4493f8 }
.arrow { stroke: #9198a1 }
.tip { fill: #9198a1 }
}
"""


@dataclass(frozen=True)
class Card:
    """A box with lines of text: (style, text) each, folded already."""

    lines: tuple[tuple[str, str], ...]
    look: str = "card"

    @property
    def height(self) -> int:
        return 2 * PAD + sum(LINES[style] for style, _ in self.lines)


def card(look: str, *lines: tuple[str, str]) -> Card:
    """A card; long lines are folded, empty ones left out."""
    return Card(tuple((style, part) for style, text in lines if text for part in folded(text, LETTERS[style])), look)


def folded(text: str, letters: int) -> list[str]:
    """`text` in as few lines of at most `letters` as can be, about equally long."""
    fewest = len(_folded(text, letters))
    return next(lines for width in range(1, letters + 1) if len(lines := _folded(text, width)) == fewest)


def _folded(text: str, letters: int) -> list[str]:
    """Each line as full as can be, broken after a space, a dot, a dash or a slash where there is one."""
    found = [""]
    for piece in re.findall(r"[^ ./@-]*[ ./@-]?", text):
        while len(found[-1] + piece.rstrip()) > letters:
            if found[-1]:
                found.append("")
            else:  # a word of its own that is too long
                found[-1:] = [piece[:letters], ""]
                piece = piece[letters:]
        found[-1] += piece
    return [line.strip() for line in found if line.strip()]


Row = Mapping[int, Card]  # the cards beside each other, by column


@dataclass(frozen=True)
class Layout:
    """The rows of the picture, and how far from the top each thing begins. Pixels."""

    visitors: Row  # who comes from outside
    at_home: Row
    entrances: Row  # what MetalLB announces, and Flux
    pis: Sequence[Row]

    @property
    def home(self) -> int:
        return EDGE + _tallest(self.visitors) + 40

    @property
    def second(self) -> int:
        return self.home + HEAD

    @property
    def cluster(self) -> int:
        return self.second + _tallest(self.at_home) + 40

    @property
    def pool(self) -> int:
        return self.cluster + HEAD

    @property
    def third(self) -> int:
        return self.pool + HEAD

    def row_of_pis(self, number: int) -> int:
        return self.third + _tallest(self.entrances) + PAD + GAP + sum(_tallest(r) + GAP for r in self.pis[:number])

    @property
    def end(self) -> int:
        return self.row_of_pis(len(self.pis)) + PAD - GAP


def layout(seen: Overview) -> Layout:
    """Who stands where."""
    pis = [_pi(node) for node in seen.settings.nodes]
    vpn = {1: _vpn(seen)} if seen.settings.tailnet != "none" else {}
    return Layout(
        {**vpn, 2: card("card", ("title", "Internet")), 3: _git(seen)}, {0: _at_home(seen), 2: _router(seen)},
        {0: _dns(seen), 1: _gateway(seen, "internal"), 2: _gateway(seen, "external"), 3: _flux(seen)},
        [dict(enumerate(pis[at : at + 4])) for at in range(0, len(pis), 4)],
    )  # fmt: skip


def svg(seen: Overview) -> str:
    """The picture, the same bytes for the same cluster."""
    s, plan = seen.settings, layout(seen)
    root = _root(seen, plan.end + 2 * EDGE)
    _frame(root, "frame", (EDGE, plan.home, WIDTH - 2 * EDGE, plan.end + EDGE - plan.home), "Home network", s.lan)
    cluster = (2 * EDGE, plan.cluster, WIDTH - 4 * EDGE, plan.end - plan.cluster)
    _frame(root, "inner", cluster, "Cluster", s.cluster if len(s.cluster) <= 16 else f"{s.cluster[:15]}…")
    pool = (LEFT - 10, plan.pool, 2 * STEP + COLUMN + 20, HEAD + _tallest(plan.entrances) + 10)
    _frame(root, "pool", pool, "MetalLB", s.pool)
    _row(root, plan.visitors, EDGE)
    _row(root, plan.at_home, plan.second)
    _row(root, plan.entrances, plan.third)
    for number, row in enumerate(plan.pis):
        _row(root, row, plan.row_of_pis(number))
    _arrows(root, plan, "routes, names" if seen.local_names else "routes")
    ET.indent(root, " ")
    return ET.tostring(root, encoding="unicode") + "\n"


def _arrows(root: ET.Element, plan: Layout, over_vpn: str) -> None:
    outside, home = EDGE + _tallest(plan.visitors), plan.second + _tallest(plan.at_home)
    _arrow(root, 0, home, plan.pool, "")
    if 1 in plan.visitors:
        _arrow(root, 1, outside, plan.pool, over_vpn)
    _arrow(root, 2, outside, plan.second, "")
    _arrow(root, 2, home, plan.third, "TCP 80, 443")
    _arrow(root, 3, outside, plan.third, "every minute")


# -- the cards ---------------------------------------------------------------------------------------------------


def _vpn(seen: Overview) -> Card:
    name = {"tailscale": "Tailscale"}.get(seen.settings.tailnet, seen.settings.tailnet)
    return card("card", ("title", "Your VPN"), ("note", f"devices in your tailnet ({name})"))


def _git(seen: Overview) -> Card:
    parts = urlsplit(seen.settings.git_url)
    host = parts.netloc.rpartition("@")[2]
    return card("card", ("title", "Git repository"), ("mono", host), ("mono", parts.path.removesuffix(".git")))


def _at_home(seen: Overview) -> Card:
    asks = "ask Pi-hole for names, and " if seen.local_names else ""
    return card("card", ("title", "Your devices at home"), ("note", f"{asks}reach both gateways"))


def _router(seen: Overview) -> Card:
    dhcp = seen.settings.dhcp_range
    return card(
        "card", ("title", "Router"), ("note", "forwards, for public apps, only TCP 80 and 443, to"),
        ("mono", seen.settings.external_address), ("note", "DHCP gives out" if dhcp else ""), ("mono", dhcp),
    )  # fmt: skip


def _dns(seen: Overview) -> Card:
    address = seen.settings.dns_address
    if not seen.has("pihole"):
        return card("free", ("title", "Kept free"), ("mono", address), ("note", "for a DNS server of the home"))
    names = [("mono", f"*.{domain}") for domain, _ in seen.local_names]
    return card("card", ("title", "Pi-hole"), ("mono", address), ("note", "answers by itself for"), *names)


def _gateway(seen: Overview, side: Side) -> Card:
    s = seen.settings
    domain = s.internal_domain if side == "internal" else s.external_domain
    who = reached_from(seen, side)
    secure = "plain HTTP" if not s.certificates else "HTTPS" + ", staging certificates" * (s.issuer == "staging")
    apps = ", ".join(url.host.removesuffix(f".{domain}") for url in seen.at(side))
    return card(
        side, ("title", f"{side.capitalize()} gateway"), ("mono", seen.address(side)), ("note", f"from {who}"),
        ("note", secure), ("mono", f"*.{domain}"), ("note", "apps" if apps else "no app yet"), ("mono", apps),
    )  # fmt: skip


def reached_from(seen: Overview, side: Side) -> str:
    """Who gets to that gateway, in a few words."""
    places = ["home", *(["VPN"] if seen.settings.tailnet != "none" else [])]
    return ", ".join(places + (["internet"] if side == "external" else []))


def _flux(seen: Overview) -> Card:
    return card(
        "card", ("title", "Flux"), ("note", "keeps the cluster as the repository says, branch"),
        ("mono", seen.settings.branch), ("note", "folder"), ("mono", f"clusters/{seen.settings.cluster}"),
    )  # fmt: skip


def _pi(node: Node) -> Card:
    role = node.role.replace("-", " ")
    return card("card", ("title", node.name or "Pi"), ("mono", node.address), ("note", role))


# -- drawing -----------------------------------------------------------------------------------------------------


def _root(seen: Overview, height: int) -> ET.Element:
    box = {"viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH), "height": str(height)}
    root = ET.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "role": "img", "aria-labelledby": "t d", **box})
    ET.SubElement(root, "title", {"id": "t"}).text = f"Network of the cluster {seen.settings.cluster}"
    ET.SubElement(root, "desc", {"id": "d"}).text = described(seen)
    ET.SubElement(root, "style").text = STYLE
    _rect(root, "paper", 0, 0, WIDTH, height)
    return root


def described(seen: Overview) -> str:
    """The picture in words, for those who can't see it."""
    s = seen.settings
    pis = ", ".join(f"{node.name or 'a Pi'} at {node.address} ({node.role})" for node in s.nodes)
    gateways = " ".join(
        f"The {side} gateway has the address {seen.address(side)}, is reached from {reached_from(seen, side)}, and"
        f" serves {', '.join(url.host for url in seen.at(side)) or 'nothing yet'}."
        for side in ("internal", "external")
    )
    dns = f"Pi-hole answers for names at {s.dns_address}." if seen.has("pihole") else ""
    return f"Pis: {pis}. MetalLB announces {s.pool}. {gateways} {dns}".strip()


def _tallest(cards: Row) -> int:
    return max(one.height for one in cards.values())


def _row(root: ET.Element, cards: Row, y: int) -> None:
    """Cards side by side, all as high as the highest."""
    for column, one in cards.items():
        x, line = LEFT + column * STEP, y + PAD
        _rect(root, one.look, x, y, COLUMN, _tallest(cards))
        for style, text in one.lines:
            line += LINES[style]
            _text(root, style, x + PAD, line - 4, text)


def _frame(root: ET.Element, look: str, box: tuple[int, int, int, int], title: str, value: str) -> None:
    _rect(root, look, *box)
    place = ET.SubElement(root, "text", {"x": str(box[0] + PAD), "y": str(box[1] + 21), "class": "title"})
    place.text = f"{title} "
    ET.SubElement(place, "tspan", {"class": "mono", "font-weight": "400"}).text = value


def _arrow(root: ET.Element, column: int, start: int, end: int, label: str) -> None:
    """Straight down near the right edge of the column, where no heading is; the label stands beside its end."""
    x = LEFT + column * STEP + COLUMN - 28
    ET.SubElement(root, "path", {"class": "arrow", "d": f"M{x} {start}V{end - 6}"})
    ET.SubElement(root, "path", {"class": "tip", "d": f"M{x - 5} {end - 8}L{x} {end}L{x + 5} {end - 8}Z"})
    if label:
        _text(root, "note", x - 8, start + 16, label, anchor="end")


def _rect(root: ET.Element, look: str, x: int, y: int, width: int, height: int) -> None:
    box = {"x": str(x), "y": str(y), "width": str(width), "height": str(height), "rx": "6"}
    ET.SubElement(root, "rect", {"class": look, **box})


def _text(root: ET.Element, style: str, x: int, y: int, text: str, anchor: str = "start") -> None:
    ET.SubElement(root, "text", {"class": style, "x": str(x), "y": str(y), "text-anchor": anchor}).text = text
