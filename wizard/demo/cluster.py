"""A simulated Kubernetes API: objects by path, and controllers that are one function a kind."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from wizard.demo.clock import Clock
from wizard.demo.controllers import settle
from wizard.errors import WizardError

Object = dict[str, Any]
BUILT_IN = frozenset(
    f"{name}.k8s.io"
    for name in ("rbac.authorization", "networking", "storage", "coordination", "discovery", "apiextensions")
)  # the API groups with a dot that need no CustomResourceDefinition


class SimApi:
    """The objects. It answers once an effect said `up`; what an effect set for later appears in its time."""

    def __init__(self, clock: Clock, wrote: Callable[[str], None]) -> None:
        self.clock, self.wrote = clock, wrote
        self.up = False
        self.nudge: Callable[[], None] = lambda: None  # called when Flux is asked to look at its repository
        self.spoil: Callable[[str, Object], Object] = lambda path, body: body  # what a fault makes of a status
        self.objects: dict[str, Object] = {}
        self._later: list[tuple[float, str, Object]] = []
        self._lock = threading.RLock()

    # -- what effects do ---------------------------------------------------------------------------------

    def event(self, entry: Mapping[str, Any]) -> None:
        """One entry of an effect's `cluster`: ``{up: true}``, ``{down: true}``, ``{delete}``, or to apply
        ``{path, body, after}``."""
        with self._lock:
            if entry.get("up"):
                self._begin()
            elif entry.get("down"):
                self.up, self.objects, self._later = False, {}, []
            elif "delete" in entry:
                self.objects.pop(str(entry["delete"]), None)
            else:
                due = self.clock.now() + float(entry.get("after", 0))
                self._later.append((due, str(entry["path"]), dict(entry["body"])))

    def _begin(self) -> None:
        if self.up:
            raise WizardError("The demo's control plane was initialised twice.", "That must never happen.")
        self.up = True
        for name in ("default", "kube-system", "kube-public", "kube-node-lease"):
            self.put(f"/api/v1/namespaces/{name}", {"apiVersion": "v1", "kind": "Namespace"})

    # -- reading and writing -----------------------------------------------------------------------------

    def put(self, path: str, body: Mapping[str, Any]) -> None:
        """Merges `body` into the object at `path`, as server-side apply does, and lets its controller see it."""
        with self._lock:
            if path.endswith("/scale"):  # a workload's own number
                path, body = path.removesuffix("/scale"), {"spec": {"replicas": body["spec"]["replicas"]}}
            old = self.objects.get(path, {})
            new = merged(old, body)
            if new == old:
                return
            meta = new.setdefault("metadata", {})
            meta.setdefault("name", path.rpartition("/")[2])
            if "/namespaces/" in path.rpartition("/")[0]:  # below one, as every API tells it
                meta.setdefault("namespace", path.partition("/namespaces/")[2].partition("/")[0])
            meta.setdefault("uid", str(uuid.uuid4()))
            meta["generation"] = int(meta.get("generation", 0)) + (old.get("spec") != new.get("spec"))
            self.objects[path] = new
            for after, where, made in settle(path, new, self.objects):
                body = made if "kind" in made else {"status": made}
                self._later.append((self.clock.now() + after, where, body))

    def arrived(self) -> None:
        """Applies what was to come by now."""
        with self._lock:
            now = self.clock.now()
            due = [entry for entry in self._later if entry[0] <= now]
            self._later = [entry for entry in self._later if entry[0] > now]
            for _, path, body in sorted(due, key=lambda entry: entry[0]):
                if path in self.objects or set(body) != {"status"}:  # no status for what has been deleted since
                    self.put(path, self.spoil(path, body))

    def announced(self) -> set[str]:
        """The load balancer's addresses in use: those of the Gateways."""
        gateways = (obj for obj in self.objects.values() if obj.get("kind") == "Gateway")
        return {str(each["value"]) for obj in gateways for each in obj.get("status", {}).get("addresses", [])}

    def get(self, path: str) -> Object | None:
        with self._lock:
            self.arrived()
            parts = urlsplit(path)
            if parts.path in self.objects:
                return _copy(self.objects[parts.path])
            if parts.path in ("/version", "/healthz", "/readyz"):
                return {"major": "1", "minor": "36"}
            return self._list(parts.path, parse_qs(parts.query))

    def _list(self, path: str, query: Mapping[str, list[str]]) -> Object | None:
        items = [obj for where, obj in sorted(self.objects.items()) if _collection(where, path)]
        for selector in query.get("labelSelector", []):
            items = [item for item in items if _labelled(item, selector)]
        if items or self._served(path):
            return {"kind": "List", "items": [_copy(item) for item in items]}
        return None

    def _served(self, path: str) -> bool:
        """Whether `path` is a collection that this API knows: built in, or made known by a CustomResourceDefinition."""
        parts = path.strip("/").split("/")
        inside = parts[2:] if parts[0] == "api" else parts[3:]
        if inside[:1] == ["namespaces"] and len(inside) > 2:
            inside = inside[2:]
        if len(inside) != 1:
            return False
        group = parts[1] if parts[0] == "apis" else ""
        if "." not in group or group in BUILT_IN:
            return True
        known = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{inside[0]}.{group}"
        return known in self.objects


class SimCluster:
    """What a step gets: the API as `wizard.world.Cluster`."""

    def __init__(self, api: SimApi) -> None:
        self.api = api

    def get(self, path: str) -> Object | None:
        self._reach()
        return self.api.get(path)

    def apply(self, path: str, body: Mapping[str, Any]) -> None:
        self._reach()
        self.api.wrote(f"apply {path}")
        self.api.put(path, body)
        if "reconcile.fluxcd.io/requestedAt" in body.get("metadata", {}).get("annotations", {}):
            self.api.nudge()

    def delete(self, path: str) -> None:
        self._reach()
        self.api.wrote(f"delete {path}")
        self.api.objects.pop(path, None)

    def _reach(self) -> None:
        if not self.api.up:
            raise WizardError("The Kubernetes API can't be reached.", "Connection refused.")


def merged(old: Any, new: Any) -> Any:
    """`new` laid over `old`; mappings merge, everything else replaces. A copy all the way down."""
    if isinstance(new, Mapping):
        base = old if isinstance(old, Mapping) else {}
        both = {key: merged(None, value) for key, value in base.items()}
        return {**both, **{key: merged(base.get(key), value) for key, value in new.items()}}
    return [merged(None, item) for item in new] if isinstance(new, list) else new


def _copy(obj: Object) -> Object:
    copy: Object = merged({}, obj)
    return copy


def _collection(where: str, path: str) -> bool:
    """Whether the object at `where` belongs to the list at `path`, of one namespace or of all."""
    folder, _, _ = where.rpartition("/")
    if folder == path:
        return True
    version, slash, plural = path.rpartition("/")
    return bool(slash) and folder.startswith(f"{version}/namespaces/") and folder.endswith(f"/{plural}")


def _labelled(item: Object, selector: str) -> bool:
    labels = item.get("metadata", {}).get("labels", {})
    pairs = (part.partition("=") for part in selector.split(","))
    return all(labels.get(key) == value.lstrip("=") if sign else key in labels for key, sign, value in pairs)
