"""The web as the demo knows it: Tailscale, headscale, DuckDNS, Cloudflare, downloads, forges; in a few lines each."""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from wizard.demo.probe import PUBLIC
from wizard.errors import WizardError
from wizard.world import DnsAnswer, Request, Response

if TYPE_CHECKING:
    from wizard.demo.effects import Filling
    from wizard.demo.forges import SimForges
    from wizard.demo.pi import Machine


@dataclass
class Member:
    """One machine of the simulated tailnet."""

    id: str
    name: str
    address: str
    advertised: list[str] = field(default_factory=list)
    approved: list[str] = field(default_factory=list)

    @property
    def serving(self) -> list[str]:
        return [route for route in self.approved if route in self.advertised]


class SimWeb:
    """What answers an HTTP request. Any token is right: there is no one to ask."""

    def __init__(self, wrote: Callable[[str], None], forges: SimForges | None = None) -> None:
        self.wrote = wrote
        self.members: dict[str, Member] = {}  # hostname -> machine
        self.split: dict[str, list[str]] = {}
        self.txt: dict[str, str] = {}
        self.pages: dict[str, Callable[[Request], Response]] = {}  # "http://host" -> who answers there
        self.forges = forges
        self._lock = threading.RLock()

    def tailnet(self, what: str, machine: Machine, filling: Filling) -> None:
        """An effect's `tailnet`: ``join``, ``leave`` or ``advertise ROUTES``, for the machine whose script it is."""
        word, _, routes = filling.text(what).partition(" ")
        with self._lock:
            if word == "leave":
                self.members.pop(machine.hostname, None)
                return
            number = len(self.members) + 1
            member = self.members.setdefault(
                machine.hostname, Member(str(number), machine.hostname, f"100.64.0.{number}")
            )
            if word == "advertise" or routes:
                member.advertised = [route for route in re.split(r"[,\s]+", routes) if route]

    def http(self, request: Request) -> Response:
        parts = urlsplit(request.url)
        with self._lock:
            if page := self.pages.get(f"{parts.scheme}://{parts.netloc}"):
                return page(request)
            if self.forges and (said := self.forges.http(request)):
                return said
            for pattern, answer in _ROUTES:
                if found := re.search(pattern, f"{parts.netloc}{parts.path}"):
                    return answer(self, request, found)
        raise WizardError(f"The demo has no web server at {parts.netloc}.", "", "It holds no socket at all.")

    def dns(self, name: str, kind: str) -> DnsAnswer:
        """What every public DNS server says: the texts that were set at DuckDNS and Cloudflare, and nothing else."""
        with self._lock:
            text = self.txt.get(name) if kind == "TXT" else None
        return DnsAnswer("NOERROR", (text,) if text else ())


def _json(body: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(body).encode(), {"Content-Type": "application/json"})


def _devices(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    return _json({"devices": [
        {"nodeId": one.id, "name": f"{one.name}.demo.ts.net", "addresses": [one.address], "connectedToControl": True,
         "advertisedRoutes": one.advertised, "enabledRoutes": one.approved, "tags": ["tag:homelab"],
         "keyExpiryDisabled": True}
        for one in web.members.values()
    ]})  # fmt: skip


def _nodes(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    return _json({"nodes": [
        {"id": one.id, "givenName": one.name, "name": one.name, "ipAddresses": [one.address], "online": True,
         "availableRoutes": one.advertised, "approvedRoutes": one.approved, "subnetRoutes": one.serving,
         "tags": ["tag:homelab"]}
        for one in web.members.values()
    ]})  # fmt: skip


def _approve(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    for one in web.members.values():
        if one.id == found[1]:
            one.approved = list(request.json["routes"])
            web.wrote(f"approve the routes of {one.name}")
            return _json({"enabledRoutes": one.approved})
    return _json({"message": "no such machine"}, 404)


def _split(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    if request.method != "GET":
        web.split.update(request.json)
        web.wrote("split DNS")
    return _json(web.split)


def _duckdns(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    query = parse_qs(urlsplit(request.url).query, keep_blank_values=True)
    for name in query.get("domains", [""])[0].split(","):
        if "txt" in query:
            web.txt[f"{name}.duckdns.org"] = query["txt"][0]
    return Response(200, f"OK\n{PUBLIC}\n\nUPDATED".encode() if "verbose" in query else b"OK")


def _cloudflare_token(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    return _json({"success": True, "errors": [], "messages": [], "result": {"status": "active"}})


def _cloudflare_zones(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    """Every domain of two labels is a zone."""
    name = parse_qs(urlsplit(request.url).query)["name"][0]
    zones = [{"id": hashlib.md5(name.encode(), usedforsecurity=False).hexdigest(), "name": name}]
    return _json({"success": True, "errors": [], "messages": [], "result": zones if name.count(".") == 1 else []})


def _cloudflare_records(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    """TXT records; the id of one is its name."""
    name = str(request.json["name"]) if request.method == "POST" else found[1]
    web.txt[name] = str(request.json["content"]).strip('"') if request.method == "POST" else ""
    return _json({"success": True, "errors": [], "messages": [], "result": {"id": name}})


def _trace(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    return Response(200, f"fl=1\nip={PUBLIC}\nuag=homelab\n".encode())


def _checksums(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    version = found[1]
    lines = [
        f"{hashlib.sha256(_flux()).hexdigest()}  flux_{version}_{system}.tar.gz\n"
        for system in ("linux_amd64", "linux_arm64", "darwin_amd64", "darwin_arm64")
    ]
    return Response(200, "".join(lines).encode())


def _download(web: SimWeb, request: Request, found: re.Match[str]) -> Response:
    return Response(200, _flux())


def _flux() -> bytes:
    """An archive with a program `flux` that says what it is. The demo never starts it."""
    text = b"#!/bin/sh\necho 'this is not flux: it was put here by homelab demo' >&2\nexit 1\n"
    info = tarfile.TarInfo("flux")
    info.mode, info.size = 0o755, len(text)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(info, io.BytesIO(text))
    import gzip

    return gzip.compress(out.getvalue(), mtime=0)


_ROUTES: tuple[tuple[str, Callable[[SimWeb, Request, re.Match[str]], Response]], ...] = (
    (r"/api/v2/tailnet/-/devices$", _devices),
    (r"/api/v2/device/(\w+)/routes$", _approve),
    (r"/api/v2/tailnet/-/dns/split-dns$", _split),
    (r"/api/v1/node$", _nodes),
    (r"/api/v1/node/(\w+)/approve_routes$", _approve),
    (r"duckdns\.org/update$", _duckdns),
    (r"cloudflare\.com/client/v4/user/tokens/verify$", _cloudflare_token),
    (r"cloudflare\.com/client/v4/zones$", _cloudflare_zones),
    (r"cloudflare\.com/client/v4/zones/\w+/dns_records/?(.*)$", _cloudflare_records),
    (r"1\.1\.1\.1/cdn-cgi/trace$", _trace),
    (r"/flux_([\d.]+)_checksums\.txt$", _checksums),
    (r"/flux_[\d.]+_\w+\.tar\.gz$", _download),
)
