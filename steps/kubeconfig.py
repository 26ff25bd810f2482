"""The administrator's kubeconfig on this computer: one entry for each control plane, so that one may be down."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from wizard import yamlfile
from wizard.host.certificates import read_certificates
from wizard.host.facts import read_ca_hash


def with_servers(config: Mapping[str, Any], heads: Mapping[str, str]) -> dict[str, Any]:
    """kubeadm's admin.conf, with a context for each of `heads` (address -> name): the first is the current one."""
    authority = config["clusters"][0]["cluster"]["certificate-authority-data"]
    user, current = config["users"][0]["name"], config["current-context"]
    first = config["clusters"][0]["name"]
    clusters, contexts = [], []
    for number, (address, name) in enumerate(heads.items()):
        label = name if number else first
        place = {"certificate-authority-data": authority, "server": f"https://{address}:6443"}
        clusters.append({"name": label, "cluster": place})
        contexts.append({"name": name if number else current, "context": {"cluster": label, "user": user}})
    return {**config, "clusters": clusters, "contexts": contexts}


def ca_hash(config: Mapping[str, Any]) -> str:
    """kubeadm's name for the CA of the cluster. Raises KeyError, ValueError or IndexError for another shape."""
    return read_ca_hash(base64.b64decode(config["clusters"][0]["cluster"]["certificate-authority-data"]).decode())


@dataclass(frozen=True)
class Held:
    """What the file on this computer says: where it asks, and until when the administrator's certificate is valid."""

    servers: tuple[str, ...]
    until: float  # seconds since 1970; 0 when it can't be read

    def fits(self, addresses: Sequence[str], renewed: float) -> bool:
        """Whether it names just these control planes, and is as good as the one they have, which ends at `renewed`."""
        return self.servers == _urls(addresses) and self.until >= renewed

    def usable(self, addresses: Sequence[str]) -> bool:
        """Whether one of these control planes is asked, so that the cluster can be looked at."""
        return bool(set(self.servers) & set(_urls(addresses)))


def held(path: Path, expected: str) -> Held | None:
    """The file at `path`; None when it is missing, damaged, or for a cluster with another CA than `expected`."""
    try:
        config = yamlfile.load(path.read_text(encoding="utf-8"))
        if not expected or ca_hash(config) != expected:
            return None
        return Held(tuple(str(each["cluster"]["server"]) for each in config["clusters"]), _until(config))
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return None


def _urls(addresses: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"https://{address}:6443" for address in addresses)


def _until(config: Mapping[str, Any]) -> float:
    pem = base64.b64decode(config["users"][0]["user"]["client-certificate-data"]).decode(errors="replace")
    return next((each.until for each in read_certificates(f"== admin.conf\n{pem}")), 0.0)
