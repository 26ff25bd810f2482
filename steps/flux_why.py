"""Why is it not ready yet? From the first Kustomization that waits to its release, its pod, and the last warning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from steps import flux_causes
from steps.flux_causes import Cause
from steps.flux_status import Item, Object, Seen, condition, cycle, inventory, message
from wizard.secret import redact
from wizard.world import Cluster

LONG = 400  # characters of one message: Flux' can be pages long
NO_NEWS = "Progressing: Reconciliation in progress"


@dataclass(frozen=True)
class Told:
    """What others wait for, what was printed about it, and the cause, if the words are known."""

    item: Item
    text: str
    cause: Cause | None

    def __str__(self) -> str:
        return f"{self.text} That means: {self.cause.meaning}." if self.cause else self.text


def why(cluster: Cluster, seen: Seen, waiting: Sequence[Item]) -> str:
    """One or a few sentences; what is not known is left out."""
    return str(told(cluster, seen, waiting)) if waiting else ""


def told(cluster: Cluster, seen: Seen, waiting: Sequence[Item]) -> Told:
    """The first thing that does not become ready, followed to its release, its pod and the last warning."""
    first = root(waiting)
    parts = [f"{first}: {first.why}"]
    if first.kind == "Kustomization":
        parts += _last_try(cluster, first)
        release = _release(first, waiting)
        parts += [f"{release}: {release.why}"] if release else []
        for namespace in _namespaces(first):
            parts += _namespace(cluster, namespace)
    elif first.kind in ("Deployment", "HelmRelease", "Gateway"):
        parts += _namespace(cluster, first.namespace)
    text = _joined(parts)
    return Told(first, text, flux_causes.find(text))


def _joined(parts: Sequence[str]) -> str:
    """The parts as sentences, none said twice."""
    said: list[str] = []
    for part in parts:
        text = re.sub(r" (- )?\| ", " ", part.replace(f": {NO_NEWS}", " is being applied").rstrip("."))[:LONG]
        if not any(text[-50:] in other for other in said):
            said.append(text)
    return redact(". ".join(said[:5])) + "."


def explain(text: str) -> str:
    """What the words of Flux or Kubernetes mean; empty when they are not known."""
    cause = flux_causes.find(text)
    return cause.meaning if cause else ""


def root(waiting: Sequence[Item]) -> Item:
    """The one that the others wait for: the first that does not merely wait for another one."""
    if circle := cycle(waiting):
        names = " and ".join(str(item) for item in circle)
        first = circle[0]
        return Item(first.kind, first.namespace, first.name, f"{names} wait for each other", first.body)
    return next((item for item in waiting if not _merely_waits(item)), waiting[0])


def _merely_waits(item: Item) -> bool:
    return "DependencyNotReady" in item.why and " not found" not in item.why


def _last_try(cluster: Cluster, kustomization: Item) -> list[str]:
    """How the try before this one ended: while Flux tries again, the object itself no longer says so."""
    history = ((kustomization.body or {}).get("status") or {}).get("history") or []
    ended = str(history[0].get("lastReconciledStatus", "")) if history else ""
    if NO_NEWS not in kustomization.why or ended in ("", "ReconciliationSucceeded"):
        return []
    events = (cluster.get(f"/api/v1/namespaces/{kustomization.namespace}/events") or {}).get("items") or []
    about = [one for one in events if (one.get("involvedObject") or {}).get("name") == kustomization.name]
    return [f"The try before ended with {ended}", *([last] if (last := newest_warning(about)) else [])]


def _release(kustomization: Item, waiting: Sequence[Item]) -> Item | None:
    """The first release that this Kustomization has applied and that is not ready."""
    applied = set(inventory(kustomization.body or {}))
    return next((one for one in waiting if (one.kind, one.namespace, one.name) in applied), None)


def _namespaces(kustomization: Item) -> list[str]:
    found = [namespace for _, namespace, _ in inventory(kustomization.body or {})]
    return [one for one in dict.fromkeys(found) if one and one != "flux-system"][:2]


def _namespace(cluster: Cluster, namespace: str) -> list[str]:
    """The first pod there that does not run, and the newest warning about anything that is not well."""
    pods = (cluster.get(f"/api/v1/namespaces/{namespace}/pods") or {}).get("items") or []
    found = next((text for pod in pods if (text := pod_trouble(pod))), "")
    well = {pod["metadata"]["name"] for pod in pods if condition(pod, "Ready").get("status") == "True"}
    events = (cluster.get(f"/api/v1/namespaces/{namespace}/events") or {}).get("items") or []
    told = [one for one in events if (one.get("involvedObject") or {}).get("name") not in well]
    return [part for part in (found, newest_warning(told)) if part]


def pod_trouble(pod: Object) -> str:
    """What keeps a pod from running; empty when nothing does."""
    name = f"Pod {pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
    status: Mapping[str, Any] = pod.get("status") or {}
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state: Mapping[str, Any] = (container.get("state") or {}).get("waiting") or {}
        if state.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{name}: {state['reason']} {message(state)}".rstrip()
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        return f"{name}: {message(scheduled)}"
    return ""


def newest_warning(events: Sequence[Object]) -> str:
    """The newest event of type Warning, in one sentence."""
    warnings = [one for one in events if one.get("type") == "Warning"]
    if not warnings:
        return ""
    last = max(warnings, key=lambda one: next(_times(one), ""))
    about = last.get("involvedObject") or {}
    return f"{about.get('kind', '')} {about.get('name', '')}: {last.get('reason', '')} {message(last)}"


def _times(event: Object) -> Iterator[str]:
    """When an event was last seen, as its several fields may say it."""
    series = event.get("series") or {}
    yield from (
        str(at)
        for at in (
            series.get("lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"),
            (event.get("metadata") or {}).get("creationTimestamp"),
        ) if at
    )  # fmt: skip
