"""The files of an app that `homelab app expose` writes: its Kustomization, itself, the way to it. Pure.

Nothing is shared with other apps, so that one can go without touching another's files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from steps.gitops.app import LABEL, App
from steps.gitops.app_chart import chart
from steps.gitops.app_pod import Run, deployment, literal, run_of
from steps.gitops.catalogue import catalogue
from wizard import yamlfile

if TYPE_CHECKING:
    from steps.gitops.settings import Settings

SIDES = ("internal", "external")
PROOF = "/.well-known/homelab"  # leads to the app hello under every exposed name: see apps/hello/proof.yaml
KEPT = {"kustomize.toolkit.fluxcd.io/prune": "disabled"}  # Flux leaves it there when the app goes
Object = dict[str, Any]


def files(app: App, settings: Settings) -> dict[str, str]:
    """Path -> text of everything but secrets."""
    made = {f"clusters/{settings.cluster}/{app.name}.yaml": _kustomization(app, settings)}
    parts = {"namespace": _namespace(app), "data": _claim(app), "routes": _routes(app, settings)}
    if app.form == "chart":
        parts |= chart(app, settings)
    elif run := run_of(app, settings):
        parts |= {"app": _app(app, run), "monitor": _monitor(app, run, settings)}
    return made | {f"apps/{app.name}/{name}.yaml": text for name, text in parts.items() if text}


def secrets(app: App) -> dict[str, str]:
    """Path -> text, with example values, of what is encrypted."""
    keys = catalogue()[app.of].secrets if app.form == "catalogue" else {}
    if not keys:
        return {}
    made = {**_head("v1", "Secret", app.name, app.name), "type": "Opaque"}
    made["stringData"] = dict.fromkeys(keys.values(), "example")
    told = f"# What {title(app)} signs and encrypts with. It was made up for this cluster.\n"
    return {f"apps/{app.name}/app.sops.yaml": told + yamlfile.dump(made)}


def title(app: App) -> str:
    """What to call it in a sentence."""
    return catalogue()[app.of].title if app.form == "catalogue" else app.name


def hosts(app: App, settings: Settings) -> dict[str, str]:
    """The names under which it is reached, by side."""
    domains = {"internal": settings.internal_domain, "external": settings.external_domain}
    return {side: f"{getattr(app, side)}.{domains[side]}" for side in SIDES if getattr(app, side)}


def of_strangers(found: Mapping[str, str], settings: Settings) -> frozenset[str]:
    """The paths that lead to Services which homelab does not write: alone they look like mistakes."""
    names = [app.name for app in settings.exposed if not app.made_here]
    begins = tuple(f"apps/{name}/" for name in names)
    own = {f"clusters/{settings.cluster}/{name}.yaml" for name in names}
    return frozenset(path for path in found if path in own or (begins and path.startswith(begins)))


# -- the pieces --------------------------------------------------------------------------------------------------


def _head(version: str, kind: str, name: str, space: str = "", **more: Any) -> Object:
    meta: Object = {"name": name, **({"namespace": space} if space else {}), **more}
    return {"apiVersion": version, "kind": kind, "metadata": meta}


def _kustomization(app: App, s: Settings) -> str:
    about = catalogue()[app.of].about if app.form == "catalogue" else _ABOUT[app.form].format(of=app.of)
    made = _head("kustomize.toolkit.fluxcd.io/v1", "Kustomization", app.name, "flux-system")
    made["metadata"] |= {"labels": {LABEL: app.form}, "annotations": app.notes()}
    made["spec"] = {
        "dependsOn": [{"name": name} for name in _needs(app, s)],
        "interval": "1h", "retryInterval": "1m", "timeout": "15m", "wait": True, "prune": True,
        "path": f"./apps/{app.name}", "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
    }  # fmt: skip
    if secrets(app):
        made["spec"]["decryption"] = {"provider": "sops", "secretRef": {"name": "sops-age"}}
    told = f"# {title(app)}: {about}.\n# From homelab app expose: what it was told is in the annotations.\n"
    return told + yamlfile.dump(made)


_ABOUT = {"service": "the way to {of}", "image": "the image {of}", "chart": "the chart {of}"}


def _needs(app: App, s: Settings) -> Iterator[str]:
    yield "gateways"
    if "hello" in s.apps:
        yield "hello"
    if app.size and app.storage == "local-path":
        yield "local-path"
    if watched(app, s):
        yield "prometheus-crds"


def watched(app: App, s: Settings) -> bool:
    """Whether Prometheus looks at it: the app has numbers, and somebody is there to look."""
    run = run_of(app, s)
    return "monitoring" in s.apps and run is not None and bool(run.metrics)


def _namespace(app: App) -> str:
    if not app.made_here:
        return ""
    made = _head("v1", "Namespace", app.name)
    if app.size:
        made["metadata"]["annotations"] = dict(KEPT)
    made["metadata"]["labels"] = {LABEL: app.name}
    if app.form == "catalogue":
        level = "restricted" if run_of(app, None).user else "baseline"  # type: ignore[union-attr]
        made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = level
    elif app.form == "image":
        made["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "baseline"
    return yamlfile.dump(made)


def _claim(app: App) -> str:
    if not app.size:
        return ""
    made = _head("v1", "PersistentVolumeClaim", "data", app.name, labels={LABEL: app.name}, annotations=dict(KEPT))
    made["spec"] = {
        "accessModes": ["ReadWriteOnce"], "storageClassName": app.storage,
        "resources": {"requests": {"storage": app.size}},
    }  # fmt: skip
    told = f"# What {title(app)} keeps. Flux never takes it away: homelab app remove {app.name} --delete-data does.\n"
    return told + yamlfile.dump(made)


def _app(app: App, run: Run) -> str:
    service = _head("v1", "Service", app.name, app.name, labels={"app.kubernetes.io/name": app.name})
    ports = [{"name": "http", "port": 80, "targetPort": "http"}]
    if run.metrics_port:
        ports.append({"name": "metrics", "port": run.metrics_port, "targetPort": "metrics"})
    service["spec"] = {"selector": {"app.kubernetes.io/name": app.name}, "ports": ports}
    made = [deployment(app, run), service]
    if run.files:
        settings = _head("v1", "ConfigMap", "settings", app.name)
        made.append({**settings, "data": {_short(path): literal(text) for path, text in run.files.items()}})
    return yamlfile.dump(*made)


def _short(path: str) -> str:
    return path.rpartition("/")[2]


def _monitor(app: App, run: Run, s: Settings) -> str:
    if not watched(app, s):
        return ""
    made = _head("monitoring.coreos.com/v1", "ServiceMonitor", app.name, app.name)
    port = "metrics" if run.metrics_port else "http"
    made["spec"] = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": app.name}},
        "endpoints": [{"port": port, "path": run.metrics["path"], "interval": "60s"}],
    }
    return yamlfile.dump(made)


# -- the way to it -----------------------------------------------------------------------------------------------


def backend(app: App) -> tuple[str, str, int]:
    """Namespace, Service and port that the routes lead to."""
    if app.form == "service":
        space, _, rest = app.of.partition("/")
        name, _, port = rest.partition(":")
        return space, name, int(port)
    if app.form == "chart":
        name, _, port = app.backend.partition(":")
        return app.name, name, int(port)
    return app.name, app.name, 80


def _routes(app: App, s: Settings) -> str:
    space, service, port = backend(app)
    made, proofs = [], []
    for side, host in hosts(app, s).items():
        made.append(
            _route(f"{app.name}-{side}", space, side, host, s, {"backendRefs": [{"name": service, "port": port}]})
        )
        rule = {
            "matches": [{"path": {"type": "Exact", "value": PROOF}}],
            "backendRefs": [{"name": "hello", "port": 80}],
        }
        proofs.append(_route(f"proof-{app.name}-{side}", "hello", side, host, s, rule))
    who = {"internal": "the home and the VPN", "external": "the internet"}
    told = f"# Open to {' and to '.join(who[side] for side in hosts(app, s))}."
    if "hello" not in s.apps:
        return f"{told}\n{yamlfile.dump(*made)}"
    proof = "# By these, homelab verify knows that an answer under these names comes from this cluster."
    return f"{told}\n{yamlfile.dump(*made)}---\n{proof}\n{yamlfile.dump(*proofs)}"


def _route(name: str, space: str, side: str, host: str, s: Settings, rule: Object) -> Object:
    made = _head("gateway.networking.k8s.io/v1", "HTTPRoute", name, space)
    section = "websecure" if s.certificates else "web"
    made["spec"] = {
        "parentRefs": [{"name": f"traefik-{side}", "namespace": "gateways", "sectionName": section}],
        "hostnames": [host], "rules": [rule],
    }  # fmt: skip
    return made
