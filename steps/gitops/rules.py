"""What no schema knows: that the parts of the repository fit together. Each rule is one function of the whole tree."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address
from typing import Any

from steps.gitops.components import is_secret
from steps.gitops.tree import Finding, Object, Tree, folder_of, get

Way = tuple[str | int, ...]
FLUX_SYSTEM = "flux-system"
ADDRESS = "metallb.io/loadBalancerIPs"
KINDS_FROM = {  # API group -> the Kustomization that makes its kinds known to the cluster
    "gateway.networking.k8s.io": "gateway-api-crds", "metallb.io": "metallb", "cert-manager.io": "cert-manager",
    "monitoring.coreos.com": "prometheus-crds",
}  # fmt: skip


def kustomizations(tree: Tree) -> dict[str, Object]:
    """Flux' Kustomizations by name. (Those of `kustomize` itself have another API group.)"""
    return {one.name: one for one in tree.of("Kustomization", "kustomize.toolkit.fluxcd.io")}


def _from_here(one: Object) -> bool:
    return bool(get(one.spec, "sourceRef", "name") == FLUX_SYSTEM)


# -- secrets -----------------------------------------------------------------------------------------------


def no_plain_secret(tree: Tree) -> Iterator[Finding]:
    """A push with a plain Secret can't be taken back."""
    for one in tree.of("Secret"):
        if plain := plain_keys(one.body):
            fix = "Encrypt it with sops before it is committed."
            yield one.finding(plain[0][:1], f"{', '.join('.'.join(way) for way in plain)} is not encrypted", fix)


def plain_keys(secret: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The keys of a Secret whose values sops has not encrypted."""
    encrypted = "sops" in secret
    found: list[tuple[str, ...]] = []
    for field in ("data", "stringData"):
        values = secret.get(field)
        if values is not None and not isinstance(values, Mapping):
            found.append((field,))
            continue
        for key, value in (values or {}).items():
            if not (encrypted and str(value).startswith("ENC[AES256_GCM,")):
                found.append((field, str(key)))
    return found


def decrypted_where_needed(tree: Tree) -> Iterator[Finding]:
    """Without `decryption`, Flux applies the encrypted text itself and calls that Ready."""
    for one in kustomizations(tree).values():
        if not _from_here(one) or one.spec.get("decryption"):
            continue
        folder = folder_of(str(one.spec.get("path", "")))
        if files := [name for name in sorted(tree.files) if name.startswith(folder) and is_secret(name)]:
            fix = "Add decryption: {provider: sops, secretRef: {name: sops-age}}."
            yield one.finding(("spec",), f"{files[0]} is encrypted, but nothing here decrypts it", fix)


def secrets_there(tree: Tree) -> Iterator[Finding]:
    """Every `secretKeyRef` leads to a key that a Secret has. While nothing is encrypted yet, no Secret is known."""
    secrets = {(one.namespace, one.name): one for one in tree.of("Secret")}
    for one in tree.objects if secrets else ():
        for way, ref in _secret_refs(one.body, ()):
            secret = secrets.get((one.namespace, str(ref.get("name"))))
            if secret is None:
                what = f"there is no Secret {one.namespace}/{ref.get('name')}"
                yield one.finding((*way, "name"), what, "Its pod would never start.")
                continue
            keys = [*(secret.body.get("data") or {}), *(secret.body.get("stringData") or {})]
            if ref.get("key") not in keys:
                what = f"the Secret {secret.name} has no key {ref.get('key')}"
                yield one.finding((*way, "key"), what, f"Its keys: {', '.join(keys)}.")


def _secret_refs(body: Any, way: Way) -> Iterator[tuple[Way, Mapping[str, Any]]]:
    if isinstance(body, Mapping):
        for key, value in body.items():
            if key == "secretKeyRef" and isinstance(value, Mapping):
                yield (*way, key), value
            else:
                yield from _secret_refs(value, (*way, key))
    elif isinstance(body, list):
        for number, value in enumerate(body):
            yield from _secret_refs(value, (*way, number))


# -- what depends on what -------------------------------------------------------------------------------------


def dependencies_closed(tree: Tree) -> Iterator[Finding]:
    known = kustomizations(tree)
    for one in known.values():
        for number, other in enumerate(one.spec.get("dependsOn") or []):
            if get(other, "name") not in known:
                what = f"it depends on {get(other, 'name')}, which is not in the repository"
                yield one.finding(("spec", "dependsOn", number), what, f"Known: {', '.join(sorted(known))}.")


def dependencies_acyclic(tree: Tree) -> Iterator[Finding]:
    """A cycle would wait for ever, and Flux would only say "dependency not ready"."""
    known = kustomizations(tree)
    for name, one in known.items():
        if name in closure(known, name):
            around = sorted(n for n in closure(known, name) if name in closure(known, n))
            if name == around[0]:
                yield one.finding(("spec", "dependsOn"), f"these wait for each other: {', '.join(around)}",
                                  "Leave one of the dependencies out.")  # fmt: skip


def closure(known: Mapping[str, Object], name: str) -> set[str]:
    """Everything that `name` waits for, directly or not; `name` itself only when it is part of a cycle."""
    seen: set[str] = set()
    todo = [name]
    while todo:
        one = known.get(todo.pop())
        for other in (one.spec.get("dependsOn") or []) if one else []:
            if (needed := str(get(other, "name"))) not in seen:
                seen.add(needed)
                todo.append(needed)
    return seen


def kinds_come_first(tree: Tree) -> Iterator[Finding]:
    """An object is applied only once its kind is there: the part that brings the kind is waited for."""
    known = kustomizations(tree)
    for name, part in known.items():
        if not _from_here(part):
            continue
        before = closure(known, name) | {name}
        for one in tree.below(str(part.spec.get("path", ""))):
            needed = KINDS_FROM.get(one.group)
            if needed and needed not in before:
                what = f"its kind comes with {needed}, which {name} does not wait for"
                yield one.finding(("kind",), what, f"Add {needed} to dependsOn in {part.file}.")


def namespaces_there(tree: Tree) -> Iterator[Finding]:
    known = kustomizations(tree)
    for name, part in known.items():
        if not _from_here(part):
            continue
        parts = [part, *(known[other] for other in sorted(closure(known, name) - {name}) if other in known)]
        made = {
            one.name for p in parts for one in tree.below(str(p.spec.get("path", ""))) if one.kind == "Namespace"
        } | {FLUX_SYSTEM, "default", "kube-system"}  # fmt: skip
        for one in tree.below(str(part.spec.get("path", ""))):
            if one.namespace and one.namespace not in made:
                what = f"nothing that {name} waits for makes the namespace {one.namespace}"
                yield one.finding(("metadata", "namespace"), what, "Add a Namespace beside it.")


def paths_there(tree: Tree) -> Iterator[Finding]:
    for one in kustomizations(tree).values():
        path = str(one.spec.get("path", ""))
        if _from_here(one) and not any(name.startswith(folder_of(path)) for name in tree.files):
            yield one.finding(("spec", "path"), f"there is no folder {path}", "Flux would say: path not found.")


def sources_there(tree: Tree) -> Iterator[Finding]:
    """Every reference to a source leads to one in the repository; flux-system's own is made by bootstrap."""
    sources = {
        (one.kind, one.namespace, one.name) for one in tree.objects if one.group == "source.toolkit.fluxcd.io"
    } | {("GitRepository", FLUX_SYSTEM, FLUX_SYSTEM)}  # fmt: skip
    ways = (("sourceRef",), ("chartRef",), ("chart", "spec", "sourceRef"))
    for one in tree.objects:
        for way in ways if one.group.endswith("toolkit.fluxcd.io") else ():
            if (ref := get(one.spec, *way)) is None:
                continue
            wanted = (str(ref.get("kind")), str(ref.get("namespace") or one.namespace), str(ref.get("name")))
            if wanted not in sources:
                yield one.finding(("spec", *way, "name"), f"there is no {wanted[0]} {wanted[1]}/{wanted[2]}",
                                  "Name one that is in the repository.")  # fmt: skip


def nothing_twice(tree: Tree) -> Iterator[Finding]:
    seen: dict[tuple[str, str, str, str], Object] = {}
    for one in tree.objects:
        key = (one.group, one.kind, one.namespace, one.name)
        if key in seen:
            yield one.finding(("metadata", "name"), f"the same object is already in {seen[key].file}", "Keep one.")
        seen.setdefault(key, one)


def retried(tree: Tree) -> Iterator[Finding]:
    """A release that fails once on a slow Pi must be tried again by itself."""
    for one in tree.of("HelmRelease"):
        for phase in ("install", "upgrade"):
            again = get(one.spec, phase, "strategy", "name") == "RetryOnFailure"
            if not again and not get(one.spec, phase, "remediation", "retries"):
                yield one.finding(("spec", phase), f"{phase} is not tried again when it fails",
                                  "Write remediation: {retries: 3}, or strategy: {name: RetryOnFailure}.")  # fmt: skip


# -- addresses -------------------------------------------------------------------------------------------------


def addresses_in_pool(tree: Tree) -> Iterator[Finding]:
    pools = [str(a) for one in tree.of("IPAddressPool") for a in one.spec.get("addresses") or []]
    users: dict[str, Object] = {}
    for one, way, text in _wanted_addresses(tree):
        for address in text.split(","):
            if not any(_within(address.strip(), pool) for pool in pools):
                yield one.finding(way, f"the address {address} is not in the pool {', '.join(pools) or '(none)'}",
                                  "MetalLB would never give it: choose one of the pool's.")  # fmt: skip
            if address in users:
                yield one.finding(way, f"the address {address} is also {users[address].name}'s", "Each needs its own.")
            users[address] = one


def _wanted_addresses(tree: Tree) -> Iterator[tuple[Object, tuple[str, ...], str]]:
    ways = (("service", "annotations"), ("serviceDns", "annotations"))
    for one in tree.of("HelmRelease"):
        for way in ways:
            if text := get(one.spec, "values", *way, ADDRESS):
                yield one, ("spec", "values", *way, ADDRESS), str(text)
    for one in tree.of("Service"):
        if text := get(one.meta, "annotations", ADDRESS):
            yield one, ("metadata", "annotations", ADDRESS), str(text)


def _within(address: str, pool: str) -> bool:
    first, _, last = pool.partition("-")
    try:
        return bool(last) and IPv4Address(first.strip()) <= IPv4Address(address) <= IPv4Address(last.strip())
    except ValueError:
        return False
