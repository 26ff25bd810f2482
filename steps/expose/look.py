"""What is there already: the apps, routes and Gateways of the repository, the Services and Pis of the cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from steps import flux, repository_apps
from steps import repository_access as access
from steps.flux_status import Object
from steps.gitops.app import App
from steps.gitops.checks.gateways import GROUP, listeners
from steps.gitops.settings import Settings
from steps.gitops.tree import get, items, parse, texts
from steps.reach.exposed import ROUTES
from steps.repository_content import settings
from wizard.context import Context
from wizard.errors import Blocked
from wizard.world import Cluster

DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
# What runs the cluster itself: nobody means these when asked which Service shall be reached.
OF_THE_CLUSTER = frozenset((
    "kube-system", "kube-public", "kube-node-lease", "kube-flannel", "flux-system", "cert-manager", "metallb-system",
    "traefik", "gateways", "local-path-storage",
))  # fmt: skip


@dataclass(frozen=True)
class Route:
    """One HTTPRoute. `file` is empty for one that only the cluster has; `gateways` are the names of its parents."""

    space: str
    name: str
    gateways: tuple[str, ...]
    hosts: tuple[str, ...]
    backends: tuple[tuple[str, str], ...] = ()  # namespace and name of the Services
    file: str = ""
    whole: bool = True  # not only some page below its names

    @property
    def where(self) -> str:
        return self.file or f"the cluster (HTTPRoute {self.space}/{self.name})"

    @property
    def app(self) -> str:
        """The folder that it lies in, which is the app's name."""
        return self.file.split("/")[-2] if self.file.count("/") > 1 else ""


@dataclass(frozen=True)
class Service:
    space: str
    name: str
    ports: tuple[int, ...]
    kind: str = "ClusterIP"


@dataclass(frozen=True)
class Pi:
    """A node that takes pods; `memory` in bytes."""

    name: str
    architecture: str
    memory: int


@dataclass(frozen=True)
class Seen:
    """Everything that a new app has to fit in with."""

    settings: Settings
    files: frozenset[str] = frozenset()
    routes: Sequence[Route] = ()
    hears: Mapping[str, Sequence[str]] = field(default_factory=dict)  # Gateway -> hostnames of its listeners
    services: Sequence[Service] = ()
    spaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # namespace -> labels
    classes: Sequence[str] = ()  # StorageClasses, the default one first
    pis: Sequence[Pi] = ()

    @property
    def apps(self) -> Sequence[App]:
        return self.settings.exposed

    def app(self, name: str) -> App | None:
        return next((app for app in self.apps if app.name == name), None)


def look(ctx: Context) -> Seen:
    """Looks at the repository and at the cluster. Raises `Blocked` while one does not follow the other."""
    cluster, head = flux.reach(ctx), flux.pushed(ctx)
    if not flux.follows(ctx, cluster, head):
        raise Blocked(
            "The cluster does not follow the repository yet.", "What is written there would not happen.",
            "Run homelab until its step Flux is done.",
        )  # fmt: skip
    repo = access.repo(ctx)
    files = repo.files(head)
    text = repo.texts({path: blob for path, blob in files.items() if path.endswith((".yaml", ".yml"))})
    as_it_is = replace(settings(ctx, repo, head), exposed=repository_apps.there(ctx, repo, head))
    found = Seen(as_it_is, frozenset(files), **of_files(text), **of_cluster(cluster, text))
    ctx.scratch["apps seen"] = found
    return found


def seen(ctx: Context) -> Seen:
    """As seen last in this run; looks when nobody has."""
    found = ctx.scratch.get("apps seen")
    return found if isinstance(found, Seen) else look(ctx)


def of_files(files: Mapping[str, str]) -> dict[str, Any]:
    """The Gateways that a repository has. Pure."""
    tree, _ = parse(files)
    hears = {
        one.name: tuple(str(listener.get("hostname") or "") for _, listener in listeners(one))
        for one in tree.of("Gateway", GROUP)
    }
    return {"hears": hears}


def routes_of_files(files: Mapping[str, str]) -> list[Route]:
    """Its routes. Pure."""
    tree, _ = parse(files)
    return [_route(one.body, one.file) for one in tree.of("HTTPRoute", GROUP)]


def of_cluster(cluster: Cluster, files: Mapping[str, str]) -> dict[str, Any]:
    """What the API says; of routes, those that `files` do not have."""
    own = routes_of_files(files)
    known = {(route.space, route.name) for route in own}
    others = [route for route in map(_route, items_of(cluster, ROUTES)) if (route.space, route.name) not in known]
    spaces = {
        one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in items_of(cluster, "/api/v1/namespaces")
    }
    return {
        "routes": [*own, *others], "services": [_service(one) for one in items_of(cluster, "/api/v1/services")],
        "spaces": spaces, "classes": _classes(items_of(cluster, "/apis/storage.k8s.io/v1/storageclasses")),
        "pis": [pi for pi in map(_pi, items_of(cluster, "/api/v1/nodes")) if pi],
    }  # fmt: skip


def items_of(cluster: Cluster, path: str) -> list[Object]:
    """The objects at an API path; none for a kind that the cluster does not know."""
    return list((cluster.get(path) or {}).get("items") or [])


def _route(body: Object, file: str = "") -> Route:
    meta, spec = body.get("metadata") or {}, body.get("spec") or {}
    space, rules = str(meta.get("namespace") or ""), items(spec.get("rules"))
    backends = [
        (str(ref.get("namespace") or space), str(ref.get("name")))
        for _, rule in rules for _, ref in items(rule.get("backendRefs"))
    ]  # fmt: skip
    pages = [get(rule, "matches", 0, "path", "type") == "Exact" for _, rule in rules]
    return Route(
        space, str(meta.get("name") or ""), tuple(str(one.get("name")) for _, one in items(spec.get("parentRefs"))),
        tuple(texts(spec.get("hostnames"))), tuple(backends), file, not (pages and all(pages)),
    )  # fmt: skip


def _service(body: Object) -> Service:
    spec = body.get("spec") or {}
    ports = [port["port"] for port in spec.get("ports") or [] if port.get("protocol", "TCP") == "TCP"]
    meta = body["metadata"]
    return Service(meta["namespace"], meta["name"], tuple(ports), str(spec.get("type") or "ClusterIP"))


def _classes(found: Sequence[Object]) -> list[str]:
    def default(one: Object) -> bool:
        return (one["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"

    return [
        one["metadata"]["name"] for one in sorted(found, key=lambda one: (not default(one), one["metadata"]["name"]))
    ]


def _pi(body: Object) -> Pi | None:
    taints = (body.get("spec") or {}).get("taints") or []
    if any(taint.get("effect") in ("NoSchedule", "NoExecute") for taint in taints):
        return None
    status = body.get("status") or {}
    architecture = str((status.get("nodeInfo") or {}).get("architecture") or "")
    return Pi(body["metadata"]["name"], architecture, bytes_of((status.get("allocatable") or {}).get("memory")))


UNITS = {"Ki": 1024, "Mi": 1024**2, "Gi": 1024**3, "Ti": 1024**4, "K": 10**3, "M": 10**6, "G": 10**9}


def bytes_of(quantity: Any) -> int:
    """``512Mi`` as bytes; 0 for what is not known. Units as Kubernetes writes them."""
    text = str(quantity or "0")
    unit = next((unit for unit in UNITS if text.endswith(unit)), "")
    number = text.removesuffix(unit)
    return int(float(number) * UNITS.get(unit, 1)) if number.replace(".", "", 1).isdigit() else 0
