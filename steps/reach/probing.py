"""Sends the probes of the matrix: from this computer, and over SSH from hosts that the person named."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from steps.reach.exposed import WELL_KNOWN
from steps.reach.judge import Seen
from steps.reach.rows import Probe
from wizard import assets
from wizard.context import Context
from wizard.errors import Interrupted, TrustError, WizardError
from wizard.host.base import Result
from wizard.question import Kind

_HOST = re.compile(
    r"(?P<user>[a-z_][a-z0-9_.-]{0,31})@(?P<host>[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}))(?::(?P<port>\d+))?"
)
_LINE = re.compile(r"@@ (\d+) (\S+) (\d{3}) (yes|no) (\S+) ?(.*)")


@dataclass(frozen=True)
class Station:
    """A host that probes are sent from."""

    user: str
    host: str
    port: int = 22

    def __str__(self) -> str:
        return f"{self.user}@{self.host}" + ("" if self.port == 22 else f":{self.port}")

    @classmethod
    def parse(cls, text: str) -> Station:
        """Raises ValueError with a sentence."""
        match = _HOST.fullmatch(text.strip())
        port = int(match["port"] or 22) if match else 0
        if match is None or not 0 < port < 65536:
            raise ValueError(f"{text!r} is not a log-in such as pi@203.0.113.7 or pi@host.example:2222")
        return cls(match["user"], match["host"], port)


STATION = Kind("log-in", lambda raw: str(Station.parse(str(raw))))
_PROXY = re.compile(r"(?:socks5h?://)?([A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}):(\d{1,5}))/?")


def _proxy(raw: object) -> str:
    match = _PROXY.fullmatch(str(raw).strip())
    if match is None or not 0 < int(match[2]) < 65536:
        raise ValueError(f"{str(raw)!r} is not an address such as 127.0.0.1:1055")
    return match[1]


PROXY = Kind("SOCKS proxy", _proxy)


NO_WAY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Sight:
    """What one place saw: each probe by its key, and what its Tailscale says of itself (empty where it has none)."""

    seen: Mapping[str, Seen]
    tailnet: Mapping[str, Any] = field(default_factory=dict)


def send(
    ctx: Context, probes: Sequence[Probe], station: str | None, nonce: str, way: Mapping[str, str] = NO_WAY
) -> Sight:
    """What each probe saw; from this computer when `station` is None.

    `way` sets variables of the script: ``proxy``, a SOCKS proxy that everything goes through, or ``pi`` and ``inside``,
    the address of a Pi and the private one: where a VPN leads to the one and not to the other, it is gone round.

    Raises `TrustError` when the station shows another host key than the known one. Everything else that stops
    a probe is told as what it saw: it then counts as not measured.
    """
    variables = "".join(f"{name}={value}\n" for name, value in way.items() if value)
    script = assets.text("probe/probe.sh") + variables + _input(probes, nonce)
    proxy = way.get("proxy")
    argv = ["sh", "-s"] if station is None else _ssh(ctx, Station.parse(station))
    where = station or (f"the proxy {proxy}" if proxy else "this computer")
    ctx.progress(None, f"sending {len(probes)} probes from {where}")
    try:
        result = ctx.world.run(argv, stdin=script.encode(), timeout=90)
    except Interrupted:
        raise
    except WizardError as error:
        return Sight(dict.fromkeys((probe.key for probe in probes), Seen("unreachable", text=error.what)))
    if station and "REMOTE HOST IDENTIFICATION HAS CHANGED" in result.err:
        raise TrustError(
            f"The probe host {station} shows another host key than the known one.", "Nothing was sent to it.",
            "Find out why before you put its new key into the known_hosts file.",
        )  # fmt: skip
    return Sight(_read(probes, result, where), _tailnet(result.out))


def _input(probes: Sequence[Probe], nonce: str) -> str:
    lines = [f"{number} {line(probe)}" for number, probe in enumerate(probes)]
    return "\n".join(["main <<'PROBES'", nonce, *lines, "PROBES", ""])


def line(p: Probe) -> str:
    """A probe as the script reads it: the function's name without ``probe_``, and its arguments."""
    match p.kind:
        case "closed" if not p.host:
            return f"connect {p.address} {p.port}"
        case "redirect":
            return f"redirect {p.address} {p.port} {p.host}"
        case "certificate":
            return f"cert {p.address} {p.port} {p.host}"
        case "name" | "resolver":
            return f"name {p.host} {p.address or '-'}"
        case _:
            scheme = "http" if p.port == 80 else "https"
            return f"http {p.address} {p.port} {scheme} {p.host} {WELL_KNOWN}"


def _tailnet(out: str) -> dict[str, Any]:
    for text in out.splitlines():
        if text.startswith("@@ tailnet {"):
            try:
                found = json.loads(text.removeprefix("@@ tailnet "))
            except ValueError:
                return {}
            return found if isinstance(found, dict) else {}
    return {}


def _ssh(ctx: Context, station: Station) -> list[str]:
    given = ctx.answers["proof"]
    argv = ["ssh", "-T", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ConnectTimeout=10"]
    if given.get("probe_known_hosts"):
        argv += ["-o", f"UserKnownHostsFile={given['probe_known_hosts']}", "-o", "GlobalKnownHostsFile=/dev/null"]
    if given.get("probe_key_file"):
        argv += ["-i", given["probe_key_file"], "-o", "IdentitiesOnly=yes"]
    return [*argv, "-p", str(station.port), "--", f"{station.user}@{station.host}", "sh -s"]


def _read(probes: Sequence[Probe], result: Result, where: str) -> dict[str, Seen]:
    if "@@ tool no-curl" in result.out:
        return dict.fromkeys((probe.key for probe in probes), Seen(f"{where} has no curl"))
    found = {
        probes[int(match[1])].key: Seen(
            match[2].replace("-", " "), int(match[3]), match[4] == "yes", match[6], match[5].strip("-")
        )
        for line in result.out.splitlines()
        if (match := _LINE.fullmatch(line)) and int(match[1]) < len(probes)
    }
    complaint = _complaint(result)
    return {probe.key: found.get(probe.key, Seen(f"{where} could not probe", text=complaint)) for probe in probes}


def _complaint(result: Result) -> str:
    """Why nothing came back, from what ssh or the shell wrote."""
    if "Host key verification failed" in result.err:
        return "its host key is not in the known_hosts file"
    if "Permission denied" in result.err:
        return "the log-in was refused"
    lines = [line for line in result.err.splitlines() if line.strip()]
    return lines[-1].strip()[:120] if lines else f"exit code {result.code}"
