"""Flux' own objects: what they depend on, where their files are, and whether they try again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from steps.gitops import sight
from steps.gitops.checks.leaks import ENCRYPTED
from steps.gitops.reach import FLUX, SYSTEM
from steps.gitops.tree import Finding, Name, Object, Part, Tree, get, items, mapping

GROUP = "toolkit.fluxcd.io"


def shown(key: Name, beside: str) -> str:
    """A name for a sentence: without its namespace when that is the same."""
    return key[1] if key[0] == beside else "/".join(key)


# -- what waits for what ---------------------------------------------------------------------------------------


def _dependents(tree: Tree) -> list[dict[Name, Object]]:
    return [
        {one.key: one for one in tree.of("Kustomization", FLUX)},
        {one.key: one for one in tree.of("HelmRelease")},
    ]


def _needs(one: Object) -> Iterator[tuple[int, Name]]:
    for number, other in items(one.spec.get("dependsOn")):
        yield number, (str(other.get("namespace") or one.namespace), str(other.get("name")))


def dependencies_closed(tree: Tree) -> Iterator[Finding]:
    for known in _dependents(tree):
        for one in known.values():
            for number, key in _needs(one):
                if key not in known and not tree.unseen:
                    names = ", ".join(sorted(shown(other, one.namespace) for other in known if other != one.key))
                    what = f"it depends on {shown(key, one.namespace)}, which is not there"
                    fix = f"It would wait for ever. Known here: {names[:200]}."
                    yield one.finding("dependency-missing", ("spec", "dependsOn", number), what, fix)


def dependencies_acyclic(tree: Tree) -> Iterator[Finding]:
    """A cycle would wait for ever, and Flux would only say "dependency not ready"."""
    for known in _dependents(tree):
        told: set[Name] = set()
        for key, one in known.items():
            around = {other for other in _closure(known, key) if key in _closure(known, other)}
            if key in around and key not in told:
                told |= around
                names = ", ".join(sorted(shown(other, one.namespace) for other in around))
                first = known[min(around)]
                yield first.finding("dependency-cycle", ("spec", "dependsOn"), f"these wait for each other: {names}",
                                    "Leave one of the dependencies out.")  # fmt: skip


def _closure(known: Mapping[Name, Object], key: Name) -> set[Name]:
    seen: set[Name] = set()
    todo = [key]
    while todo:
        one = known.get(todo.pop())
        for _, other in _needs(one) if one else ():
            if other not in seen:
                seen.add(other)
                todo.append(other)
    return seen


# -- where the files are ---------------------------------------------------------------------------------------


def paths_there(tree: Tree) -> Iterator[Finding]:
    for one, part in _here(tree):
        if part.folder and not any(name.startswith(f"{part.folder}/") for name in tree.files):
            fix = "Flux would say: kustomization path not found. It begins at the top of the repository."
            yield one.finding("path-missing", ("spec", "path"), f"there is no folder {part.folder}", fix)


def sources_there(tree: Tree) -> Iterator[Finding]:
    """Every reference to a source leads to one in the repository; flux-system's own is made by bootstrap."""
    sources = {(one.kind, *one.key) for one in tree.objects if one.group == f"source.{GROUP}"}
    for one in tree.objects:
        for way in (("sourceRef",), ("chartRef",), ("chart", "spec", "sourceRef")) if one.group.endswith(GROUP) else ():
            ref = mapping(get(one.spec, *way))
            kind, key = str(ref.get("kind")), (str(ref.get("namespace") or one.namespace), str(ref.get("name")))
            if not ref or (kind, *key) in sources or SYSTEM in key or kind == "ExternalArtifact" or tree.unseen:
                continue
            near = [f"{k} {shown((s, n), one.namespace)}" for k, s, n in sorted(sources) if n == key[1] or k == kind]
            fix = f"Known here: {', '.join(near[:8])}." if near else "Add it, or name one that is in the repository."
            what = f"there is no {kind} {shown(key, one.namespace)}"
            yield one.finding("source-missing", ("spec", *way, "name"), what, fix)


def sources_typed(tree: Tree) -> Iterator[Finding]:
    """A registry is read in another way than a web server."""
    for one in tree.of("HelmRepository"):
        oci, url = one.spec.get("type") == "oci", str(one.spec.get("url", ""))
        if oci != url.startswith("oci://") and "${" not in url:
            fix = "An address that begins with oci:// needs type: oci, and no other may have it."
            yield one.finding("source-type", ("spec", "url"), f"{url} and type {one.spec.get('type')} contradict", fix)


def nothing_shared(tree: Tree) -> Iterator[Finding]:
    """Two Kustomizations that apply the same object undo each other's work for ever."""
    seen: dict[tuple[str, ...], tuple[Object, Part]] = {}
    for part in tree.parts:
        for one in part.objects:
            key = (one.group, one.kind, *one.key)
            if not one.name or "${" in one.name:
                continue
            if key in seen and seen[key][1] is not part:
                other, by = seen[key]
                what = f"{by.key[1] or 'the cluster'} already applies the same object, in {other.file}"
                yield one.finding("object-shared", ("metadata", "name"), what, "Keep one of the two.")
            seen.setdefault(key, (one, part))


# -- secrets -----------------------------------------------------------------------------------------------------


def decrypted_where_needed(tree: Tree) -> Iterator[Finding]:
    """Without `decryption`, Flux applies the encrypted text itself and calls that Ready."""
    for part in tree.parts:
        sealed = next((one for one in part.objects if "sops" in one.body or _encrypted(one)), None)
        if sealed is None or (part.one and part.one.spec.get("decryption")):
            continue
        fix = "Add decryption: {provider: sops, secretRef: {name: sops-age}}."
        if part.one:
            what = f"{sealed.file} is encrypted, and nothing here decrypts it"
            yield part.one.finding("no-decryption", ("spec",), what, fix)
        else:
            what = "it is encrypted, and what applies this folder does not decrypt"
            yield sealed.finding("no-decryption", (), what, "Move it to a folder whose Kustomization does.")


def _encrypted(one: Object) -> bool:
    return one.made and any(str(value).startswith(ENCRYPTED) for value in mapping(one.body.get("data")).values())


# -- checks after the fact ---------------------------------------------------------------------------------------


def health_checks_there(tree: Tree) -> Iterator[Finding]:
    for one, part in _here(tree):
        known = {(each.kind, *each.key) for each in part.objects}
        for number, check in items(one.spec.get("healthChecks")):
            space = str(check.get("namespace") or one.namespace)
            wanted = (str(check.get("kind")), space, str(check.get("name")))
            if wanted in known or (wanted[0] != "HelmRelease" and sight.may_hold_more(tree, space)):
                continue
            what = f"it waits for {wanted[0]} {space}/{wanted[2]}, which it does not apply"
            fix = "It would never become ready: correct the name, or write wait: true instead."
            yield one.finding("health-check-missing", ("spec", "healthChecks", number), what, fix)


def _here(tree: Tree) -> Iterator[tuple[Object, Part]]:
    """The Kustomizations whose files are in this repository."""
    for part in tree.parts:
        if part.one is not None and part.here:
            yield part.one, part


def variables_there(tree: Tree) -> Iterator[Finding]:
    """What variables come from is there before they are filled in."""
    known = {"ConfigMap": set(sight.config_maps(tree)), "Secret": set(sight.secrets(tree))}
    for one in tree.of("Kustomization", FLUX):
        for number, source in items(get(one.spec, "postBuild", "substituteFrom")):
            key, kind = (one.namespace, str(source.get("name"))), str(source.get("kind"))
            if key in known.get(kind, ()) or source.get("optional") or sight.may_hold_more(tree, key[0]):
                continue
            if kind == "Secret" and tree.own and not known["Secret"]:
                continue  # nothing is encrypted yet
            way = ("spec", "postBuild", "substituteFrom", number)
            what = f"there is no {kind} {key[1]} in {key[0]}"
            yield one.finding("variables-missing", way, what, "Its namespace must be the Kustomization's.")


# -- patience ----------------------------------------------------------------------------------------------------


def retried(tree: Tree) -> Iterator[Finding]:
    """A release that fails once on a slow Pi must be tried again by itself."""
    for one in tree.of("HelmRelease") if tree.own else ():
        for phase in ("install", "upgrade"):
            again = get(one.spec, phase, "strategy", "name") == "RetryOnFailure"
            if not again and not get(one.spec, phase, "remediation", "retries"):
                yield one.finding("no-retries", ("spec", phase), f"{phase} is not tried again when it fails",
                                  "Write remediation: {retries: 3}, or strategy: {name: RetryOnFailure}.")  # fmt: skip


def patient(tree: Tree) -> Iterator[Finding]:
    """Without a timeout, a Kustomization waits as long as its interval before it says that something is amiss."""
    for one in (*tree.of("Kustomization", FLUX), *tree.of("HelmRelease")) if tree.own else ():
        if not one.spec.get("timeout"):
            yield one.finding("no-timeout", ("spec",), "it has no timeout", "Write timeout: 10m.")


RULES: tuple[Any, ...] = (
    dependencies_closed, dependencies_acyclic, paths_there, sources_there, sources_typed, nothing_shared,
    decrypted_where_needed, health_checks_there, variables_there, retried, patient,
)  # fmt: skip
