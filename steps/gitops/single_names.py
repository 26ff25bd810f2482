"""Certificates for single names: a listener, and so a certificate, for each name that a route gives to an app. Pure.

cert-manager makes a certificate for each listener of an annotated Gateway. Instead of one listener for everything
below a domain, each gateway then has one for each name; routes name no listener any more, and go by their names.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops.overview import GATEWAYS, Side
from steps.gitops.settings import Settings
from wizard import yamlfile


def applied(settings: Settings, files: Mapping[str, str]) -> dict[str, str]:
    """`files` with single names where the settings want them. A gateway without any app stays as it was."""
    if not settings.single:
        return dict(files)
    made = {path: _by_name(text) if _has_routes(path, text) else text for path, text in files.items()}
    for side in GATEWAYS.values():
        if names := hosts(files, side):
            path = f"infrastructure/gateways/{side}.yaml"
            made[path] = _listening(made[path], side, names, settings)
    return made


def _has_routes(path: str, text: str) -> bool:
    return path.endswith(".yaml") and "kind: HTTPRoute" in text


def hosts(files: Mapping[str, str], side: Side) -> list[str]:
    """Every name that a route in `files` has at the gateway of this side."""
    found = {
        str(host)
        for path, text in files.items() if _has_routes(path, text)
        for route, parents in _routes(yamlfile.load_all(text))
        for host in route["spec"].get("hostnames") or () if any(GATEWAYS[one["name"]] == side for one in parents)
    }  # fmt: skip
    return sorted(found)


def wanted(settings: Settings, files: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the certificates that the listeners in the rendered `files` ask for."""
    domains: dict[Side, str] = {"internal": settings.internal_domain, "external": settings.external_domain}
    each = {side: hosts(files, side) if settings.single else [] for side in domains}
    return tuple(name for side, domain in domains.items() for name in each[side] or [f"*.{domain}"])


def _routes(documents: Any) -> Iterator[tuple[Any, list[Any]]]:
    """The routes at our gateways, each with what it names them by."""
    for one in documents:
        if one and one.get("kind") == "HTTPRoute":
            parents = [parent for parent in one["spec"].get("parentRefs") or () if parent.get("name") in GATEWAYS]
            if parents:
                yield one, parents


def _by_name(text: str) -> str:
    documents = yamlfile.load_all_marked(text)
    for _, parents in _routes(documents):
        for parent in parents:
            parent.pop("sectionName", None)
    return yamlfile.dump(*documents)


def _listening(text: str, side: Side, names: list[str], settings: Settings) -> str:
    documents = yamlfile.load_all_marked(text)
    gateway = next(one for one in documents if one["kind"] == "Gateway")
    example, domain = gateway["spec"]["listeners"][0], getattr(settings, f"{side}_domain")
    listeners = gateway["spec"]["listeners"]
    listeners[:] = [copy.deepcopy(example) for _ in names]
    for listener, host in zip(listeners, names, strict=True):
        label = host.removesuffix(f".{domain}").replace(".", "-")
        listener["name"], listener["hostname"] = label, host
        listener["tls"]["certificateRefs"][0]["name"] = f"{label}-{side}-tls"
    return yamlfile.dump(*documents)
