"""Why is it not ready yet? From the first Kustomization that waits to its release, its pod, and the last warning."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from steps import flux_causes
from steps.flux_causes import Cause
from steps.flux_status import Item, Object, Seen, condition, cycle, inventory, message
from steps.why.finding import Finding
from wizard.secret import redact
from wizard.world import Cluster

SAME_TRY = timedelta(seconds=10)  # an event comes about when the try that it tells of has ended
LONG = 800  # characters: what Flux prints can be pages long
NO_NEWS = "Progressing: Reconciliation in progress"
UNWELL = re.compile(r"Progressing|HealthCheckFailed")  # everything is applied; something of it does not run


@dataclass(frozen=True)
class Told:
    """What others wait for, what was printed about it, and the cause, if the words are known.

    `found` is what a look at everything below it has found, where the words say little.
    """

    item: Item
    text: str
    cause: Cause | None
    found: Finding | None = None

    @property
    def is_vague(self) -> bool:
        """Whether the words are those of a symptom, or unknown."""
        return self.cause is None or self.cause.patience is None

    def __str__(self) -> str:
        if self.found:
            return f"{self.text} {self.found.sentence}"
        return f"{self.text} That means: {self.cause.meaning}." if self.cause else self.text


def why(cluster: Cluster, seen: Seen, waiting: Sequence[Item]) -> str:
    """One or a few sentences; what is not known is left out."""
    return str(told(cluster, seen, waiting)) if waiting else ""


def told(cluster: Cluster, seen: Seen, waiting: Sequence[Item]) -> Told:
    """The first thing that does not become ready, followed to its release, its pod and the last warning."""
    first = root(waiting)
    parts = [f"{first}: {first.why}"]
    if first.kind == "Kustomization":
        parts += _last_try(cluster, seen, first)
        release = _release(first, waiting)
        parts += [f"{release}: {release.why}"] if release else []
        for namespace in _namespaces(first) if UNWELL.search(first.why) else ():
            parts += _namespace(cluster, namespace)
    elif first.kind in ("Deployment", "HelmRelease", "Gateway"):
        parts += _namespace(cluster, first.namespace)
    text = _joined(parts)
    cause = flux_causes.find(text)
    return Told(first, _shortened(text, cause), cause)


def _joined(parts: Sequence[str]) -> str:
    """The parts as sentences, none said twice."""
    said: list[str] = []
    for part in parts:
        text = re.sub(r" (- )?\| ", " ", part.replace(f": {NO_NEWS}", " is being applied").rstrip("."))
        if not any(text[-50:] in other for other in said):
            said.append(text)
    return redact(". ".join(said[:5])) + "."


def _shortened(text: str, cause: Cause | None) -> str:
    """At most about `LONG` characters of it, the words of `cause` among them."""
    if len(text) <= LONG:
        return text
    found = re.search(cause.pattern, text) if cause else None
    if found is None or found.end() <= LONG:
        return f"{text[:LONG].rstrip()} …"
    around = text[max(found.start() - 60, LONG // 2) : found.end() + 100].strip()
    return f"{text[: LONG // 2].rstrip()} … {around}{'' if text.endswith(around) else ' …'}"


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
    first = next((item for item in waiting if not _merely_waits(item)), waiting[0])
    return _not_applied(first, waiting) or first


def _not_applied(one: Item, waiting: Sequence[Item]) -> Item | None:
    """The Kustomization of `one` whose newest commit could not be applied: `one` is still as an older commit has it."""
    known = (one.kind, one.namespace, one.name)
    failed = [item for item in waiting if item.kind == "Kustomization" and not _merely_waits(item)]
    return next(
        (item for item in failed if not UNWELL.search(item.why) and known in set(inventory(item.body or {}))), None
    )


def _merely_waits(item: Item) -> bool:
    return "DependencyNotReady" in item.why and " not found" not in item.why


def _last_try(cluster: Cluster, seen: Seen, kustomization: Item) -> list[str]:
    """How the try before this one ended: while Flux tries again, the object itself no longer says so.

    Only of the commit that is followed now: Kubernetes drops events that come too often, or sums them up, so the newest
    one that is kept may be about a commit long gone.
    """
    history = ((kustomization.body or {}).get("status") or {}).get("history") or []
    last = history[0] if history else {}
    ended, revision = str(last.get("lastReconciledStatus", "")), (last.get("metadata") or {}).get("revision")
    if NO_NEWS not in kustomization.why or ended in ("", "ReconciliationSucceeded"):
        return []
    sources = [(one.get("status") or {}).get("artifact") or {} for one in seen.get("GitRepository", ())]
    if revision and sources and revision not in [artifact.get("revision") for artifact in sources]:
        return []
    events = (cluster.get(f"/api/v1/namespaces/{kustomization.namespace}/events") or {}).get("items") or []
    about = [one for one in events if (one.get("involvedObject") or {}).get("name") == kustomization.name]
    warning = newest_warning([one for one in about if _tells(one, last)])
    return [f"The try before ended with {ended}", *([warning] if warning else [])]


def _tells(event: Object, last: Mapping[str, Any]) -> bool:
    """Whether an event is about the try that ended as `last` says. One that sums up others names no commit."""
    if event.get("reason") != last["lastReconciledStatus"]:
        return False
    annotations = (event.get("metadata") or {}).get("annotations") or {}
    if revision := annotations.get("kustomize.toolkit.fluxcd.io/revision"):
        return bool(revision == (last.get("metadata") or {}).get("revision"))
    at, ended = next(_times(event), ""), str(last.get("lastReconciled") or "")
    return not ended or not at or datetime.fromisoformat(at) > datetime.fromisoformat(ended) - SAME_TRY


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
    ailing = {pod["metadata"]["name"] for pod in pods if condition(pod, "Ready").get("status") != "True"}
    events = (cluster.get(f"/api/v1/namespaces/{namespace}/events") or {}).get("items") or []
    about = [(one, one.get("involvedObject") or {}) for one in events]
    # a pod that is well by now, or gone, is no cause any more
    told = [
        one for one, it in about if (it.get("kind") != "Pod" or it.get("name") in ailing) and it.get("kind") != "Node"
    ]
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
