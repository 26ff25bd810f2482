"""What a person reads in the repository, and the workflow that checks it. Pure: same settings, same bytes."""

from __future__ import annotations

from collections.abc import Mapping

from steps.gitops import page
from steps.gitops.forge import WORKFLOWS
from steps.gitops.network_mermaid import mermaid
from steps.gitops.network_svg import reached_from, svg
from steps.gitops.overview import GATEWAYS, Overview
from steps.gitops.page import Rows
from steps.gitops.settings import Settings
from steps.nodes import Node
from wizard import assets

PAGES = ("README.md", "docs/network.md", "docs/restore.md", "docs/runbook.md")
MAP = "docs/network.svg"
AS_THEY_ARE = {"gitattributes": ".gitattributes", "renovate.json": "renovate.json"}  # template -> place


def documents(settings: Settings, files: Mapping[str, str]) -> dict[str, str]:
    """Path -> text of every document; `files` is the rest of the rendered repository, which they tell about."""
    seen = Overview.of(settings, files)
    holds, rows, texts, values = conditions(seen), tables(seen), {"chart": mermaid(seen)}, examples(seen)
    made = {name: page.fill(template(name), holds, rows, texts, values) for name in PAGES}
    made |= {place: template(name) for name, place in AS_THEY_ARE.items()}
    if workflow := WORKFLOWS.get(settings.forge):
        made[workflow.place] = page.replaced(template(workflow.template), workflow_examples(settings))
    return {**made, MAP: svg(seen)}


def template(name: str) -> str:
    return assets.text(f"gitops/{name}")


# -- what is kept ------------------------------------------------------------------------------------------------


def conditions(seen: Overview) -> dict[str, bool]:
    """What the marks of the templates may ask for."""
    s = seen.settings
    heads = [node for node in s.nodes if node.role == "control-plane"]
    return {
        **{app: seen.has(app) for app in ("hello", "pihole", "monitoring")}, "apps": bool(seen.urls),
        "certificates": s.certificates, "single": s.single,
        "duckdns": s.provider == "duckdns", "cloudflare": s.provider == "cloudflare",
        "staging": s.issuer == "staging", "production": s.issuer == "production",
        "tailnet": s.tailnet != "none", "tailscale": s.tailnet == "tailscale", "headscale": s.tailnet == "headscale",
        "forge": s.forge in WORKFLOWS, "lan": bool(s.lan), "dhcp": bool(s.dhcp_range), "key copy": bool(s.key_copy),
        "proof": bool(s.reached), "several": len(s.nodes) > 1, "one head": len(heads) < 2,
        "snapshots on a pi": bool(s.snapshots) and not _is_folder(s.snapshots),
        "snapshots in a folder": _is_folder(s.snapshots), "no second place": not s.snapshots,
    }  # fmt: skip


def _is_folder(place: str) -> bool:
    return place.startswith("/")


# -- rows --------------------------------------------------------------------------------------------------------


def tables(seen: Overview) -> dict[str, Rows]:
    """The rows of every table, by the name that the templates give it."""
    s = seen.settings
    return {
        "nodes": [(_name(n), n.address, n.role.replace("-", " "), f"`ssh {s.user}@{n.address}`") for n in s.nodes],
        "apps": [(url.app, url.text, reached_from(seen, url.side)) for url in seen.urls],
        "reached": s.reached,
        "parts": [(f"[{part.name}]({part.place})", part.purpose) for part in seen.parts],
        "addresses": _addresses(seen),
        "names": _names(seen),
        "forwards": [(f"TCP {port}", f"{s.external_address} port {port}") for port in (80, 443)],
    }


def _name(node: Node) -> str:
    return node.name or node.address


def _addresses(seen: Overview) -> Rows:
    s = seen.settings
    gateways = [
        (seen.address(side), f"{side} gateway", f"`infrastructure/traefik/{side}.yaml`") for side in GATEWAYS.values()
    ]
    dns = ("Pi-hole", "`apps/pihole/release.yaml`") if seen.has("pihole") else ("kept free for a DNS server", "")
    return [
        *gateways, (s.dns_address, *dns),
        (s.pool, "all that MetalLB may give away", "`infrastructure/metallb-config/pool.yaml`"),
    ]  # fmt: skip


def _names(seen: Overview) -> Rows:
    s = seen.settings
    asks = f"Pi-hole, for whoever asks {s.dns_address}"
    found = [(f"`*.{domain}`", address, asks) for domain, address in seen.local_names]
    if not seen.local_names:
        found.append((f"`*.{s.internal_domain}`", s.internal_address, "nobody yet: the router's DNS, or `/etc/hosts`"))
    service = {"duckdns": "DuckDNS", "cloudflare": "Cloudflare"}.get(s.provider)
    public = f"{service}, told by `apps/{s.provider}` every five minutes" if service else "who looks after your domain"
    return [*found, (f"`*.{s.external_domain}`", "the home's public address", public)]


# -- values ------------------------------------------------------------------------------------------------------


def examples(seen: Overview) -> dict[str, str]:
    """Each example value in the templates, and what it is here."""
    s = seen.settings
    first = s.nodes[0] if s.nodes else Node("", "control-plane")
    last = s.nodes[-1] if s.nodes else first
    home = "/root" if s.user == "root" else f"/home/{s.user}"
    return {
        "cluster homelab": f"cluster {s.cluster}", "clusters/homelab": f"clusters/{s.cluster}",
        "homelab-wizard/homelab/": f"homelab-wizard/{s.cluster}/",
        "192.168.1.50-192.168.1.59": s.pool, "192.168.1.0/24": s.lan, "192.168.1.100-192.168.1.199": s.dhcp_range,
        "192.168.1.50": s.internal_address, "192.168.1.51": s.external_address, "192.168.1.53": s.dns_address,
        "192.168.1.11": first.address, "192.168.1.12": s.snapshots, "192.168.1.13": last.address,
        "atlas": _name(first), "castor": _name(last), "/mnt/backup": s.snapshots, "/media/usb-stick": s.key_copy,
        "pi@": f"{s.user}@", "-o pi ": f"-o {s.user} ", "/home/pi": home,
        "myhome-internal.duckdns.org": s.internal_domain, "myhome.duckdns.org": s.external_domain,
        "on DAY": f"on {s.measured}", "1.1.1.1": next(iter(s.resolvers), "1.1.1.1"),
        WORKFLOWS["github"].place: WORKFLOWS[s.forge].place if s.forge in WORKFLOWS else "",
    }  # fmt: skip


def workflow_examples(s: Settings) -> dict[str, str]:
    """The same for the workflows."""
    pins = s.versions["workflows"]
    nothing = "0" * 40
    actions = {
        f"{action}@{nothing} # v0.0.0": f"{action}@{pins[action]['commit']} # {pins[action]['version']}"
        for action in ("actions/checkout", "astral-sh/setup-uv")
    }
    return {
        **actions, "version: 0.0.0": f"version: {pins['uv']['version']}",
        "--python 0.0": f"--python {pins['uv']['python']}", "registry.example.org/uv:0.0.0": pins["uv"]["image"],
        "homelab-wizard==0.0.0": f"homelab-wizard=={s.wizard}",
    }  # fmt: skip
