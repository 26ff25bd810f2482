"""From the answers to the app that is to be: its names, its form, its room for data. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steps.gitops.app import STORAGE, App
from steps.gitops.catalogue import catalogue
from steps.gitops.components import COMPONENTS
from steps.gitops.settings import APPS
from wizard.errors import Problem
from wizard.question import NAME, Answers

NAMED = "app-expose"
DOMAINS = {"internal": "internal_domain", "external": "external_domain"}
WHO = {"internal": "your home and your VPN", "external": "the whole internet"}
RESERVED = frozenset((*(part.name for part in COMPONENTS), *APPS, "grafana", "flux-system", "homelab", "default"))


def mine(answers: Answers) -> Mapping[str, Any]:
    return answers.get(NAMED, {})


def sides(given: Mapping[str, Any]) -> tuple[str, ...]:
    """The gateways that the app is reached through."""
    return ("internal", "external") if given.get("reach") == "both" else (str(given.get("reach") or "internal"),)


def proposed_name(given: Mapping[str, Any]) -> str:
    """What to call it when nobody says: after the entry, the Service, the image or the chart."""
    match given.get("form"):
        case "catalogue":
            return str(given.get("entry") or "")
        case "service":
            return str(given.get("service") or "").partition("/")[2].partition(":")[0]
        case "image":
            return str(given.get("image") or "").rpartition("/")[2].partition("@")[0].partition(":")[0]
        case _:
            return str(given.get("chart") or "").rpartition("/")[2]


def name_of(given: Mapping[str, Any]) -> str:
    """The app's name: its namespace, its folder, its Kustomization."""
    return str(given.get("name") or proposed_name(given)) if given.get("form") != "catalogue" else proposed_name(given)


def label(host: str, domain: str) -> str:
    """The first part of the name, for what was typed: that part alone, or the whole. Raises ValueError."""
    if host.endswith(f".{domain}"):
        host = host.removesuffix(f".{domain}")
    elif "." in host:
        raise ValueError(f"{host} does not lie below {domain}")
    if "." in host:
        raise ValueError(f"{host}.{domain} has more than one part in front of {domain}, which no certificate covers")
    return str(NAME.parse(host))


def wanted(answers: Answers, known: App | None = None, storage: str = "") -> App:
    """The app that the answers describe. What `known`, the same app as it is now, has for its data stays."""
    given, domains = mine(answers), answers["domains"]
    host, form = str(given.get("host") or name_of(given)), given["form"]
    names = {side: label(host, str(domains[DOMAINS[side]])) for side in sides(given)}
    data = str(given.get("data") or "") if form == "image" else ""
    size = catalogue()[given["entry"]].size if form == "catalogue" else "1Gi" if data else ""
    size = known.size if known and known.size else str(given.get("size") or size) if size else ""
    chosen = str(given.get("storage") or storage or STORAGE)
    return App(
        name_of(given), form, str(given[{"catalogue": "entry"}.get(form, form)]), **names, data=data, size=size,
        storage=(known.storage if known and known.storage else chosen) if size else "",
        port=str(given["port"]) if form == "image" else "",
        memory=_or_before("memory", given, known) if form == "image" else "",
        metrics=_or_before("metrics", given, known) if form == "image" else "",
        version=str(given["version"]) if form == "chart" else "",
        backend=str(given["backend"]) if form == "chart" else "",
    )  # fmt: skip


def _or_before(key: str, given: Mapping[str, Any], known: App | None) -> str:
    return str(given.get(key) or (getattr(known, key) if known else ""))


def problems(answers: Answers) -> list[Problem]:
    """Mistakes that the answers alone show."""
    given, domains = mine(answers), answers.get("domains", {})
    return [*_name(given), *_form(given), *(_host(given, domains) if "reach" in given and domains else [])]


def _name(given: Mapping[str, Any]) -> list[Problem]:
    name = name_of(given)
    if "form" not in given or name not in RESERVED or (given["form"] != "catalogue" and "name" not in given):
        return []
    key = "entry" if given["form"] == "catalogue" else "name"
    return [Problem(f"{NAMED}.{key}", f"{name} is the name of a part of the cluster itself.", "Choose another one.")]


def _form(given: Mapping[str, Any]) -> list[Problem]:
    if given.get("form") != "service" or not str(given.get("service") or "").startswith("default/kubernetes:"):
        return []
    return [
        Problem(f"{NAMED}.service", "this is the cluster's own API, which nobody may be led to.", "Choose another.")
    ]


def _host(given: Mapping[str, Any], domains: Mapping[str, Any]) -> list[Problem]:
    host, path = str(given.get("host") or ""), f"{NAMED}.host"
    if not host:
        return []
    inner, outer = str(domains[DOMAINS["internal"]]), str(domains[DOMAINS["external"]])
    if given.get("reach") == "both" and "." in host:
        fix = f"Give its first part only, such as {host.partition('.')[0]}."
        return [Problem(path, f"it gets a name below {inner} and one below {outer}.", fix)]
    side = sides(given)[0]
    below_inner = host.endswith(f".{inner}")
    if side == "external" and below_inner:
        what = f"{host} lies below {inner}, whose names are for home and VPN only."
        return [Problem(path, what, f"For the internet it must lie below {outer}.")]
    if side == "internal" and host.endswith(f".{outer}") and not below_inner:
        what = f"{host} lies below {outer}, whose names are for the internet."
        return [Problem(path, what, f"For home and VPN only it must lie below {inner}.")]
    try:
        label(host, inner if side == "internal" else outer)
    except ValueError as error:
        return [
            Problem(
                path,
                f"{error}.",
                f"Give the first part only, or a name below {inner if side == 'internal' else outer}.",
            )
        ]
    return []
