"""The network map as Mermaid, which GitHub, GitLab, Gitea and Forgejo draw from text in a page."""

from __future__ import annotations

from collections.abc import Iterator

from steps.gitops.network_svg import reached_from
from steps.gitops.overview import Overview, Side

SIDES: tuple[Side, Side] = ("internal", "external")


def mermaid(seen: Overview) -> str:
    """The chart, the same text for the same cluster."""
    return "\n".join(["flowchart TB", *(f"  {line}" for line in _lines(seen))]) + "\n"


def _lines(seen: Overview) -> Iterator[str]:
    s = seen.settings
    yield _box("internet", "Internet")
    yield _box("git", "Git repository", s.git_url)
    if s.tailnet != "none":
        yield _box("vpn", "Your VPN", s.tailnet)
    yield f'subgraph lan["{_label(f"Home network {s.lan}".strip())}"]'
    yield from _indented(_home(seen))
    yield "end"
    yield "internet --> router"
    yield "router -->|TCP 80, 443| external"
    yield "home --> pool"
    if s.tailnet != "none":
        yield "vpn --> pool"
    yield "git -->|every minute| flux"
    for side in SIDES:
        for number, _ in enumerate(seen.at(side)):
            yield f"{side} --> {side}{number}"


def _home(seen: Overview) -> Iterator[str]:
    s = seen.settings
    yield _box("router", "Router", f"DHCP {s.dhcp_range}" if s.dhcp_range else "")
    yield _box("home", "Your devices at home")
    yield f'subgraph cluster["{_label(f"Cluster {s.cluster}")}"]'
    yield from _indented(_cluster(seen))
    yield "end"


def _cluster(seen: Overview) -> Iterator[str]:
    s = seen.settings
    yield _box("flux", "Flux", f"clusters/{s.cluster}")
    yield f'subgraph pool["{_label(f"MetalLB {s.pool}")}"]'
    for side in SIDES:
        title, domain = f"{side.capitalize()} gateway", s.internal_domain if side == "internal" else s.external_domain
        yield "  " + _box(side, title, seen.address(side), f"*.{domain}", f"from {reached_from(seen, side)}")
    dns = ("Pi-hole",) if seen.has("pihole") else ("kept free for DNS",)
    yield "  " + _box("dns", *dns, s.dns_address)
    yield "end"
    for side in SIDES:
        for number, url in enumerate(seen.at(side)):
            yield _box(f"{side}{number}", url.app, url.text)
    yield 'subgraph pis["Pis"]'
    for number, node in enumerate(s.nodes):
        yield "  " + _box(f"pi{number}", node.name, node.address, node.role.replace("-", " "))
    yield "end"


def _indented(lines: Iterator[str]) -> Iterator[str]:
    return (f"  {line}" for line in lines)


def _box(name: str, *lines: str) -> str:
    return f'{name}["{_label(*lines)}"]'


def _label(*lines: str) -> str:
    """The lines of a box; what Mermaid would take for its own is spelt as an entity."""
    entities = {'"': "#quot;", "<": "#lt;", ">": "#gt;", "#": "#35;", "`": "#96;"}
    return "<br>".join("".join(entities.get(letter, letter) for letter in line) for line in lines if line)
