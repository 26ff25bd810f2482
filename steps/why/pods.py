"""Why a pod does not run: its containers' own words, its volumes, its node, the scheduler's. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steps.why import nodes, volumes
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, condition, meta, name, place, said, spec, status, told

STARTING = 90.0  # seconds in which a pod may still be being started without anybody asking why
RECENT = 900.0  # seconds for which the end of a container counts as what it does now
IMAGES = (  # words of the runtime and the registry, and what they mean; the first that fits
    ("image-no-architecture", r"no match for platform in manifest|no matching manifest for"),
    ("image-limited", r"toomanyrequests|429 Too Many Requests|pull rate limit"),
    ("node-disk-full", r"no space left on device"),
    ("image-refused", r"pull access denied|unauthorized|authorization failed|403 Forbidden|denied:"),
    ("image-missing", r": not found|manifest unknown|MANIFEST_UNKNOWN|NAME_UNKNOWN|404 Not Found"),
    ("image-clock", r"certificate has expired or is not yet valid"),
    ("image-unreachable", r""),
)
CRASHES = (  # what a container says at its end
    ("pod-out-of-memory", r"OOMKilled|OOM-killed"),
    ("pod-architecture", r"exec format error"),
    ("pod-page-size", r"Unsupported system page size"),
    ("pod-no-program", r"executable file not found|exec: \"\S+\": stat \S+: no such file"
                       r"|no such file or directory: unknown|StartError|ContainerCannotRun"),
)  # fmt: skip
PLACES = (  # the scheduler's words; the rarer ones first: several may be said of several nodes
    ("no-room", r"Insufficient (cpu|memory|ephemeral-storage)|Too many pods"),
    ("port-taken", r"didn't have free ports"),
    ("volume-elsewhere", r"volume node affinity conflict|didn't match PersistentVolume's node affinity"),
    ("no-such-node", r"didn't match Pod's node affinity/selector|didn't match the requested node name"),
    ("pods-keep-apart", r"anti-affinity rules|topology spread constraints"),
    ("nodes-cordoned", r"were unschedulable"),
    ("node-taints", r"untolerated taint|had taints that the pod didn't tolerate"),
)


def why(sight: Sight, pod: Object) -> Iterator[Finding]:
    """Every cause that keeps `pod` from being Ready; nothing for one that is, has ended well, or only just begins."""
    if not ails(sight, pod):
        return
    node = sight.one("nodes", "", str(spec(pod).get("nodeName") or ""))
    if node is not None and nodes.is_down(node):
        yield from (one.below(name(pod)) for one in nodes.why(sight, node))
        return
    found = [*_containers(sight, pod)] or [*_before_it_starts(sight, pod)]
    yield from found
    if not found and sight.age(str(meta(pod).get("creationTimestamp"))) > STARTING:
        yield find("unknown", name(pod), _raw(sight, pod), subject=_owner(pod))


def ails(sight: Sight, pod: Object) -> bool:
    phase = status(pod).get("phase")
    if phase == "Succeeded" or (phase == "Failed" and _replaced(sight, pod)):
        return False
    if meta(pod).get("deletionTimestamp"):
        return sight.age(str(meta(pod)["deletionTimestamp"])) > STARTING
    return condition(pod, "Ready").get("status") != "True" or bool(_killed(sight, pod))


def _replaced(sight: Sight, pod: Object) -> bool:
    """Whether a failed pod is history: another one of the same owner is there, or a later job of the same CronJob."""
    owner: Mapping[str, Any] = next(iter(meta(pod).get("ownerReferences") or ()), {})
    if owner.get("kind") == "Job" and (job := sight.one("jobs", place(pod)[0], str(owner.get("name")))):
        return is_past(sight, job)
    return any(
        _owner(other) == _owner(pod) and status(other).get("phase") in ("Running", "Succeeded")
        for other in sight.all("pods") if place(other)[0] == place(pod)[0]
    )  # fmt: skip


def is_past(sight: Sight, job: Object) -> bool:
    """Whether a later job of the same CronJob has done what this one did not."""
    owners = {ref.get("uid") for ref in meta(job).get("ownerReferences") or ()}
    return any(
        owners & {ref.get("uid") for ref in meta(other).get("ownerReferences") or ()}
        and str(meta(other).get("creationTimestamp")) > str(meta(job).get("creationTimestamp"))
        and status(other).get("succeeded")
        for other in sight.all("jobs")
    )


# -- containers --------------------------------------------------------------------------------------------------------


def _containers(sight: Sight, pod: Object) -> Iterator[Finding]:
    for each in [*(status(pod).get("initContainerStatuses") or ()), *(status(pod).get("containerStatuses") or ())]:
        if found := _container(sight, pod, each):
            yield found
            return


def _container(sight: Sight, pod: Object, container: Mapping[str, Any]) -> Finding | None:
    state, words = container.get("state") or {}, {"container": str(container.get("name", ""))}
    words["image"] = str(container.get("image", ""))
    waiting: Mapping[str, Any] = state.get("waiting") or {}
    reason = str(waiting.get("reason") or "")
    if reason in ("ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"):
        return _image(sight, pod, waiting, words)
    if reason in ("CreateContainerConfigError", "CreateContainerError", "RunContainerError"):
        return _not_made(sight, pod, waiting, words)
    ended: Mapping[str, Any] = state.get("terminated") or (container.get("lastState") or {}).get("terminated") or {}
    crashing = reason == "CrashLoopBackOff" or bool(state.get("terminated") and ended.get("exitCode"))
    if crashing or (ended and _is_recent(sight, ended) and _counts(pod, container, ended)):
        return _crash(sight, pod, ended, waiting, words)
    if state.get("running") and not container.get("ready") and status(pod).get("phase") == "Running":
        return _not_ready(sight, pod, words)
    return None


def _counts(pod: Object, container: Mapping[str, Any], ended: Mapping[str, Any]) -> bool:
    """Whether an end that is over still tells how the container does: it was killed, or it keeps ending."""
    return ended.get("reason") == "OOMKilled" or (not container.get("ready") and container.get("restartCount", 0) > 1)


def _killed(sight: Sight, pod: Object) -> list[Mapping[str, Any]]:
    """Ends for want of memory that are recent, though the pod is Ready at this moment."""
    ends = [(one.get("lastState") or {}).get("terminated") or {} for one in status(pod).get("containerStatuses") or ()]
    return [end for end in ends if end.get("reason") == "OOMKilled" and _is_recent(sight, end)]


def _is_recent(sight: Sight, ended: Mapping[str, Any]) -> bool:
    return sight.age(str(ended.get("finishedAt"))) < RECENT


def _image(sight: Sight, pod: Object, waiting: Mapping[str, Any], words: dict[str, str]) -> Finding:
    events = [said(one) for one in _warnings(sight, pod) if "pull" in said(one).lower()]
    seen = [said(waiting), *events[:2]]
    if waiting.get("reason") == "InvalidImageName":
        return find("image-name", name(pod), seen, subject=_owner(pod), **words)
    if waiting.get("reason") == "ErrImageNeverPull":
        return find("image-never-pulled", name(pod), seen, subject=_owner(pod), **words)
    # "Back-off pulling image" alone says nothing: what was said before it does
    text = " ".join([said(waiting), *events])
    if re.search(r"lookup \S+ on [\d.]+:53|server misbehaving|no such host", text):
        return find("image-name-lookup", name(pod), seen, subject=_owner(pod), **words)
    code = next(code for code, pattern in IMAGES if re.search(pattern, text))
    return find(code, name(pod), seen, subject=_owner(pod), **words)


def _not_made(sight: Sight, pod: Object, waiting: Mapping[str, Any], words: dict[str, str]) -> Finding:
    text = said(waiting)
    if re.search(r"(secret|configmap) \"|couldn't find key|references non-existent", text):
        missing = re.search(r"(?:secret|configmap) \"([^\"]+)\"|key (\S+) in \w+ (\S+)", text)
        words["missing"] = next(filter(None, missing.groups()), "…") if missing else "…"
        return find("pod-config-missing", name(pod), [text], subject=_owner(pod), **words)
    code = next((code for code, pattern in CRASHES if re.search(pattern, text)), "pod-not-made")
    return find(code, name(pod), [text], subject=_owner(pod), **words)


def _crash(
    sight: Sight, pod: Object, ended: Mapping[str, Any], waiting: Mapping[str, Any], words: dict[str, str]
) -> Finding:
    events = _warnings(sight, pod)
    seen = [said(waiting), f"it ended with exit code {ended.get('exitCode', '?')}, {said(ended)}".rstrip(", ")]
    text = " ".join([said(ended), said(waiting), *map(said, events)])
    words["exit"] = str(ended.get("exitCode", "?"))
    code = next((code for code, pattern in CRASHES if re.search(pattern, text)), "")
    if not code:
        killed = any("Liveness probe failed" in said(one) for one in events)
        code = "pod-liveness" if killed and ended.get("exitCode") in (137, 143, 0, 2) else "pod-crashes"
        seen += [said(one) for one in events if killed and "Liveness" in said(one)][:1]
    return find(code, name(pod), seen, subject=_owner(pod), **words)


def _not_ready(sight: Sight, pod: Object, words: dict[str, str]) -> Finding | None:
    failing = [one for one in _warnings(sight, pod) if "probe failed" in said(one)]
    old = sight.age(str(meta(pod).get("creationTimestamp"))) > STARTING
    if not failing or not old:
        return None
    return find("pod-not-ready", name(pod), [said(failing[0])], subject=_owner(pod), **words)


# -- before there is a container -----------------------------------------------------------------------------------


def _before_it_starts(sight: Sight, pod: Object) -> Iterator[Finding]:
    if status(pod).get("reason") == "Evicted":
        yield _evicted(pod)
        return
    if meta(pod).get("deletionTimestamp"):
        yield find("pod-does-not-end", name(pod), _raw(sight, pod), subject=_owner(pod))
        return
    scheduled = condition(pod, "PodScheduled")
    if scheduled.get("status") == "False":
        yield from _no_node(sight, pod, said(scheduled))
        return
    for event in _warnings(sight, pod):
        if found := _event(sight, pod, event):
            yield found
            return


def _evicted(pod: Object) -> Finding:
    text = said(status(pod))
    code = "node-memory-pressure" if "memory" in text else "node-disk-pressure"
    node = str(spec(pod).get("nodeName") or "")
    return find(code, f"Node {node}", [f"{name(pod)}: {text}"]).below(name(pod))


def _no_node(sight: Sight, pod: Object, text: str) -> Iterator[Finding]:
    """The scheduler's sentence: for a claim that is not bound, the claim; for a node that is down, the node."""
    claims = [*volumes.of_pod(sight, pod)]
    if re.search(r"PersistentVolumeClaim|persistentvolumeclaim|unbound", text):
        found = [one.below(name(pod)) for claim in claims for one in volumes.why(sight, claim)]
        missing = re.search(r'persistentvolumeclaim "([^"]+)" not found', text)
        if missing and not found:
            yield find("volume-claim-missing", name(pod), [text], subject=_owner(pod), claim=missing[1])
            return
        if found:
            yield from found
            return
    down = [node for node in sight.all("nodes") if nodes.is_down(node) or nodes.pressure(node)]
    code = next((code for code, pattern in PLACES if re.search(pattern, text)), "unknown")
    if code in ("no-room", "no-such-node", "pods-keep-apart", "node-taints", "nodes-cordoned") and down:
        yield from (one.below(name(pod)) for node in down for one in nodes.why(sight, node))
        return
    yield find(code, name(pod), [text], subject=_owner(pod))


def _event(sight: Sight, pod: Object, event: Object) -> Finding | None:
    text, reason = said(event), str(event.get("reason"))
    if reason in ("FailedMount", "FailedAttachVolume", "FailedMapVolume"):
        return volumes.mount(pod, text, _owner(pod))
    if reason in ("FailedCreatePodSandBox", "NetworkNotReady"):
        return find("node-network-plugin", f"Node {spec(pod).get('nodeName', '')}", [told(event)]).below(name(pod))
    if reason == "FailedValidation" or reason == "UnexpectedAdmissionError":
        return find("pod-not-made", name(pod), [text], subject=_owner(pod))
    return None


# -- what is known of it ---------------------------------------------------------------------------------------------


def _warnings(sight: Sight, pod: Object) -> list[Object]:
    return sight.warnings("Pod", *place(pod))


def _raw(sight: Sight, pod: Object) -> list[str]:
    conditions = [said(one) for one in status(pod).get("conditions") or () if one.get("status") != "True"]
    return [f"phase {status(pod).get('phase')}", *conditions[:2], *[told(one) for one in _warnings(sight, pod)[:2]]]


def _owner(pod: Object) -> str:
    """What made the pod, so that the pods of one Deployment count once: its name without the made-up parts."""
    owner = next(iter(meta(pod).get("ownerReferences") or ()), None)
    if owner is None:
        return name(pod)
    short = str(owner.get("name"))
    if owner.get("kind") == "ReplicaSet":
        short = short.removesuffix(f"-{(meta(pod).get('labels') or {}).get('pod-template-hash', '')}")
    return f"{place(pod)[0]}/{short}"
