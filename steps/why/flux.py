"""Why Flux does not get on: from a Kustomization to its source, its releases and what they run. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from steps import flux_causes, flux_status
from steps.why import pods, workloads
from steps.why.finding import Finding, find
from steps.why.sight import Object, Sight, condition, is_true, meta, name, place, said, spec, status

PLURALS = {
    "Kustomization": "kustomizations", "HelmRelease": "helmreleases", "GitRepository": "gitrepositories",
    "OCIRepository": "ocirepositories", "HelmRepository": "helmrepositories", "HelmChart": "helmcharts",
}  # fmt: skip
SOURCES = ("GitRepository", "OCIRepository", "HelmRepository", "HelmChart")
NO_NAME = r"lookup \S+ on [\d.:]+|server misbehaving|no such host|Could not resolve host"
AWAY = r"connection refused|i/o timeout|no route to host|network is unreachable|context deadline exceeded|EOF"
NEW = 180.0  # seconds in which Flux may still be on its way to a new commit
OWN = (  # words that `flux_causes` leaves to a person who waits, and those of later days; the first that fits
    ("object-immutable", r"field is immutable"),
    ("helm-locked", r"another operation \(install/upgrade/rollback\) is in progress"),
    ("flux-forbidden", r"is forbidden: User|cannot (patch|create|get|list) resource"),
    ("chart-missing", r"no '?[\w.-]*'? ?chart (version )?(found|with)|chart .* version .* not found|no chart version"
                      r"|no match found for semver"),
    ("registry-refused", r"401 Unauthorized|403 Forbidden|UNAUTHORIZED|DENIED|pull access denied"),
    ("registry-certificate", r"x509:|tls: failed to verify"),
)  # fmt: skip

# what a release says when what it installed does not run, and what is its own fault
RUNNING = r"InstallFailed|UpgradeFailed|RollbackSucceeded|RetriesExceeded|Progressing|deadline|timed out|not ready"
ITS_OWN = "|".join([*(pattern for _, pattern in OWN[:3]), "values don't meet", "ValuesError"])


def why(sight: Sight, one: Object, way: tuple[str, ...] = ()) -> Iterator[Finding]:
    """Every cause why `one`, an object of Flux, is not ready. `way`: what was followed to come here."""
    about, kind = name(one), str(one.get("kind"))
    if about in way:
        return
    if spec(one).get("suspend"):
        yield find("flux-suspended", about, ["spec.suspend is true"], short=kind.lower())
        return
    if is_true(one, "Ready"):
        yield from _behind(sight, one)
        return
    if kind == "Kustomization" and (circle := _circle(sight, one)):
        yield circle
        return
    follow = {"Kustomization": _kustomization, "HelmRelease": _release}.get(kind, _source)
    yield from (found.below(about) for found in follow(sight, one, (*way, about)))


def _behind(sight: Sight, one: Object) -> Iterator[Finding]:
    """A Kustomization that is content with an older commit than its source has had for a while."""
    if one.get("kind") != "Kustomization":
        return
    source = _referred(sight, one, spec(one).get("sourceRef") or {})
    artifact = status(source).get("artifact") or {} if source else {}
    here, there = str(status(one).get("lastAppliedRevision") or ""), str(artifact.get("revision") or "")
    if here and there and here != there and sight.age(str(artifact.get("lastUpdateTime"))) > NEW:
        seen = f"it runs {flux_status.short(here)}, the repository is at {flux_status.short(there)}"
        circle = _circle(sight)
        yield circle or find("flux-behind", name(one), [seen], subject="behind")


def _circle(sight: Sight, one: Object | None = None) -> Finding | None:
    """Kustomizations that wait for each other, `one` among them where one is named."""
    found = flux_status.cycle([_item(each) for each in sight.all("kustomizations")])
    names = [f"Kustomization {item.namespace}/{item.name}" for item in found]
    if not names or (one is not None and name(one) not in names):
        return None
    return find("flux-circle", min(names), [" waits for ".join([*names, names[0]])], subject="circle")


def _item(one: Object) -> flux_status.Item:
    return flux_status.Item("Kustomization", *place(one), "not ready", one)


# -- sources -----------------------------------------------------------------------------------------------------------


def _source(sight: Sight, one: Object, way: tuple[str, ...]) -> Iterator[Finding]:
    kind, ready = str(one.get("kind")), condition(one, "Ready")
    if kind == "HelmRepository" and spec(one).get("type") == "oci":
        return  # has no conditions at all
    text = _words(sight, one)
    if not ready or not text.strip(": "):
        if sight.age(str(meta(one).get("creationTimestamp"))) > pods.STARTING:
            yield from _nobody_looked(sight, one, "source-controller")
        return
    if kind == "HelmChart" and (other := _referred(sight, one, spec(one).get("sourceRef") or {})):
        deeper = list(why(sight, other, way))
        if deeper:
            yield from deeper
            return
    yield from _by_words(sight, one, text)


def _nobody_looked(sight: Sight, one: Object, controller: str) -> Iterator[Finding]:
    part = next(each for each in workloads.PARTS if controller in each.names)
    found = list(workloads.down(sight, part))
    yield from found or [find("unknown", name(one), ["nobody has looked at it yet", _words(sight, one)])]


def _words(sight: Sight, one: Object) -> str:
    """All that is said of it: what it says itself, and the newest warnings."""
    told = [said(each) for each in sight.warnings(str(one.get("kind")), *place(one))[:2]]
    return " | ".join(dict.fromkeys(each for each in (_own_words(one), *told) if each))


def _own_words(one: Object) -> str:
    """What it says of its last try: its conditions that are not as they should be."""
    told = [said(each) for each in status(one).get("conditions") or () if _is_bad(each)]
    history = status(one).get("history") or ()
    told += [str(history[0].get("lastReconciledStatus", ""))] if history else []
    return " | ".join(dict.fromkeys(each for each in told if each))


def _is_bad(found: Mapping[str, Any]) -> bool:
    good = "False" if found.get("type") in ("Stalled", "FetchFailed", "StorageOperationFailed") else "True"
    return found.get("status") != good and found.get("type") not in ("Reconciling",)


def _by_words(sight: Sight, one: Object, text: str) -> Iterator[Finding]:
    """By its own words, or else by all of `text`: a warning may be about an earlier try, of which the cause is gone."""
    about, kind = name(one), str(one.get("kind"))
    for words in (_own_words(one), text):
        if re.search(NO_NAME, words):
            yield from workloads.dns(sight) or [find("server-name", about, [words])]
            return
        code = _code(kind, words)
        if code == "webhook-silent":
            yield from _webhook(sight, about, words)
            return
        if code:
            yield find(code, about, [words], url=str(spec(one).get("url", "")))
            return
    known = flux_causes.find(text)
    yield find(known.code if known else "unknown", about, [text], url=str(spec(one).get("url", "")))


def _code(kind: str, text: str) -> str:
    """The code of a cause that these words are sure of; empty where they only say what is seen of another one."""
    if code := next((code for code, pattern in OWN if re.search(pattern, text)), ""):
        return code
    known = flux_causes.find(text)
    if known and known.code not in ("server-unreachable", "flux-timeout", "flux-gave-up"):
        return known.code
    if re.search(r"[Ff]ailed to (get the data key|decrypt)|cannot get sops data key", text):
        return "sops-key-wrong"
    if kind in SOURCES and re.search(AWAY, text):
        return "git-unreachable" if kind == "GitRepository" else "registry-unreachable"
    return ""


def _webhook(sight: Sight, about: str, text: str) -> Iterator[Finding]:
    """The program behind a webhook, when it is one that is known."""
    space = re.search(r"https://[\w-]+\.([\w-]+)\.svc", text)
    parts = [part for part in workloads.PARTS if space and part.namespace == space[1]]
    found = [each for part in parts for each in workloads.down(sight, part)]
    yield from found or [find("webhook-silent", about, [text])]


# -- what is applied ---------------------------------------------------------------------------------------------------


def _kustomization(sight: Sight, one: Object, way: tuple[str, ...]) -> Iterator[Finding]:
    text, ready = _words(sight, one), condition(one, "Ready")
    reason, source = str(ready.get("reason") or ""), _referred(sight, one, spec(one).get("sourceRef") or {})
    if not ready:
        if sight.age(str(meta(one).get("creationTimestamp"))) > pods.STARTING:
            yield from _nobody_looked(sight, one, "kustomize-controller")
        return
    if reason == "DependencyNotReady":
        yield from _dependencies(sight, one, way, text)
        return
    if source is not None and (deeper := list(why(sight, source, way))):
        yield from deeper
        return
    if re.search(r"[Ss]ource.* not found", text) and source is None:
        yield find("flux-source-missing", name(one), [text])
        return
    if re.search(r"Progressing|HealthCheckFailed|timeout waiting for|ReconciliationSucceeded", text):
        deeper = [each for other in _applied(sight, one) for each in _run(sight, other, way)]
        if deeper:
            yield from deeper
            return
        if re.search(r"^Progressing", text) and not re.search(r"Failed", text):
            return  # it is at work, and nothing of it ails
    yield from _by_words(sight, one, text)


def _dependencies(sight: Sight, one: Object, way: tuple[str, ...], text: str) -> Iterator[Finding]:
    found = []
    for needed in spec(one).get("dependsOn") or ():
        space = str(needed.get("namespace") or place(one)[0])
        other = sight.one("kustomizations", space, str(needed.get("name")))
        if other is None:
            missing = f"Kustomization {space}/{needed.get('name')}"
            found.append(find("flux-dependency-missing", name(one), [text], missing=missing))
        elif not is_true(other, "Ready"):
            found += list(why(sight, other, way))
    yield from found


def _applied(sight: Sight, one: Object) -> Iterator[Object]:
    """The objects of a Kustomization's inventory that can be looked at."""
    from steps.why.sight import KINDS

    plurals = {kind: plural for plural, kind in KINDS.items()}
    for kind, space, short in flux_status.inventory(one):
        if kind in plurals and (found := sight.one(plurals[kind], space, short)):
            yield found


def _run(sight: Sight, one: Object, way: tuple[str, ...]) -> Iterator[Finding]:
    from steps.why import walk  # it knows every kind, this one too

    if one.get("kind") in PLURALS:
        yield from why(sight, one, way)
    else:
        yield from walk.why(sight, one)


def _release(sight: Sight, one: Object, way: tuple[str, ...]) -> Iterator[Finding]:
    text = _words(sight, one)
    if not condition(one, "Ready"):
        if sight.age(str(meta(one).get("creationTimestamp"))) > pods.STARTING:
            yield from _nobody_looked(sight, one, "helm-controller")
        return
    for source in _charts(sight, one):
        if deeper := list(why(sight, source, way)):
            yield from deeper
            return
    if re.search(r"dependency .* (is )?not ready|DependencyNotReady", text):
        yield from _needs(sight, one, way, text)
        return
    if re.search(RUNNING, text) and not re.search(ITS_OWN, text):
        if deeper := list(in_namespace(sight, str(spec(one).get("targetNamespace") or place(one)[0]))):
            yield from deeper
            return
        if condition(one, "Ready").get("status") == "Unknown":
            return  # it is at work, and nothing of it ails
    yield from _by_words(sight, one, text)


def _needs(sight: Sight, one: Object, way: tuple[str, ...], text: str) -> Iterator[Finding]:
    for needed in spec(one).get("dependsOn") or ():
        space = str(needed.get("namespace") or place(one)[0])
        other = sight.one("helmreleases", space, str(needed.get("name")))
        if other is None:
            missing = f"HelmRelease {space}/{needed.get('name')}"
            yield find("flux-dependency-missing", name(one), [text], missing=missing)
        elif not is_true(other, "Ready"):
            yield from why(sight, other, way)


def _charts(sight: Sight, release: Object) -> Iterator[Object]:
    """The sources of a release: what `chartRef` names, or the HelmChart that was made for it."""
    reference = spec(release).get("chartRef") or {}
    if reference and (found := _referred(sight, release, reference)):
        yield found
    made = str(status(release).get("helmChart") or "")
    if "/" in made and (found := sight.one("helmcharts", *made.split("/", 1))):
        yield found


def _referred(sight: Sight, one: Object, reference: Mapping[str, Any]) -> Object | None:
    plural = PLURALS.get(str(reference.get("kind")))
    space = str(reference.get("namespace") or place(one)[0])
    return sight.one(plural, space, str(reference.get("name"))) if plural else None


def in_namespace(sight: Sight, space: str) -> Iterator[Finding]:
    """What ails in a namespace: its pods, and the workloads and claims without any."""
    for pod in sight.all("pods"):
        if place(pod)[0] == space:
            yield from pods.why(sight, pod)
    for plural in ("deployments", "statefulsets", "daemonsets", "jobs"):
        for one in sight.all(plural):
            if place(one)[0] == space:
                yield from workloads.why(sight, one)
