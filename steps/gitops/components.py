"""Which parts the repository has: each a Flux Kustomization in `clusters/NAME` and the folder it points to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from steps.gitops.settings import Settings
from wizard import assets

ROOT = "gitops"  # of the templates, below the assets
EXAMPLE_CLUSTER = "clusters/homelab"
ALWAYS_THERE = {"sops.yaml": ".sops.yaml"}  # template -> place; without a dot, or sops would heed it here already


@dataclass(frozen=True)
class Component:
    """One part. `folder` is empty for one whose files lie in another repository; `when` says who gets it."""

    name: str
    folder: str = ""
    when: Callable[[Settings], bool] = lambda settings: True


def _app(name: str) -> Callable[[Settings], bool]:
    return lambda settings: name in settings.apps


def _provider(name: str) -> Callable[[Settings], bool]:
    return lambda settings: settings.provider == name


def _certificates(settings: Settings) -> bool:
    return settings.certificates


COMPONENTS = (
    Component("gateway-api-crds"),
    Component("prometheus-crds", "infrastructure/prometheus-crds", _app("monitoring")),
    Component("metallb", "infrastructure/metallb"),
    Component("metallb-config", "infrastructure/metallb-config"),
    Component("traefik", "infrastructure/traefik"),
    Component("cert-manager", "infrastructure/cert-manager", _certificates),
    Component("cert-manager-duckdns", "infrastructure/cert-manager-duckdns", _provider("duckdns")),
    Component("issuers", "infrastructure/issuers", _provider("duckdns")),
    Component("issuers-cloudflare", "infrastructure/issuers-cloudflare", _provider("cloudflare")),
    Component("gateways", "infrastructure/gateways"),
    Component("local-path", "infrastructure/local-path", lambda settings: settings.keeps_data),
    Component("duckdns", "apps/duckdns", _provider("duckdns")),
    Component("cloudflare", "apps/cloudflare", _provider("cloudflare")),
    Component("hello", "apps/hello", _app("hello")),
    Component("pihole", "apps/pihole", _app("pihole")),
    Component("monitoring", "apps/monitoring", _app("monitoring")),
)


def chosen(settings: Settings) -> list[Component]:
    return [component for component in COMPONENTS if component.when(settings)]


def names(settings: Settings) -> list[str]:
    """Every Kustomization that homelab writes, those of exposed apps last."""
    return [*(component.name for component in chosen(settings)), *(app.name for app in settings.exposed)]


def templates(component: Component) -> list[str]:
    """The template files of `component`, by their path below `assets/gitops`, in order."""
    names = [f"{EXAMPLE_CLUSTER}/{component.name}.yaml"]
    if component.folder:
        folder = assets.root() / ROOT / component.folder
        names += [f"{component.folder}/{file.name}" for file in sorted(folder.glob("*.yaml"))]
    return names


def is_secret(path: str) -> bool:
    """Whether the file at `path` holds secrets: it is then encrypted before it goes into the repository."""
    return path.endswith(".sops.yaml") and not path.endswith("/.sops.yaml") and path != ".sops.yaml"
