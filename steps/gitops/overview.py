"""What the documents tell of the cluster: read out of the rendered files, so that it is what the cluster will run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from steps.gitops.components import names
from steps.gitops.settings import Settings
from steps.gitops.tree import Object, Tree, get, parse

Side = Literal["internal", "external"]
GATEWAYS: Mapping[str, Side] = {"traefik-internal": "internal", "traefik-external": "external"}


@dataclass(frozen=True)
class Url:
    """One address of one app. `side` is the gateway that it is reached through."""

    app: str
    side: Side
    host: str
    scheme: str

    @property
    def text(self) -> str:
        return f"{self.scheme}://{self.host}"


@dataclass(frozen=True)
class Part:
    """One Kustomization of Flux: what it is for in a sentence, and where its files are, or where it is described."""

    name: str
    purpose: str
    place: str


@dataclass(frozen=True)
class Overview:
    """The cluster in a few lists, each in a fixed order."""

    settings: Settings
    urls: tuple[Url, ...]
    parts: tuple[Part, ...]
    local_names: tuple[tuple[str, str], ...]  # what Pi-hole answers itself: domain, address

    @classmethod
    def of(cls, settings: Settings, files: Mapping[str, str]) -> Overview:
        """`files` are the rendered files of the repository, by path."""
        begins = f"clusters/{settings.cluster}/"
        tree, _ = parse({path: text for path, text in files.items() if path.startswith(begins) or _told(text)})
        parts = {
            one.name: _part(one, files[one.file]) for one in tree.of("Kustomization") if one.file.startswith(begins)
        }
        in_order = tuple(parts[name] for name in names(settings))
        return cls(settings, tuple(_urls(tree)), in_order, tuple(_local_names(tree)))

    def address(self, side: Side) -> str:
        return self.settings.internal_address if side == "internal" else self.settings.external_address

    def at(self, side: Side) -> list[Url]:
        return [url for url in self.urls if url.side == side]

    def has(self, part: str) -> bool:
        return any(one.name == part for one in self.parts)


def _told(text: str) -> bool:
    return "kind: HTTPRoute" in text or "kind: Gateway\n" in text or "customDnsEntries:" in text


def _urls(tree: Tree) -> list[Url]:
    gateways = {one.name: one for one in tree.of("Gateway")}
    found = []
    for route in tree.of("HTTPRoute"):
        if all(get(rule, "matches", 0, "path", "type") == "Exact" for rule in route.spec.get("rules") or []):
            continue  # one page below a name, such as the proof's: no app of its own
        app = route.file.split("/")[-2]
        for parent in route.spec.get("parentRefs") or []:
            gateway = gateways.get(str(get(parent, "name")))
            if gateway is not None and gateway.name in GATEWAYS:
                scheme = _scheme(gateway, get(parent, "sectionName"))
                hosts = route.spec.get("hostnames") or []
                found += [Url(app, GATEWAYS[gateway.name], str(host), scheme) for host in hosts]
    return sorted(found, key=lambda url: (url.app, url.side, url.host))


def _scheme(gateway: Object, section: object) -> str:
    protocols = {get(one, "name"): get(one, "protocol") for one in gateway.spec.get("listeners") or []}
    asked = set(protocols.values()) if section is None else {protocols.get(section)}
    return "https" if asked == {"HTTPS"} else "http"


def _part(one: Object, text: str) -> Part:
    told = next((line for line in text.splitlines() if line.startswith("# ")), "")
    here = get(one.spec, "sourceRef", "name") == "flux-system"
    path = str(one.spec.get("path", "")).removeprefix("./")
    return Part(one.name, told.removeprefix("# "), path if here else one.file)


def _local_names(tree: Tree) -> list[tuple[str, str]]:
    found = []
    for release in tree.of("HelmRelease"):
        for entry in get(release.spec, "values", "dnsmasq", "customDnsEntries") or []:
            _, _, rest = str(entry).partition("=/")
            domain, _, address = rest.rpartition("/")
            if domain and address:
                found.append((domain, address))
    return found
