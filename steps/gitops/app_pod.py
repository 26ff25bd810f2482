"""The pod of an app: from the catalogue, or of any image. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from steps.gitops.app import App
from steps.gitops.catalogue import Entry, catalogue

if TYPE_CHECKING:
    from steps.gitops.settings import Settings

Object = dict[str, Any]
SETTINGS = "/homelab-settings"  # where files that are copied once lie in the first container


@dataclass(frozen=True)
class Run:
    """What runs. `user` 0: the image begins as root. `keeps` are folders by their name in the volume."""

    image: str
    port: int
    probe: str
    user: int
    memory: str
    limit: str
    env: Mapping[str, str] = field(default_factory=dict)
    args: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    keeps: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics_port(self) -> int:
        """The port of its numbers, 0 when it has none or they are on the port of its pages."""
        port = int(self.metrics.get("port", 0))
        return port if port != self.port else 0


def run_of(app: App, settings: Settings | None) -> Run | None:
    """What of an app runs here; None where others run it. Without `settings`, its addresses and images stay open."""
    if app.form == "catalogue":
        return _of_entry(app, catalogue()[app.of], settings)
    if app.form != "image":
        return None
    port, _, path = app.metrics.partition("/")
    return Run(
        app.of, int(app.port), "tcp", 0, "64Mi", app.memory or "512Mi", keeps={"data": app.data} if app.data else {},
        metrics={"port": int(port), "path": f"/{path}"} if app.metrics else {},
    )  # fmt: skip


def _of_entry(app: App, entry: Entry, s: Settings | None) -> Run:
    from steps.gitops.app_files import hosts

    pins = s.versions["apps"] if s else {}
    names = hosts(app, s) if s else {}
    host = names.get("external") or names.get("internal", "")
    url = f"{'https' if s and s.certificates else 'http'}://{host}"
    known = {"{url}": url, "{hosts}": ",".join(names.values()), "{host}": host}
    beside = {**entry.beside, "image": pins.get(entry.beside["image"], "")} if entry.beside else {}
    return Run(
        pins.get(entry.pin, ""), entry.port, entry.probe, entry.user, entry.memory, entry.limit,
        {key: _filled(value, known) for key, value in entry.env.items()}, entry.args, entry.secrets, entry.keeps,
        entry.files, entry.metrics, beside,
    )  # fmt: skip


def _filled(text: str, known: Mapping[str, str]) -> str:
    for word, value in known.items():
        text = text.replace(word, value)
    return text


def deployment(app: App, run: Run) -> Object:
    """The Deployment of an app: one pod, and never two at once on the same data."""
    labels = {"app.kubernetes.io/name": app.name}
    spec: Object = {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,  # or there were variables such as PAPERLESS_PORT, which apps take for their own
        "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}, **_group(run)},
    }
    if run.files:
        spec["initContainers"] = [_first(run)]
    spec["containers"] = [_container(app, run), *_beside(run)]
    if run.keeps:
        spec["volumes"] = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    if run.files:
        spec["volumes"].append({"name": "settings", "configMap": {"name": "settings"}})
    return {
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": app.name, "namespace": app.name},
        "spec": {
            "replicas": 1, "strategy": {"type": "Recreate"}, "selector": {"matchLabels": dict(labels)},
            "template": {"metadata": {"labels": dict(labels)}, "spec": spec},
        },
    }  # fmt: skip


def _group(run: Run) -> Object:
    return {"fsGroup": run.user} if run.user else {}


def _secured(user: int) -> Object:
    made: Object = {"allowPrivilegeEscalation": False}
    if user:
        made |= {"runAsNonRoot": True, "runAsUser": user, "runAsGroup": user, "capabilities": {"drop": ["ALL"]}}
    return made


def _container(app: App, run: Run) -> Object:
    made: Object = {"name": app.name, "image": run.image}
    if run.args:
        made["args"] = list(run.args)
    env: list[Object] = [{"name": name, "value": value} for name, value in run.env.items()]
    env += [
        {"name": name, "valueFrom": {"secretKeyRef": {"name": app.name, "key": key}}}
        for name, key in run.secrets.items()
    ]
    if env:
        made["env"] = env
    made["ports"] = [{"name": "http", "containerPort": run.port}]
    if run.metrics_port:
        made["ports"].append({"name": "metrics", "containerPort": run.metrics_port})
    how = {"tcpSocket": {"port": "http"}} if run.probe == "tcp" else {"httpGet": {"path": run.probe, "port": "http"}}
    made["startupProbe"] = {**how, "periodSeconds": 5, "failureThreshold": 120}  # the first start on a card is slow
    made["readinessProbe"] = {key: dict(value) for key, value in how.items()}
    made["securityContext"] = _secured(run.user)
    made["resources"] = {"requests": {"cpu": "10m", "memory": run.memory}, "limits": {"memory": run.limit}}
    if mounts := list(_mounts(run)):
        made["volumeMounts"] = mounts
    return made


def _mounts(run: Run) -> Iterator[Object]:
    for name, path in run.keeps.items():
        yield {"name": "data", "mountPath": path, "subPath": name}


def literal(text: str) -> Any:
    """A text of several lines that is to stay so in YAML."""
    from ruamel.yaml.scalarstring import LiteralScalarString

    return LiteralScalarString(text)


def _first(run: Run) -> Object:
    """Copies settings to the volume once; what is there already stays."""
    copies = [
        f"[ -e {shlex.quote(path)} ] || cp {SETTINGS}/{shlex.quote(path.rpartition('/')[2])} {shlex.quote(path)}"
        for path in run.files
    ]
    return {
        "name": "settings", "image": run.image, "command": ["/bin/sh", "-euc", literal("\n".join([*copies, ""]))],
        "securityContext": _secured(run.user),
        "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}, "limits": {"memory": "64Mi"}},
        "volumeMounts": [*_mounts(run), {"name": "settings", "mountPath": SETTINGS}],
    }  # fmt: skip


def _beside(run: Run) -> Iterator[Object]:
    if run.beside:
        yield {
            "name": run.beside["name"], "image": run.beside["image"], "args": list(run.beside["args"]),
            "securityContext": _secured(run.beside["user"]),
            "resources": {
                "requests": {"cpu": "5m", "memory": run.beside["memory"]}, "limits": {"memory": run.beside["limit"]},
            },
        }  # fmt: skip
