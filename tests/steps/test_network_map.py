"""The network map: well-formed, complete, and every line of text within its box."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from steps.gitops import network_svg
from steps.gitops.network_mermaid import mermaid
from steps.gitops.overview import Overview
from tests.steps.document_variants import VARIANTS, repository, settings

every = pytest.mark.parametrize("name", VARIANTS)
SVG = "{http://www.w3.org/2000/svg}"
LETTER = {"title": 9.4, "mono": 7.3, "note": 7.2}  # pixels, in the widest of the usual fonts


def picture(name: str) -> ET.Element:
    return ET.fromstring(repository(name)["docs/network.svg"])  # noqa: S314  (our own)


def texts(root: ET.Element) -> str:
    """Everything written in the picture, lines that were folded put together again."""
    return "".join("".join(element.itertext()) for element in root.iter(f"{SVG}text"))


@every
def test_the_picture_names_every_pi_and_address(name: str) -> None:
    s, written = settings(name), texts(picture(name))
    for node in s.nodes:
        assert node.name in written and node.address in written
    for word in (s.internal_address, s.external_address, s.dns_address, s.pool, s.internal_domain, s.external_domain):
        assert word in written.replace(" ", ""), word
    assert ("Your VPN" in written) == (s.tailnet != "none")
    for url in Overview.of(s, repository(name)).urls:
        assert url.host.partition(".")[0] in written


@every
def test_the_picture_can_be_read_by_those_who_do_not_see_it(name: str) -> None:
    root = picture(name)
    assert root.get("role") == "img"
    labels = {element.get("id"): element.text or "" for element in root if element.get("id")}
    assert [bool(labels[each]) for each in (root.get("aria-labelledby") or "").split()] == [True, True]
    assert all(node.address in labels["d"] for node in settings(name).nodes)


@every
def test_every_line_stays_within_its_box(name: str) -> None:
    root = picture(name)
    boxes = [tuple(int(box.get(key, "0")) for key in ("x", "y", "width", "height")) for box in root.iter(f"{SVG}rect")]
    assert boxes[0] == (0, 0, int(root.get("width", "0")), int(root.get("height", "0")))
    assert all(x + w <= boxes[0][2] and y + h <= boxes[0][3] for x, y, w, h in boxes)
    for line in root.iter(f"{SVG}text"):
        x, y = int(line.get("x", "0")), int(line.get("y", "0"))
        width = sum(len(word) for word in line.itertext()) * LETTER[line.get("class", "")]
        left = x - width if line.get("text-anchor") == "end" else x
        inside = [box for box in boxes if box[0] <= left < box[0] + box[2] and box[1] < y < box[1] + box[3]]
        smallest = min(inside, key=lambda box: box[2] * box[3])
        assert left + width <= smallest[0] + smallest[2], "".join(line.itertext())


def test_no_two_cards_lie_on_each_other() -> None:
    for name in VARIANTS:
        cards = [
            [int(box.get(key, "0")) for key in ("x", "y", "width", "height")]
            for box in picture(name).iter(f"{SVG}rect")
            if box.get("class") in ("card", "free", "internal", "external")
        ]
        for number, (x, y, w, h) in enumerate(cards):
            for x2, y2, w2, h2 in cards[number + 1 :]:
                assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y, name


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []), ("short", ["short"]), ("two words", ["two words"]), ("10.0.0.1", ["10.0.0.1"]),
        ("*.attic-private.lab.org", ["*.attic-", "private.", "lab.org"]),
        ("abcdefghijklmnopqrstuvwxyz", ["abcdefghi", "jklmnopqr", "stuvwxyz"]),
    ],
)  # fmt: skip
def test_text_is_folded_where_it_can_be(text: str, lines: list[str]) -> None:
    found = network_svg.folded(text, 10)
    assert found == lines
    assert all(len(line) <= 10 for line in found)


@every
def test_the_chart_names_the_same(name: str) -> None:
    s = settings(name)
    chart = mermaid(Overview.of(s, repository(name)))
    assert f"```mermaid\n{chart}```\n" in repository(name)["docs/network.md"]
    for word in (s.internal_address, s.external_address, s.dns_address, s.pool, s.internal_domain, s.external_domain):
        assert word in chart
    for node in s.nodes:
        assert node.name in chart and node.address in chart
    for url in Overview.of(s, repository(name)).urls:
        assert url.text in chart


@every
def test_the_chart_is_whole(name: str) -> None:
    """What the real parser of Mermaid accepted, as far as it can be told without it."""
    lines = [line.strip() for line in mermaid(Overview.of(settings(name), repository(name))).splitlines()]
    assert lines[0] == "flowchart TB"
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end") == 4
    known = {found[1] for line in lines if (found := re.fullmatch(r'(?:subgraph )?(\w+)\["[^"\[\]]*"\]', line))}
    edges = [found.groups() for line in lines if (found := re.fullmatch(r"(\w+) -->(?:\|[^|]+\|)? (\w+)", line))]
    assert len(edges) > 3
    assert {end for edge in edges for end in edge} <= known
    assert len(lines) == 1 + len(known) + len(edges) + 4, "no line is anything else"
